"""Licence keys as people type them: the normal form, or None where a digit is wrong, before anybody is asked.

It refuses to say which digit. Section 10 of `docs/spec/epochly-pop-v1.md`; Crockford's base 32.
"""

from __future__ import annotations

DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
PREFIX, LENGTH, GROUP = "EPOCHLY", 25, 5
MODULUS = 0b100101  # x^5+x^2+1, over which digits are the elements of GF(32)
MOST_TYPED = 100  # characters; with spaces between all digits a key has about 60
_SAME = str.maketrans("OIL", "011")


def normal(typed: str) -> str | None:
    """The 25 digits of a key, or None for what is no key."""
    if len(typed) > MOST_TYPED or not typed.isascii():
        return None
    text = "".join(typed.upper().split()).replace("-", "")
    if len(text) == len(PREFIX) + LENGTH:  # so that digits that begin like the prefix are digits
        text = text.removeprefix(PREFIX)
    text = text.translate(_SAME)
    if len(text) != LENGTH or not set(text) <= set(DIGITS):
        return None
    check = 0
    for digit in text:
        check = 2 * check ^ DIGITS.index(digit)
        check = min(check, check ^ MODULUS)  # which of the two is below 32
    return None if check else text


def shown(key: str) -> str:
    """A normal form as it is written."""
    return "-".join([PREFIX, *(key[at : at + GROUP] for at in range(0, LENGTH, GROUP))])
