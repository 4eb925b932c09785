"""Writes `docs/spec/vectors/epochly-pop-v1.json`, or with `--check` only says whether it is up to date.

It is long because each vector is spelled out, and it shares no code with what is judged by it: tokens are made by `pyseto`,
canonical bytes by `json`, digests by `hashlib`. Keys come from seeds that anybody can derive; they sign nothing else.
"""

from __future__ import annotations

import hmac
import json
import unicodedata
from hashlib import sha256
from typing import Any

import pyseto
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from vectors import SPEC, Key, b64u, jcs, seeded, written

NAME = "epochly-pop-v1"
FILE = SPEC / "vectors" / f"{NAME}.json"
ISS = "https://api.epochly.com"
NOW = 1_800_000_000  # Unix seconds
ORDER = 2**252 + 27742317777372353535851937790883648493  # of the group of Ed25519; RFC 8032, section 5.1
# Whoever sends a `pub` among these can have signed nothing: points of order 1, 2, 4 and 8 of Ed25519, as libraries read them.
SMALL_ORDER = {
    "order 1": "01" + "00" * 31,
    "order 2": "ec" + "ff" * 30 + "7f",
    "order 4": "00" * 32,
    "order 4, the other": "00" * 31 + "80",
    "order 8": "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "order 8, the second": "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "order 8, the third": "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "order 8, the fourth": "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "order 1, a sign too many": "01" + "00" * 30 + "80",
    "order 2, a sign too many": "ec" + "ff" * 31,
    "order 1, y = p + 1": "ee" + "ff" * 30 + "7f",
    "order 1, y = p + 1 and a sign": "ee" + "ff" * 31,
    "order 4, y = p": "ed" + "ff" * 30 + "7f",
    "order 4, y = p, the other": "ed" + "ff" * 31,
}
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
PROOF, REKEY, LEASE, REFUSAL, RECEIPT, KEYSET = (
    f"epochly-{name}+v1" for name in ("proof", "rekey", "lease", "refusal", "receipt", "keyset")
)
DEVICE_TYPES = (PROOF, REKEY)
Json = dict[str, Any]


def random(name: str, size: int = 16) -> str:
    """Bytes that look random and are the same each time, in base64url."""
    return b64u(seeded(NAME, name)[:size])


NAMES = (
    "device",
    "other-device",
    "new-device",
    "signing",
    "retired",
    "revoked",
    "root",
    "next-root",
    "stranger",
)
KEYS = {name: Key(NAME, name) for name in NAMES}
DEVICE, SIGNING, ROOT = KEYS["device"], KEYS["signing"], KEYS["root"]
DIGEST = sha256(b"epochly-pop-v1 vector: a fingerprint").hexdigest()
SIGNED: Json = {"iss": ISS, "aud": DEVICE.kid, "cn": random("cn"), "jti": random("jti")}
BODY = jcs({"device_id": "dev_" + random("dev"), "fp": {"digest": DIGEST, "v": 1}, "ik": random("ik")})


def entry(name: str, status: str, nbf: int = NOW - 1_000, exp: int = NOW + 7_776_000) -> Json:
    """A key of a keyset."""
    return {"kid": KEYS[name].kid, "pub": KEYS[name].pub, "nbf": nbf, "exp": exp, "status": status}


CLAIMS: dict[str, Json] = {
    PROOF: {
        "kid": DEVICE.kid,
        "htm": "POST",
        "htu": f"{ISS}/v1/license/validate",
        "bdg": sha256(BODY).hexdigest(),
        "nonce": random("nonce", 32),
        "cn": random("cn"),
        "iat": NOW,
        "jti": random("jti"),
        "seq": 7,
        "cv": "0.1.0",
    },
    REKEY: {
        "kid": KEYS["new-device"].kid,
        "pub": KEYS["new-device"].pub,
        "old": DEVICE.kid,
        "nonce": random("nonce", 32),
        "iat": NOW,
    },
    LEASE: SIGNED
    | {
        "lic": "lic_" + random("lic"),
        "dev": "dev_" + random("dev"),
        "plan": "professional",
        "features": ["gpu", "lens", "multi-core"],
        "seat": "node",
        "fp": sha256(DIGEST.encode()).hexdigest(),
        "iat": NOW,
        "nbf": NOW,
        "exp": NOW + 259_200,
        "grace_until": NOW + 259_200 + 1_209_600,
        "refresh_after": NOW + 129_600,
        "seq": 8,
        "srv_time": NOW,
        "pol": 1,
    },
    REFUSAL: SIGNED | {"code": "LICENSE_SUSPENDED", "iat": NOW, "srv_time": NOW},
    RECEIPT: SIGNED | {"act": "release", "dev": "dev_" + random("dev"), "iat": NOW},
    KEYSET: {
        "v": 3,
        "issued": NOW - 500,
        "keys": [
            entry("signing", "active"),
            entry("retired", "retired", NOW - 9_000_000, NOW - 100),
            entry("revoked", "revoked"),
        ],
    },
}
SIGNERS = {PROOF: DEVICE, REKEY: KEYS["new-device"], KEYSET: ROOT}


