"""The fingerprint: one SHA-256 digest of what identifies a machine, and the local judgement whether it is still the same.

Only the digest is sent. It is made once, at enrolment, from an identifier of at least 112 random bits; what else the machine
looks like stays here, as salted HMACs, and decides by weight whether the digest enrolled is still this machine's. It refuses
hardware addresses, serial numbers and everything that changes at a reboot. It deters copying and protects nobody from a liar:
identity is the device's key. Section 8 of `docs/spec/epochly-pop-v1.md`; RFC 2104, FIPS 180-4; Unicode Annex 15.
"""

from __future__ import annotations

import hmac
import re
import unicodedata
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from epochly.licensing.canonical import CanonicalError, canonical, parsed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from epochly.licensing.canonical import Value

    Kind = Literal["machine", "node-id", "install"]

DOMAIN, ANCHOR_DOMAIN, NODE_DOMAIN = b"epochly/fp/v1", b"epochly:device:v1", b"epochly/node/v1"
ANCHOR = "anchor"
HINTS = ("board-name", "board-vendor", "cpu-model", "cpu-vendor", "root-filesystem")
WEIGHT_OF_ANCHOR = 3  # of 8: with it, two of the five hints are enough; without it, all five are needed
FULL, THRESHOLD = WEIGHT_OF_ANCHOR + len(HINTS), 5
FEWEST_DIGITS = 28  # hexadecimal digits: 112 bits
FEWEST_DISTINCT = 8  # of 16 digits; 32 random ones have fewer with a probability below 1e-6
LONGEST_RUN = 7  # times the same digit; 32 random ones have more with a probability below 1e-7
PLACEHOLDERS = (
    frozenset(  # what passes the other rules; words such as `uninitialized` are no hexadecimal digits anyway
        {
            "03000200040005000006000700080009",  # boards that nobody gave a number
            "00020003000400050006000700080009",
            "12345678123412341234123456789abc",
        }
    )
)
_UUID = re.compile(
    r"\{?[0-9a-f]{8}-[0-9a-f]{4}-([0-9a-f])[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\}?", re.IGNORECASE
)
_HEX64 = re.compile(r"[0-9a-f]{64}")
_NODE_ID_LENGTH = 256  # characters of `EPOCHLY_NODE_ID`


@dataclass(frozen=True, slots=True)
class Anchor:
    """The identifier, canonical, and where it is from: the machine, `EPOCHLY_NODE_ID`, or this installation's own."""

    text: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What was true when the digest was made: a MAC for each attribute, under a salt that is only here."""

    digest: str
    kind: Kind
    salt: bytes
    macs: Mapping[str, str]


def canonical_text(text: str) -> str:
    """NFC, stripped, lower case; hyphens and braces of a UUID go."""
    plain = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).strip().lower())
    return plain.strip("{}").replace("-", "") if _UUID.fullmatch(plain) else plain


def as_bytes(text: str) -> bytes:
    """UTF-8, also of what a variable holds that is none: `anchor_of` refuses that, and until then nothing fails."""
    return text.encode("utf-8", "surrogatepass")


def anchor_in(text: str | None) -> str | None:
    """The canonical identifier in what the system says, or None where it is a placeholder or has under 112 random bits."""
    if text is None:
        return None
    plain = canonical_text(text)
    uuid = _UUID.fullmatch(unicodedata.normalize("NFC", text).strip())
    if plain in PLACEHOLDERS or len(plain) < FEWEST_DIGITS or not re.fullmatch(r"[0-9a-f]+", plain):
        return None
    if uuid is not None and uuid[1] in "0126":  # made of a clock and a hardware address, or of nothing
        return None
    if len(set(plain)) < FEWEST_DISTINCT or re.search(r"(.)\1{%d}" % LONGEST_RUN, plain):  # noqa: UP031 - braces
        return None
    if re.fullmatch(r"(.{1,16}?)\1+", plain):  # a pattern, repeated
        return None
    return plain


def anchor_of(node_id: str, machine_id: str | None, install_id: str) -> Anchor:
    """The anchor: `EPOCHLY_NODE_ID` where it is set, the machine's where it has one, or else the installation's.

    Raises `ValueError` for an `EPOCHLY_NODE_ID` that is no line of text.
    """
    given = canonical_text(node_id)
    if given:
        if len(given) > _NODE_ID_LENGTH or not given.isprintable():
            raise ValueError(
                f"`EPOCHLY_NODE_ID` is no line of at most {_NODE_ID_LENGTH} characters; hint: give each node a short name"
            )
        return Anchor(given, "node-id")
    found = anchor_in(machine_id)
    return Anchor(install_id, "install") if found is None else Anchor(found, "machine")


def digest_of(anchor: str, system: str, machine: str) -> str:
    """The fingerprint: 64 hexadecimal digits. `system` and `machine` as `platform_names` gives them."""
    mac = hmac.new(anchor.encode(), ANCHOR_DOMAIN, sha256).hexdigest()
    told = canonical({"v": 1, "anchor": mac, "os": system, "arch": machine})
    return sha256(DOMAIN + b"\0" + told).hexdigest()


def platform_names(system: str, machine: str) -> tuple[str, str]:
    """`sys.platform` and `platform.machine()` as the specification spells them."""
    name = "windows" if system == "win32" else "linux" if system.startswith("linux") else system
    plain = machine.strip().lower()
    return name, {"amd64": "x86_64", "arm64": "aarch64"}.get(plain, plain)


def node_id_of(node_id: str) -> str:
    """A UUID of version 4's form, derived from `EPOCHLY_NODE_ID`."""
    return made_uuid(sha256(NODE_DOMAIN + b"\0" + as_bytes(canonical_text(node_id))).digest()[:16])


