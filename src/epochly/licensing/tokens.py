"""The envelope of epochly-pop v1: PASETO version 4 public tokens, each bound to its type, and nothing else.

There is no algorithm to choose, so none to confuse. A reader refuses before it believes: sizes, then form, then the key,
then the signature, and only then what is said. Section 2 of `docs/spec/epochly-pop-v1.md`; the PASETO specification.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from epochly.licensing.canonical import (
    CanonicalError,
    b64u,
    canonical,
    from_b64u,
    is_kid,
    parsed_canonical,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from epochly.licensing.canonical import Value

    Code = Literal["malformed", "key", "signature"]
    KeyFinder = Callable[[str], bytes | None]  # kid -> raw 32-byte public key, None where it is unknown

PROOF = "epochly-proof+v1"
REKEY = "epochly-rekey+v1"
LEASE = "epochly-lease+v1"
REFUSAL = "epochly-refusal+v1"
RECEIPT = "epochly-receipt+v1"
KEYSET = "epochly-keyset+v1"
OF_A_DEVICE = frozenset({PROOF, REKEY})  # these have no footer: their `kid` is a claim
TYPES = OF_A_DEVICE | {LEASE, REFUSAL, RECEIPT, KEYSET}

MOST_BYTES = 4_096  # bytes of a payload; a lease has about 700
MOST_KEYSET_BYTES = 16_384  # bytes; 32 keys of 190 each and room
MOST_FOOTER_BYTES = 256  # bytes; `{"kid": ...}` has 53
_HEADER = "v4.public."
_SIGNATURE_BYTES = 64


class TokenError(ValueError):
    """A text that is no token of the specification: `code` says which part is wrong, `what` says it in words.

    `malformed`: its form or its claims. `key`: nobody here knows the key it names. `signature`: it does not verify.
    """

    def __init__(self, code: Code, what: str) -> None:
        super().__init__(what)
        self.code: Code = code
        self.what = what


def mint(
    typ: str, claims: Mapping[str, Value], private_key: Ed25519PrivateKey, kid: str | None = None
) -> str:
    """A token of type `typ` over `claims`, to which `typ` is added; `kid` goes into the footer, devices give none.

    Raises `CanonicalError` for claims outside section 1, `ValueError` for a type or footer that the type has not.
    """
    if typ not in TYPES or (kid is None) is not (typ in OF_A_DEVICE) or claims.get("typ", typ) != typ:
        raise ValueError(f"`{typ}` with `kid` {kid!r} is no token of epochly-pop v1")
    footer = b"" if kid is None else canonical({"kid": kid})
    message = canonical({**claims, "typ": typ})
    if len(message) > most_bytes(typ):
        raise CanonicalError(f"a payload of more than {most_bytes(typ)} bytes")
    return sealed(message, footer, typ.encode(), private_key)


def read(typ: str, token: str, public_key_for_kid: KeyFinder) -> dict[str, Value]:
    """The claims of a token that is expected to be of type `typ`, its signature verified. Raises `TokenError`.

    What its claims have to be besides `typ` is in `epochly.licensing.claims`.
    """
    message, signature, footer = parts(token, most_bytes(typ))
    try:
        claims = parsed_canonical(message)
        names = parsed_canonical(footer) if footer else {}
    except CanonicalError as error:
        raise TokenError("malformed", f"it holds {error}") from error
    if not isinstance(claims, dict):
        raise TokenError("malformed", "its payload is no object")
    if claims.get("typ") != typ:
        raise TokenError("malformed", f"its `typ` is not `{typ}`")
    if not isinstance(names, dict) or set(names) != (set() if typ in OF_A_DEVICE else {"kid"}):
        raise TokenError("malformed", "its footer is not that of its type")
    kid = claims.get("kid") if typ in OF_A_DEVICE else names["kid"]
    if not is_kid(kid):
        raise TokenError("malformed", "the `kid` it names is none")
    public_key = public_key_for_kid(kid)
    if public_key is None:
        raise TokenError("key", "the key it names is not known")
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(
            signature, pae(_HEADER.encode(), message, footer, typ.encode())
        )
    except InvalidSignature as error:
        raise TokenError("signature", "its signature does not verify") from error
    return claims


def most_bytes(typ: str) -> int:
    """How long the payload of a token of this type may be, in bytes."""
    return MOST_KEYSET_BYTES if typ == KEYSET else MOST_BYTES


def parts(token: str, most: int) -> tuple[bytes, bytes, bytes]:
    """Payload of at most `most` bytes, signature and footer of a token's text. Raises `TokenError`."""
    if len(token) > len(_HEADER) + 2 * (most + _SIGNATURE_BYTES + MOST_FOOTER_BYTES):
        raise TokenError("malformed", "it is too long")
    if not token.startswith(_HEADER):
        raise TokenError("malformed", f"it does not begin with `{_HEADER}`")
    body, dot, tail = token.removeprefix(_HEADER).partition(".")
    try:
        sealed_, footer = from_b64u(body), from_b64u(tail)
    except CanonicalError as error:
        raise TokenError("malformed", f"it is {error}") from error
    message, signature = sealed_[:-_SIGNATURE_BYTES], sealed_[-_SIGNATURE_BYTES:]
    if not message or len(message) > most or len(footer) > MOST_FOOTER_BYTES or (dot and not footer):
        raise TokenError("malformed", "a part of it is missing or too long")
    return message, signature, footer


def sealed(message: bytes, footer: bytes, implicit: bytes, private_key: Ed25519PrivateKey) -> str:
    """The text of a PASETO v4.public token over any message."""
    signature = private_key.sign(pae(_HEADER.encode(), message, footer, implicit))
    return _HEADER + b64u(message + signature) + ("." + b64u(footer) if footer else "")


def pae(*pieces: bytes) -> bytes:
    """Pre-authentication encoding of the PASETO specification: no two lists of pieces give the same bytes."""
    return b"".join([_le64(len(pieces)), *(_le64(len(piece)) + piece for piece in pieces)])


def _le64(number: int) -> bytes:
    return number.to_bytes(8, "little")