def token(
    typ: str,
    *,
    by: Key | None = None,
    message: bytes | None = None,
    footer: bytes | None = None,
    implicit: str | None = None,
    without: str = "",
    **changed: Any,
) -> str:
    """A good token of a type, or one with what is given in place of what is right."""
    by = by or SIGNERS.get(typ, SIGNING)
    claims = {
        name: value for name, value in ({"typ": typ} | CLAIMS[typ] | changed).items() if name != without
    }
    if footer is None:
        footer = b"" if typ in DEVICE_TYPES else jcs({"kid": by.kid})
    return by.sign(jcs(claims) if message is None else message, footer, (implicit or typ).encode())


def good_tokens() -> list[Json]:
    """Tokens that are read, and what they say."""
    cases: list[tuple[str, str, Json]] = [
        ("a proof", PROOF, {}),
        ("a proof that introduces its key", PROOF, {"pub": DEVICE.pub, "seq": 0}),
        ("a proof of a request without a body", PROOF, {"htm": "GET", "bdg": sha256(b"").hexdigest()}),
        ("a proof with the longest nonce", PROOF, {"nonce": b64u(bytes(96))}),
        ("a rekey", REKEY, {}),
        ("a node-locked lease", LEASE, {}),
        ("a floating lease", LEASE, {"seat": "floating", "exp": NOW + 1_800, "grace_until": NOW + 1_800}),
        ("a lease with no features", LEASE, {"plan": "professional", "features": []}),
        (
            "a lease of a service under a port and a path",
            LEASE,
            {"iss": "https://[2001:db8::1]:8443/epochly"},
        ),
        ("the largest number", LEASE, {"exp": 2**53 - 1, "grace_until": 2**53 - 1}),
        ("a refusal", REFUSAL, {}),
        ("a receipt", RECEIPT, {}),
        ("a keyset", KEYSET, {}),
        ("a keyset without keys", KEYSET, {"keys": []}),
    ]
    many = [Key(NAME, f"one of many, {number}") for number in range(32)]
    keys = [{"kid": key.kid, "pub": key.pub, "nbf": 0, "exp": NOW, "status": "retired"} for key in many]
    cases.append(("a keyset of 32 keys, more than 4,096 bytes", KEYSET, {"keys": keys}))
    return [
        {
            "name": name,
            "typ": typ,
            "signed_by": SIGNERS.get(typ, SIGNING).name,
            "claims": {"typ": typ} | CLAIMS[typ] | changed,
            "token": token(typ, **changed),
        }
        for name, typ, changed in cases
    ]


def _spelled(typ: str) -> list[tuple[str, str, str, str]]:
    """What is wrong with a text before anybody looks into it."""
    text = token(typ)
    body, dot, tail = text.removeprefix("v4.public.").partition(".")
    stray = body[:-1] + chr(ord(body[-1]) + 1)  # the same bytes to a reader that drops stray bits
    found = [
        ("another version", "v3.public." + body + dot + tail),
        ("another purpose", "v4.local." + body + dot + tail),
        ("an upper-case header", "V4.PUBLIC." + body + dot + tail),
        ("a space in front", " " + text),
        ("a line end behind", text + "\n"),
        ("padding", "v4.public." + body + "=" * (-len(body) % 4 or 4) + dot + tail),
        ("the other base64 alphabet", text.replace("-", "+").replace("_", "/")),
        ("a part too many", text + ("." if tail else "..") + "AAAA"),
        ("a dot at the end", text + "."),
        ("no payload", "v4.public." + b64u(bytes(64)) + dot + tail),
        ("no whole signature", "v4.public." + b64u(bytes(63)) + dot + tail),
        ("nothing", ""),
    ]
    if len(body) % 4:
        found.append(("stray bits in the last character", "v4.public." + stray + dot + tail))
    return [(reason, typ, bad, "malformed") for reason, bad in found]


