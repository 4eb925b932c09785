"""Events in the service's own database: rows of a table on SQLite, on PostgreSQL of a table with a partition a day.

A batch and its digest are written in one transaction, so there is never one without the other.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, select, text

from epochly_service.schema import telemetry_events
from epochly_service.telemetry import ledger, partitions
from epochly_service.telemetry.charts import Tally
from epochly_service.telemetry.registered import EVENTS
from epochly_service.telemetry.sinks import Row, rows_of, until_days

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import Connection

    from epochly_service.engines import Database
    from epochly_service.telemetry.batches import Batch
    from epochly_service.telemetry.ledger import Kept

TALLY_MS = 120_000  # once a day, over 28 days


@dataclass(slots=True)
class SqliteSink:
    """Rows of one table."""

    db: Database

    def keep(self, batch: Batch, day: int) -> Kept:
        """As `EventSink` has it."""
        return self.db.write(partial(_keep, batch=batch, day=day, write=_many))

    def prepare(self, today: int) -> None:
        """Nothing to make."""

    def forget(self, today: int) -> int:
        """Delete rows; returns how many."""
        past = delete(telemetry_events).where(telemetry_events.c.until_day <= today)
        return self.db.write(lambda conn: conn.execute(past).rowcount)

    def overdue(self, today: int) -> int:
        """As `EventSink` has it."""
        return self.db.read(partial(_overdue, today=today))

    def tally(self, first_day: int, last_day: int) -> Iterator[Tally]:
        """As `EventSink` has it."""
        return _tallied(self.db, _TALLY_SQLITE, first_day, last_day)

    def close(self) -> None:
        """The database is closed by who opened it."""


@dataclass(slots=True)
class PostgresSink:
    """Rows of a table with partitions; each process remembers which partitions it has seen."""

    db: Database
    _seen: set[int] = field(default_factory=set, init=False)

    def keep(self, batch: Batch, day: int) -> Kept:
        """As `EventSink` has it."""
        self.prepare(day)
        return self.db.write(partial(_keep, batch=batch, day=day, write=_at_once))

    def prepare(self, today: int) -> None:
        """Make the partitions of what comes today and tomorrow."""
        wanted = until_days(today)
        if not self._seen.issuperset(wanted):
            self.db.write(partial(partitions.ensure, until_days=wanted))
            self._seen = set(wanted)

    def forget(self, today: int) -> int:
        """Drop partitions; returns how many."""
        return len(self.db.write(partial(partitions.drop, today=today)))

    def overdue(self, today: int) -> int:
        """As `EventSink` has it."""
        return self.db.read(partial(_overdue, today=today))

    def tally(self, first_day: int, last_day: int) -> Iterator[Tally]:
        """As `EventSink` has it."""
        return _tallied(self.db, _TALLY_POSTGRESQL, first_day, last_day)

    def close(self) -> None:
        """The database is closed by who opened it."""


def database_sink(db: Database) -> SqliteSink | PostgresSink:
    """The sink of a database's own engine."""
    return SqliteSink(db) if db.is_sqlite else PostgresSink(db)


def _keep(
    conn: Connection, batch: Batch, day: int, write: Callable[[Connection, Sequence[Row]], None]
) -> Kept:
    kept = ledger.record(conn, batch.sha256, day, len(batch.events))
    if kept.is_new:
        write(conn, rows_of(batch, kept.day))
    return kept


def _many(conn: Connection, rows: Sequence[Row]) -> None:
    conn.exec_driver_sql(_INSERT_MANY, list(rows))


def _at_once(conn: Connection, rows: Sequence[Row]) -> None:
    """One statement for any number of rows, which go as one text."""
    conn.execute(_INSERT_AT_ONCE, {"rows": json.dumps([row._asdict() for row in rows])})


def _overdue(conn: Connection, today: int) -> int:
    past = select(func.count()).select_from(telemetry_events).where(telemetry_events.c.until_day < today)
    return int(conn.execute(past).scalar_one())


def _tallied(db: Database, statement: str, first_day: int, last_day: int) -> Iterator[Tally]:
    kept = [event.retention_days for event in EVENTS.values()]
    days = {"first": first_day, "last": last_day, "soon": first_day + min(kept), "late": last_day + max(kept)}

    def work(conn: Connection) -> Sequence[Any]:
        if not db.is_sqlite:
            conn.execute(text(f"SET LOCAL statement_timeout = {TALLY_MS}"))
        return conn.execute(text(statement), days).all()

    for event, name, value, month, installs, n in db.read(work):
        yield Tally(event, name, value, month, installs, int(n))


_INSERT_MANY = "INSERT INTO telemetry_events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_INSERT_AT_ONCE = text("""
INSERT INTO telemetry_events SELECT one.* FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS one (
    until_day bigint, batch text, place bigint, day bigint, month bigint, install text, epochly text, python text,
    os text, arch text, event text, version bigint, n bigint, fields text
)
""")
_TALLY_SQLITE = """
SELECT event, json_each.key,
       CASE json_each.type WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ELSE json_quote(json_each.value) END,
       month, count(DISTINCT install), sum(n)
FROM telemetry_events, json_each(telemetry_events.fields)
WHERE day BETWEEN :first AND :last AND until_day BETWEEN :soon AND :late
GROUP BY 1, 2, 3, 4
"""
_TALLY_POSTGRESQL = """
SELECT event, field.key, CAST(field.value AS text), month, count(DISTINCT install), sum(n)
FROM telemetry_events, jsonb_each(CAST(fields AS jsonb)) AS field
WHERE day BETWEEN :first AND :last AND until_day BETWEEN :soon AND :late
GROUP BY 1, 2, 3, 4
"""
