"""Times as people read them: UTC, to the minute. It refuses nothing: a number that no calendar has is told as one."""

from __future__ import annotations

from datetime import UTC, datetime

LAST = 253_402_300_799  # the last second of the year 9999


def minute(at: int) -> str:
    """Unix seconds as `2027-01-15 08:00 UTC`."""
    if not 0 <= at <= LAST:
        return f"second {at}"
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
