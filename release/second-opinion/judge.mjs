// One Sigstore bundle -> who signed it, or a `Refusal` that says why not. The judging is `@sigstore/verify`'s.
//
// Opens no file, reads no clock, prints nothing. Refuses what that library lets pass: another bundle format than v0.3,
// an identity that merely contains the expected one, more or fewer log entries than one, a log's signature on an entry
// that names another log, and an envelope whose subjects are not the artifact. Specifications: Sigstore bundle v0.3,
// DSSE v1 (its pre-authentication encoding), in-toto Statement v1.

import { createHash } from "node:crypto";
import { bundleFromJSON } from "@sigstore/bundle";
import { HashAlgorithm, TrustedRoot } from "@sigstore/protobuf-specs";
import { toSignedEntity, toTrustMaterial, Verifier } from "@sigstore/verify";

const BUNDLES = new Set([
  "application/vnd.dev.sigstore.bundle.v0.3+json",
  "application/vnd.dev.sigstore.bundle+json;version=0.3", // the same format under its first name
]);
const TRUSTED_ROOT = /^application\/vnd\.dev\.sigstore\.trustedroot(\+json;version=0\.1|\.v0\.2\+json)$/;
const IN_TOTO = "application/vnd.in-toto+json";
const STATEMENT = "https://in-toto.io/Statement/v1";
const LONGEST_REASON = 300; // characters; a library's message may quote a bundle at any length
const LOG_ENTRIES = 1; // a release is logged once, and the library would count one entry twice
const CERTIFICATE_LOGS = 1; // the certificate authority embeds one timestamp of one log

/** The bundle is not believed; the message is one printable ASCII line. */
export class Refusal extends Error {
  constructor(reason) {
    super(reason.replace(/[^ -~]/g, "?").slice(0, LONGEST_REASON));
  }
}

/** What the library trusts, from a trusted root's bytes; throws any error when they are none. */
export function trustFrom(bytes) {
  const document = jsonIn(bytes);
  if (!TRUSTED_ROOT.test(document?.mediaType)) throw new Error("its media type is not a trusted root's");
  const root = TrustedRoot.fromJSON(document);
  for (const kind of ["certificateAuthorities", "tlogs", "ctlogs"])
    if (root[kind].length === 0) throw new Error(`it has no \`${kind}\``);
  const keys = [...root.tlogs, ...root.ctlogs].map((log) => log.publicKey);
  for (const { validFor } of [...keys, ...root.certificateAuthorities, ...root.timestampAuthorities])
    if (!validFor?.start) throw new Error("it trusts something without saying since when"); // the library: since ever
  return toTrustMaterial(root);
}

/**
 * The certified signer `{uri, issuer}` of a bundle that holds in everything.
 *
 * `wanted` is `{uri, issuer, timestamps}`, the last being how many timestamp authorities must have seen the signature.
 * `artifact` is the signed file's bytes. Without it, each subject of the envelope must be a file beside the bundle:
 * `besideSha256(name)` is the hex digest of that file, or null where there is none.
 */
export function judge(bytes, trust, wanted, artifact, besideSha256) {
  const bundle = bundleFrom(bytes);
  const envelope = bundle.content.dsseEnvelope;
  if (!envelope && !artifact) throw new Refusal("signs bytes that were not named with it");
  const entry = onlyLogEntry(bundle);
  const entity = theirs(() => toSignedEntity(bundle, artifact));
  if (envelope && entry.kindVersion.kind === "hashedrekord") {
    // Rekor v2 logs an envelope by the digest of what is signed; this version of the library expects the payload's.
    const signed = digestOf(preAuthEncoding(envelope));
    entity.signature.compareDigest = (logged) => signed.equals(logged);
  }
  const tlogs = trust.tlogs.filter((log) => log.logID.equals(entry.logId.keyId));
  const verifier = new Verifier({ ...trust, tlogs }, { tlogThreshold: LOG_ENTRIES, ctlogThreshold: CERTIFICATE_LOGS });
  const { identity } = theirs(() => verifier.verify(entity));
  refuseOtherSigner(identity, wanted);
  refuseFewTimestamps(entity.timestamps, wanted.timestamps);
  if (envelope) refuseOtherSubjects(envelope, artifact, besideSha256);
  else refuseOtherDigest(bundle.content.messageSignature.messageDigest, artifact);
  return { uri: wanted.uri, issuer: wanted.issuer };
}

