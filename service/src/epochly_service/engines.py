"""Opens the database: SQLite embedded, PostgreSQL by URL, with the same transactions over both.

SQLite: WAL, `synchronous=FULL` (a lease that was answered is on the disk), foreign keys, `busy_timeout`, writes by BEGIN
IMMEDIATE and one at a time. A deferred BEGIN would fail with "database is locked" as soon as two of them turn into writers.
One serving process a file, held by a lock beside it; short commands of the operator may write while it serves.

PostgreSQL: READ COMMITTED with conditional UPDATEs, `lock_timeout` and `statement_timeout`; transactions that the server
breaks off for the sake of others (40001, 40P01), or whose connection turns out to be gone before they were committed, are run
again. Several processes may serve one database.

What every device asks again and again is said to the driver itself (`Database.at_once`), since SQLAlchemy takes longer over a
statement than PostgreSQL does.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from filelock import FileLock, Timeout
from sqlalchemy import create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from epochly_service.errors import BusyError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from sqlalchemy import Connection, Engine

T = TypeVar("T")

WAIT_S = 5.0  # for the write lock of SQLite, in this process and between processes
LOCK_MS, STATEMENT_MS = (
    4_000,
    10_000,
)  # PostgreSQL; below the client's patience of 5 s, and a bound for any statement
POOL = 10  # connections a process, and as many more in a rush
CONNECTIONS_MAX = 2 * POOL
POOLED: dict[str, Any] = {
    "pool_size": POOL,
    "max_overflow": POOL,
    "pool_timeout": WAIT_S,
    "hide_parameters": True,
}
CURSOR = "epochly_cursor"  # of a connection, for `at_once`: making one takes psycopg as long as PostgreSQL takes to look
# a plan is kept: one that reads whole tables, as fits few rows, would stay when there are many
BY_INDEX = " -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off"
ALL, NUMBER = "all", "n"  # of `Texts`
WAL_TRIES = 500  # within `WAIT_S`, to turn SQLite's log on where another connection does so
TRIES = 8  # of a transaction that the server breaks off; each waits a little longer
AGAIN = {"40001", "40P01"}  # serialization_failure, deadlock_detected
BUSY = {  # lock_not_available, query_canceled, the server stops or starts, too_many_connections
    "55P03",
    "57014",
    "57P01",
    "57P02",
    "57P03",
    "53300",
}


_JSON = json.JSONEncoder(separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Database:
    """A database with its two kinds of transaction; safe to use from several threads.

    `write` and `read` take a function of a connection, so that it can be run again. It has no effects besides. `threads` are for
    what asks it, one for each connection; none is started before there is something to do.
    """

    engine: Engine
    _reading: Engine
    _direct: Engine  # whose connections are in no transaction, and are given back as they are
    _turn: threading.Lock | None
    _sleep: Callable[[float], None] = field(default=time.sleep)
    threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(CONNECTIONS_MAX, "epochly-request")
    )

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file of this machine."""
        return self.engine.dialect.name == "sqlite"

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction, committed when it returns, rolled back when it raises.

        Raises:
            BusyError: it did not get through in time.
        """
        return self._through(self.engine, work)

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction that only reads.

        Raises:
            BusyError: it did not get through in time.
        """
        return self._through(self._reading, work)

    def at_once(self, work: Callable[[Line], T | None]) -> T | None:
        """Run `work`, which looks before it changes anything; None, where it did not get through and changed nothing.

        `write` is the long way then, and tells why.

        Raises:
            BusyError: it did not get through in time, or nobody knows whether it did.
        """
        errors = self.engine.dialect.loaded_dbapi.Error
        try:
            held = self._direct.raw_connection()
        except errors:
            return None
        except PoolTimeoutError as error:
            raise BusyError("no connection is free") from error
        line = None
        try:
            cursor = held.info.get(CURSOR) or held.info.setdefault(CURSOR, held.cursor())
            line = Line(cursor, self._my_turn if self.is_sqlite else None)
            return work(line)
        except errors as error:
            held.invalidate(error)
            if line is not None and line.has_looked and _state(error) not in AGAIN and is_busy(error):
                raise BusyError(str(error)) from error
            return None
        finally:
            held.close()

    def _through(self, engine: Engine, work: Callable[[Connection], T]) -> T:
        for tried in range(TRIES):
            is_done = False
            try:
                with self._my_turn() if engine is self.engine else nullcontext(), engine.begin() as conn:
                    done = work(conn)
                    is_done = True
                    return done
            except DBAPIError as error:
                is_gone = error.connection_invalidated and not is_done  # and every other old one is dropped
                if not (is_gone or _state(error) in AGAIN) or tried == TRIES - 1:
                    if is_busy(error):
                        raise BusyError(str(error.orig)) from error
                    raise
                self._sleep(0.005 * 2**tried)
            except PoolTimeoutError as error:
                raise BusyError("no connection is free") from error
        raise AssertionError("the loop returns or raises")

    def close(self) -> None:
        """Close every connection, and let go of the threads."""
        self.threads.shutdown(wait=False, cancel_futures=True)
        self.engine.dispose()
        self._direct.dispose()

    @contextmanager
    def _my_turn(self) -> Iterator[None]:
        # waiting in line here is fair and wakes at once; SQLite's own waiting polls, and can starve
        if self._turn is None:
            yield
            return
        if not self._turn.acquire(timeout=WAIT_S):
            raise BusyError("another transaction is being written")
        try:
            yield
        finally:
            self._turn.release()


class Texts(NamedTuple):
    """A statement as the drivers take it.

    SQLite takes it for one request, by the names of its values; it may be several, in the order in which they run. PostgreSQL takes it
    for all requests, as the JSON text `ALL` of objects with their `NUMBER`, and gives that number back as the last column of a row.
    """

    sqlite: tuple[str, ...]
    postgresql: str