def _said(typ: str) -> list[tuple[str, str, str, str]]:
    """What is wrong with a payload although its signature is good."""
    claims = {"typ": typ} | CLAIMS[typ]
    good = jcs(claims)

    def number(text: str) -> bytes:
        return jcs(claims | {"iat": 0}).replace(b'"iat":0', b'"iat":' + text.encode())

    payloads = {
        "a float": number("1800000000.0"),
        "an exponent": number("18e8"),
        "a null": number("null"),
        "a negative int": number("-1"),
        "an int above 2^53-1": number("9007199254740992"),
        "a leading zero": number("01"),
        "not a number": number("NaN"),
        "true for a number": number("true"),
        "text for a number": number('"1800000000"'),
        "a name twice": good[:-1] + b',"typ":"' + typ.encode() + b'"}',
        "a space": good.replace(b":", b": ", 1),
        "names out of order": json.dumps(claims, sort_keys=False, separators=(",", ":")).encode(),
        "an escape that need not be": good.replace(b'"iat"', b'"\\u0069at"'),
        "a line end behind the payload": good + b"\n",
        "a byte order mark": b"\xef\xbb\xbf" + good,
        "no UTF-8": good.replace(b'"typ":"e', b'"typ":"\xff'),
        "half a surrogate pair": good.replace(b'"typ":"e', b'"typ":"\\ud800'),
        "an array": jcs([claims]),
        "a number alone": b"1",
        "deep nesting": b"[" * 1_000 + b"]" * 1_000,
        "no end": good[:-1],
        "an unknown claim": jcs(claims | {"alg": "none"}),
        "a payload over its size": jcs(claims | {"typ": typ + "x" * 4_096}),
    }
    found = [(reason, typ, token(typ, message=message), "malformed") for reason, message in payloads.items()]
    found += [(f"no `{name}`", typ, token(typ, without=name), "malformed") for name in sorted(claims)]
    return found


def _formed() -> list[tuple[str, str, str, str]]:
    """Claims of another form than theirs, in tokens that are good otherwise."""
    key = entry("signing", "active")
    cases: list[tuple[str, str, Json]] = [
        ("a method that no request has", PROOF, {"htm": "PUT"}),
        ("a method in lower case", PROOF, {"htm": "post"}),
        ("a target without TLS", PROOF, {"htu": "http://api.epochly.com/v1/devices"}),
        ("a target with a query", PROOF, {"htu": f"{ISS}/v1/devices?x=1"}),
        ("a target with a fragment", PROOF, {"htu": f"{ISS}/v1/devices#x"}),
        ("a target with a user", PROOF, {"htu": "https://a@api.epochly.com/v1/devices"}),
        ("a host in upper case", PROOF, {"htu": "https://API.epochly.com/v1/devices"}),
        ("a digest in upper case", PROOF, {"bdg": "AB" * 32}),
        ("a short digest", PROOF, {"bdg": "ab" * 31}),
        ("a nonce of 129 characters", PROOF, {"nonce": "A" * 130}),
        ("an empty nonce", PROOF, {"nonce": ""}),
        ("a client nonce of 15 bytes", PROOF, {"cn": b64u(bytes(15))}),
        ("a client nonce with stray bits", PROOF, {"cn": "A" * 21 + "B"}),
        ("no version", PROOF, {"cv": ""}),
        ("a version that is none", PROOF, {"cv": "1 <script>"}),
        ("a short old key", REKEY, {"old": "A" * 42}),
        ("a seat of no kind", LEASE, {"seat": "site"}),
        ("features out of order", LEASE, {"features": ["lens", "gpu"]}),
        ("a feature twice", LEASE, {"features": ["gpu", "gpu"]}),
        ("features that are text", LEASE, {"features": "gpu"}),
        ("an id of another kind", LEASE, {"lic": "dev_" + random("dev")}),
        ("an id that is too long", LEASE, {"dev": "dev_" + random("dev") + "A"}),
        ("an issuer with a slash at its end", LEASE, {"iss": ISS + "/"}),
        ("an issuer without TLS", LEASE, {"iss": "http://api.epochly.com"}),
        ("a code that is none", REFUSAL, {"code": "license suspended"}),
        ("an act that is none", RECEIPT, {"act": "transfer"}),
        ("a keyset of version 0", KEYSET, {"v": 0}),
        ("a key that is not its own", KEYSET, {"keys": [key | {"pub": DEVICE.pub}]}),
        ("a key twice", KEYSET, {"keys": [key, key]}),
        ("a key of no status", KEYSET, {"keys": [key | {"status": "new"}]}),
        ("a key with an unknown member", KEYSET, {"keys": [key | {"alg": "EdDSA"}]}),
        ("33 keys", KEYSET, {"keys": [key] * 33}),
    ]
    return [(reason, typ, token(typ, **changed), "malformed") for reason, typ, changed in cases]


