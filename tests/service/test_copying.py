"""Copies from one engine to the other: the same rows, or none."""

from __future__ import annotations

import pytest
from filled import NOW, fill
from test_backup import ACTOR, everything, other, postgres_or_none  # noqa: F401 - fixtures

from epochly_service import copying, store
from epochly_service.audit_chain import faults, read_head, read_rows
from epochly_service.copying import copy
from epochly_service.engines import hold_server_lock
from epochly_service.errors import ServiceError
from epochly_service.snapshot import TABLES


def test_copy_has_every_row_on_either_engine(database, other):  # noqa: F811
    """Each table has as many rows and the same digest there, and the chain goes on with who copied it."""
    fill(database)
    before = everything(database)
    copied = copy(database, other, at=NOW, actor=ACTOR)
    assert everything(other) == before == everything(database)
    assert [one.table for one in copied] == [table.name for table in TABLES]
    assert {one.table: one.rows for one in copied}["devices"] == 4
    head = read_head(other)
    assert list(faults(read_rows(other, head), head=head)) == []
    assert other.read(store.seat_faults) == []


def test_copy_that_differs_is_not_kept(database, other, monkeypatch):  # noqa: F811
    """A target that stores something else than it was given ends up empty, and the line says which table."""
    fill(database)

    def forgetful(conn, table, rows):
        from epochly_service.snapshot import fill as fill_table

        fill_table(conn, table, [row for row in rows if table.name != "trials"])

    monkeypatch.setattr(copying, "fill", forgetful)
    with pytest.raises(ServiceError, match="`trials`: 1 rows were read and 0 are there"):
        copy(database, other, at=NOW, actor=ACTOR)
    assert other.read(store.is_empty)


def test_copy_into_a_database_with_rows_is_refused(database):
    """Nothing is ever written over, not even by itself."""
    fill(database)
    with pytest.raises(ServiceError, match="name a database that is new"):
        copy(database, database, at=NOW, actor=ACTOR)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_copy_of_a_database_that_is_served_is_refused(database, tmp_path):
    """What is written after the copy would be lost, so the server is stopped first."""
    from epochly_service.engines import open_database

    lock = hold_server_lock(database)
    target = open_database(f"sqlite:///{tmp_path}/target.db")
    with pytest.raises(ServiceError, match="another process serves this database"):
        copy(database, target, at=NOW, actor=ACTOR)
    target.close()
    lock.release()
