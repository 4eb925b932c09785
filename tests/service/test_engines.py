"""The two engines: what each promises about a transaction, and what is refused before it is opened."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError

from epochly_service import engines, store
from epochly_service.engines import hold_server_lock, open_database
from epochly_service.errors import BusyError, ServiceError


class BrokenOffError(Exception):
    """What a driver raises, with the state it tells."""

    def __init__(self, sqlstate):
        super().__init__("planted")
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    "url", ["", "nonsense", "mysql://x/y", "sqlite://", "sqlite:///:memory:", "file:///etc/passwd"]
)
def test_open_database_refuses_what_it_does_not_serve(url):
    """Another engine, or a database that a second thread would not see, is refused in one clear line."""
    with pytest.raises(ServiceError, match="hint: ") as refused:
        open_database(url)
    assert refused.value.code == "database-url"


def test_sqlite_is_opened_durable_and_strict(sqlite_database):
    """A committed lease is on the disk, foreign keys hold, and a waiting writer waits five seconds."""

    def pragma(name):
        return sqlite_database.read(lambda conn: conn.exec_driver_sql(f"PRAGMA {name}").scalar())

    assert (pragma("journal_mode"), pragma("synchronous"), pragma("foreign_keys")) == ("wal", 2, 1)
    assert pragma("busy_timeout") == 5_000
    with pytest.raises(IntegrityError, match="cannot store TEXT"):
        sqlite_database.write(
            lambda conn: conn.execute(text("INSERT INTO accounts VALUES ('a', 'b', 'not a number')"))
        )


def test_sqlite_writers_begin_immediately_and_readers_do_not_wait(sqlite_database):
    """A second writer of another process waits for the first; a reader sees the state before it."""
    raw = sqlite_database.engine.raw_connection()
    try:
        raw.execute("BEGIN IMMEDIATE")
        raw.execute("INSERT INTO accounts VALUES ('acc_1', 'n', 1)")
        assert sqlite_database.read(store.is_empty)
        waited = threading.Thread(
            target=lambda: sqlite_database.write(
                lambda conn: store.insert_account(conn, account_id="acc_2", name="n", at=1)
            )
        )
        waited.start()
        raw.execute("COMMIT")
        waited.join(10)
        assert not waited.is_alive()
    finally:
        raw.close()
    names = sqlite_database.read(lambda conn: conn.execute(text("SELECT count(*) FROM accounts")).scalar())
    assert names == 2


def test_sqlite_writers_that_read_first_are_never_told_that_it_is_locked(sqlite_database):
    """A transaction that reads before it writes waits for another process's from its start, and sees what that one wrote."""
    other = open_database(str(sqlite_database.engine.url))
    sqlite_database.write(lambda conn: store.insert_account(conn, account_id="acc_1", name="n", at=0))
    reading, written = threading.Event(), threading.Event()

    def count_on(conn):
        conn.execute(text("UPDATE accounts SET created_at = created_at + 1"))

    def second(conn):
        at = conn.scalar(text("SELECT created_at FROM accounts"))
        reading.set()
        written.wait(0.5)
        conn.execute(text("UPDATE accounts SET created_at = :at"), {"at": at + 1})

    with ThreadPoolExecutor(1) as pool:

        def first(conn):
            count_on(conn)
            started = pool.submit(other.write, second)
            reading.wait(0.2)  # a writer that began without its lock would read the state before ours here
            return started

        started = sqlite_database.write(first)
        written.set()
        started.result(10)
    other.close()
    assert sqlite_database.read(lambda conn: conn.scalar(text("SELECT created_at FROM accounts"))) == 2


def test_a_writer_that_waits_too_long_is_told_busy(sqlite_database, monkeypatch):
    """Who does not get the lock in time learns that nothing was done."""
    monkeypatch.setattr(engines, "WAIT_S", 0.01)
    raw = sqlite_database.engine.raw_connection()
    try:
        raw.execute("PRAGMA busy_timeout=1")
        with sqlite_database._turn, pytest.raises(BusyError):
            sqlite_database.write(store.is_empty)
    finally:
        raw.close()


def test_one_process_serves_a_file_of_sqlite(sqlite_database):
    """A second server of the same file is refused, and let in when the first is gone."""
    held = hold_server_lock(sqlite_database)
    program = (
        "import sys\nfrom epochly_service.engines import *\n"
        "from epochly_service.errors import ServiceError\n"
        "try:\n    hold_server_lock(open_database(sys.argv[1]))\n"
        "except ServiceError as error:\n    print(error.code)\n"
    )
    command = [sys.executable, "-c", program, str(sqlite_database.engine.url)]
    refused = subprocess.run(command, check=True, capture_output=True, text=True)
    assert refused.stdout == "already-served\n"
    held.release()
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == ""


@pytest.mark.parametrize("state", ["40001", "40P01"])
def test_write_runs_again_what_the_server_broke_off(database, state):
    """A transaction that lost against another one is run again from its start, and its first try left nothing."""
    slept, tries = [], []
    patient = replace(database, _sleep=slept.append)

    def work(conn):
        tries.append(1)
        store.insert_account(conn, account_id="acc_1", name="n", at=1)
        if len(tries) < 3:
            raise OperationalError("", {}, BrokenOffError(state))
        return "done"

    assert patient.write(work) == "done"
    assert (len(tries), len(slept)) == (3, 2)
    assert not database.read(store.is_empty)


