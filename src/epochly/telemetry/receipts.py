"""Receipts: whether the service's word that it received a batch is real. Fails closed: what does not verify is no receipt.

The envelope, keysets and roots are those of licences. Sections 3 and 4 of `docs/spec/epochly-telemetry-v1.md`; RFC 6962, section 2.1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from epochly.licensing import tokens
from epochly.licensing.acceptance import NotAccepted, Who, accepted_keyset
from epochly.telemetry.batch import DAY_S, digest_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from epochly.licensing.canonical import Value
    from epochly.licensing.claims import Key, Keyset

RECEIPT, ROOT = "epochly-telemetry-receipt+v1", "epochly-telemetry-root+v1"
MOST_DEPTH = 64  # of a tree; as many as a size can have digits
_HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Service:
    """Whose word is asked for: its base URL, and its root keys by their ids."""

    base: str
    roots: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Root:
    """The head of a day's tree, by the service's word."""

    day: int
    size: int
    root: str


def accepted_receipt(service: Service, keyset: str, known: str, receipt: str, body: bytes) -> int:
    """The day on which the service received these bytes. Raises `NotAccepted`.

    `keyset` is the token that came with the receipt, `known` the one before it, or empty.
    """
    claims = _claims(service, (keyset, known, receipt), RECEIPT, {"sha256", "accepted", "dropped"})
    if claims["sha256"] != digest_of(body):
        raise NotAccepted("is for other bytes")
    if not _numbers(claims["accepted"], claims["dropped"]):
        raise NotAccepted("does not say how much was accepted")
    return int(str(claims["day"]))


def fault(service: Service, keyset: str, known: str, receipt: str, body: bytes) -> str:
    """What is wrong with a receipt, in words; empty where `accepted_receipt` takes it."""
    try:
        accepted_receipt(service, keyset, known, receipt, body)
    except NotAccepted as error:
        return str(error)
    return ""


def accepted_root(service: Service, keyset: str, known: str, token: str, day: int) -> Root:
    """The head of the tree of a day. Raises `NotAccepted`."""
    claims = _claims(service, (keyset, known, token), ROOT, {"size", "root"})
    size, root = claims["size"], claims["root"]
    if (
        claims["day"] != day
        or not isinstance(size, int)
        or size < 1
        or not isinstance(root, str)
        or not _HEX.fullmatch(root)
    ):
        raise NotAccepted("is of another day, or of another form")
    return Root(day, size, root)


def is_in(root: Root, body: bytes, index: int, path: Sequence[str]) -> bool:
    """Whether a batch is leaf `index` of a day's tree, by its audit path."""
    return is_leaf(root, sha256(body).digest(), index, path)


def is_leaf(root: Root, data: bytes, index: int, path: Sequence[str]) -> bool:
    """The same of a leaf's data (RFC 6962, section 2.1.1; RFC 9162, section 2.1.3.2)."""
    if not 0 <= index < root.size or len(path) > MOST_DEPTH or not all(map(_HEX.fullmatch, path)):
        return False
    node, last = index, root.size - 1
    found = sha256(b"\0" + data).digest()
    for text in path:
        other = bytes.fromhex(text)
        if last == 0:
            return False
        if node & 1 or node == last:
            found = sha256(b"\1" + other + found).digest()
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            found = sha256(b"\1" + found + other).digest()
        node, last = node >> 1, last >> 1
    return last == 0 and found.hex() == root.root


def _claims(service: Service, given: tuple[str, str, str], typ: str, names: set[str]) -> dict[str, Value]:
    keyset, known, token = given
    keys = accepted_keyset(Who(service.base, service.roots, "", ""), keyset, known)
    used: list[Key] = []
    try:
        claims = tokens.read(typ, token, lambda kid: _key(keys, kid, used))
    except tokens.TokenError as error:
        raise NotAccepted(f"is refused: {error.what}", unknown_key=error.code == "key") from None
    if claims.keys() != {"typ", "iss", "day"} | names or not _numbers(claims["day"]):
        raise NotAccepted("has not the claims of its type")
    if claims["iss"] != service.base:
        raise NotAccepted("is by another service")
    begin = int(str(claims["day"])) * DAY_S
    if not (used[0].nbf < begin + DAY_S and begin < used[0].exp):
        raise NotAccepted("is signed by a key that was not in use on that day")
    return claims


def _key(keys: Keyset, kid: str, used: list[Key]) -> bytes | None:
    for key in keys.keys:
        if key.kid == kid and key.status != "revoked":
            used.append(key)
            return key.public_key
    return None


def _numbers(*values: Value) -> bool:
    return all(type(value) is int and value >= 0 for value in values)
