"""Licence keys, section 10: made, read as people type them, and told apart by a MAC. The key itself is never kept."""

from __future__ import annotations

import hashlib
import hmac

DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base32
VALUES = {digit: value for value, digit in enumerate(DIGITS)}
LOOKALIKES = str.maketrans({"O": "0", "I": "1", "L": "1"})
PREFIX = "EPOCHLY"
RANDOM_BYTES = 15  # 120 bits, 24 digits
LENGTH = 25
MAX_TYPED_CHARS = 64  # more than any spacing needs


def make(random: bytes) -> str:
    """A licence key from 15 random bytes, as it is shown to its buyer."""
    if len(random) != RANDOM_BYTES:
        raise ValueError(f"a licence key is made of {RANDOM_BYTES} bytes, not {len(random)}")
    value = int.from_bytes(random, "big")
    digits = "".join(DIGITS[(value >> shift) & 31] for shift in range(115, -1, -5))
    digits += DIGITS[_remainder(digits + DIGITS[0])]
    return "-".join([PREFIX, *(digits[at : at + 5] for at in range(0, LENGTH, 5))])


def normal_form(typed: str) -> str | None:
    """The 25 digits of a key as somebody typed it; None where it is none, or a digit is wrong."""
    if len(typed) > MAX_TYPED_CHARS or not typed.isascii():
        return None
    text = typed.upper().replace("-", "").replace(" ", "")
    if (
        len(text) == len(PREFIX) + LENGTH
    ):  # digits alone may begin like the prefix, where an O was read for a 0
        text = text.removeprefix(PREFIX)
    text = text.translate(LOOKALIKES)
    if len(text) != LENGTH or not set(text) <= set(DIGITS):
        return None
    return None if _remainder(text) else text


def mac(pepper: bytes, normal: str) -> str:
    """Hex MAC of a key's normal form under a pepper."""
    message = b"epochly-license-key-v1\0" + normal.encode("ascii")
    return hmac.new(pepper, message, hashlib.sha256).hexdigest()


def _remainder(digits: str) -> int:
    """0 for a key; for one with 0 as its check digit, what that has to be. Finds a wrong digit and a swap: 2 has the order 31."""
    left = 0
    for digit in digits:
        left = (left << 1) ^ VALUES[digit]
        if left & 32:  # times x in GF(32), modulo x^5+x^2+1
            left ^= 0x25
    return left