@pytest.mark.parametrize(
    ("state", "kind"), [("40001", BusyError), ("55P03", BusyError), ("22000", OperationalError)]
)
def test_write_gives_up_in_the_end_and_keeps_nothing(database, state, kind):
    """What never gets through is busy, what is wrong is an error, and neither leaves a row."""
    patient = replace(database, _sleep=lambda _s: None)

    def work(conn):
        store.insert_account(conn, account_id="acc_1", name="n", at=1)
        raise OperationalError("", {}, BrokenOffError(state))

    with pytest.raises(kind):
        patient.write(work)
    assert database.read(store.is_empty)


def test_postgresql_bounds_locks_and_statements(postgres, postgres_template):
    """No request waits for a lock or a statement longer than its client waits for the request."""
    name = postgres.create(postgres_template)
    database = open_database(postgres.url(name))
    try:
        for setting, shown in (("lock_timeout", "4s"), ("statement_timeout", "10s"), ("TimeZone", "UTC")):
            assert database.read(lambda conn, s=setting: conn.execute(text(f"SHOW {s}")).scalar()) == shown
        assert (
            database.read(lambda conn: conn.execute(text("SHOW transaction_isolation")).scalar())
            == "read committed"
        )

        def wait_for_a_lock(conn):
            conn.execute(text("SET LOCAL lock_timeout = '20ms'"))
            conn.execute(text("LOCK TABLE accounts"))

        with database.engine.begin() as holder:
            holder.execute(text("LOCK TABLE accounts"))
            with pytest.raises(BusyError):
                database.write(wait_for_a_lock)
    finally:
        database.close()
        postgres.drop(name)


def test_a_database_that_is_away_is_busy_not_a_bug(tmp_path):
    """A server that does not answer is told as such, without its address in a traceback."""
    database = open_database(f"postgresql://nobody@/nothing?host={tmp_path}")
    with pytest.raises(BusyError):
        database.read(store.is_empty)
    assert database.at_once(lambda _line: "never") is None


def test_errors_of_statements_hide_what_was_in_them(database):
    """A failed statement says nothing of the values it was sent with, wherever it is logged."""

    def work(conn):
        for _ in range(2):
            store.insert_account(conn, account_id="acc_secret", name="n", at=1)

    with pytest.raises(IntegrityError) as failed:
        database.write(work)
    assert "acc_secret" not in str(failed.value).partition("DETAIL")[0]


@pytest.fixture
def cut(postgres, postgres_template):
    """A database of PostgreSQL, and how to end every connection to it but the one that does so."""
    name = postgres.create(postgres_template)
    database, other = open_database(postgres.url(name)), open_database(postgres.url(name))
    ending = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name AND pid <> pg_backend_pid()"
    )

    def cut_all():
        other.write(lambda conn: conn.execute(ending, {"name": name}).all())

    yield database, cut_all
    database.close()
    other.close()
    postgres.drop(name)


@pytest.mark.parametrize("way", ["write", "read"])
def test_what_was_not_committed_is_run_again_where_its_connection_was_cut(cut, way):
    """A server that was started anew is not noticed: no connection of before is used for more than finding out."""
    database, cut_all = cut
    with ThreadPoolExecutor(3) as pool:
        together = threading.Barrier(3)

        def held(_conn):
            together.wait(10)  # so that there are three connections

        list(pool.map(lambda _: database.read(held), range(3)))
    cut_all()
    tries = []

    def work(conn):
        tries.append(1)
        return store.is_empty(conn)

    assert getattr(database, way)(work)
    assert len(tries) == 2
    assert all(database.read(store.is_empty) for _ in range(5))


def test_a_commit_whose_answer_is_lost_is_not_made_again(cut):
    """Nobody knows whether it was kept, so that it is for the client to ask again."""
    database, cut_all = cut
    tries = []

    def work(conn):
        tries.append(1)
        store.insert_account(conn, account_id="acc_1", name="n", at=1)
        cut_all()

    with pytest.raises(BusyError):
        database.write(work)
    assert tries == [1]
    assert database.read(store.is_empty)


def test_what_is_done_at_once_leaves_a_cut_connection_to_the_long_way(cut):
    """Nothing was changed, so that `write` may try; a connection that is cut after the look is one whose change nobody knows."""
    database, cut_all = cut
    one = engines.Texts(("SELECT 1",), "SELECT 1, 0")  # the last is the number of the request

    def look(line):
        return line.look(one, [{}])

    assert database.at_once(look) == [(1,)]
    cut_all()
    assert database.at_once(look) is None
    assert database.at_once(look) == [(1,)]

    def look_twice(line):
        line.look(one, [{}])
        cut_all()
        return line.look(one, [{}])

    with pytest.raises(BusyError):
        database.at_once(look_twice)
    assert database.at_once(look) == [(1,)]