def made_uuid(random: bytes) -> str:
    """A UUID of version 4 from 16 random bytes (RFC 9562, section 5.4)."""
    return str(UUID(bytes=random, version=4))


def enrolled(anchor: Anchor, digest: str, attributes: Mapping[str, str], salt: bytes) -> Enrolment:
    """Remember the machine; `salt` is 32 random bytes. Attributes that are no hints are left out."""
    seen = _weighed(anchor, attributes)
    return Enrolment(
        digest, anchor.kind, salt, {name: _mac(salt, name, value) for name, value in seen.items()}
    )


def weight(enrolment: Enrolment, anchor: Anchor, attributes: Mapping[str, str]) -> tuple[int, int]:
    """How much of what was enrolled is still so, and how much of it has to be: (matching, needed), of 8 at most.

    What was missing at enrolment is not asked for: the need shrinks with what there was.
    """
    seen = _weighed(anchor, attributes)
    there = sum(_weight(name) for name in enrolment.macs)
    same = sum(
        _weight(name)
        for name, mac in enrolment.macs.items()
        if name in seen and hmac.compare_digest(_mac(enrolment.salt, name, seen[name]), mac)
    )
    return same, -(-THRESHOLD * there // FULL)


def still_the_same(enrolment: Enrolment, anchor: Anchor, attributes: Mapping[str, str]) -> bool:
    """Whether the digest that was enrolled is still this machine's. A node that was named is the one of that name."""
    same, needed = weight(enrolment, anchor, attributes)
    if "node-id" in (enrolment.kind, anchor.kind):
        mac = _mac(enrolment.salt, ANCHOR, anchor.text)
        return enrolment.kind == anchor.kind and hmac.compare_digest(mac, enrolment.macs.get(ANCHOR, ""))
    return same >= needed


def written(enrolment: Enrolment) -> bytes:
    """An enrolment as it is kept."""
    macs: dict[str, Value] = dict(enrolment.macs)
    return canonical(
        {
            "v": 1,
            "digest": enrolment.digest,
            "kind": enrolment.kind,
            "salt": enrolment.salt.hex(),
            "macs": macs,
        }
    )


def read(data: bytes) -> Enrolment:
    """An enrolment from what was kept. Raises `CanonicalError` for anything else."""
    value = parsed(data)
    if not isinstance(value, dict) or value.keys() != {"v", "digest", "kind", "salt", "macs"}:
        raise CanonicalError("not the members of an enrolment")
    digest, kind, salt, macs = value["digest"], value["kind"], value["salt"], value["macs"]
    texts = (digest, salt, *(macs.values() if isinstance(macs, dict) else [None]))
    if value["v"] != 1 or value["v"] is True:
        raise CanonicalError("an enrolment of another version")
    if (
        not isinstance(macs, dict)
        or not macs.keys() <= {ANCHOR, *HINTS}
        or not all(isinstance(text, str) and _HEX64.fullmatch(text) for text in texts)
    ):
        raise CanonicalError("no enrolment")
    for known in ("machine", "node-id", "install"):
        if kind == known:
            return Enrolment(
                str(digest),
                known,
                bytes.fromhex(str(salt)),
                {name: str(mac) for name, mac in macs.items()},
            )
    raise CanonicalError("an enrolment of no kind there is")


def _weighed(anchor: Anchor, attributes: Mapping[str, str]) -> dict[str, str]:
    seen = {name: canonical_text(value) for name, value in attributes.items() if name in HINTS}
    return {name: value for name, value in seen.items() if value} | {ANCHOR: anchor.text}


def _weight(name: str) -> int:
    return WEIGHT_OF_ANCHOR if name == ANCHOR else 1


def _mac(salt: bytes, name: str, value: str) -> str:
    return hmac.new(salt, f"{name}\0{value}".encode(), sha256).hexdigest()
