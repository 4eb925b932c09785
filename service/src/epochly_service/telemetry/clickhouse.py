"""Events in ClickHouse, by its HTTP interface: `clickhouse+https://USER:PASSWORD@HOST:PORT/DATABASE`.

Inserts are JSONEachRow and answered when they are on the disk. A batch goes there before its digest is noted in the database, so
what was receipted is kept; one that is sent twice, or by two nodes at once, collapses in a ReplacingMergeTree, whose key is batch and
place. There is a partition for each day on which rows are forgotten. Credentials go in headers, never in an address.
"""

from __future__ import annotations

import base64
import http.client
import json
import re
import ssl
import threading
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlencode, urlsplit

from epochly_service.errors import BusyError, ServiceError
from epochly_service.telemetry import ledger
from epochly_service.telemetry.charts import Tally
from epochly_service.telemetry.sinks import rows_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from epochly_service.engines import Database
    from epochly_service.telemetry.batches import Batch
    from epochly_service.telemetry.ledger import Kept

SCHEMES = {"clickhouse+https": 8443, "clickhouse+http": 8123}
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
WAIT_S = 4.0  # below a client's patience of 5 s
ANSWER_MAX_BYTES = 16 * 2**20  # of a tally; 10 events with some fields of at most a thousand values, by month
MAKE = """
CREATE TABLE IF NOT EXISTS telemetry_events (
    until_day UInt32, batch String, place UInt16, day UInt32, month UInt32, install String,
    epochly LowCardinality(String), python LowCardinality(String), os LowCardinality(String), arch LowCardinality(String),
    event LowCardinality(String), version UInt16, n UInt32, fields String
) ENGINE = ReplacingMergeTree PARTITION BY until_day ORDER BY (event, batch, place)
"""
INSERT = "INSERT INTO telemetry_events FORMAT JSONEachRow"
PAST = """
SELECT DISTINCT until_day FROM telemetry_events WHERE until_day <= {today:UInt32} ORDER BY until_day FORMAT JSONCompactEachRow
"""
DROP = "ALTER TABLE telemetry_events DROP PARTITION {day:UInt32}"
OVERDUE = "SELECT count() FROM telemetry_events WHERE until_day < {today:UInt32} FORMAT JSONCompactEachRow"
TALLY = """
SELECT event, field.1, field.2, month, uniqExact(install), sum(n)
FROM (SELECT * FROM telemetry_events FINAL WHERE day BETWEEN {first:UInt32} AND {last:UInt32})
ARRAY JOIN JSONExtractKeysAndValuesRaw(fields) AS field
GROUP BY 1, 2, 3, 4 FORMAT JSONCompactEachRow
"""
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a ClickHouse is, and as whom."""

    host: str
    port: int
    database: str
    user: str
    password: str = field(repr=False)
    tls: bool = True


def parse_url(url: str) -> Address:
    """The parts of a sink's URL.

    Raises:
        ServiceError: it is none; plain HTTP is for this machine only.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    database = parts.path.removeprefix("/") or "default"
    host = parts.hostname or ""
    if (
        parts.scheme not in SCHEMES
        or not host
        or parts.query
        or parts.fragment
        or not NAME.fullmatch(database)
    ):
        raise _usage("it is not the URL of a ClickHouse")
    tls = parts.scheme == "clickhouse+https"
    if not tls and host not in LOOPBACK:
        raise _usage("plain HTTP is for this machine only")
    user, password = unquote(parts.username or "default"), unquote(parts.password or "")
    if not (user + password).isprintable() or not (user + password).isascii():
        raise _usage("its user or password cannot go in a header")
    return Address(host, port or SCHEMES[parts.scheme], database, user, password, tls=tls)


def _usage(why: str) -> ServiceError:
    return ServiceError(
        "telemetry-sink",
        "--telemetry-sink",
        why,
        "for example `clickhouse+https://user:password@host:8443/epochly`",
    )