class Line:
    """The driver's own connection, on which each statement stands for itself: what it changed is kept when it returns.

    The values of a request are looked up in a mapping by their names.
    """

    def __init__(self, cursor: Any, turn: Callable[[], AbstractContextManager[None]] | None) -> None:
        self._cursor, self._turn = cursor, turn  # whose writers take turns is SQLite
        self.has_looked = False

    def look(self, statement: Texts, asked: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...] | None]:
        """For each the one row that there is, or None."""
        if self._turn is None:
            found = self._of_all(statement.postgresql, asked)
        else:
            found = [self._cursor.execute(statement.sqlite[0], values).fetchone() for values in asked]
        self.has_looked = True
        return found

    def change(self, statement: Texts, asked: Sequence[Mapping[str, Any]]) -> list[bool]:
        """Change rows in one transaction; False for those where the statement found no row to change, and changed nothing."""
        if self._turn is None:
            return [row is not None for row in self._of_all(statement.postgresql, asked)]
        with self._turn():
            self._cursor.execute("BEGIN IMMEDIATE")
            try:
                done = [
                    all(self._cursor.execute(text, values).rowcount for text in statement.sqlite)
                    for values in asked
                ]
            except BaseException:
                self._cursor.execute("ROLLBACK")
                raise
            self._cursor.execute("COMMIT")
            return done

    def _of_all(self, text: str, asked: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...] | None]:
        """For each the row that PostgreSQL says for it, without its number."""
        rows = [{**values, NUMBER: number} for number, values in enumerate(asked)]
        found: list[tuple[Any, ...] | None] = [None] * len(asked)
        for *row, number in self._cursor.execute(text, {ALL: _JSON.encode(rows)}):
            found[number] = tuple(row)
        return found


def open_database(url: str) -> Database:
    """Open `url` (`sqlite:///FILE`, `postgresql://...`); connects when it is first used.

    Raises:
        ServiceError: it is neither, or SQLite in memory, which no second thread would see.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ServiceError(
            "database-url", "--database-url", "it is not a URL", "for example `postgresql://user@host/name`"
        ) from error
    if parsed.drivername in {"sqlite", "sqlite+pysqlite"} and parsed.database not in {None, "", ":memory:"}:
        engine, direct = (
            create_engine(
                parsed,
                **POOLED,
                pool_reset_on_return=reset,
                connect_args={"timeout": WAIT_S},
            )
            for reset in ("rollback", None)
        )
        for each in (engine, direct):
            event.listen(each, "connect", _sqlite_connected)
        event.listen(engine, "begin", _sqlite_begins)
        reading = engine.execution_options(epochly_reading=True)
        return Database(engine, reading, direct, threading.Lock())
    if parsed.drivername in {"postgres", "postgresql", "postgresql+psycopg"}:
        engine, direct = (
            create_engine(
                parsed.set(drivername="postgresql+psycopg"),
                **POOLED,
                pool_reset_on_return=reset,
                isolation_level=level,
                connect_args={
                    "options": f"-c lock_timeout={LOCK_MS} -c statement_timeout={STATEMENT_MS} -c timezone=UTC{planned}"
                },
            )
            for reset, level, planned in (
                ("rollback", "READ COMMITTED", ""),
                (None, "AUTOCOMMIT", BY_INDEX),
            )
        )
        return Database(engine, engine, direct, None)
    raise ServiceError(
        "database-url",
        "--database-url",
        "it is neither PostgreSQL nor a file of SQLite",
        "`postgresql://user@host/name`, or `sqlite:///` and a path",
    )


def hold_server_lock(database: Database) -> FileLock | None:
    """Hold the lock of the one process that serves a SQLite file, until it is released; None on PostgreSQL.

    Raises:
        ServiceError: another process holds it.
    """
    if not database.is_sqlite:
        return None
    path = f"{database.engine.url.database}.lock"
    lock = FileLock(path, timeout=0, mode=0o600)
    try:
        lock.acquire()
    except Timeout as error:
        raise ServiceError(
            "already-served",
            path,
            "another process serves this database",
            "stop it, or use PostgreSQL, which several processes may serve",
        ) from error
    except OSError as error:
        raise ServiceError(
            "database", path, f"it cannot be locked: {error.strerror}", "`--data` names a folder of yours"
        ) from error
    return lock


def is_busy(error: Exception) -> bool:
    """Whether a statement failed because somebody else is in the way, or the database is away."""
    state = _state(error)
    if state is not None:
        return state in BUSY or state in AGAIN or state.startswith("08")
    told = _told(error)
    return type(told).__name__ == "OperationalError" and any(
        word in str(told) for word in ("locked", "connection")
    )


def _state(error: Exception) -> str | None:
    state = getattr(_told(error), "sqlstate", None)
    return state if isinstance(state, str) else None


def _told(error: Exception) -> BaseException:
    """What the driver itself raised."""
    return (error.orig or error) if isinstance(error, DBAPIError) else error


def _sqlite_connected(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin where we say, not where the driver guesses
    for pragma in (f"busy_timeout={int(WAIT_S * 1000)}", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()
    for tried in range(1, WAL_TRIES + 1):
        try:
            connection.execute("PRAGMA journal_mode=WAL").close()
        except (
            sqlite3.OperationalError
        ):  # somebody else turns it on just now, and SQLite does not wait for that
            if tried == WAL_TRIES:
                raise
            time.sleep(WAIT_S / WAL_TRIES)
        else:
            return


def _sqlite_begins(conn: Connection) -> None:
    reading = conn.get_execution_options().get("epochly_reading", False)
    conn.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