def _signed() -> list[tuple[str, str, str, str]]:
    """Footers, keys and signatures that are wrong."""
    stranger, kid = KEYS["stranger"], jcs({"kid": SIGNING.kid})
    text = token(LEASE)
    body, _, tail = text.removeprefix("v4.public.").partition(".")
    data = pyseto.Token.new(text).payload
    scalar = int.from_bytes(data[-32:], "little")
    larger = b64u(data[:-32] + (scalar + ORDER).to_bytes(32, "little"))
    neutral = b64u(data[:-64] + b"\1" + bytes(63))
    swapped = b64u(data[:-64] + pyseto.Token.new(token(LEASE, seq=9)).payload[-64:])
    found = [
        ("no footer", LEASE, token(LEASE, footer=b""), "malformed"),
        (
            "a footer with more in it",
            LEASE,
            token(LEASE, footer=jcs({"kid": SIGNING.kid, "x": 1})),
            "malformed",
        ),
        ("a footer with a space", LEASE, token(LEASE, footer=kid.replace(b":", b": ")), "malformed"),
        ("a footer that is no JSON", LEASE, token(LEASE, footer=SIGNING.kid.encode()), "malformed"),
        ("a footer over 256 bytes", LEASE, token(LEASE, footer=jcs({"kid": "A" * 250})), "malformed"),
        ("a footer on a proof", PROOF, token(PROOF, footer=jcs({"kid": DEVICE.kid})), "malformed"),
        ("a footer on a rekey", REKEY, token(REKEY, footer=jcs({"kid": DEVICE.kid})), "malformed"),
        ("a key that nobody knows", LEASE, token(LEASE, by=stranger), "key"),
        ("a footer's key that is a number", LEASE, token(LEASE, footer=jcs({"kid": 1})), "malformed"),
        (
            "a footer's key that is no key id",
            LEASE,
            token(LEASE, footer=jcs({"kid": "signing"})),
            "malformed",
        ),
        ("a proof by a key that nobody knows", PROOF, token(PROOF, by=stranger, kid=stranger.kid), "key"),
        ("a proof whose `pub` is another key's", PROOF, token(PROOF, pub=stranger.pub), "key"),
        ("a rekey whose `pub` is another key's", REKEY, token(REKEY, pub=stranger.pub), "key"),
        ("a keyset by a device", KEYSET, token(KEYSET, by=DEVICE), "key"),
        ("a keyset that a signing key signed", KEYSET, token(KEYSET, by=SIGNING), "key"),
        ("a lease by another key under this name", LEASE, token(LEASE, by=stranger, footer=kid), "signature"),
        ("a proof by another key under this name", PROOF, token(PROOF, by=stranger), "signature"),
        ("a rekey that the old key signed", REKEY, token(REKEY, by=DEVICE), "signature"),
        ("an implicit assertion of another type", LEASE, token(LEASE, implicit=REFUSAL), "signature"),
        (
            "a proof with no implicit assertion",
            PROOF,
            DEVICE.sign(jcs({"typ": PROOF} | CLAIMS[PROOF]), b"", b""),
            "signature",
        ),
        ("the signature of another lease", LEASE, f"v4.public.{swapped}.{tail}", "signature"),
        ("a scalar above the group's order", LEASE, f"v4.public.{larger}.{tail}", "signature"),
        ("a signature of nothing", LEASE, f"v4.public.{neutral}.{tail}", "signature"),
        (
            "a footer put in place of another",
            LEASE,
            f"v4.public.{body}.{b64u(jcs({'kid': KEYS['retired'].kid}))}",
            "signature",
        ),
    ]
    for typ in CLAIMS:
        body, dot, tail = token(typ).removeprefix("v4.public.").partition(".")
        data = pyseto.Token.new(token(typ)).payload
        flipped = b64u(data[:-1] + bytes([data[-1] ^ 1]))
        found.append(
            (f"a bit of the signature flipped, {typ}", typ, f"v4.public.{flipped}{dot}{tail}", "signature")
        )
        found += [
            (f"{place} in its place", typ, token(place), "malformed") for place in CLAIMS if place != typ
        ]
    return found


def bad_tokens() -> list[Json]:
    """Texts that are refused, why, and which part is wrong."""
    found = [
        *_spelled(PROOF),
        *_spelled(LEASE),
        *_said(PROOF),
        *_said(LEASE),
        *_formed(),
        *_signed(),
        *_anybodys(),
    ]
    return [
        {"reason": reason, "typ": typ, "error": error, "token": text} for reason, typ, text, error in found
    ]


