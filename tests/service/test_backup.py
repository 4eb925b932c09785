"""Backups: everything comes back on either engine, and a file that is not whole brings nothing back."""

from __future__ import annotations

import gzip
import json
import stat

import pytest
from filled import NOW, fill
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from epochly_service import store
from epochly_service.audit_chain import faults, read_head, read_rows
from epochly_service.backup import back_up, restore
from epochly_service.engines import open_database
from epochly_service.errors import ServiceError
from epochly_service.schema import accounts, operator_sessions
from epochly_service.snapshot import digests, frozen

ACTOR = "operator:cli"


@pytest.fixture
def other(tmp_path, postgres_or_none):
    """An empty database of each engine in turn, to restore into."""
    if postgres_or_none is None:
        opened = open_database(f"sqlite:///{tmp_path}/other.db")
        yield opened
        opened.close()
        return
    name = postgres_or_none.create()
    opened = open_database(postgres_or_none.url(name))
    yield opened
    opened.close()
    postgres_or_none.drop(name)


@pytest.fixture(params=["to sqlite", "to postgresql"])
def postgres_or_none(request):
    """The server where the target is PostgreSQL."""
    return request.getfixturevalue("postgres") if request.param == "to postgresql" else None


def everything(database):
    """Digest of each table, but those of the audit, which a backup and a restore go into."""
    with frozen(database) as conn:
        return {name: digest.sha256 for name, digest in digests(conn).items() if not name.startswith("audit")}


def test_backup_restores_every_row_on_either_engine(database, other, tmp_path):
    """What was backed up is there again, in whichever engine; the audit chain goes on, and sessions are gone."""
    fill(database)
    before = everything(database)
    made = back_up(database, str(tmp_path / "b"), at=NOW, actor=ACTOR)
    found, secrets = restore(other, str(tmp_path / "b"), at=NOW, actor=ACTOR)
    assert (found, secrets) == (made, {})
    assert everything(other) == before
    assert (
        other.read(lambda conn: conn.execute(select(func.count()).select_from(operator_sessions)).scalar())
        == 0
    )
    assert other.read(store.seat_faults) == []
    head = read_head(other)
    rows = list(read_rows(other, head))
    assert list(faults(rows, head=head)) == []
    assert rows[-1]["action"] == "restore"


def test_backup_is_private_and_replaces_nothing(database, tmp_path):
    """The file is readable by its owner alone; a file that is there is refused and left as it was."""
    path = tmp_path / "b"
    back_up(database, str(path), at=NOW, actor=ACTOR)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_bytes()
    with pytest.raises(ServiceError, match="exists already"):
        back_up(database, str(path), at=NOW, actor=ACTOR)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith("b")] == ["b"]


def test_backup_sees_one_moment(database, tmp_path, monkeypatch):
    """What is written while a backup runs is in it whole or not at all."""
    from epochly_service import backup

    fill(database)
    rows_of = backup.rows_of

    def slow(conn, table):
        yield from rows_of(conn, table)
        if table is accounts:
            database.write(lambda conn: store.insert_account(conn, account_id="acc_new", name="new", at=1))

    before = everything(database)
    monkeypatch.setattr(backup, "rows_of", slow)
    made = back_up(database, str(tmp_path / "b"), at=NOW, actor=ACTOR)
    assert made.rows["accounts"] == 2
    assert everything(database) != before


def test_backup_without_room_says_so_and_leaves_nothing(database, tmp_path):
    """A folder that is missing gives one line, and no half a file."""
    with pytest.raises(ServiceError, match="cannot be written"):
        back_up(database, str(tmp_path / "missing" / "b"), at=NOW, actor=ACTOR)


def test_backup_holds_secret_files_only_when_asked(database, tmp_path):
    """Private files go into a backup that is asked to have them, and come back byte for byte."""
    secrets = {"secrets.json": b"\x00\xff", f"signing/{'k' * 43}.pem": b"pem"}
    back_up(database, str(tmp_path / "b"), at=NOW, actor=ACTOR, secrets=secrets)
    other = open_database(f"sqlite:///{tmp_path}/other.db")
    assert restore(other, str(tmp_path / "b"), at=NOW, actor=ACTOR)[1] == secrets
    other.close()


def test_restore_refuses_a_database_with_rows(database, tmp_path):
    """Nothing is ever written over."""
    fill(database)
    back_up(database, str(tmp_path / "b"), at=NOW, actor=ACTOR)
    before = everything(database)
    with pytest.raises(ServiceError, match="name a database that is new"):
        restore(database, str(tmp_path / "b"), at=NOW, actor=ACTOR)
    assert everything(database) == before


