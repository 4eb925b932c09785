"""PASETO v4.public envelopes of the specification, section 2: signed, read strictly, and bound to a type twice.

`read` does everything but the signature, because a proof's key is looked up by what it says; `Read.holds` does that. Nothing
may be believed of a token in between.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from epochly_service.encoding import B64U_16, B64U_32, b64u, is_small_order, unb64u

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

HEADER: Final = "v4.public."
PROOF, REKEY = "epochly-proof+v1", "epochly-rekey+v1"
LEASE, REFUSAL, RECEIPT, KEYSET = (
    "epochly-lease+v1",
    "epochly-refusal+v1",
    "epochly-receipt+v1",
    "epochly-keyset+v1",
)
MESSAGE_MAX_BYTES = 4_096
DEPTH_MAX = 16  # levels of nesting; our own values have 4, and a reader's stack is bounded
KEYSET_MAX_BYTES = 16_384
FOOTER_MAX_BYTES = 256
SIGNATURE_BYTES = 64
INT_MAX = 2**53 - 1
URL_MAX_CHARS = 512
NONCE_MAX_CHARS = 128  # section 3
METHODS = frozenset({"GET", "POST", "DELETE"})


class TokenError(ValueError):
    """A token is not what this place takes; the text says how, without the token."""


def _any(value: Any) -> bool:
    return isinstance(value, str)  # the type, which is compared before its form is looked at


def _method(value: Any) -> bool:
    return isinstance(value, str) and value in METHODS


def _url(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= URL_MAX_CHARS and _HTTPS.fullmatch(value) is not None


def _nonce(value: Any) -> bool:
    if not isinstance(value, str) or not 0 < len(value) <= NONCE_MAX_CHARS:
        return False
    try:
        return bool(unb64u(value))
    except ValueError:
        return False


def _version(value: Any) -> bool:
    return isinstance(value, str) and _VERSION.fullmatch(value) is not None


def _int(value: Any) -> bool:
    return type(value) is int  # its range is held for every int there is


def _key(value: Any) -> bool:
    return isinstance(value, str) and _BYTES_32.fullmatch(value) is not None


def _pub(value: Any) -> bool:
    return _key(value) and not is_small_order(unb64u(value))


def _random(value: Any) -> bool:
    return isinstance(value, str) and _BYTES_16.fullmatch(value) is not None


def _hex(value: Any) -> bool:
    return isinstance(value, str) and _HEX_32.fullmatch(value) is not None


_BYTES_16, _BYTES_32 = re.compile(B64U_16), re.compile(B64U_32)
_HEX_32 = re.compile("[0-9a-f]{64}")
_HTTPS = re.compile(r"https://[a-z0-9.:\[\]-]+(/[A-Za-z0-9._~-]+)+", re.ASCII)
_VERSION = re.compile(r"[0-9A-Za-z.+!_-]{1,64}", re.ASCII)

CLAIMS: dict[str, dict[str, Callable[[Any], bool]]] = {  # what the service reads; what it writes, others read
    PROOF: {
        "typ": _any,
        "kid": _key,
        "pub": _pub,
        "htm": _method,
        "htu": _url,
        "bdg": _hex,
        "nonce": _nonce,
        "cn": _random,
        "iat": _int,
        "jti": _random,
        "seq": _int,
        "cv": _version,
    },
    REKEY: {"typ": _any, "kid": _key, "pub": _pub, "old": _key, "nonce": _nonce, "iat": _int},
}
OPTIONAL = {PROOF: {"pub"}, REKEY: set[str]()}


@dataclass(frozen=True, slots=True)
class Read:
    """A token that has the right form, and nothing more: `claims` are what somebody says."""

    claims: Mapping[str, Any]
    _signed: bytes
    _signature: bytes

    def holds(self, pub: bytes) -> bool:
        """Whether the owner of a raw public key signed it."""
        try:
            _public(pub).verify(self._signature, self._signed)
        except InvalidSignature:
            return False
        return True


def sign(key: Ed25519PrivateKey, typ: str, claims: Mapping[str, Any], *, kid: str | None = None) -> str:
    """A token of type `typ`; `kid` of the key goes into the footer, but for devices."""
    message = canonical({"typ": typ, **claims})
    footer = b"" if kid is None else _footer(kid)
    signature = key.sign(_pae(HEADER.encode(), message, footer, typ.encode()))
    return HEADER + b64u(message + signature) + (f".{b64u(footer)}" if footer else "")


def read(token: str, typ: str) -> Read:
    """Take a device's token apart.

    Raises:
        TokenError: its form is not that of `typ`.
    """
    if not token.startswith(HEADER):
        raise TokenError("a token begins with `v4.public.`")
    body = token.removeprefix(HEADER)
    if len(body) > (MESSAGE_MAX_BYTES + SIGNATURE_BYTES) * 4 // 3 + 2:
        raise TokenError(f"its message is longer than {MESSAGE_MAX_BYTES} bytes")
    if "." in body:
        raise TokenError("a device's token has no footer")
    try:
        data = unb64u(body)
    except ValueError as error:
        raise TokenError(str(error)) from error
    message, signature = data[:-SIGNATURE_BYTES], data[-SIGNATURE_BYTES:]
    if len(message) > MESSAGE_MAX_BYTES or len(signature) != SIGNATURE_BYTES:
        raise TokenError("its length is not that of a message and a signature")
    claims = parse(message)
    wanted, optional = CLAIMS[typ], OPTIONAL[typ]
    if claims.get("typ") != typ:
        raise TokenError(f"its type is not `{typ}`")
    if not wanted.keys() - optional <= claims.keys() <= wanted.keys():
        raise TokenError("its claims are not those of its type")
    for name, value in claims.items():
        if not wanted[name](value):
            raise TokenError(f"its claim `{name}` has not the right form")
    return Read(claims, _pae(HEADER.encode(), message, b"", typ.encode()), signature)


def parse(data: bytes) -> dict[str, Any]:
    """The object of canonical JSON as section 1 has it.

    Raises:
        TokenError: it is not JSON, not canonical, not an object, or holds a float, null or an int out of range.
    """
    try:
        value = _DECODER.decode(data.decode())
    except (ValueError, RecursionError) as error:
        raise TokenError("it is not JSON with ints from 0 to 2^53-1 only") from error
    if not isinstance(value, dict):
        raise TokenError("it is not an object")
    if canonical(value) != data:  # a name that comes twice, a space, another order
        raise TokenError("it is not canonical")
    return value


def canonical(value: dict[str, Any]) -> bytes:
    """JCS of an object of section 1.

    Raises:
        TokenError: it holds what section 1 does not know, or text with half a surrogate pair.
    """
    _check(value, DEPTH_MAX)
    text = _ENCODER.encode(value)
    if text.isascii():  # the two agree then, in escapes and in the order of names, which JCS has by UTF-16
        return text.encode()
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise TokenError("it has no canonical form") from error


@lru_cache(maxsize=64)  # keys that sign here
def _footer(kid: str) -> bytes:
    return canonical({"kid": kid})


def _pae(*pieces: bytes) -> bytes:
    packed = len(pieces).to_bytes(8, "little")
    return packed + b"".join(len(piece).to_bytes(8, "little") + piece for piece in pieces)


@lru_cache(maxsize=4_096)  # keys; a device comes again and again
def _public(pub: bytes) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(pub)


def _refused(text: str) -> Any:
    raise ValueError(f"`{text[:20]}` is no int")


def _int_in_range(text: str) -> int:
    if len(text) > len(str(INT_MAX)) or not 0 <= int(text) <= INT_MAX:
        raise ValueError("an int is out of range")
    return int(text)


def _check(value: Any, depth: int) -> None:
    kind = type(value)
    if kind is str or kind is bool:
        return
    if kind is int:
        if not 0 <= value <= INT_MAX:
            raise TokenError("an int is out of range")
        return
    if kind is not dict and kind is not list:
        raise TokenError("it holds a null" if value is None else "it holds what no JSON of ours has")
    if not depth:
        raise TokenError(f"it is nested deeper than {DEPTH_MAX} levels")
    for inner in value.values() if kind is dict else value:
        _check(inner, depth - 1)


_DECODER = json.JSONDecoder(parse_float=_refused, parse_constant=_refused, parse_int=_int_in_range)
_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))
