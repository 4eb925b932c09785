"""What the database keeps of events, for how long, and what it counts: the same promises by rows and by partitions."""

from __future__ import annotations

import json

import pytest
from filled import fill as fill_accounts
from sqlalchemy import delete, func, select, text, update
from telemetry_made import EVENTS, batch, event, receipt_of, root_of, sent
from test_backup import ACTOR, everything, other, postgres_or_none  # noqa: F401 - fixtures

from epochly_service import schema
from epochly_service.backup import back_up, restore
from epochly_service.copying import copy
from epochly_service.doctor import Place, examine
from epochly_service.errors import BusyError
from epochly_service.settings import DAY
from epochly_service.telemetry import batches, ledger, partitions
from epochly_service.telemetry.charts import Tally
from epochly_service.telemetry.collector import telemetry_of
from epochly_service.telemetry.sinks import Row
from epochly_service.telemetry.tables import database_sink

TABLE = schema.telemetry_events
SHORT, LONG = EVENTS["gpu"]["retention_days"], EVENTS["fault"]["retention_days"]


def put(database, day, body, endpoint="metrics"):
    """Keep a batch that is received on a day."""
    return database_sink(database).keep(batches.read(body, endpoint), day)


def count(database, event_name=None):
    """How many events are kept."""
    wanted = select(func.count()).select_from(TABLE)
    if event_name is not None:
        wanted = wanted.where(TABLE.c.event == event_name)
    return database.read(lambda conn: conn.scalar(wanted))


def test_each_event_is_forgotten_after_its_own_time(database):
    """An event is there on the last day of its retention, and gone on the day after; others of another retention stay."""
    sink, day = database_sink(database), 20_833
    put(database, day, batch(event("gpu")))
    put(database, day, batch(event("fault")), "critical-events")
    sink.forget(day + SHORT - 1)
    assert (count(database, "gpu"), count(database, "fault")) == (1, 1)
    assert sink.overdue(day + SHORT) == 0
    assert sink.overdue(day + SHORT + 1) == 1
    assert sink.forget(day + SHORT) > 0
    assert (count(database, "gpu"), count(database, "fault")) == (0, 1)
    sink.forget(day + LONG)
    assert count(database) == 0
    assert sink.forget(day + LONG) == 0


def test_a_digest_outlives_its_events_and_then_goes(node):
    """Receipts and proofs are good for 400 days; then the digest is deleted, and the root stays."""
    body, day = batch(), node.now // DAY
    digest = receipt_of(node.wire, sent(node.wire, body))["sha256"]
    telemetry = telemetry_of(node.service)
    for days, digests in ((1, 1), (SHORT, 1), (399, 1), (400, 0)):
        node.now = (day + days) * DAY
        if node.service.keyring().signer(node.now) is None:
            node.rotate()
        telemetry.tidy()
        assert node.count("telemetry_batches") == digests, days
        assert node.wire.send("GET", f"/v1/telemetry/proofs/{digest}").status == (200 if digests else 404)
    assert root_of(node.wire, day)["size"] == 1
    assert count(node.database) == 0


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_tidying_is_done_once_a_day_and_again_where_it_failed(node, monkeypatch):
    """A day's work that the database did not let through is done at the next try; what was done is not done again."""
    telemetry = telemetry_of(node.service)
    tried = []

    def busy(today):
        tried.append(today)
        if len(tried) == 1:
            raise BusyError

    monkeypatch.setattr(type(telemetry.sink), "forget", lambda _, today: busy(today))
    with pytest.raises(BusyError):
        telemetry.tidy()
    for _ in range(3):
        telemetry.tidy()
    assert len(tried) == 2


def test_counts_are_of_installations_by_value_and_month(database):
    """Each value of each field with how many installations of a month reported it, and how often; other days are not in it."""
    day = 20_833
    for number, (asked, install) in enumerate([(True, "A"), (True, "A"), (True, "B"), (False, "B")]):
        put(database, day + number, batch(event(asked=asked, n=10), install=install * 16, day=day))
    put(database, day + 9, batch(event(asked=True), install="C" * 16))
    put(database, day, batch(event("jit", outcome="gave_up", speed=63), install="A" * 16))
    put(database, day, batch(event(asked=True), install="D" * 16, day=day + 30))
    month = 2027 * 12
    found = set(database_sink(database).tally(day, day + 8))
    assert {one for one in found if one.event == "gpu" and one.field == "asked"} == {
        Tally("gpu", "asked", "true", month, 2, 30),
        Tally("gpu", "asked", "false", month, 1, 10),
        Tally("gpu", "asked", "true", month + 1, 1, 1),
    }
    assert Tally("jit", "outcome", '"gave_up"', month, 1, 1) in found
    assert Tally("jit", "speed", "63", month, 1, 1) in found


def test_a_backup_has_telemetry_and_lens_too(database, other, tmp_path):  # noqa: F811
    """Events, digests, roots, charts, keys and hosts come back on either engine, whichever partitions they need."""
    fill_accounts(database)
    _fill(database)
    before = everything(database)
    made = back_up(database, str(tmp_path / "b"), at=1, actor=ACTOR)
    assert (made.rows["telemetry_events"], made.rows["lens_hosts"]) == (3, 1)
    restore(other, str(tmp_path / "b"), at=1, actor=ACTOR)
    assert everything(other) == before


def test_a_copy_has_telemetry_and_lens_too(database, other):  # noqa: F811
    """The same by `copy`, digest by digest."""
    fill_accounts(database)
    _fill(database)
    copied = {one.table: one.rows for one in copy(database, other, at=1, actor=ACTOR)}
    assert (copied["telemetry_events"], copied["telemetry_batches"], copied["lens_processes"]) == (3, 2, 1)
    assert everything(other) == everything(database)


