"""Opens the database: SQLite embedded, PostgreSQL by URL, with the same transactions over both.

SQLite: WAL, `synchronous=FULL` (a lease that was answered is on the disk), foreign keys, `busy_timeout`, writes by BEGIN
IMMEDIATE and one at a time. A deferred BEGIN would fail with "database is locked" as soon as two of them turn into writers.
One serving process a file, held by a lock beside it; short commands of the operator may write while it serves.

PostgreSQL: READ COMMITTED with conditional UPDATEs, `lock_timeout` and `statement_timeout`; transactions that the server
breaks off for the sake of others (40001, 40P01) are run again. Several processes may serve one database.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from filelock import FileLock, Timeout
from sqlalchemy import create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from epochly_service.errors import BusyError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection, Engine

T = TypeVar("T")

WAIT_S = 5.0  # for the write lock of SQLite, in this process and between processes
LOCK_MS, STATEMENT_MS = (
    4_000,
    10_000,
)  # PostgreSQL; below the client's patience of 5 s, and a bound for any statement
POOL = 10  # connections a process, and as many more in a rush
CONNECTIONS_MAX = 2 * POOL
TRIES = 8  # of a transaction that the server breaks off; each waits a little longer
AGAIN = {"40001", "40P01"}  # serialization_failure, deadlock_detected
BUSY = {
    "55P03",
    "57014",
    "57P03",
    "53300",
}  # lock_not_available, query_canceled, cannot_connect_now, too_many_connections


@dataclass(frozen=True, slots=True)
class Database:
    """A database with its two kinds of transaction; safe to use from several threads.

    `write` and `read` take a function of a connection, so that it can be run again. It has no effects besides.
    """

    engine: Engine
    _reading: Engine
    _turn: threading.Lock | None
    _sleep: Callable[[float], None] = field(default=time.sleep)

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file of this machine."""
        return self.engine.dialect.name == "sqlite"

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction, committed when it returns, rolled back when it raises.

        Raises:
            BusyError: it did not get through in time.
        """
        for tried in range(TRIES):
            try:
                with self._my_turn(), self.engine.begin() as conn:
                    return work(conn)
            except DBAPIError as error:
                if _state(error) not in AGAIN or tried == TRIES - 1:
                    if is_busy(error):
                        raise BusyError(str(error.orig)) from error
                    raise
                self._sleep(0.005 * 2**tried)
            except PoolTimeoutError as error:
                raise BusyError("no connection is free") from error
        raise AssertionError("the loop returns or raises")

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction that only reads.

        Raises:
            BusyError: it did not get through in time.
        """
        try:
            with self._reading.begin() as conn:
                return work(conn)
        except DBAPIError as error:
            if is_busy(error):
                raise BusyError(str(error.orig)) from error
            raise
        except PoolTimeoutError as error:
            raise BusyError("no connection is free") from error

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

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
        engine = create_engine(
            parsed,
            pool_size=POOL,
            max_overflow=POOL,
            pool_timeout=WAIT_S,
            hide_parameters=True,
            connect_args={"timeout": WAIT_S},
        )
        event.listen(engine, "connect", _sqlite_connected)
        event.listen(engine, "begin", _sqlite_begins)
        return Database(engine, engine.execution_options(epochly_reading=True), threading.Lock())
    if parsed.drivername in {"postgres", "postgresql", "postgresql+psycopg"}:
        engine = create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            isolation_level="READ COMMITTED",
            pool_size=POOL,
            max_overflow=POOL,
            pool_timeout=WAIT_S,
            hide_parameters=True,
            pool_pre_ping=True,
            connect_args={
                "options": f"-c lock_timeout={LOCK_MS} -c statement_timeout={STATEMENT_MS} -c timezone=UTC"
            },
        )
        return Database(engine, engine, None)
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


def is_busy(error: DBAPIError) -> bool:
    """Whether a statement failed because somebody else is in the way, or the database is away."""
    state = _state(error)
    if state is not None:
        return state in BUSY or state in AGAIN or state.startswith("08")
    text = str(error.orig)
    return isinstance(error, OperationalError) and ("locked" in text or "connection" in text)


def _state(error: DBAPIError) -> str | None:
    state = getattr(error.orig, "sqlstate", None)
    return state if isinstance(state, str) else None


def _sqlite_connected(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin where we say, not where the driver guesses
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"busy_timeout={int(WAIT_S * 1000)}",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _sqlite_begins(conn: Connection) -> None:
    reading = conn.get_execution_options().get("epochly_reading", False)
    conn.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
