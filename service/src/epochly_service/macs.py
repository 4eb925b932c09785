"""HMAC-SHA256 (RFC 2104) under the few keys of a node: to begin one takes longer than a message, so each key's is begun once."""

from __future__ import annotations

import hmac
from functools import lru_cache


def mac(key: bytes, message: bytes) -> bytes:
    """The 32 bytes of a message under a key."""
    begun = _begun(key).copy()
    begun.update(message)
    return begun.digest()


@lru_cache(maxsize=16)  # versions of the pepper, nonce keys of this moment
def _begun(key: bytes) -> hmac.HMAC:
    return hmac.new(key, digestmod="sha256")