def _fill(database):
    from filled import ONE

    put(database, 20_000, batch(event("gpu"), event("worker")))
    put(database, 20_700, batch(event("fault")), "critical-events")
    rows = {
        "telemetry_charts": {"day": 20_001, "body": "{}"},
        "lens_accounts": {"account_id": ONE, "salt_sealed": "1.x"},
        "lens_keys": {
            "account_id": ONE, "id": "lnk_1", "key_mac": "1.x", "status": "active", "created_at": 1,
        },
        "lens_hosts": {
            "account_id": ONE, "host": "ab" * 16, "version": "0.1.0", "first_day": 1, "last_seen": 9,
        },
        "lens_processes": {"account_id": ONE, "host": "ab" * 16, "pid": 7, "uptime_s": 1, "last_seen": 9},
    }  # fmt: skip

    def work(conn):
        ledger.seal(conn, 20_000)
        for name, row in rows.items():
            conn.execute(schema.metadata.tables[name].insert(), row)

    database.write(work)


@pytest.mark.parametrize(
    ("spoil", "check", "words"),
    [
        (update(TABLE).values(n=5), None, ""),
        (delete(schema.telemetry_batches), "roots", "the batches of day"),
        (update(schema.telemetry_roots).values(root="0" * 64), "roots", "the batches of day"),
        (text("UPDATE telemetry_batches SET day = day - 500"), "telemetry", "`telemetry_batches` has 1 rows"),
        (text("UPDATE telemetry_events SET until_day = day"), "telemetry", "`telemetry_events` has 1 rows"),
    ],
)
@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_doctor_tells_what_is_wrong_with_telemetry(node, spoil, check, words):
    """A root that its batches do not make, and what is kept beyond its time, are told by their own checks."""
    sent(node.wire, batch())
    node.now += 2 * DAY
    telemetry_of(node.service).tidy()
    node.database.write(lambda conn: conn.execute(spoil))
    report = examine(Place(node.database, node.data, node.now))
    found = {one.name: " ".join(one.faults) for one in report if one.faults}
    if check is None:
        assert not {"roots", "telemetry"} & set(found)
    else:
        assert words in found.get(check, ""), found


# --- partitions


@pytest.mark.parametrize("engine_name", ["postgresql"])  # SQLite has none
class TestPartitions:
    """Days are tables: made before they are needed, dropped when they are over."""

    def test_rows_lie_in_the_partition_of_the_day_they_are_forgotten(self, database):
        """A row goes where its last day says, and the day's table has no other."""
        put(database, 20_833, batch(event("gpu")))
        there = database.read(partitions.present)
        assert there == sorted({20_833 + days + ahead for days in (SHORT, LONG) for ahead in (0, 1)})
        one = text(f"SELECT count(*) FROM telemetry_events_{20_833 + SHORT}")
        assert database.read(lambda conn: conn.scalar(one)) == 1

    def test_forgetting_drops_tables_and_deletes_no_row(self, database):
        """What is past its time goes as a whole table, and the tables of later days stay."""
        put(database, 20_833, batch(event("gpu")))
        with_statements = []
        from sqlalchemy import event as sql_event

        def seen(_conn, _cursor, statement, *_):
            with_statements.append(statement)

        sql_event.listen(database.engine, "before_cursor_execute", seen)
        assert database_sink(database).forget(20_833 + SHORT) == 1
        assert any(one.startswith("DROP TABLE") for one in with_statements)
        assert not any(one.startswith("DELETE") for one in with_statements)
        assert 20_833 + SHORT not in database.read(partitions.present)
        assert 20_833 + LONG in database.read(partitions.present)

    def test_two_that_make_a_partition_at_once_both_end_well(self, database):
        """Two processes on the first batch of a day wait for each other, and neither fails."""
        import threading

        failed = []

        def work(number):
            try:
                put(database, 20_833, batch(event("gpu"), seq=number))
            except Exception as error:  # noqa: BLE001 - told by the assertion
                failed.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []
        assert count(database) == 6

    def test_charts_are_counted_from_the_days_that_can_hold_them(self, database):
        """The statement leaves out partitions whose rows are from other days."""
        from epochly_service.telemetry.tables import _TALLY_POSTGRESQL

        for day in (20_600, 20_833):
            put(database, day, batch(event("gpu")))
        days = {"first": 20_830, "last": 20_850, "soon": 20_830 + SHORT, "late": 20_850 + LONG}
        plan = database.read(lambda conn: conn.scalars(text("EXPLAIN " + _TALLY_POSTGRESQL), days).all())
        told = "\n".join(plan)
        assert f"telemetry_events_{20_833 + SHORT}" in told
        assert f"telemetry_events_{20_600 + SHORT}" not in told


def test_a_row_has_the_columns_of_the_table():
    """What is written by place lies in the column it is meant for."""
    assert Row._fields == tuple(column.name for column in TABLE.columns)


def test_rows_say_what_was_sent(database):
    """Everything of a batch that may be kept is in its rows."""
    put(
        database,
        20_833,
        batch(event("gpu", n=3), os="darwin", arch="aarch64", python="3.11", epochly="1.0rc1"),
    )
    row = database.read(lambda conn: conn.execute(select(TABLE)).mappings().one())
    assert {name: row[name] for name in ("os", "arch", "python", "epochly", "n", "event", "day")} == {
        "os": "darwin", "arch": "aarch64", "python": "3.11", "epochly": "1.0rc1", "n": 3, "event": "gpu", "day": 20_833,
    }  # fmt: skip
    assert json.loads(row["fields"]) == {"allowed": False, "asked": False}
