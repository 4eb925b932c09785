"""Writes `docs/spec/vectors/epochly-telemetry-v1.json`, or with `--check` only says whether it is up to date.

It shares no code with what is judged by it: canonical bytes are made by `json`, trees by recursion as RFC 6962 writes it down, tokens
by `pyseto`. Keys come from seeds that anybody can derive; they sign nothing else. It is long because each vector is spelled out.
"""

from __future__ import annotations

import datetime as dt
import hmac
import json
import tomllib
from hashlib import sha256
from typing import Any

from vectors import SPEC, Key, b64u, jcs, seeded, written

NAME = "epochly-telemetry-v1"
FILE = SPEC / "vectors" / f"{NAME}.json"
REGISTRY = tomllib.loads((SPEC / "telemetry-v1.toml").read_text("utf-8"))
EVENTS: dict[str, Any] = {event["name"]: event for event in REGISTRY["event"]}
ISS = "https://api.epochly.com"
DAY = 20_833  # 2027-01-15
NOW = DAY * 86_400 + 28_800
RECEIPT, ROOT, KEYSET = "epochly-telemetry-receipt+v1", "epochly-telemetry-root+v1", "epochly-keyset+v1"
ENDPOINTS = ("metrics", "critical-events", "compatibility-reports")
Json = dict[str, Any]


def random(name: str, size: int = 12) -> bytes:
    """Bytes that look random and are the same each time."""
    return seeded(NAME, name)[:size]


KEYS = {name: Key(NAME, name) for name in ("signing", "revoked", "root", "stranger")}


def token(
    by: str, claims: Json, typ: str, *, footer: bytes | None = None, implicit: str | None = None
) -> str:
    """A token over claims, by a key of a name."""
    key = KEYS[by]
    footer = jcs({"kid": key.kid}) if footer is None else footer
    return key.sign(jcs({"typ": typ} | claims), footer, (implicit or typ).encode())


# --- install ids, buckets, shares


def installs() -> list[Json]:
    """Ids of an installation by month; section 2."""
    found = []
    for name, month in (("one", "2027-01"), ("one", "2027-02"), ("other", "2027-01"), ("other", "1970-01")):
        seed = random(f"seed {name}", 32)
        mac = hmac.new(seed, b"epochly-telemetry-install-v1\0" + month.encode(), sha256).digest()
        found.append({"seed_hex": seed.hex(), "month": month, "install": b64u(mac[:12])})
    return found


def buckets() -> list[Json]:
    """Counts and their numbers of binary digits."""
    counts = [0, 1, 2, 3, 4, 7, 8, 1_000, 2**20 - 1, 2**20, 2**62 - 1, 2**62, 2**63 - 1]
    return [{"count": count, "bucket": len(f"{count:b}") if count else 0} for count in counts]