# --- files that are not whole: one engine is enough, the reading is the same


@pytest.fixture(scope="module")
def lines(tmp_path_factory, sqlite_template):
    """The lines of a good backup."""
    import shutil

    folder = tmp_path_factory.mktemp("backup")
    shutil.copy(sqlite_template, folder / "service.db")
    database = open_database(f"sqlite:///{folder}/service.db")
    fill(database)
    back_up(database, str(folder / "b"), at=NOW, actor=ACTOR, secrets={"secrets.json": b"x"})
    database.close()
    return gzip.decompress((folder / "b").read_bytes()).splitlines(keepends=True)


@pytest.fixture
def target(tmp_path, sqlite_template):
    """An empty database; the test says what must not get into it."""
    import shutil

    shutil.copy(sqlite_template, tmp_path / "service.db")
    opened = open_database(f"sqlite:///{tmp_path}/service.db")
    yield opened
    opened.close()


def refused(target, data, tmp_path):
    """Restore bytes; returns the refusal, having seen that nothing was kept."""
    path = tmp_path / "bad"
    path.write_bytes(data)
    with pytest.raises(ServiceError) as caught:
        restore(target, str(path), at=NOW, actor=ACTOR)
    assert target.read(store.is_empty)
    assert read_head(target).seq == 0
    return str(caught.value)


def swap(lines, old, new):
    """The lines with a change in them, packed."""
    data = b"".join(lines)
    assert data.count(old) >= 1
    return gzip.compress(data.replace(old, new, 1))


def test_restore_refuses_a_changed_row(lines, target, tmp_path):
    """One digit changed in a seat count is found by its table's digest."""
    assert "is not what it was" in refused(
        target, swap(lines, b'"enterprise","node"', b'"academic","node"'), tmp_path
    )


def test_restore_refuses_a_table_that_lost_a_row(lines, target, tmp_path):
    """A row taken out is found by the count."""
    row = next(line for line in lines if line.startswith(b'["dev_') or b'"dev_' in line)
    assert "is not what it was" in refused(
        target, gzip.compress(b"".join(line for line in lines if line != row)), tmp_path
    )


def test_restore_refuses_a_changed_secret(lines, target, tmp_path):
    """The last digest covers what no table's does."""
    assert "is not what it was" in refused(target, swap(lines, b'"data":"eA=="', b'"data":"eQ=="'), tmp_path)


def test_restore_refuses_another_schema(lines, target, tmp_path):
    """A backup of other tables is not squeezed into these."""
    assert "it is of schema 9999" in refused(
        target, swap(lines, b'"schema":"0002"', b'"schema":"9999"'), tmp_path
    )


def test_restore_refuses_rows_that_break_a_rule(lines, target, tmp_path):
    """Digests that were made to fit do not get a licence with more seats used than it has into the tables."""
    assert "does not fit its table" in refused(
        target, swap(lines, b'"active",5,3,', b'"active",5,9,'), tmp_path
    )


def test_restore_refuses_every_file_that_is_cut_off(lines, target, tmp_path):
    """At whichever line or byte a backup ends too early, nothing of it is kept."""
    for count in range(0, len(lines), 3):
        refused(target, gzip.compress(b"".join(lines[:count])), tmp_path)
    packed = gzip.compress(b"".join(lines))
    for size in range(0, len(packed), max(1, len(packed) // 12)):
        refused(target, packed[:size], tmp_path)
    refused(target, gzip.compress(b"".join(lines) + b"{}\n"), tmp_path)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_restore_of_any_change_is_refused_in_one_line(lines, target, tmp_path, data):
    """Any line replaced by any JSON, or any bytes, is one clear refusal and an empty database."""
    at = data.draw(st.integers(0, len(lines) - 1))
    other = data.draw(
        st.binary(max_size=30)
        | st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=12) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
            ),
        ).map(lambda value: json.dumps(value).encode())
    )
    changed = [*lines[:at], other + b"\n", *lines[at + 1 :]]
    if changed != list(lines):
        assert "\n" not in refused(target, gzip.compress(b"".join(changed)), tmp_path)


def test_restore_refuses_what_is_no_backup(target, tmp_path):
    """Text, an empty file and a missing one are one clear line each."""
    for data in (b"", b"hello", b"\x1f\x8b", gzip.compress(b"[]\n"), gzip.compress(b'{"format":"other"}\n')):
        assert "hint: " in refused(target, data, tmp_path)
    with pytest.raises(ServiceError, match="cannot be read"):
        restore(target, str(tmp_path / "missing"), at=NOW, actor=ACTOR)