function bundleFrom(bytes) {
  let document;
  try {
    document = jsonIn(bytes);
  } catch (error) {
    throw new Refusal(`is not JSON: ${error.message}`);
  }
  if (!BUNDLES.has(document?.mediaType)) throw new Refusal("is not a Sigstore bundle v0.3");
  if ("messageSignature" in document === "dsseEnvelope" in document)
    throw new Refusal("holds not exactly one of a signature and an envelope");
  return theirs(() => bundleFromJSON(document));
}

function onlyLogEntry(bundle) {
  const [entry, ...more] = bundle.verificationMaterial.tlogEntries;
  if (!entry || more.length > 0) throw new Refusal("holds not exactly one log entry");
  // The library matches a log's address against the signer's name as a pattern: a hostile one would keep it busy.
  for (const [, name] of entry.inclusionProof.checkpoint.envelope.matchAll(/\u2014 (\S+)/g))
    if (!/^[\w.:/@-]+$/.test(name)) throw new Refusal(`has a checkpoint signed under the odd name ${name}`);
  return entry;
}

function refuseOtherSigner(identity, wanted) {
  const uri = identity?.subjectAlternativeName;
  const issuer = identity?.extensions?.issuer;
  if (uri !== wanted.uri) throw new Refusal(`is signed by ${uri}, not by ${wanted.uri}`);
  if (issuer !== wanted.issuer) throw new Refusal(`has a signer vouched for by ${issuer}, not by ${wanted.issuer}`);
}

/** Every timestamp was verified before; here the authorities behind them are counted, each once. */
function refuseFewTimestamps(timestamps, least) {
  const authorities = new Set();
  for (const { $case, timestamp } of timestamps)
    if ($case === "timestamp-authority")
      authorities.add(`${timestamp.signerIssuer.toString("hex")} ${timestamp.signerSerialNumber.toString("hex")}`);
  if (authorities.size < least)
    throw new Refusal(`has timestamps of ${authorities.size} authorities, and ${least} are expected`);
}

function refuseOtherDigest({ algorithm, digest }, artifact) {
  if (algorithm !== HashAlgorithm.SHA2_256) throw new Refusal("names another digest than sha256");
  const found = digestOf(artifact);
  if (!found.equals(digest)) throw new Refusal(`is about other bytes than sha256 ${found.toString("hex")}`);
}

function refuseOtherSubjects(envelope, artifact, besideSha256) {
  const subjects = subjectsIn(envelope);
  if (artifact) {
    const found = digestOf(artifact).toString("hex");
    if (!subjects.some(({ sha256 }) => sha256 === found)) throw new Refusal(`has no subject with sha256 ${found}`);
    return;
  }
  for (const { name, sha256 } of subjects) {
    if (!/^[^/\\\0]+$/.test(name) || name === "." || name === "..") throw new Refusal("has a subject that is no file name");
    const found = besideSha256(name);
    if (found === null) throw new Refusal(`has the subject ${name}, and no such file is beside it`);
    if (found !== sha256) throw new Refusal(`has the subject ${name}, and the file beside it has sha256 ${found}`);
  }
}

function subjectsIn(envelope) {
  if (envelope.payloadType !== IN_TOTO) throw new Refusal("has an envelope around something else than in-toto");
  let statement;
  try {
    statement = jsonIn(envelope.payload);
  } catch (error) {
    throw new Refusal(`has a statement that is not JSON: ${error.message}`);
  }
  if (statement?._type !== STATEMENT) throw new Refusal("has a statement that is not in-toto's v1");
  const subjects = Array.isArray(statement.subject) ? statement.subject : [];
  if (subjects.length === 0) throw new Refusal("has a statement about nothing");
  return subjects.map((subject) => {
    const [name, sha256] = [subject?.name, subject?.digest?.sha256];
    if (typeof name !== "string" || typeof sha256 !== "string") throw new Refusal("has a subject without name or sha256");
    return { name, sha256 };
  });
}

function preAuthEncoding({ payloadType, payload }) {
  const head = `DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.length} `;
  return Buffer.concat([Buffer.from(head), payload]);
}

function digestOf(bytes) {
  return createHash("sha256").update(bytes).digest();
}

function jsonIn(bytes) {
  return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
}

/** Runs the library on bytes that may be hostile, where it throws errors of any kind: each is a refusal. */
function theirs(call) {
  try {
    return call();
  } catch (error) {
    const fields = Array.isArray(error.fields) ? ` (${error.fields.join(", ")})` : "";
    const cause = error.cause?.message ? `: ${error.cause.message}` : "";
    throw new Refusal(`@sigstore/verify: ${error.message}${fields}${cause}`);
  }
}
