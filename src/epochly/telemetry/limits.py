"""When the next batch may go out: pure functions over what an installation remembers of those before.

It refuses to trust a clock: one that was ahead closes nothing for longer than a day. Section 6 of `docs/spec/epochly-telemetry-v1.md`.
"""

from __future__ import annotations

from epochly.telemetry.batch import DAY_S

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from dataclasses import dataclass
    from typing import Any
else:
    from epochly._records import dataclass

FIRST_S = EVERY_S = (
    60  # seconds between two batches, and before the first; up to half as long again at random
)
MOST_A_DAY = 50
MOST_FAILURES = 3
CLOSED_S = 6 * 3_600
MOST_RETRY_AFTER_S = DAY_S
_DIGITS = 12
MOST_WAITING_BYTES, MOST_WAITING_S = 1_048_576, 7 * DAY_S  # on disk


@dataclass(frozen=True, slots=True)
class Sendings:
    """What is remembered: batches sent on `day`, the earliest time of the next, failures in a row, the log's last hash."""

    day: int = 0
    sent: int = 0
    next_at: int = 0
    failures: int = 0
    head: str = ""

    def members(self) -> dict[str, Any]:
        """As it is kept."""
        return {"v": 1, **{name: getattr(self, name) for name in Sendings.__match_args__}}


def read(value: object) -> Sendings:
    """What was kept; as if nothing was, where that is of another form."""
    if not isinstance(value, dict) or value.get("v") != 1 or value.keys() != {"v", *Sendings.__match_args__}:
        return Sendings()
    numbers = [value[name] for name in Sendings.__match_args__ if name != "head"]
    if not all(type(number) is int and 0 <= number < 2**53 for number in numbers):
        return Sendings()
    head = value["head"]
    return Sendings(numbers[0], numbers[1], numbers[2], numbers[3], head if isinstance(head, str) else "")


def wait_s(sendings: Sendings, now: int) -> int:
    """Seconds until a batch may go out, 0 for now."""
    wait = min(
        sendings.next_at - now, MOST_RETRY_AFTER_S
    )  # more, where the clock was ahead when that was kept
    if sendings.day == now // DAY_S and sendings.sent >= MOST_A_DAY:
        wait = max(wait, DAY_S - now % DAY_S)
    return max(0, wait)


def pause_s(random: float) -> int:
    """Seconds between two batches; `random` from 0 to 1."""
    return int(EVERY_S * (1 + random / 2))


def begun(sendings: Sendings, now: int, random: float, head: str) -> Sendings:
    """After a batch was written to the log, before it goes out: it counts whatever becomes of it."""
    today = now // DAY_S
    sent = sendings.sent + 1 if sendings.day == today else 1
    return Sendings(today, sent, now + pause_s(random), sendings.failures, head)


def followed(sendings: Sendings, head: str) -> Sendings:
    """Where the log goes on after the line that was kept."""
    return Sendings(sendings.day, sendings.sent, sendings.next_at, sendings.failures, head)


def succeeded(sendings: Sendings, head: str) -> Sendings:
    """After a receipt."""
    return Sendings(sendings.day, sendings.sent, sendings.next_at, 0, head)


def failed(sendings: Sendings, now: int, retry_after_s: int | None) -> Sendings:
    """After no receipt: later, and much later after the third in a row."""
    failures = sendings.failures + 1
    wait = min(retry_after_s or 0, MOST_RETRY_AFTER_S)
    if failures >= MOST_FAILURES:
        wait, failures = max(wait, CLOSED_S), 0
    return Sendings(sendings.day, sendings.sent, max(sendings.next_at, now + wait), failures, sendings.head)


def name_of(now: int, session: str, seq: int) -> str:
    """What a batch that waits is called: since when, whose, which."""
    return f"{now:0{_DIGITS}d}-{session}-{seq:05d}.json"


def since(name: str, changed: int) -> int:
    """Since when a file waits, by its name; `changed` where that does not tell."""
    digits, dash, _ = name.partition("-")
    return (
        int(digits) if dash and len(digits) == _DIGITS and digits.isascii() and digits.isdigit() else changed
    )


def kept_of(waiting: Mapping[str, tuple[int, int]], now: int) -> tuple[list[str], list[str], list[str]]:
    """Names of what waits, oldest first: to keep, too old, too much. Each has its size in bytes and when it was changed."""
    begun = {name: since(name, changed) for name, (_, changed) in waiting.items()}
    names = sorted(waiting, key=lambda name: (begun[name], name))
    old = [
        name for name in names if abs(now - begun[name]) > MOST_WAITING_S
    ]  # also by a clock that was far ahead
    rest = [name for name in names if name not in old]
    room, kept = MOST_WAITING_BYTES, []
    for name in reversed(rest):
        room -= waiting[name][0]
        if room < 0:
            break
        kept.append(name)
    kept.reverse()
    return kept, old, rest[: len(rest) - len(kept)]
