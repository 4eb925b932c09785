"""Partitions of `telemetry_events` on PostgreSQL: one for each day on which rows are forgotten, made ahead, dropped when it comes.

Both take a lock of the whole table for a moment, so each is done only where something is to be done, under a lock of our own that
keeps two processes from doing it at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

TABLE = "telemetry_events"
LOCK = 0x65706F65


def ensure(conn: Connection, until_days: Iterable[int]) -> list[int]:
    """Make the partitions of these days that are not there; returns which. Nothing to do on SQLite."""
    wanted = set(until_days)
    if conn.dialect.name != "postgresql" or not wanted - set(present(conn)):
        return []
    _alone(conn)
    made = sorted(wanted - set(present(conn)))
    for day in made:
        conn.execute(text(f"CREATE TABLE {TABLE}_{int(day)} PARTITION OF {TABLE} FOR VALUES IN ({int(day)})"))
    return made


def drop(conn: Connection, today: int) -> list[int]:
    """Drop the partitions whose rows are to be forgotten by now; returns which."""
    if not any(day <= today for day in present(conn)):
        return []
    _alone(conn)
    gone = [day for day in present(conn) if day <= today]
    for day in gone:
        conn.execute(text(f"DROP TABLE {TABLE}_{int(day)}"))
    return gone


def present(conn: Connection) -> list[int]:
    """The days that have a partition."""
    found = conn.scalars(
        text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = CAST(:name AS regclass)"),
        {"name": TABLE},
    )
    return sorted(int(name.rpartition("_")[2]) for name in found)


def _alone(conn: Connection) -> None:
    conn.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
