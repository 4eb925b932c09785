"""The public roots that clients pin, as files, and what a keyset says when one of them signed it.

    root-key/root.pub.pem   the current root's public key, and the next one's behind it, where there is one

A client takes a keyset by either, so that a root can be changed: the next one is handed out with the current one long before
it is used.
"""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from epochly_service import secret_files, tokens
from epochly_service.encoding import kid, unb64u
from epochly_service.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Sequence

PINS = os.path.join(secret_files.ROOT, "root.pub.pem")
PINS_MAX = 2
PEM = re.compile(rb"-----BEGIN PUBLIC KEY-----.+?-----END PUBLIC KEY-----\n?", re.DOTALL)


def parse_roots(data: bytes, where: str) -> list[Ed25519PublicKey]:
    """One or two public keys from PEM.

    Raises:
        ServiceError: it holds none, more than two, or one that is not Ed25519.
    """
    try:
        found = [load_pem_public_key(part) for part in PEM.findall(data)]
    except ValueError as error:
        raise ServiceError(
            "root-file", where, "it holds no public key in PEM", "restore it from a backup"
        ) from error
    roots = [key for key in found if isinstance(key, Ed25519PublicKey)]
    if len(roots) != len(found) or not 1 <= len(roots) <= PINS_MAX:
        raise ServiceError(
            "root-file",
            where,
            f"it holds {len(found)} keys, not one or two of Ed25519",
            "restore it from a backup",
        )
    return roots


def read_roots(data: str) -> list[Ed25519PublicKey]:
    """The roots of a data folder, the current one first.

    Raises:
        ServiceError: the file is missing or holds something else.
    """
    path = os.path.join(data, PINS)
    return parse_roots(secret_files.read_private(path), path)


def root_id(root: Ed25519PublicKey) -> str:
    """The kid of a root."""
    return kid(root.public_bytes(Encoding.Raw, PublicFormat.Raw))


def verify_keyset(token: str, roots: Sequence[Ed25519PublicKey]) -> dict[str, Any]:
    """The claims of a keyset that one of `roots` signed.

    Raises:
        ServiceError: none of them did, or it is no keyset.
    """
    parts = token.removeprefix(tokens.HEADER).split(".")
    try:
        if not token.startswith(tokens.HEADER) or len(parts) != 2:
            raise ValueError("it is no token with a footer")
        data, footer = unb64u(parts[0]), unb64u(parts[1])
        message, signature = data[: -tokens.SIGNATURE_BYTES], data[-tokens.SIGNATURE_BYTES :]
        signer = json.loads(footer)["kid"]
        root = next(one for one in roots if root_id(one) == signer)
        root.verify(signature, _pae(tokens.HEADER.encode(), message, footer, tokens.KEYSET.encode()))
        claims = tokens.parse(message)
        if claims.get("typ") != tokens.KEYSET:
            raise ValueError("it is of another type")
    except StopIteration:
        raise ServiceError(
            "keyset", "keyset", "no root that clients pin signed it", "`admin keys keyset --publish`"
        ) from None
    except (ValueError, KeyError, TypeError, InvalidSignature, RecursionError) as error:
        raise ServiceError(
            "keyset", "keyset", f"it does not hold: {error}", "`admin keys keyset --publish`"
        ) from error
    return claims


def _pae(*pieces: bytes) -> bytes:
    return len(pieces).to_bytes(8, "little") + b"".join(
        len(one).to_bytes(8, "little") + one for one in pieces
    )
