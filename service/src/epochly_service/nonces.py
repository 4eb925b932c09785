"""Server nonces, section 3: made without storing anything, so that asking for many of them fills nothing."""

from __future__ import annotations

import hashlib
import hmac
from enum import Enum
from typing import TYPE_CHECKING

from epochly_service.encoding import b64u, unb64u
from epochly_service.macs import mac
from epochly_service.settings import NONCE_TTL_S

if TYPE_CHECKING:
    from collections.abc import Mapping

RANDOM_BYTES = 16
MAC_BYTES = 16
SIZE_BYTES = 1 + 8 + RANDOM_BYTES + MAC_BYTES
MAX_CHARS = 128


class NonceState(Enum):
    """What a nonce is worth."""

    GOOD = "good"
    FOREIGN = "foreign"  # not made here, or under a key that is gone
    EXPIRED = "expired"


def make(keys: Mapping[int, bytes], now: int, random: bytes) -> str:
    """A nonce from 16 random bytes, good from `now` on."""
    if len(random) != RANDOM_BYTES:
        raise ValueError(f"a nonce is made of {RANDOM_BYTES} random bytes, not {len(random)}")
    version = max(keys)
    head = version.to_bytes(1, "big") + now.to_bytes(8, "big") + random
    return b64u(head + _mac(keys[version], head))


def judge(keys: Mapping[int, bytes], nonce: str, now: int) -> NonceState:
    """Whether a nonce was made here and is young enough by the server's clock; never raises."""
    try:
        data = unb64u(nonce) if len(nonce) <= MAX_CHARS else b""
    except ValueError:
        return NonceState.FOREIGN
    if len(data) != SIZE_BYTES or data[0] not in keys:
        return NonceState.FOREIGN
    head, said = data[:-MAC_BYTES], data[-MAC_BYTES:]
    if not hmac.compare_digest(said, _mac(keys[data[0]], head)):
        return NonceState.FOREIGN
    made = int.from_bytes(head[1:9], "big")
    # another node's clock may be ahead by as much as it may be behind
    return NonceState.GOOD if abs(now - made) < NONCE_TTL_S else NonceState.EXPIRED


def spent(nonce: str, kid: str) -> str:
    """What is kept of a nonce that a key has used: hex SHA-256(nonce || kid)."""
    return hashlib.sha256((nonce + kid).encode()).hexdigest()


def _mac(key: bytes, head: bytes) -> bytes:
    return mac(key, b"epochly-nonce-v1" + head)[:MAC_BYTES]
