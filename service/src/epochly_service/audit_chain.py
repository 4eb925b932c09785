"""Reads the audit chain: as newline-delimited JSON for keeping elsewhere, and as a judge of whether it is whole.

A row is one canonical JSON object (RFC 8785); its `hash` is the hex SHA-256 of the same object without `hash`; its `prev_hash`
is the `hash` of the row before, 64 zeros in the first; `seq` counts from 1. Whoever remembers a head (`seq:hash`) can tell
later that nothing up to it was changed, taken away or put in, even by somebody who rewrote the whole database.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import rfc8785
from sqlalchemy import select

from epochly_service.audit import START, row_hash
from epochly_service.errors import ServiceError
from epochly_service.schema import audit, audit_head

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sqlalchemy import Connection

    from epochly_service.engines import Database

PAGE = 1_000  # rows a read, so that a long chain needs little memory and no long transaction
COLUMNS = tuple(column.name for column in audit.c)
LINE_MAX_CHARS = 65_536  # `before` and `after` are a few ids and counts


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain: the number of its last row, and that row's hash."""

    seq: int
    hash: str

    def __str__(self) -> str:
        """As an operator notes it down."""
        return f"{self.seq}:{self.hash}"


def parse_head(text: str) -> Head:
    """`SEQ:HASH` as `audit export` prints it.

    Raises:
        ServiceError: it is not of that form.
    """
    found = re.fullmatch(r"(0|[1-9]\d{0,15}):([0-9a-f]{64})", text)
    if found is None:
        raise ServiceError("audit-head", text, "this is no head of a chain", "`audit export` prints one")
    return Head(int(found[1]), found[2])


def read_head(database: Database) -> Head:
    """Where the chain of a database ends."""
    row = database.read(lambda conn: conn.execute(select(audit_head.c.seq, audit_head.c.hash)).one())
    return Head(row.seq, row.hash)


def read_rows(database: Database, until: Head) -> Iterator[dict[str, Any]]:
    """The rows of a database up to a head, in order, page by page."""
    last = 0
    while last < until.seq:
        page = database.read(partial(_page, after=last, until=until.seq))
        if not page:
            return
        yield from page
        last = page[-1]["seq"]


def _page(conn: Connection, *, after: int, until: int) -> list[dict[str, Any]]:
    wanted = select(audit).where(audit.c.seq > after, audit.c.seq <= until).order_by(audit.c.seq).limit(PAGE)
    return [dict(row) for row in conn.execute(wanted).mappings()]


def line_of(row: Mapping[str, Any]) -> str:
    """One row as a line of an export, without its end."""
    return rfc8785.dumps(dict(row)).decode()


def rows_of_lines(lines: Iterable[str], where: str) -> Iterator[dict[str, Any]]:
    """The rows of an export.

    Raises:
        ServiceError: a line is not a row in canonical form.
    """
    for number, line in enumerate(lines, 1):
        text = line.rstrip("\n")
        row = _row(text)
        if row is None:
            raise ServiceError(
                "audit-line", f"{where}:{number}", "this is no row of an audit chain", "export it again"
            )
        yield row


def _row(text: str) -> dict[str, Any] | None:
    try:
        row = json.loads(text) if len(text) <= LINE_MAX_CHARS else None
        if isinstance(row, dict) and set(row) == set(COLUMNS) and line_of(row) == text:
            return row
    except (ValueError, RecursionError):  # not JSON, or nothing that the canonical form can hold
        pass
    return None


def faults(
    rows: Iterable[Mapping[str, Any]], *, head: Head | None = None, known: Head | None = None
) -> Iterator[str]:
    """What is wrong with a chain, one line each; none, if it is whole.

    Args:
        rows: in order.
        head: where it has to end.
        known: a head that was noted down before, which it has to pass through.
    """
    seq, prev = 0, START
    passed = known is None or known == Head(0, START)
    for row in rows:
        if row["seq"] != seq + 1:
            yield f"row {seq + 1}: is missing, the next one is {row['seq']}"
        if row["prev_hash"] != prev:
            yield f"row {row['seq']}: does not follow from the row before"
        if row_hash(row) != row["hash"]:
            yield f"row {row['seq']}: was changed"
        seq, prev = row["seq"], row["hash"]
        if known is not None and seq == known.seq:
            passed = True
            if prev != known.hash:
                yield f"row {seq}: is not the one that was noted down"
    if head is not None and head != Head(seq, prev):
        yield f"row {head.seq}: the chain says that it ends here, but it ends at {seq}"
    if not passed and known is not None:
        yield f"row {known.seq}: was noted down, but the chain ends at {seq}"
