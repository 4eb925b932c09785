"""Backup, restore, copy and migrate as commands, and what each says where it cannot."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from deployment import Deployment

from epochly_service import store
from epochly_service.engines import open_database
from epochly_service.migrating import current, newest


@pytest.fixture
def elsewhere(tmp_path):
    """A place where nothing is yet."""
    folder = tmp_path / "elsewhere"
    opened = open_database(f"sqlite:///{folder}/service.db")
    yield Deployment(folder, f"sqlite:///{folder}/service.db", opened)
    opened.close()


def test_backup_with_secrets_brings_a_whole_deployment_back(deployment, elsewhere, tmp_path):
    """After the loss of everything but the backup, the doctor finds a deployment that is well, root aside."""
    deployment.admin("account", "add", "Acme")
    issued = deployment.ask("license", "issue", "Acme", "--plan", "professional", "--seats", "2")
    out, _ = deployment.admin("backup", str(tmp_path / "b"), "--with-secrets")
    assert "3 private files: keep it as secret as they are" in out
    elsewhere.data.mkdir(mode=0o700)
    elsewhere.admin("restore", str(tmp_path / "b"))
    assert elsewhere.ask("doctor")["faults"] == 0
    assert elsewhere.ask("license", "list")["licenses"][0]["id"] == issued["license"]["id"]
    assert not (elsewhere.data / "root-key" / "root.pem").exists()
    for path in elsewhere.data.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_backup_without_secrets_says_that_they_are_not_in_it(deployment, tmp_path):
    """Who keeps the backup alone learns what else they need."""
    assert (
        "the private files of the data folder are not in it"
        in deployment.admin("backup", str(tmp_path / "b"))[0]
    )


def test_restore_writes_no_file_outside_of_the_data_folder(deployment, elsewhere, tmp_path):
    """A backup whose private files have other names than ours is refused before a file or a row is written."""
    from epochly_service.backup import back_up

    back_up(deployment.database, str(tmp_path / "b"), at=1, actor="x", secrets={"../canary": b"x"})
    elsewhere.data.mkdir(mode=0o700)
    assert "a name that is none" in elsewhere.admin("restore", str(tmp_path / "b"), code=2)[1]
    assert not (tmp_path / "canary").exists()
    assert elsewhere.database.read(store.is_empty)


def test_copy_command_tells_rows_and_digests(deployment, elsewhere):
    """Each table is told with its count; the copy can be administered like the original."""
    deployment.admin("account", "add", "Acme")
    elsewhere.data.mkdir()
    out, _ = deployment.admin("copy", elsewhere.url)
    assert out.endswith("rows are copied, and the same on both sides\n")
    assert elsewhere.ask("account", "list") == deployment.ask("account", "list")
    assert "`accounts` has rows" in deployment.admin("copy", elsewhere.url, code=1)[1]


def test_migrate_makes_the_tables_and_notes_it(empty_url, tmp_path):
    """A new database gets the newest schema and a row that says so; doing it again changes nothing."""
    database = open_database(empty_url)
    one = Deployment(tmp_path / "data", empty_url, database)
    if not empty_url.startswith("sqlite"):
        assert "its schema is missing" in one.admin("account", "list", code=2)[1]
    assert one.ask("migrate") == {"ok": True, "before": None, "schema": newest()}
    assert one.ask("migrate")["before"] == newest()
    assert database.read(current) == newest()
    assert one.admin("audit", "export")[0].count('"action":"migrate"') == 1
    database.close()


# --- what is wrong with the place: one engine says it all


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite:////nonexistent/service.db", "there is no database"),
        ("sqlite://", "neither PostgreSQL nor a file of SQLite"),
        ("mysql://x", "neither PostgreSQL nor a file of SQLite"),
        ("not a url", "it is not a URL"),
        ("postgresql://nobody@/x?host=/nonexistent", "it does not answer"),
    ],
)
def test_database_that_is_not_there_is_one_line(tmp_path, url, words):
    """A wrong, missing or unreachable database is one clear line with exit code 2, and no file is made."""
    out, err = Deployment(tmp_path, url, None).admin("account", "list", code=2)
    assert out == ""
    assert words in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_file_that_is_no_database_is_one_line(deployment):
    """Other bytes where the database should be are told as such."""
    deployment.database.close()
    Path(deployment.database.engine.url.database).write_bytes(b"hello" * 1000)
    err = deployment.admin("account", "list", code=2)[1]
    assert "file is not a database" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("engine_name", ["sqlite"])
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no device that is full")
def test_full_disk_is_one_line(deployment, tmp_path, monkeypatch):
    """No room for a backup or an export is one clear line, and leaves no half a file."""
    from epochly_service import backup

    def full(*_arguments, **_more):
        raise OSError(28, "No space left on device")

    deployment.admin("account", "add", "Acme")
    monkeypatch.setattr(backup.os, "fsync", full)
    err = deployment.admin("backup", str(tmp_path / "b"), code=2)[1]
    assert "No space left on device" in err
    assert not list(tmp_path.glob("b*"))


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_database_that_another_writer_holds_is_one_line(deployment, monkeypatch):
    """A lock that is not let go of in time ends in one line, and nothing was changed."""
    from epochly_service import engines

    monkeypatch.setattr(engines, "WAIT_S", 0.05)
    with deployment.database.engine.begin():
        err = deployment.admin("account", "add", "Acme", code=2)[1]
    assert "it does not answer" in err
    assert deployment.ask("account", "list")["accounts"] == []


def test_bug_of_ours_is_told_as_one(deployment, monkeypatch):
    """A crash is exit code 70 with its place, never a traceback, and never looks like a refusal."""
    from epochly_service.admin import cli

    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setitem(cli.COMMANDS, ("account", "list"), broken)
    err = deployment.admin("account", "list", code=70)[1]
    assert "this is our bug, not yours: ZeroDivisionError" in err
    assert err.count("\n") == 1