class Client:
    """Sends statements, over connections that are kept and used by one thread at a time."""

    def __init__(self, address: Address, context: ssl.SSLContext | None = None) -> None:
        self._address, self._lock = address, threading.Lock()
        self._idle: list[http.client.HTTPConnection] = []
        self._context = context or (ssl.create_default_context() if address.tls else None)
        token = base64.b64encode(f"{address.user}:{address.password}".encode()).decode("ascii")
        self._headers = {"Authorization": f"Basic {token}", "Content-Type": "text/plain; charset=utf-8"}

    def __del__(self) -> None:
        self.close()

    def run(self, statement: str, body: bytes = b"", **parameters: int) -> bytes:
        """Run one statement; `parameters` fill its `{name:Type}`, `body` are rows to insert.

        Raises:
            BusyError: it was not done, or nobody knows whether it was.
        """
        query: dict[str, Any] = {"database": self._address.database, "wait_end_of_query": 1}
        query |= {f"param_{name}": value for name, value in parameters.items()}
        if body:  # many small inserts: the server gathers them, and answers when they are written
            query |= {"query": statement, "async_insert": 1, "wait_for_async_insert": 1}
        target = "/?" + urlencode(query)
        for is_last in (False, True):
            connection = self._taken()
            try:
                return self._answer(connection, target, body or statement.strip().encode())
            except (OSError, http.client.HTTPException) as error:
                # a connection that was kept may have been closed meanwhile; a statement may be run twice, see above
                if is_last or isinstance(error, TimeoutError):
                    raise BusyError(f"the telemetry sink does not answer: {type(error).__name__}") from error
            finally:
                if connection.sock is None:  # it failed, or the server ends it
                    connection.close()
                else:
                    with self._lock:
                        self._idle.append(connection)
        raise AssertionError("the loop returns or raises")

    def close(self) -> None:
        """Close what is not in use."""
        with self._lock:
            while self._idle:
                self._idle.pop().close()

    def _answer(self, connection: http.client.HTTPConnection, target: str, body: bytes) -> bytes:
        is_whole = False
        try:
            connection.request("POST", target, body, self._headers)
            answer = connection.getresponse()
            data = answer.read(ANSWER_MAX_BYTES + 1)
            is_whole = len(data) <= ANSWER_MAX_BYTES
        finally:
            if not is_whole:
                connection.close()
        code = answer.headers.get("X-ClickHouse-Exception-Code")
        if not is_whole:
            raise BusyError("the telemetry sink answers more than it was asked")
        if answer.status != http.client.OK or code is not None:
            raise BusyError(f"the telemetry sink refused: status {answer.status}, code {_digits(code)}")
        return data

    def _taken(self) -> http.client.HTTPConnection:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        at = self._address
        if at.tls:
            return http.client.HTTPSConnection(at.host, at.port, timeout=WAIT_S, context=self._context)
        return http.client.HTTPConnection(at.host, at.port, timeout=WAIT_S)


@dataclass(slots=True)
class ClickHouseSink:
    """Rows there, digests here."""

    db: Database
    client: Client
    _is_made: bool = field(default=False, init=False)

    def keep(self, batch: Batch, day: int) -> Kept:
        """As `EventSink` has it. Where a day was ended by another node's clock, the digest is of the next day and the rows of this one."""
        known = self.db.read(partial(ledger.find, sha256=batch.sha256))
        if known is not None:
            return known
        self.prepare(day)
        lines = [json.dumps(row._asdict(), separators=(",", ":")) for row in rows_of(batch, day)]
        self.client.run(INSERT, "\n".join(lines).encode() + b"\n")
        return self.db.write(partial(ledger.record, sha256=batch.sha256, day=day, accepted=len(batch.events)))

    def prepare(self, today: int) -> None:  # noqa: ARG002 - partitions come by themselves
        """Make the table."""
        if not self._is_made:
            self.client.run(MAKE)
            self._is_made = True

    def forget(self, today: int) -> int:
        """Drop partitions; returns how many."""
        self.prepare(today)
        days = [day for (day,) in _rows(self.client.run(PAST, today=today), int)]
        for day in days:
            self.client.run(DROP, day=day)
        return len(days)

    def overdue(self, today: int) -> int:
        """As `EventSink` has it."""
        self.prepare(today)
        return sum(count for (count,) in _rows(self.client.run(OVERDUE, today=today), int))

    def tally(self, first_day: int, last_day: int) -> Iterator[Tally]:
        """As `EventSink` has it."""
        self.prepare(last_day)
        found = _rows(self.client.run(TALLY, first=first_day, last=last_day), str, str, str, int, int, int)
        yield from (Tally(*row) for row in found)

    def close(self) -> None:
        """Close the connections."""
        self.client.close()


def _rows(data: bytes, *kinds: Callable[[Any], Any]) -> list[list[Any]]:
    """The rows of an answer, each value made what it is to be.

    Raises:
        BusyError: they are none.
    """
    try:
        return [
            [kind(value) for kind, value in zip(kinds, json.loads(line), strict=True)]
            for line in data.splitlines()
        ]
    except (ValueError, TypeError, RecursionError) as error:
        raise BusyError("the telemetry sink's answer cannot be read") from error


def _digits(code: str | None) -> str:
    return code if code is not None and code.isdecimal() and code.isascii() and len(code) < 8 else "none"
