"""Operators' passwords: scrypt with a salt each, checked in the same time whether or not there is such an operator.

Stored as `scrypt$N$r$p$SALT$HASH`, base64url; a hash with weaker numbers than today's is made anew at the next login.
"""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from typing import TYPE_CHECKING

from epochly_service.encoding import b64u, unb64u
from epochly_service.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable

N, R, P = 2**15, 8, 3  # OWASP's least for scrypt; 32 MiB and about 0.3 s here
MEMORY_BYTES = 64 * 1024 * 1024
SALT_BYTES, HASH_BYTES = 16, 32
LEAST_CHARS, MOST_CHARS = 12, 256  # NIST SP 800-63B asks for 8 and for no rules; these doors lead to licences


def make_hash(password: str, rng: Callable[[int], bytes], *, n: int = N) -> str:
    """What is stored of a password.

    Raises:
        ServiceError: it is too short or too long.
    """
    if not LEAST_CHARS <= len(password) <= MOST_CHARS:
        raise ServiceError(
            "password",
            "password",
            f"it has {len(password)} characters",
            f"{LEAST_CHARS} to {MOST_CHARS}, of any kind",
        )
    salt = rng(SALT_BYTES)
    return f"scrypt${n}${R}${P}${b64u(salt)}${b64u(_scrypt(password, salt, n, R, P))}"


def matches(password: str, stored: str) -> bool:
    """Whether a password is the one of a stored hash; False for any text that is none."""
    if len(password) > MOST_CHARS:
        return False
    try:
        kind, n, r, p, salt, expected = stored.split("$")
        if kind != "scrypt" or not (int(n) <= N and int(r) <= R and int(p) <= P):
            return False
        found = _scrypt(password, unb64u(salt), int(n), int(r), int(p))
        return hmac.compare_digest(found, unb64u(expected))
    except ValueError:
        return False


def is_outdated(stored: str) -> bool:
    """Whether a hash was made with other numbers than today's."""
    return not stored.startswith(f"scrypt${N}${R}${P}$")


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    data = unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
    return hashlib.scrypt(data, salt=salt, n=n, r=r, p=p, maxmem=MEMORY_BYTES, dklen=HASH_BYTES)
