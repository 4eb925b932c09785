"""What happened and how often, until it is put into a batch: a bounded table of events, the oldest dropped first and counted.

It refuses what is not registered, and never raises: whoever counts is in the middle of a user's program. Section 6 of
`docs/spec/epochly-telemetry-v1.md`.
"""

from __future__ import annotations

from _thread import allocate_lock

from epochly.telemetry.events import EVENTS
from epochly.telemetry.kinds import MOST_N, is_registered

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from epochly.telemetry.events import Fact

MOST_EVENTS = 1_024  # distinct ones; section 6


class Counters:
    """Facts with how often each was; `lost` counts those dropped since the last batch."""

    __slots__ = ("_counts", "_lock", "lost")

    def __init__(self) -> None:
        self._counts: dict[Fact, int] = {}
        self._lock = allocate_lock()
        self.lost = {"full": 0, "pii": 0, "old": 0}

    def __len__(self) -> int:
        return len(self._counts)

    def add(self, fact: Fact, n: int = 1) -> None:
        """Count a fact `n` times more."""
        if not is_registered(fact, EVENTS) or n < 1:
            return
        with self._lock:
            if fact not in self._counts and len(self._counts) >= MOST_EVENTS:
                oldest = next(iter(self._counts))
                self.drop("full", self._counts.pop(oldest))
            self._counts[fact] = min(self._counts.get(fact, 0) + n, MOST_N)

    def drop(self, why: str, n: int) -> None:
        """Count events that will not be told."""
        self.lost[why] = min(self.lost[why] + n, MOST_N)

    def take(self, gives_away: Callable[[Fact], str] | None = None) -> tuple[dict[Fact, int], dict[str, int]]:
        """All facts and what was lost, which are here no longer; a fact that gives somebody away is lost."""
        with self._lock:
            counts, self._counts = self._counts, {}
            for fact in list(counts) if gives_away is not None else ():
                if gives_away is not None and gives_away(fact):
                    self.drop("pii", counts.pop(fact))
            lost, self.lost = self.lost, {"full": 0, "pii": 0, "old": 0}
        return counts, lost

    def clear(self) -> None:
        """Forget all of it, also in a forked child, whose parent may have held the lock."""
        self._lock = allocate_lock()
        self._counts, self.lost = {}, {"full": 0, "pii": 0, "old": 0}
