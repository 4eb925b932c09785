"""Versions of clients compared, as far as their leading numbers go: enough to refuse those that are too old.

It refuses to guess: a version that cannot be read is too old wherever there is a least one.
"""

from __future__ import annotations

from functools import lru_cache


@lru_cache(maxsize=256)  # a fleet has few versions
def is_too_old(version: str, least: str) -> bool:
    """Whether a client's version is below `least`; a version that cannot be read is."""
    wanted = _numbers(least) or ()
    seen = _numbers(version)
    return any(wanted) and (seen is None or seen < wanted)


def _numbers(version: str) -> tuple[int, ...] | None:
    leading = []
    for part in version.split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits or len(digits) > 9:  # a number no release has
            break
        leading.append(int(digits))
        if digits != part:
            break
    if not leading:
        return None
    while leading[-1:] == [0]:  # 1.0 is 1
        leading.pop()
    return tuple(leading)