def _unsigned(typ: str, raw: bytes) -> str:
    """A token that verifies under a key of small order, which nobody has the private half of."""
    public = Ed25519PublicKey.from_public_bytes(raw)
    for turn in range(1_000):
        changed = {"kid": b64u(sha256(raw).digest()), "pub": b64u(raw), "nonce": random(f"turn {turn}", 32)}
        message = jcs({"typ": typ} | CLAIMS[typ] | changed)
        pieces = (b"v4.public.", message, b"", typ.encode())
        pae = b"".join(
            n.to_bytes(8, "little") + piece for n, piece in ((4, b""), *((len(p), p) for p in pieces))
        )
        for point in list(SMALL_ORDER.values())[:8]:
            signature = bytes.fromhex(point) + bytes(32)
            try:
                public.verify(signature, pae)
            except InvalidSignature:
                continue
            return "v4.public." + b64u(message + signature)
    raise AssertionError("no signature of zero holds")


def _anybodys() -> list[tuple[str, str, str, str]]:
    """Public keys that anybody can sign for."""
    found = []
    for name, text in SMALL_ORDER.items():
        raw = bytes.fromhex(text)
        key = entry("signing", "active") | {"pub": b64u(raw), "kid": b64u(sha256(raw).digest())}
        found.append(
            (f"a `pub` of {name}, and a signature that verifies", PROOF, _unsigned(PROOF, raw), "malformed")
        )
        found.append(
            (f"a new key of {name}, and a signature that verifies", REKEY, _unsigned(REKEY, raw), "malformed")
        )
        found.append((f"a signing key of {name}", KEYSET, token(KEYSET, keys=[key]), "malformed"))
    return found


def keysets() -> list[Json]:
    """Keysets that come to a client which knows both roots and holds the good one, of version 3; section 9."""
    cases: list[tuple[str, bool, str]] = [
        ("a newer one", True, token(KEYSET, v=4)),
        ("a newer one by the next root", True, token(KEYSET, by=KEYS["next-root"], v=4)),
        ("the one it holds", True, token(KEYSET)),
        ("an older one", False, token(KEYSET, v=2)),
        ("another one of the same version", False, token(KEYSET, issued=NOW)),
        ("the same claims by the other root", False, token(KEYSET, by=KEYS["next-root"])),
        ("a newer one by a stranger", False, token(KEYSET, by=KEYS["stranger"], v=4)),
        ("a newer one by a signing key", False, token(KEYSET, by=SIGNING, v=4)),
    ]
    return [{"name": name, "taken": taken, "token": text} for name, taken, text in cases]


def leases() -> list[Json]:
    """Sound lease tokens that come to the device described under `device`, and whether it takes them; section 6."""
    retired, revoked = KEYS["retired"], KEYS["revoked"]
    cases: list[tuple[str, bool, bool, str]] = [
        ("the next one", True, False, token(LEASE)),
        ("one above the next", True, False, token(LEASE, seq=9)),
        ("the one it holds, asked for again", True, True, token(LEASE, seq=7)),
        ("the one it holds, not asked for again", False, False, token(LEASE, seq=7)),
        ("an older one", False, False, token(LEASE, seq=6)),
        ("by a key retired since", True, False, token(LEASE, by=retired, iat=NOW - 5_000)),
        ("by a key that was retired before", False, False, token(LEASE, by=retired)),
        ("by a key before its time", False, False, token(LEASE, iat=NOW - 2_000)),
        ("by a key in its first second", True, False, token(LEASE, iat=NOW - 1_000)),
        ("by a key a second before its first", False, False, token(LEASE, iat=NOW - 1_001)),
        ("by a key in its last second", True, False, token(LEASE, iat=NOW + 7_775_999)),
        ("by a key at its end", False, False, token(LEASE, iat=NOW + 7_776_000)),
        ("by a retired key in its last second", True, False, token(LEASE, by=retired, iat=NOW - 101)),
        ("by a retired key at its end", False, False, token(LEASE, by=retired, iat=NOW - 100)),
        ("by a key that was revoked", False, False, token(LEASE, by=revoked)),
        ("of another service", False, False, token(LEASE, iss="https://licences.example")),
        ("for another device", False, False, token(LEASE, aud=KEYS["other-device"].kid)),
        ("of another request", False, False, token(LEASE, cn=random("another cn"))),
        ("for another machine", False, False, token(LEASE, fp=sha256(b"another machine").hexdigest())),
    ]
    return [
        {"name": name, "taken": taken, "repeated": repeated, "token": text}
        for name, taken, repeated, text in cases
    ]


