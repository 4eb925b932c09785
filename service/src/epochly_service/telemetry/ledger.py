"""Which batches were received on which day, the roots of days that have ended, and what is published: statements, and what they promise.

A day is sealed when its root is first asked for, and then no batch joins it: whoever records one holds the day's lock together
with others, whoever seals it holds it alone (PostgreSQL; on SQLite the transaction is the lock). A batch that comes when its day is
sealed, since another node's clock is ahead, is of the day after.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, exists, func, insert, literal, select, text

from epochly_service.errors import BusyError
from epochly_service.inserting import on_each, unless_there
from epochly_service.schema import telemetry_batches, telemetry_charts, telemetry_roots
from epochly_service.telemetry.merkle import Tree, tree_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

DIGESTS_KEPT_DAYS = 400  # then a proof cannot be had any more; the root stays
CHARTS_KEPT_DAYS = 2
LOCKS = 0x65706F64  # class of PostgreSQL's advisory locks, one a day
DAYS_AHEAD = 3  # that the clock of another node may be before a batch is refused for the moment


@dataclass(frozen=True, slots=True)
class Kept:
    """A batch as it is kept: the day it was received, how many events it had, and whether it is new."""

    day: int
    accepted: int
    is_new: bool


@dataclass(frozen=True, slots=True)
class Root:
    """The root of a day: how many batches, and the hex head of their tree."""

    day: int
    size: int
    root: str


def find(conn: Connection, sha256: str) -> Kept | None:
    """A batch that was received before, or None."""
    row = conn.execute(_FIND, {"sha256": sha256}).first()
    return None if row is None else Kept(row.day, row.accepted, is_new=False)


def record(conn: Connection, sha256: str, day: int, accepted: int) -> Kept:
    """Note a batch that is received on `day`, unless it was before.

    Raises:
        BusyError: the day and those after it are sealed, so this clock is far behind.
    """
    for at in range(day, day + DAYS_AHEAD):
        _lock(conn, at, "pg_advisory_xact_lock_shared")
        values = {"sha256": sha256, "day": at, "accepted": accepted}
        if conn.execute(_RECORD[conn.dialect.name], values).first() is not None:
            return Kept(at, accepted, is_new=True)
        found = find(conn, sha256)
        if found is not None:
            return found
    raise BusyError("another node has ended this day")


def seal(conn: Connection, day: int) -> Root | None:
    """The root of a day that has ended, from now on fixed; None if nothing was received on it."""
    found = root_of(conn, day)
    if found is not None:
        return found
    _lock(conn, day, "pg_advisory_xact_lock")
    found = root_of(conn, day)
    if found is not None:
        return found
    _, tree = tree_of_day(conn, day)
    if not tree.size:
        return None
    made = Root(day, tree.size, tree.head.hex())
    conn.execute(insert(telemetry_roots), {"day": day, "size": made.size, "root": made.root})
    return made


def root_of(conn: Connection, day: int) -> Root | None:
    """The root of a day that was sealed, or None."""
    row = conn.execute(select(telemetry_roots).where(telemetry_roots.c.day == day)).first()
    return None if row is None else Root(row.day, row.size, row.root)


def newest_roots(conn: Connection, count: int) -> list[Root]:
    """The newest roots, the newest first."""
    found = conn.execute(select(telemetry_roots).order_by(telemetry_roots.c.day.desc()).limit(count))
    return [Root(row.day, row.size, row.root) for row in found]


def days_to_seal(conn: Connection, today: int) -> list[int]:
    """Days that have ended and have batches, of those since the newest root."""
    sealed = conn.scalar(select(func.max(telemetry_roots.c.day)))
    wanted = select(telemetry_batches.c.day).where(telemetry_batches.c.day < today).distinct()
    if sealed is not None:
        wanted = wanted.where(telemetry_batches.c.day > sealed)
    return sorted(conn.scalars(wanted))


def leaves_of_day(conn: Connection, day: int) -> list[bytes]:
    """The leaves' data of a day's tree: digests of its batches, sorted as bytes."""
    found = conn.scalars(select(telemetry_batches.c.sha256).where(telemetry_batches.c.day == day))
    return sorted(map(bytes.fromhex, found))


def tree_of_day(conn: Connection, day: int) -> tuple[list[bytes], Tree]:
    """The leaves of a day and their tree."""
    leaves = leaves_of_day(conn, day)
    return leaves, tree_of(leaves)


def has_batches(conn: Connection, day: int) -> bool:
    """Whether anything was received on a day."""
    wanted = select(telemetry_batches.c.day).where(telemetry_batches.c.day == day).limit(1)
    return conn.scalar(wanted) is not None


def chart_of(conn: Connection, day: int) -> str | None:
    """What is published on a day, or None."""
    found = conn.scalar(select(telemetry_charts.c.body).where(telemetry_charts.c.day == day))
    return None if found is None else str(found)


def newest_chart(conn: Connection) -> str | None:
    """What was published last, or None."""
    wanted = select(telemetry_charts.c.body).order_by(telemetry_charts.c.day.desc()).limit(1)
    found = conn.scalar(wanted)
    return None if found is None else str(found)


def publish(conn: Connection, day: int, body: str) -> str:
    """Fix what is published on a day; returns what is, which another node may have said first."""
    conn.execute(_PUBLISH[conn.dialect.name], {"day": day, "body": body})
    found = chart_of(conn, day)
    assert found is not None
    return found


def forget(conn: Connection, today: int) -> int:
    """Delete digests and charts that are past their time; returns how many rows. A root stays."""
    gone = 0
    for table, kept in ((telemetry_batches, DIGESTS_KEPT_DAYS), (telemetry_charts, CHARTS_KEPT_DAYS)):
        gone += conn.execute(delete(table).where(table.c.day <= today - kept)).rowcount
    return gone


def overdue(conn: Connection, today: int) -> int:
    """How many digests should have been forgotten and are not."""
    past = telemetry_batches.c.day < today - DIGESTS_KEPT_DAYS - 1
    return int(conn.execute(select(func.count()).select_from(telemetry_batches).where(past)).scalar_one())


def _lock(conn: Connection, day: int, function: str) -> None:
    if conn.dialect.name == "postgresql":
        conn.execute(text(f"SELECT {function}(:kind, :day)"), {"kind": LOCKS, "day": day})


_FIND = select(telemetry_batches.c.day, telemetry_batches.c.accepted).where(
    telemetry_batches.c.sha256 == bindparam("sha256")
)
_IF_OPEN = select(
    bindparam("sha256", type_=telemetry_batches.c.sha256.type),
    bindparam("day", type_=telemetry_batches.c.day.type),
    bindparam("accepted", type_=telemetry_batches.c.accepted.type),
).where(~exists(select(literal(1)).where(telemetry_roots.c.day == bindparam("day"))))
_RECORD = on_each(
    telemetry_batches,
    lambda made: unless_there(made.from_select(["sha256", "day", "accepted"], _IF_OPEN)).returning(
        telemetry_batches.c.day
    ),
)
_PUBLISH = on_each(telemetry_charts, unless_there)
