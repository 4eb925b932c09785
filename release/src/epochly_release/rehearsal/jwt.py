"""JSON Web Tokens of one kind, RS256 (RFC 7515, RFC 7519): write them, read them strictly, at a given time.

Only RS256 is read whatever the header says, so neither `none` nor a key of another kind can slip in. Reading follows
what the index asks for: `iss`, `iat`, `exp` and `aud` present, exactly one audience, thirty seconds of leeway.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from epochly_release.rehearsal.reply import json_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric import rsa

LEEWAY_S = 30  # seconds of clock difference, as the index allows
_REQUIRED = ("iss", "iat", "exp", "aud")


class TokenError(ValueError):
    """The token cannot be relied on; the text says why."""


def url64(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def encode(claims: Mapping[str, Any], key: rsa.RSAPrivateKey, kid: str) -> str:
    """A signed token."""
    header = {"alg": "RS256", "kid": kid, "typ": "JWT"}
    signed = f"{url64(json.dumps(header).encode())}.{url64(json.dumps(dict(claims)).encode())}"
    return f"{signed}.{url64(key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def unverified_claims(token: str) -> dict[str, Any]:
    """What a token says, whoever wrote it.

    Raises:
        TokenError: it is no token.
    """
    parts = token.split(".")
    claims = json_object(_decode(parts[1])) if len(parts) == 3 else None
    if claims is None:
        raise TokenError("malformed JWT")
    return claims


def verify(
    token: str, keys: Mapping[str, rsa.RSAPublicKey], *, issuer: str, audience: str, now: datetime
) -> dict[str, Any]:
    """The claims of a token this issuer signed for this audience, in force now.

    Raises:
        TokenError: otherwise.
    """
    claims = unverified_claims(token)
    signed, _, signature = token.rpartition(".")
    header = json_object(_decode(signed.partition(".")[0])) or {}
    key = keys.get(str(header.get("kid")))
    if header.get("alg") != "RS256" or key is None:
        raise TokenError("unknown algorithm or key")
    try:
        key.verify(_decode(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature as error:
        raise TokenError("signature is wrong") from error
    missing = [name for name in _REQUIRED if name not in claims]
    if missing:
        raise TokenError(f"claim {missing[0]!r} is missing")
    if claims["iss"] != issuer or claims["aud"] != audience:
        raise TokenError("issuer or audience is another one")
    seconds = now.timestamp()
    times = [claims.get(name, seconds) for name in ("iat", "nbf", "exp")]
    if not all(isinstance(value, int | float) for value in times):
        raise TokenError("a time is no number")
    issued, not_before, expires = times
    if max(issued, not_before) > seconds + LEEWAY_S:
        raise TokenError("not yet valid")
    if expires <= seconds - LEEWAY_S:
        raise TokenError("expired")
    return claims


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise TokenError("malformed JWT") from error
