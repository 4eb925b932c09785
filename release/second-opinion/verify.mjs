// The command line of the second opinion: reads files, has each bundle judged, prints one JSON line for each.
//
// Data goes to stdout, all else to stderr. It reaches no network and writes no file. It refuses to judge some of the
// bundles when another cannot be read: then there is no line at all. Exit codes: 0 all believed, 1 some refused,
// 2 misuse or unreadable input, 70 a fault of ours.

import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";

const USAGE = `usage: node verify.mjs --trusted-root FILE --identity-uri URI --issuer URL [--tsa-threshold N] ITEM ...

  ITEM               ARTIFACT=BUNDLE, or BUNDLE alone: then it holds an envelope, whose subjects lie beside it
  --trusted-root     keys and certificates to trust, as JSON
  --identity-uri     the signer's whole name, as the certificate has it
  --issuer           who vouches for that name
  --tsa-threshold    timestamp authorities that must have seen each signature; 1 unless given
`;
const MOST_DOCUMENT_BYTES = 4 * 2 ** 20; // bundles and trusted roots are some 10 KiB; large statements some 100
const MOST_ARTIFACT_BYTES = 2 ** 30; // the library wants an artifact in memory; indexes take no larger files

/** We cannot look: what is concerned, what is wrong with it, and what the reader can do. */
class Trouble extends Error {
  constructor(where, message, hint) {
    super(`\`${where}\`: ${message.replace(/\s+/g, " ")}; hint: ${hint}`);
  }
}

function misuse(where, message) {
  return new Trouble(where, message, "see `node verify.mjs --help`");
}

/** The arguments as values, each option once. */
function argumentsFrom(words) {
  const once = { type: "string", multiple: true };
  const options = { "trusted-root": once, "identity-uri": once, issuer: once, "tsa-threshold": once };
  let parsed;
  try {
    parsed = parseArgs({ args: words, options, allowPositionals: true });
  } catch (error) {
    throw misuse("arguments", error.message);
  }
  const one = (name, otherwise) => {
    const [value, ...more] = parsed.values[name] ?? [otherwise];
    if (!value || more.length > 0) throw misuse(`--${name}`, "is expected exactly once");
    return value;
  };
  const timestamps = one("tsa-threshold", "1");
  if (!/^\d$/.test(timestamps)) throw misuse("--tsa-threshold", "is not a number from 0 to 9");
  if (parsed.positionals.length === 0) throw misuse("ITEM", "is expected at least once");
  return {
    trustedRoot: one("trusted-root"),
    wanted: { uri: one("identity-uri"), issuer: one("issuer"), timestamps: Number(timestamps) },
    items: parsed.positionals.map(itemFrom),
  };
}

function itemFrom(word) {
  const parts = word.split("=");
  if (parts.length > 2 || parts.includes("")) throw misuse(word, "is neither `ARTIFACT=BUNDLE` nor `BUNDLE`");
  return parts.length === 2 ? { artifact: parts[0], bundle: parts[1] } : { artifact: null, bundle: parts[0] };
}

function bytesOf(path, most) {
  let descriptor;
  try {
    descriptor = openSync(path, "r");
    const there = fstatSync(descriptor);
    if (!there.isFile()) throw new Trouble(path, "is not a file", "name a file");
    if (there.size > most) throw new Trouble(path, `is longer than ${most} bytes`, "is it the right file?");
    return readFileSync(descriptor);
  } catch (error) {
    if (error instanceof Trouble) throw error;
    throw new Trouble(path, `cannot be read: ${error.code ?? error.message}`, "see the path and its permissions");
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** The digest of a file in the bundle's folder, or null where there is none. */
function besideSha256(bundle, name) {
  try {
    const bytes = bytesOf(join(dirname(bundle), name), MOST_ARTIFACT_BYTES);
    return createHash("sha256").update(bytes).digest("hex");
  } catch (error) {
    if (error instanceof Trouble) return null;
    throw error;
  }
}

async function loadJudge() {
  try {
    return await import("./judge.mjs");
  } catch (error) {
    if (error.code !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new Trouble("@sigstore/verify", "is not installed", "run `npm ci --ignore-scripts` in the script's folder");
  }
}

function trustIn(path, trustFrom) {
  const bytes = bytesOf(path, MOST_DOCUMENT_BYTES);
  try {
    return trustFrom(bytes);
  } catch (error) {
    throw new Trouble(path, `is no trusted root: ${error.message}`, "give the root alone, not a client's configuration");
  }
}

async function main(words) {
  if (words.includes("--help")) {
    process.stdout.write(USAGE);
    return 0;
  }
  const { trustedRoot, wanted, items } = argumentsFrom(words);
  const { judge, trustFrom, Refusal } = await loadJudge();
  const trust = trustIn(trustedRoot, trustFrom);
  const verdicts = items.map(({ artifact, bundle }) => {
    const bytes = bytesOf(bundle, MOST_DOCUMENT_BYTES);
    const content = artifact === null ? undefined : bytesOf(artifact, MOST_ARTIFACT_BYTES);
    try {
      const signer = judge(bytes, trust, wanted, content, (name) => besideSha256(bundle, name));
      return { bundle, artifact, ok: true, reason: null, signer };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return { bundle, artifact, ok: false, reason: error.message, signer: null };
    }
  });
  process.stdout.write(verdicts.map((verdict) => `${JSON.stringify(verdict)}\n`).join(""));
  return verdicts.every(({ ok }) => ok) ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const ours = !(error instanceof Trouble);
  const said = ours ? `\`verify.mjs\`: a fault of ours: ${error?.message}; hint: please report it` : error.message;
  process.stderr.write(`${said.replace(/[\n\r]/g, " ")}\n`);
  process.exitCode = ours ? 70 : 2;
}
