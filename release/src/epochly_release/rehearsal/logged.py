"""What both generations of transparency log do before they log anything: check that the signature holds.

A log that took any bytes would still be honest about them, but Rekor refuses a signature that does not verify, and so
do these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes


class EntryError(ValueError):
    """The proposed entry is not one the log takes."""


def certificate_key(data: bytes) -> PublicKeyTypes:
    """The public key of a certificate, PEM or DER.

    Raises:
        EntryError: it is none.
    """
    try:
        pem = data.lstrip().startswith(b"-----")
        loaded = x509.load_pem_x509_certificate(data) if pem else x509.load_der_x509_certificate(data)
        return loaded.public_key()
    except ValueError as error:
        raise EntryError("invalid certificate") from error


def require_signature(key: PublicKeyTypes, signature: bytes, sha256: bytes) -> None:
    """The signature is this key's, over what has this digest.

    Raises:
        EntryError: it is not.
    """
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise EntryError("unsupported kind of key")
    try:
        key.verify(signature, sha256, ec.ECDSA(utils.Prehashed(hashes.SHA256())))
    except (InvalidSignature, ValueError) as error:
        raise EntryError("invalid signature when validating ASN.1 encoded signature") from error
