"""Bytes that mean one thing: RFC 8785 (JCS) in the narrow form of epochly-pop v1, unpadded base64url, and key ids.

It refuses what two readers could read differently: floats, `null`, negative and huge ints, names that come twice, text
that is not Unicode, padding. Sections 1 and 2 of `docs/spec/epochly-pop-v1.md`.
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import TYPE_CHECKING, TypeAlias

import rfc8785

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import NoReturn, TypeGuard

Value: TypeAlias = "bool | int | str | list[Value] | dict[str, Value]"

MOST_INT = 2**53 - 1  # section 1: what every JSON reader holds exactly
MOST_DEPTH = 16  # levels of nesting; the deepest of our own values has 4, and a reader's stack is bounded
_P = 2**255 - 19  # the field of Ed25519
_Y8 = 2707385501144840649318225287225658788936804267575313519463743609750303402022  # of a point of order 8
_SMALL_ORDER_Y = frozenset({0, 1, _P - 1, _Y8, _P - _Y8})
_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*"?|[\[{]|[\]}]', re.DOTALL)
_B64U = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)


class CanonicalError(ValueError):
    """A value that has no canonical bytes, or bytes that are not the canonical ones of a value; says which rule."""


def canonical(value: Value) -> bytes:
    """`JCS(value)`. Raises `CanonicalError` for a value outside section 1, of whatever type it is."""
    _check(value, MOST_DEPTH)
    try:
        return rfc8785.dumps(value)
    except ValueError as error:  # the one thing left: half a surrogate pair, in a name or a text
        raise CanonicalError("text that is not Unicode") from error


def parsed(data: bytes) -> Value:
    """The value in JSON text, canonical or not; the caller bounds its length. Raises `CanonicalError`."""
    depth = 0
    for found in _BRACKETS.finditer(data):
        depth += {b"[": 1, b"{": 1, b"]": -1, b"}": -1}.get(found[0], 0)
        if depth > MOST_DEPTH:
            raise CanonicalError(f"nested deeper than {MOST_DEPTH} levels")
    try:
        value = json.loads(
            data.decode(),
            object_pairs_hook=_once,
            parse_int=_int,
            parse_float=_no_float,
            parse_constant=_no_float,
        )
    except CanonicalError:
        raise
    except ValueError as error:  # not UTF-8, not JSON
        raise CanonicalError("not JSON in UTF-8") from error
    _check(value, MOST_DEPTH)
    checked: Value = value
    return checked


def parsed_canonical(data: bytes) -> Value:
    """The value whose canonical bytes these are. Raises `CanonicalError`."""
    value = parsed(data)
    if canonical(value) != data:
        raise CanonicalError("not in canonical form (RFC 8785)")
    return value


def b64u(data: bytes) -> str:
    """Base64url without padding (RFC 4648, section 5)."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def from_b64u(text: str) -> bytes:
    """The bytes in unpadded base64url. Raises `CanonicalError` for text that those bytes would not give again."""
    if not _B64U.fullmatch(text) or len(text) % 4 == 1:
        raise CanonicalError("not base64url")
    data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if b64u(data) != text:
        raise CanonicalError("base64url with stray bits")
    return data


def kid_of(public_key: bytes) -> str:
    """The key id of a raw 32-byte Ed25519 public key: 43 characters."""
    return b64u(sha256(public_key).digest())


def is_small_order(public_key: bytes) -> bool:
    """Whether anybody can sign for a raw public key: one of the 8 points, in one of their 14 encodings (section 2)."""
    y = int.from_bytes(public_key, "little") & (2**255 - 1)  # the highest bit is the sign of x
    return y % _P in _SMALL_ORDER_Y


def is_kid(value: object) -> TypeGuard[str]:
    """Whether a value has the form of a key id."""
    try:
        return isinstance(value, str) and len(from_b64u(value)) == sha256().digest_size
    except CanonicalError:
        return False


def _check(value: object, depth: int) -> None:
    if isinstance(value, bool | str):
        return
    if isinstance(value, int):
        if not 0 <= value <= MOST_INT:
            raise CanonicalError("an int below 0 or above 2^53-1")
        return
    if not isinstance(value, list | dict):
        raise CanonicalError("`null`" if value is None else f"a {type(value).__name__}")
    if not depth:
        raise CanonicalError(f"nested deeper than {MOST_DEPTH} levels")
    if isinstance(value, dict) and not all(isinstance(name, str) for name in value):
        raise CanonicalError("a name that is not text")
    for inner in value.values() if isinstance(value, dict) else value:
        _check(inner, depth - 1)


def _once(pairs: list[tuple[str, Value]]) -> Mapping[str, Value]:
    names = dict(pairs)
    if len(names) != len(pairs):
        raise CanonicalError("a name that comes twice")
    return names


def _int(text: str) -> int:
    if text.startswith("-") or len(text) > len(str(MOST_INT)):
        raise CanonicalError("an int below 0 or above 2^53-1")
    return int(text)


def _no_float(_: str) -> NoReturn:
    raise CanonicalError("a float")
