"""The server that tests run on: there for as long as they are, and no longer."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from postgres_cluster import NoPostgresError, find_binaries

HERE = Path(__file__).parent
STARTER = """
import os, sys
sys.path.insert(0, sys.argv[1])
from postgres_cluster import running
with running() as cluster:
    print(cluster.folder, cluster.keeper, flush=True)
    sys.stdin.read()
"""


def test_cluster_makes_databases_that_know_nothing_of_each_other(postgres):
    """Two tests never see each other's rows, and a dropped database is gone even with somebody connected."""
    one, other = postgres.create(), postgres.create()
    with psycopg.connect(postgres.url(one), autocommit=True) as connection:
        connection.execute("CREATE TABLE mine (x int)")
        with psycopg.connect(postgres.url(other)) as elsewhere:
            found = elsewhere.execute("SELECT to_regclass('mine')").fetchone()
        assert found == (None,)
        postgres.drop(one)
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    postgres.drop(other)


def test_cluster_of_killed_tests_is_stopped_and_deleted(postgres):  # noqa: ARG001 - skipped or failed with it
    """`kill -9` of the tests leaves no server running and no folder behind."""
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, str(HERE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    folder, keeper = starter.stdout.readline().split()
    gone = os.pidfd_open(int(keeper))
    assert Path(folder, "data", "postmaster.pid").exists()
    starter.send_signal(signal.SIGKILL)
    starter.communicate()
    assert select.select([gone], [], [], 30)[0]
    os.close(gone)
    assert not Path(folder).exists()


def test_cluster_says_how_to_get_a_server_where_there_is_none(monkeypatch, tmp_path):
    """A machine without PostgreSQL gets one line that says what to install."""
    monkeypatch.setattr("postgres_cluster.PLACES", (str(tmp_path),))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoPostgresError, match="apt-get install postgresql"):
        find_binaries()