def lease_times() -> list[Json]:
    """What the node-locked lease among the good tokens is worth by the clock; `latest` is the latest time known."""
    exp, grace = CLAIMS[LEASE]["exp"], CLAIMS[LEASE]["grace_until"]
    cases = [
        ("when it begins", NOW, NOW, "good"),
        ("a little before it begins", NOW - 300, NOW - 300, "good"),
        ("too long before it begins", NOW - 301, NOW - 301, "expired"),
        ("in its last second", exp - 1, NOW, "good"),
        ("at its end", exp, NOW, "grace"),
        ("after its end, in grace", exp + 1, NOW, "grace"),
        ("in the last second of grace", grace - 1, NOW, "grace"),
        ("at the end of grace", grace, NOW, "expired"),
        ("after grace", grace + 1, NOW, "expired"),
        ("a clock set back a little", NOW + 1_000, NOW + 1_300, "good"),
        ("a clock set back", NOW + 1_000, NOW + 1_301, "expired"),
    ]
    return [{"name": name, "now": now, "latest": latest, "is": state} for name, now, latest, state in cases]


def sequences() -> Json:
    """What the service makes of the `seq` of a proof; without a lease the device is told `DEVICE_CLONED`."""
    held, most = 7, 1_000_000
    cases = [
        ("the last one", held, False, None, held + 1),
        ("the last one, two days after a fork", held, False, 2, held + 1),
        ("one below, by the request that got the last lease", held - 1, True, None, held + 1),
        ("one below, by another request", held - 1, False, None, None),
        ("two below", held - 2, True, None, None),
        ("none", 0, False, None, None),
        ("one above", held + 1, False, None, held + 2),
        ("one above, by the request that got the last lease", held + 1, True, None, held + 2),
        ("as far above as goes", held + most, False, None, held + most + 1),
        ("too far above", held + most + 1, False, None, None),
        ("the largest number", 2**53 - 1, False, None, None),
        ("one above, two days after a fork", held + 1, False, 2, None),
        ("one above, 29 days after one was above", held + 1, False, 29, None),
        ("one above, 30 days after one was above", held + 1, False, 30, held + 2),
    ]
    return {
        "about": "a device whose last lease was 7 asks for the next one, its last lease being no longer remembered; "
        "`days` is how long ago a fork or a `seq` above was the last time, null for never; `lease` is the `seq` it gets",
        "held": held,
        "cases": [
            {"name": name, "seq": seq, "same_ik": same_ik, "days": days, "lease": lease}
            for name, seq, same_ik, days, lease in cases
        ],
    }


def canonical_forms() -> Json:
    """Values and their canonical bytes, written out by hand; JSON texts that are not canonical or no values of ours."""
    good: list[tuple[Any, str]] = [
        ({}, "{}"),
        ([], "[]"),
        ("", '""'),
        ([True, False, 0, 1, 2**53 - 1], "[true,false,0,1,9007199254740991]"),
        ({"b": 1, "a": 2, "A": 3, "": 4}, '{"":4,"A":3,"a":2,"b":1}'),
        ({"a": {"c": [], "b": {}}}, '{"a":{"b":{},"c":[]}}'),
        ({"\ufb33": 1, "\U0001f600": 2, "z": 3}, '{"z":3,"\U0001f600":2,"\ufb33":1}'),  # by UTF-16 code units
        ('\b\t\n\f\r"\\/\u0000\u001f\u007f\u2028', '"\\b\\t\\n\\f\\r\\"\\\\/\\u0000\\u001f\u007f\u2028"'),
        (["\u00e9", "e\u0301"], '["\u00e9","e\u0301"]'),  # nothing is normalised
    ]
    bad = {
        "a float": b"1.5",
        "a float that is a whole number": b"1.0",
        "an exponent": b"1e2",
        "a null": b"null",
        "a negative int": b"-1",
        "minus zero": b"-0",
        "2^53": b"9007199254740992",
        "a number of 5,000 digits": b"9" * 5_000,
        "Infinity": b"Infinity",
        "a name twice": b'{"a":1,"a":1}',
        "a name twice, once escaped": b'{"a":1,"\\u0061":1}',
        "names out of order": b'{"b":1,"a":2}',
        "names in order of UTF-8": '{"\ufb33":1,"\U0001f600":2}'.encode(),
        "white space": b"[1, 2]",
        "a line end": b"[]\n",
        "an escape in upper case": b'"\\u001F"',
        "an escape that need not be": b'"\\u0061"',
        "an escaped slash": b'"\\/"',
        "a control character": b'"\x1f"',
        "half a surrogate pair": b'"\\ud83d"',
        "a surrogate in UTF-8": b'"\xed\xa0\x80"',
        "no UTF-8": b'"\xff"',
        "a byte order mark": b"\xef\xbb\xbf[]",
        "UTF-16": "[]".encode("utf-16"),
        "two values": b"[][]",
        "no value": b"",
        "an end too early": b'{"a":',
        "100,000 levels": b"[" * 100_000,
    }
    return {
        "good": [{"value": value, "canonical": text} for value, text in good],
        "bad": [{"reason": reason, "hex": text.hex()} for reason, text in bad.items() if len(text) < 1_000]
        + [
            {"reason": reason, "hex": text[:1].hex(), "repeated": len(text)}
            for reason, text in bad.items()
            if len(text) >= 1_000
        ],
    }


