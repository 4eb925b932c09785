"""Keys of the rehearsal, what is signed with them, and where they come from.

`Sources` carries the three things that differ between runs: time, randomness and keys. With `seeded_sources` all three
are fixed, so that a rehearsal gives the same certificates and entries each time (RFC 6979 makes ECDSA repeatable).
Throwaway keys only: none is written anywhere but for the TLS server's.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

EcKey = ec.EllipticCurvePrivateKey
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256 (SEC 2, 2.4.2)


@dataclass(frozen=True, slots=True)
class Sources:
    """Time, randomness and keys.

    Attributes:
        clock: the time, with its zone.
        random_bytes: that many bytes nobody can guess; identifiers and tokens are made of them.
        new_key: a fresh P-256 key.
        new_rsa_key: a fresh RSA key of 2048 bits; only the OIDC issuer has one, because indexes accept RS256 alone.
    """

    clock: Callable[[], datetime]
    random_bytes: Callable[[int], bytes]
    new_key: Callable[[], EcKey]
    new_rsa_key: Callable[[], rsa.RSAPrivateKey]

    def serial(self) -> int:
        """A certificate's serial number: positive, 159 bits (RFC 5280, 4.1.2.2)."""
        return int.from_bytes(self.random_bytes(20)) >> 1 | 1


def live_sources(clock: Callable[[], datetime], random_bytes: Callable[[int], bytes]) -> Sources:
    """Fresh keys each time."""
    return Sources(clock, random_bytes, _fresh_key, _fresh_rsa_key)


def seeded_sources(clock: Callable[[], datetime], seed: bytes) -> Sources:
    """The same bytes and elliptic keys for the same seed. The RSA key is fresh once a process: it cannot be derived."""
    drawn = _Drawn(seed)

    def new_key() -> EcKey:
        return ec.derive_private_key(int.from_bytes(drawn.take(40)) % (_ORDER - 1) + 1, ec.SECP256R1())

    return Sources(clock, drawn.take, new_key, _once_a_process)


class _Drawn:
    """An endless row of bytes from a seed."""

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._count = 0

    def take(self, size_bytes: int) -> bytes:
        """The next `size_bytes` of the row."""
        self._count += 1
        return hashlib.shake_256(self._seed + self._count.to_bytes(8)).digest(size_bytes)


def _fresh_key() -> EcKey:
    return ec.generate_private_key(ec.SECP256R1())


def _fresh_rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def _once_a_process() -> rsa.RSAPrivateKey:
    return _fresh_rsa_key()


def sign(key: EcKey, data: bytes) -> bytes:
    """ECDSA with SHA-256 over `data`, the same each time."""
    return key.sign(data, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))


def spki(key: EcKey | PublicKeyTypes) -> bytes:
    """DER SubjectPublicKeyInfo of a key pair or public key."""
    public = key.public_key() if isinstance(key, EcKey) else key
    return public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def key_id(key: EcKey) -> bytes:
    """SHA-256 of the SubjectPublicKeyInfo: a log's id."""
    return hashlib.sha256(spki(key)).digest()


def public_pem(key: EcKey) -> str:
    """PEM of the public half."""
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def private_pem(key: EcKey) -> bytes:
    """PEM of the private half, unencrypted."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def b64(data: bytes) -> str:
    """Standard base64."""
    return base64.b64encode(data).decode()


def canonical_json(document: Any) -> bytes:
    """RFC 8785 for what log entries hold: texts, integers and ASCII member names."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
