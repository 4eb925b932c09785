"""Public keys and signatures: one place that knows which key signs how.

ECDSA with the curve's usual hash, RSA PKCS#1 v1.5 with SHA-256, Ed25519: the algorithms of the Sigstore algorithm
registry that its public instances and managed keys use. Anything else is refused.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

if TYPE_CHECKING:
    PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey

_CURVE_HASHES: dict[str, hashes.HashAlgorithm] = {
    "secp256r1": hashes.SHA256(),
    "secp384r1": hashes.SHA384(),
    "secp521r1": hashes.SHA512(),
}
MIN_RSA_BITS = 2048  # bits; the registry's smallest


@lru_cache(maxsize=64)  # a trust root has a handful, and every signature asks for the same ones
def load_der_key(data: bytes) -> PublicKey | None:
    """A DER public key of a supported kind (SubjectPublicKeyInfo, or PKCS#1 for RSA), or `None`."""
    try:
        return supported(serialization.load_der_public_key(data))
    except (ValueError, UnsupportedAlgorithm):
        return None


def load_pem_key(data: bytes) -> PublicKey | None:
    """A PEM public key of a supported kind, or `None`."""
    try:
        return supported(serialization.load_pem_public_key(data))
    except (ValueError, UnsupportedAlgorithm):
        return None


def supported(key: object) -> PublicKey | None:
    """The key, when its kind and size are supported."""
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVE_HASHES:
        return key
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= MIN_RSA_BITS:
        return key
    if isinstance(key, ed25519.Ed25519PublicKey):
        return key
    return None


def spki(key: PublicKey) -> bytes:
    """The key's DER SubjectPublicKeyInfo."""
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def key_id(key: PublicKey) -> bytes:
    """SHA-256 of the key's SubjectPublicKeyInfo, as logs identify keys (RFC 6962)."""
    return hashlib.sha256(spki(key)).digest()


def verifies(
    key: PublicKey, signature: bytes, data: bytes, algorithm: hashes.HashAlgorithm | None = None
) -> bool:
    """Whether `signature` over `data` is the key's; `algorithm` overrides an elliptic curve's usual hash."""
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, data, ec.ECDSA(algorithm or _CURVE_HASHES[key.curve.name]))
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, data, padding.PKCS1v15(), hashes.SHA256())
        else:
            key.verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


def verifies_sha256(key: PublicKey, signature: bytes, digest: bytes) -> bool | None:
    """The same over data of which only the SHA-256 is known; `None` when the kind of key needs the data itself."""
    prehashed = utils.Prehashed(hashes.SHA256())
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, digest, ec.ECDSA(prehashed))
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, digest, padding.PKCS1v15(), prehashed)
        else:
            return None
    except (InvalidSignature, ValueError):
        return False
    return True