def fingerprints() -> list[Json]:
    """Golden values of section 8, each step of them."""
    cases = [
        (
            "a machine id of Linux",
            "4f8a1c6e0b7d4923a5e1f0c2d3b49687\n",
            "4f8a1c6e0b7d4923a5e1f0c2d3b49687",
            "linux",
            "x86_64",
        ),
        (
            "the same on another architecture",
            "4f8a1c6e0b7d4923a5e1f0c2d3b49687",
            "4f8a1c6e0b7d4923a5e1f0c2d3b49687",
            "linux",
            "arm64",
        ),
        (
            "a platform UUID of macOS",
            "7D3E9B52-1C4F-4A68-9E07-5B2D8F61A3C9",
            "7d3e9b521c4f4a689e075b2d8f61a3c9",
            "darwin",
            "arm64",
        ),
        (
            "a machine GUID of Windows",
            "{c61f0a7e-93d2-4b58-8e4d-20b7f95a1c36}",
            "c61f0a7e93d24b588e4d20b7f95a1c36",
            "windows",
            "AMD64",
        ),
        (
            "an installation's own",
            sha256(b"install").hexdigest(),
            sha256(b"install").hexdigest(),
            "linux",
            "aarch64",
        ),
        ("a name by `EPOCHLY_NODE_ID`", "  CI-Runner-07 ", "ci-runner-07", "linux", "x86_64"),
        (
            "a name in decomposed Unicode",
            unicodedata.normalize("NFD", "B\u00fccherei-1"),
            "b\u00fccherei-1",
            "linux",
            "riscv64",
        ),
    ]
    found = []
    for name, identifier, anchor, system, machine in cases:
        arch = {"AMD64": "x86_64", "arm64": "aarch64"}.get(machine, machine)
        mac = hmac.new(anchor.encode(), b"epochly:device:v1", sha256).hexdigest()
        told = jcs({"v": 1, "anchor": mac, "os": system, "arch": arch})
        digest = sha256(b"epochly/fp/v1\0" + told).hexdigest()
        found.append(
            {
                "name": name,
                "identifier": identifier,
                "anchor": anchor,
                "os": system,
                "machine": machine,
                "arch": arch,
                "mac": mac,
                "digest": digest,
                "fp_of_lease": sha256(digest.encode()).hexdigest(),
            }
        )
    return found


def checked(digits: str) -> str:
    """24 digits and their check digit, by a table of powers and logarithms of x in GF(32)."""
    powers = [1]
    while len(powers) < 31:
        powers.append(powers[-1] << 1 ^ (0x25 if powers[-1] & 16 else 0))
    check = 0
    for at, digit in enumerate(digits):
        if value := CROCKFORD.index(digit):
            check ^= powers[(powers.index(value) + 24 - at) % 31]
    return digits + CROCKFORD[check]