def shares() -> list[Json]:
    """Parts of a whole, in tenths rounded down."""
    cases = [(0, 7), (1, 7), (1, 10), (99, 1_000), (1, 2), (999, 1_000), (7, 7)]
    return [{"part": part, "whole": whole, "share": part * 10 // whole} for part, whole in cases]


# --- batches


def value_of(field: Json, last: bool) -> Any:
    """The first or the last value of a field."""
    match field["kind"]:
        case "enum":
            return REGISTRY["enums"][field["of"]][-1 if last else 0]
        case "flag":
            return last
        case "small":
            return field["max"] if last else field["min"]
        case "bucket":
            return 63 if last else 0
        case _:
            return 10 if last else 0


def event(name: str, /, *, last: bool = False, n: int = 1, **changed: Any) -> Json:
    """An event with the first or the last value in each field; `changed` to None takes one out."""
    said = EVENTS[name]
    fields = {each: value_of(field, last) for each, field in said["fields"].items()}
    made = {"e": name, "v": said["version"], "n": n} | fields | changed
    return {each: value for each, value in made.items() if value is not None}


def batch(*events: Any, **changed: Any) -> Json:
    """A batch; `changed` to None takes a member out."""
    made = {
        "v": 1,
        "session": b64u(random("session")),
        "install": installs()[0]["install"],
        "day": DAY,
        "seq": 0,
        "epochly": "0.1.0",
        "python": "3.13",
        "os": "linux",
        "arch": "x86_64",
        "lost": {"full": 0, "pii": 0, "old": 0},
        "events": list(events) or [event("session_start")],
    } | changed
    return {name: value for name, value in made.items() if value is not None}


def good_batches() -> list[Json]:
    """Batches that are taken."""
    first = [name for name, said in EVENTS.items() if said["endpoint"] == "metrics"]
    cases: list[tuple[str, str, Json]] = [("a start", "metrics", batch())]
    for endpoint in ENDPOINTS:
        names = [name for name, said in EVENTS.items() if said["endpoint"] == endpoint]
        cases.append((f"every event of {endpoint}", endpoint, batch(*map(event, names))))
        every = [event(name, last=True, n=10**9) for name in names]
        cases.append((f"the largest values of {endpoint}", endpoint, batch(*every)))
    cases += [
        ("200 events", "metrics", batch(*[event("gpu", n=n) for n in range(1, 201)])),
        ("the same event twice", "metrics", batch(event(first[0]), event(first[0]))),
        (
            "the largest numbers",
            "metrics",
            batch(seq=10**9, day=10**6, lost=dict.fromkeys(("full", "pii", "old"), 10**9)),
        ),
        ("day and numbers of 0", "metrics", batch(day=0, seq=0)),
        ("a machine that is not named", "metrics", batch(os="other", arch="other")),
        *(
            (f"epochly {version}", "metrics", batch(epochly=version))
            for version in ("1.0", "1.2.3", "9999.9999.9999", "1.0a1", "1.0.0b2", "1.0.0rc10", "0.1.0.dev0")
        ),
        *((f"Python {version}", "metrics", batch(python=version)) for version in ("3.9", "3.11", "4.0")),
    ]
    return [
        {
            "name": name,
            "endpoint": endpoint,
            "body": jcs(value).decode(),
            "sha256": sha256(jcs(value)).hexdigest(),
            "events": len(value["events"]),
        }
        for name, endpoint, value in cases
    ]


def bad_batches() -> list[Json]:
    """Batches that are refused whole, each for one reason."""
    good = batch()
    body, one = jcs(good), event("session_start")
    text: list[tuple[str, bytes, str]] = [
        ("nothing", b"", "MALFORMED"),
        ("no JSON", b"{", "MALFORMED"),
        ("an array", jcs([good]), "MALFORMED"),
        ("a space", body.replace(b":", b": ", 1), "MALFORMED"),
        ("a line end behind", body + b"\n", "MALFORMED"),
        ("a byte order mark", b"\xef\xbb\xbf" + body, "MALFORMED"),
        ("no UTF-8", body.replace(b'"linux"', b'"linu\xff"'), "MALFORMED"),
        ("half a surrogate pair", body.replace(b'"linux"', b'"\\ud800"'), "MALFORMED"),
        ("an escape that need not be", body.replace(b'"linux"', b'"\\u006cinux"'), "MALFORMED"),
        ("names out of order", json.dumps(good, separators=(",", ":")).encode(), "MALFORMED"),
        ("a name twice", body.replace(b'"day":', b'"day":1,"day":'), "MALFORMED"),
        ("a name twice in an event", body.replace(b'"n":1', b'"n":1,"n":1'), "MALFORMED"),
        ("a float", body.replace(b'"seq":0', b'"seq":0.0'), "MALFORMED"),
        ("an exponent", body.replace(b'"seq":0', b'"seq":1e3'), "MALFORMED"),
        ("a negative number", body.replace(b'"seq":0', b'"seq":-1'), "MALFORMED"),
        ("a null", body.replace(b'"seq":0', b'"seq":null'), "MALFORMED"),
        ("not a number", body.replace(b'"seq":0', b'"seq":NaN'), "MALFORMED"),
        ("an int above 2^53-1", body.replace(b'"seq":0', b'"seq":9007199254740992'), "MALFORMED"),
        ("deep nesting", b"[" * 2_000 + b"]" * 2_000, "MALFORMED"),
        ("more than 16,384 bytes", b" " * 16_385, "TOO_LARGE"),
        (
            "more than 16,384 bytes that would be good",
            jcs(batch(*[event("workload", last=True, n=10**9)] * 200)),
            "TOO_LARGE",
        ),
    ]
    unknown: list[tuple[str, Json]] = [
        ("an unknown member", batch(host="canary")),
        ("an unknown member of `lost`", batch(lost={"full": 0, "pii": 0, "old": 0, "new": 0})),
        ("an unknown event", batch(one | {"e": "function_called"})),
        ("an unknown version", batch(one | {"v": 2})),
        ("version 0", batch(one | {"v": 0})),
        ("an unknown field", batch(one | {"name": "canary"})),
        ("an unknown field in place of one", batch(event("session_start", level=None, name="canary"))),
        ("an unknown member, and one that is wrong", batch(host="canary", day="today")),
        ("an event of another endpoint", batch(one, event("fault"))),
        ("the last of many events unknown", batch(*[one] * 20, one | {"e": "jit2"})),
        ("an empty name of an event", batch(one | {"e": ""})),
        ("a field of another event", batch(one | {"part": "sampler"})),
    ]
    wrong: list[tuple[str, Json]] = [
        *((f"no `{name}`", batch(**{name: None})) for name in good),
        ("another version of batches", batch(v=2)),
        ("true for the version", batch(v=True)),
        ("a session of 11 bytes", batch(session=b64u(bytes(11)))),
        ("a session of 13 bytes", batch(session=b64u(bytes(13)))),
        ("a session in the other base64", batch(session="+" * 16)),
        ("an install in hex", batch(install="ab" * 12)),
        ("an install that is a number", batch(install=1)),
        ("a day that is text", batch(day=str(DAY))),
        ("a day far away", batch(day=10**6 + 1)),
        ("a number too large", batch(seq=10**9 + 1)),
        ("true for a number", batch(seq=True)),
        *(
            (f"epochly {version!r}", batch(epochly=version))
            for version in (
                "",
                "1",
                "1.2.3.4",
                "12345.0",
                "1.0-canary",
                "1.0a",
                "1.0.post1",
                "1.0+local",
                "1.0\n",
                "v1.0",
                "1.0a1b1",
                "\u0661.0",
                1,
            )
        ),
        *((f"Python {version!r}", batch(python=version)) for version in ("3", "3.13.1", "3.13t", "3.13 ")),
        ("an os that is not listed", batch(os="Linux")),
        ("an os that is a list", batch(os=["linux"])),
        ("an arch that is not listed", batch(arch="riscv64")),
        ("nothing lost", batch(lost={})),
        ("lost as a number", batch(lost=0)),
        ("more lost than there may be", batch(lost={"full": 10**9 + 1, "pii": 0, "old": 0})),
        ("true lost", batch(lost={"full": True, "pii": 0, "old": 0})),
        ("no event", batch(events=[])),
        ("events that are no array", batch(events={})),
        ("an event that is text", batch("session_start")),
        ("an event that is an array", batch([])),
        ("201 events", batch(*[event("gpu")] * 201)),
        ("an event that happened 0 times", batch(one | {"n": 0})),
        ("an event that happened too often", batch(one | {"n": 10**9 + 1})),
        ("true for how often", batch(one | {"n": True})),
        ("a name of an event that is a number", batch(one | {"e": 1})),
        ("a name of an event that is a list", batch(one | {"e": ["session_start"]})),
        ("a version that is text", batch(one | {"v": "1"})),
        ("true for a version", batch(one | {"v": True})),
        *((f"an event without `{name}`", batch(event("session_start", **{name: None}))) for name in one),
        ("a literal that is not listed", batch(event("session_start", level="canary"))),
        ("a literal in upper case", batch(event("session_start", level="JIT"))),
        ("a literal of another enum", batch(event("session_start", level="conservative"))),
        ("a number for a literal", batch(event("session_start", level=1))),
        ("a list for a literal", batch(event("session_start", level=["jit"]))),
        ("an object for a literal", batch(event("session_start", level={}))),
        ("1 for true", batch(event("session_start", run=1))),
        ("text for true", batch(event("session_start", run="true"))),
        ("a bucket of 64", batch(event("session_start", cores=64))),
        ("true for a bucket", batch(event("session_start", cores=True))),
        ("text for a bucket", batch(event("session_start", cores="4"))),
        ("a share of 11", batch(event("workload", compiled=11))),
        ("one wrong event among many", batch(*[one] * 19, event("session_start", cores=64))),
    ]
    cases = [(reason, "metrics", data, code) for reason, data, code in text]
    cases += [(reason, "metrics", jcs(value), "UNKNOWN_FIELD") for reason, value in unknown]
    cases += [(reason, "metrics", jcs(value), "SCHEMA") for reason, value in wrong]
    for endpoint in ENDPOINTS[1:]:
        cases.append((f"a start sent to {endpoint}", endpoint, body, "UNKNOWN_FIELD"))
    small = event("compatibility", numpy_major=100)
    cases.append(("a number above its bounds", ENDPOINTS[2], jcs(batch(small)), "SCHEMA"))
    return [
        {"reason": reason, "endpoint": endpoint, **_spelled(data), "error": code}
        for reason, endpoint, data, code in cases
    ]


def _spelled(data: bytes) -> Json:
    try:
        return {"body": data.decode()}
    except UnicodeDecodeError:
        return {"body_hex": data.hex()}


# --- trees


def head(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0]).digest()
    at = _split(len(leaves))
    return sha256(b"\1" + head(leaves[:at]) + head(leaves[at:])).digest()


def path(index: int, leaves: list[bytes]) -> list[bytes]:
    """PATH of RFC 6962, section 2.1.1."""
    if len(leaves) == 1:
        return []
    at = _split(len(leaves))
    if index < at:
        return [*path(index, leaves[:at]), head(leaves[at:])]
    return [*path(index - at, leaves[at:]), head(leaves[:at])]


def _split(size: int) -> int:
    """The largest power of two below a size."""
    return 1 << (size - 1).bit_length() - 1


CT = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
CT_HEADS = [  # of the first 1, 2, ... of these leaves, as Certificate Transparency's own tests have them
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def trees() -> list[Json]:
    """Leaves and the head over them."""
    found = [{"leaves": [], "root": head([]).hex()}]
    for size, known in enumerate(CT_HEADS, 1):
        leaves = [bytes.fromhex(leaf) for leaf in CT[:size]]
        assert head(leaves).hex() == known, size
        found.append({"leaves": CT[:size], "root": known})
    return found


def day_leaves(size: int) -> list[bytes]:
    """The digests of a day's batches, as the tree has them."""
    return sorted(sha256(jcs(batch(seq=seq))).digest() for seq in range(size))


def proofs() -> tuple[list[Json], list[Json]]:
    """Audit paths that lead to a root, and such that do not."""
    good, bad = [], []
    for size, indexes in ((1, (0,)), (2, (0, 1)), (3, (0, 2)), (7, (0, 5, 6)), (20, (0, 13, 16, 19))):
        leaves = day_leaves(size)
        for index in indexes:
            way = [one.hex() for one in path(index, leaves)]
            good.append(
                {
                    "leaf": leaves[index].hex(),
                    "index": index,
                    "size": size,
                    "path": way,
                    "root": head(leaves).hex(),
                }
            )
    right = good[-1]
    way = right["path"]
    other = day_leaves(21)
    cases: list[tuple[str, Json]] = [
        ("another leaf", {"leaf": day_leaves(20)[1].hex()}),
        ("another index", {"index": 18}),
        ("an index as large as the tree", {"index": 20}),
        ("another size", {"size": 21}),
        ("a size of 0", {"size": 0, "index": 0}),
        ("another root", {"root": head(other).hex()}),
        ("a step too few", {"path": way[:-1]}),
        ("a step too many", {"path": [*way, way[-1]]}),
        ("steps that changed places", {"path": [way[1], way[0], *way[2:]]}),
        ("no path", {"path": []}),
        ("a step with a bit changed", {"path": [f"{int(way[0], 16) ^ 1:064x}", *way[1:]]}),
        ("a node for a leaf", {"leaf": way[0], "path": way[1:]}),
    ]
    bad += [{"reason": reason} | right | changed for reason, changed in cases]
    return good, bad


# --- receipts and roots


def keyset() -> str:
    """What a client believes signing keys by."""
    entries = [
        {
            "kid": KEYS[name].kid,
            "pub": KEYS[name].pub,
            "nbf": NOW - 1_000,
            "exp": NOW + 7_776_000,
            "status": status,
        }
        for name, status in (("signing", "active"), ("revoked", "revoked"))
    ]
    return token("root", {"v": 3, "issued": NOW - 500, "keys": entries}, KEYSET)


def tokens() -> tuple[list[Json], list[Json]]:
    """Receipts and roots: those that are believed, and others."""
    body = jcs(batch())
    receipt: Json = {"iss": ISS, "sha256": sha256(body).hexdigest(), "accepted": 1, "dropped": 0, "day": DAY}
    leaves = day_leaves(20)
    root: Json = {"iss": ISS, "day": DAY, "size": 20, "root": head(leaves).hex()}
    signing = KEYS["signing"]
    good = [
        {"name": "a receipt", "typ": RECEIPT, "claims": receipt, "token": token("signing", receipt, RECEIPT)},
        {"name": "a root", "typ": ROOT, "claims": root, "token": token("signing", root, ROOT)},
    ]
    bad: list[tuple[str, str, str]] = []
    for typ, other, claims in ((RECEIPT, ROOT, receipt), (ROOT, RECEIPT, root)):
        one = token("signing", claims, typ)
        head_, _, tail = one.removeprefix("v4.public.").partition(".")
        flipped = ("B" if head_[5] == "A" else "A").join((head_[:5], head_[6:]))
        bad += [
            ("another type inside", typ, token("signing", claims, other, implicit=typ)),
            ("signed for another type", typ, token("signing", claims, typ, implicit=other)),
            ("a key that nobody knows", typ, token("stranger", claims, typ)),
            (
                "a stranger's signature under a known key",
                typ,
                token("stranger", claims, typ, footer=jcs({"kid": signing.kid})),
            ),
            ("a key that was revoked", typ, token("revoked", claims, typ)),
            ("the root's own key", typ, token("root", claims, typ)),
            ("no footer", typ, token("signing", claims, typ, footer=b"")),
            ("a changed character", typ, f"v4.public.{flipped}.{tail}"),
            ("nothing", typ, ""),
            ("another issuer", typ, token("signing", claims | {"iss": "https://api.example"}, typ)),
            ("an unknown claim", typ, token("signing", claims | {"note": "x"}, typ)),
            *(
                (
                    f"no `{name}`",
                    typ,
                    token("signing", {each: claims[each] for each in claims if each != name}, typ),
                )
                for name in claims
            ),
            ("text for the day", typ, token("signing", claims | {"day": str(DAY)}, typ)),
        ]
    bad += [
        (
            "another body's digest",
            RECEIPT,
            token("signing", receipt | {"sha256": sha256(body + b" ").hexdigest()}, RECEIPT),
        ),
        (
            "a digest in upper case",
            RECEIPT,
            token("signing", receipt | {"sha256": receipt["sha256"].upper()}, RECEIPT),
        ),
        ("true for the events", RECEIPT, token("signing", receipt | {"accepted": True}, RECEIPT)),
        ("a short root", ROOT, token("signing", root | {"root": root["root"][:-2]}, ROOT)),
    ]
    return good, [{"reason": reason, "typ": typ, "token": token} for reason, typ, token in bad]


def lens_hosts() -> list[Json]:
    """Names of hosts under a salt; section 7."""
    salt = random("salt", 32)
    cases = [
        ("build-7", "build-7"),
        ("BUILD-7.example", "build-7.example"),
        ("Bu\u0308cherei", "b\u00fccherei"),
        ("", ""),
    ]
    return [
        {
            "name": name,
            "salt": b64u(salt),
            "host": hmac.new(salt, b"epochly-lens-host-v1\0" + normal.encode(), sha256).digest()[:16].hex(),
        }
        for name, normal in cases
    ]


def page() -> str:
    """The whole file."""
    good_proofs, bad_proofs = proofs()
    good_tokens, bad_tokens = tokens()
    vectors = {
        "about": "Vectors for docs/spec/epochly-telemetry-v1.md, made by tools/write_telemetry_vectors.py. Never use a key from here.",
        "keys": {
            name: {"seed_hex": key.seed.hex(), "pub": key.pub, "kid": key.kid} for name, key in KEYS.items()
        },
        "installs": installs(),
        "buckets": buckets(),
        "shares": shares(),
        "batches": {
            "about": "the body sent to `POST /v1/telemetry/<endpoint>`, as text or, where it is no UTF-8, in hex",
            "good": good_batches(),
            "bad": bad_batches(),
        },
        "trees": trees(),
        "proofs": {
            "about": "`leaf` is the leaf's data, the digest of a batch",
            "good": good_proofs,
            "bad": bad_proofs,
        },
        "tokens": {
            "about": "what a client knows that judges them, and what it is told",
            "iss": ISS,
            "keyset": keyset(),
            "body": jcs(batch()).decode(),
            "day": DAY,
            "day_as_date": str(dt.date(1970, 1, 1) + dt.timedelta(days=DAY)),
            "good": good_tokens,
            "bad": bad_tokens,
        },
        "lens_hosts": lens_hosts(),
    }
    return json.dumps(vectors, indent=1) + "\n"


if __name__ == "__main__":
    raise SystemExit(written(FILE, page, __doc__, "write_telemetry_vectors.py"))
