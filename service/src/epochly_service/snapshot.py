"""All rows of a database at one moment, in an order and a spelling that are the same on both engines.

Not in it: operators' sessions, which end when a database moves. A table's digest is the SHA-256 of its rows, one JSON array a
line, in the order of the primary key by bytes; so the same rows have the same digest wherever they lie.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import collate, delete, insert, select, text
from sqlalchemy.types import Text

from epochly_service.errors import ServiceError
from epochly_service.migrating import current, newest
from epochly_service.schema import audit_head, metadata, operator_sessions, telemetry_events
from epochly_service.telemetry import partitions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import Connection, Table

    from epochly_service.engines import Database

TABLES: tuple[Table, ...] = tuple(table for table in metadata.sorted_tables if table is not operator_sessions)
BATCH = 500  # rows an INSERT, so that memory stays small


@dataclass(slots=True)
class Digest:
    """Counts and hashes rows as they go by."""

    rows: int = 0
    _sha256: Any = field(default_factory=hashlib.sha256)

    def add(self, line: bytes) -> None:
        """One more row, as `line_of_row` spells it."""
        self.rows += 1
        self._sha256.update(line)

    @property
    def sha256(self) -> str:
        """Hex digest of what was added."""
        return str(self._sha256.hexdigest())


def line_of_row(row: Sequence[Any]) -> bytes:
    """One row as a line: a JSON array in ASCII, and a newline."""
    return json.dumps(list(row), separators=(",", ":")).encode("ascii") + b"\n"


@contextmanager
def frozen(database: Database) -> Iterator[Connection]:
    """A transaction that sees one moment, however long it takes and whatever is written meanwhile."""
    if database.is_sqlite:
        with database.engine.execution_options(epochly_reading=True).begin() as conn:
            conn.execute(select(audit_head.c.seq)).all()  # in WAL the moment is that of the first read
            yield conn
        return
    with database.engine.connect().execution_options(isolation_level="REPEATABLE READ") as conn, conn.begin():
        conn.execute(text("SET TRANSACTION READ ONLY"))
        conn.execute(text("SET LOCAL statement_timeout = 0"))
        yield conn


def rows_of(conn: Connection, table: Table) -> Iterator[tuple[Any, ...]]:
    """The rows of a table in the order of its primary key, by bytes on both engines."""
    order = [
        collate(column, "C")
        if isinstance(column.type, Text) and conn.dialect.name == "postgresql"
        else column
        for column in table.primary_key.columns
    ]
    for row in conn.execute(select(table).order_by(*order), execution_options={"yield_per": BATCH}):
        yield tuple(row)


def digests(conn: Connection) -> dict[str, Digest]:
    """Count and digest of every table."""
    found = {}
    for table in TABLES:
        found[table.name] = digest = Digest()
        for row in rows_of(conn, table):
            digest.add(line_of_row(row))
    return found


def require_newest(conn: Connection, where: str) -> None:
    """Refuse a database whose tables are not those that this program knows.

    Raises:
        ServiceError: they are older, newer or missing.
    """
    found = current(conn)
    if found != newest():
        raise ServiceError(
            "schema",
            where,
            f"its schema is {found or 'missing'}, this program has {newest()}",
            "`admin migrate`",
        )


def require_empty(conn: Connection, where: str) -> None:
    """Refuse to write over anything.

    Raises:
        ServiceError: a table has rows, or the audit chain has begun.
    """
    for table in TABLES:
        rows = conn.execute(select(*table.primary_key.columns).limit(2)).all()
        begun = table is not audit_head and rows
        if begun or (table is audit_head and conn.execute(select(audit_head.c.seq)).scalar() != 0):
            raise ServiceError("not-empty", where, f"`{table.name}` has rows", "name a database that is new")


def fill(conn: Connection, table: Table, rows: Iterable[Sequence[Any]]) -> None:
    """Put rows into an empty table."""
    if table is audit_head:
        conn.execute(delete(audit_head))  # the start of a chain, which the first migration wrote
    names = [column.name for column in table.columns]
    batch: list[dict[str, Any]] = []
    for row in rows:
        batch.append(dict(zip(names, row, strict=True)))
        if len(batch) == BATCH:
            _insert(conn, table, batch)
            batch = []
    if batch:
        _insert(conn, table, batch)


def _insert(conn: Connection, table: Table, batch: list[dict[str, Any]]) -> None:
    if table is telemetry_events:
        partitions.ensure(conn, {row["until_day"] for row in batch if isinstance(row["until_day"], int)})
    conn.execute(insert(table), batch)