def license_keys() -> Json:
    """Licence keys as they are shown, typed and kept; section 10."""

    def digits(value: int) -> str:
        return checked("".join(CROCKFORD[value >> shift & 31] for shift in range(115, -1, -5)))

    def shown(normal: str) -> str:
        return "-".join(["EPOCHLY", *(normal[at : at + 5] for at in range(0, 25, 5))])

    values = [0, 1, 2**120 - 1, *(int.from_bytes(sha256(bytes([seed])).digest()[:15]) for seed in range(5))]
    one = digits(values[3])
    like_the_prefix = digits(
        sum(CROCKFORD.index(digit) << 115 - 5 * at for at, digit in enumerate("EP0CH1Y"))
    )
    typed = {
        "as shown": (shown(one), one),
        "in lower case": (shown(one).lower(), one),
        "without the prefix": (shown(one).removeprefix("EPOCHLY-"), one),
        "with nothing between": (shown(one).replace("-", ""), one),
        "with spaces": ("  " + shown(one).replace("-", " ") + " ", one),
        "with O for 0 and L for 1": (shown(digits(1)).replace("0", "O").replace("1", "L"), digits(1)),
        "with o for 0 and i for 1": (shown(digits(1)).replace("0", "o").replace("1", "i"), digits(1)),
        "digits that begin like the prefix": (
            like_the_prefix.replace("0", "O", 1).replace("1", "L", 1),
            like_the_prefix,
        ),
    }
    by_value = digits(values[4])[:-1] + CROCKFORD[values[4] % 31]
    bad = {
        "nothing": "",
        "the prefix alone": "EPOCHLY-",
        "another check digit": shown(one[:-1] + CROCKFORD[CROCKFORD.index(one[-1]) ^ 1]),
        "a check digit that is the value modulo 31": shown(by_value),
        "the first digit changed": shown(CROCKFORD[CROCKFORD.index(one[0]) ^ 1] + one[1:]),
        "neighbours that changed places": shown(one[1] + one[0] + one[2:]),
        "the last two that changed places": shown(one[:-2] + one[-1] + one[-2]),
        "two groups that changed places": shown(one[5:10] + one[:5] + one[10:]),
        "a digit too few": shown(one)[:-1],
        "a digit too many": shown(one) + "0",
        "a U": shown("U" + one[1:]),
        "an underscore": shown(one).replace("-", "_"),
        "another prefix": shown(one).replace("EPOCHLY", "EPOCHAL"),
        "the prefix twice": "EPOCHLY-" + shown(one),
        "full-width digits": "".join(
            chr(ord(each) + 0xFEE0) if each.isdigit() else each for each in shown(digits(0))
        ),
        "a letter that has another upper case": "\u0131" + one[1:],
    }
    pepper = sha256(b"epochly-pop-v1 vector: pepper").digest()
    mac = hmac.new(pepper, b"epochly-license-key-v1\0" + one.encode(), sha256).hexdigest()
    return {
        "made": [
            {"random_hex": f"{value:030x}", "shown": shown(digits(value)), "normal": digits(value)}
            for value in values
        ],
        "typed": [{"name": name, "typed": text, "normal": normal} for name, (text, normal) in typed.items()],
        "bad": [{"reason": reason, "typed": text} for reason, text in bad.items()],
        "mac": {"pepper_hex": pepper.hex(), "normal": one, "mac": mac},
    }


def page() -> str:
    """The whole file."""
    vectors = {
        "about": "Vectors for docs/spec/epochly-pop-v1.md, made by tools/write_vectors.py. Never use a key from here.",
        "keys": {
            name: {"seed_hex": key.seed.hex(), "pub": key.pub, "kid": key.kid} for name, key in KEYS.items()
        },
        "known": {
            "about": "whose keys a reader of each type knows; one of devices' also those in `small_order`, whose form is wrong all the same",
            **{typ: ["device", "other-device", "new-device"] for typ in DEVICE_TYPES},
            **{typ: ["signing", "retired", "revoked"] for typ in (LEASE, REFUSAL, RECEIPT)},
            KEYSET: ["root", "next-root"],
        },
        "errors": {
            "malformed": "its form, footer, type or claims",
            "key": "a key that is not known, or a `kid` that is not its `pub`'s",
            "signature": "a signature that does not verify",
        },
        "small_order": [
            {"name": name, "pub": b64u(bytes.fromhex(text))} for name, text in SMALL_ORDER.items()
        ],
        "request": {
            "about": "what the first proof is for",
            "method": "POST",
            "url": f"{ISS}/v1/license/validate",
            "body": BODY.decode(),
        },
        "good": good_tokens(),
        "bad": bad_tokens(),
        "device": {
            "about": "what a device knows when `keysets` and `leases` come to it",
            "iss": ISS,
            "kid": DEVICE.kid,
            "cn": random("cn"),
            "digest": DIGEST,
            "seq": 7,
            "keyset": token(KEYSET),
        },
        "keysets": keysets(),
        "leases": leases(),
        "lease_times": lease_times(),
        "sequences": sequences(),
        "canonical": canonical_forms(),
        "fingerprints": fingerprints(),
        "license_keys": license_keys(),
    }
    return json.dumps(vectors, indent=1) + "\n"


if __name__ == "__main__":
    raise SystemExit(written(FILE, page, __doc__, "write_vectors.py"))
