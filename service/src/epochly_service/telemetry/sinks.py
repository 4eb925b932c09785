"""Where events go: what a sink does, and which one a URL names. A sink is the only thing that knows how events lie.

What was received when is noted in the database in any case (`ledger.py`): digests, roots and receipts do not depend on a sink.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from epochly_service.telemetry.registered import EVENTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from epochly_service.telemetry.batches import Batch
    from epochly_service.telemetry.charts import Tally
    from epochly_service.telemetry.ledger import Kept

DAYS_AHEAD = 2  # today and tomorrow: for what a sink makes before it is needed


class Row(NamedTuple):
    """One event as every sink keeps it; the columns of `telemetry_events`, in their order."""

    until_day: int
    batch: str
    place: int
    day: int
    month: int
    install: str
    epochly: str
    python: str
    os: str
    arch: str
    event: str
    version: int
    n: int
    fields: str


class EventSink(Protocol):
    """Keeps events for as long as each is to be kept. Safe to use from several threads."""

    def keep(self, batch: Batch, day: int) -> Kept:
        """Keep a batch that is received on `day`, once: the same batch again changes nothing.

        Raises:
            BusyError: it is not kept; it may be tried again.
        """

    def prepare(self, today: int) -> None:
        """Make what the next days need.

        Raises:
            BusyError: try again.
        """

    def forget(self, today: int) -> int:
        """Delete what is past its time; returns how much, in units of the sink's own.

        Raises:
            BusyError: try again.
        """

    def overdue(self, today: int) -> int:
        """How many events should have been forgotten before today and are not."""

    def tally(self, first_day: int, last_day: int) -> Iterator[Tally]:
        """Counts of the events received on these days, both included.

        Raises:
            BusyError: try again.
        """

    def close(self) -> None:
        """Let go of what is open."""


def rows_of(batch: Batch, day: int) -> list[Row]:
    """The events of a batch, as rows."""
    return [
        Row(
            day + EVENTS[one.event].retention_days,
            batch.sha256,
            place,
            day,
            batch.month,
            batch.install,
            batch.epochly,
            batch.python,
            batch.os,
            batch.arch,
            one.event,
            one.version,
            one.n,
            one.fields,
        )
        for place, one in enumerate(batch.events)
    ]


def until_days(today: int) -> list[int]:
    """The days on which what comes today or tomorrow will be forgotten."""
    kept = {event.retention_days for event in EVENTS.values()}
    return sorted({today + ahead + days for ahead in range(DAYS_AHEAD) for days in kept})
