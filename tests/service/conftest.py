"""Databases for the tests of `epochly-service`: every promise about what is stored holds on SQLite and on PostgreSQL."""

from __future__ import annotations

import os
import shutil

import pytest
from deployment import deploy
from node import Node
from postgres_cluster import NoPostgresError, running

from epochly_service.engines import open_database
from epochly_service.migrating import migrate


@pytest.fixture(scope="session")
def postgres():
    """One PostgreSQL server for these tests; a worker of pytest-xdist has one of its own."""
    if os.environ.get("EPOCHLY_TEST_NO_POSTGRES") == "1":
        pytest.skip("`EPOCHLY_TEST_NO_POSTGRES=1` is set")
    try:
        with running() as cluster:
            yield cluster
    except NoPostgresError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(params=["sqlite", "postgresql"])
def engine_name(request):
    """Which of the two engines this run of a test is about."""
    return request.param


def _migrated(url):
    """Make the tables, and leave nobody connected."""
    database = open_database(url)
    migrate(database)
    database.close()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory):
    """A file with the newest tables and nothing in them, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    _migrated(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres):
    """A database with the newest tables and nothing in them, to be copied."""
    name = postgres.create()
    _migrated(postgres.url(name))
    return name


@pytest.fixture
def empty_url(engine_name, request, tmp_path):
    """URL of a database of this test's own with nothing in it, not even tables."""
    if engine_name == "sqlite":
        yield f"sqlite:///{tmp_path}/service.db"
        return
    cluster = request.getfixturevalue("postgres")
    name = cluster.create()
    yield cluster.url(name)
    cluster.drop(name)


@pytest.fixture
def engine_url(engine_name, request, tmp_path):
    """URL of a database of this test's own with the newest tables and nothing in them."""
    if engine_name == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "service.db")
        os.chmod(tmp_path / "service.db", 0o600)
        yield f"sqlite:///{tmp_path}/service.db"
        return
    cluster = request.getfixturevalue("postgres")
    name = cluster.create(request.getfixturevalue("postgres_template"))
    yield cluster.url(name)
    cluster.drop(name)


@pytest.fixture
def database(engine_url):
    """That database, opened."""
    opened = open_database(engine_url)
    yield opened
    opened.close()


@pytest.fixture
def deployment(database, engine_url, tmp_path):
    """A deployment with private files, a root and one signing key, and nothing else in it."""
    return deploy(database, engine_url, tmp_path)


@pytest.fixture
def node(database, tmp_path):
    """A node of the service on that database, with secrets of its own."""
    made = Node(database, tmp_path / "data")
    yield made
    made.close()


@pytest.fixture
def sqlite_database(sqlite_template, tmp_path):
    """A database of SQLite alone, for promises that no engine has a part in."""
    shutil.copy(sqlite_template, tmp_path / "only.db")
    opened = open_database(f"sqlite:///{tmp_path}/only.db")
    yield opened
    opened.close()


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def site(request, tmp_path_factory):
    """A running server with the operators' pages, on each engine in turn."""
    from pages_site import running_site, settle

    data = tmp_path_factory.mktemp("site") / "data"
    data.mkdir(mode=0o700)
    if request.param == "sqlite":
        with running_site(data, f"sqlite:///{data}/service.db", "--no-rate-limits") as running:
            yield settle(running)
        return
    cluster = request.getfixturevalue("postgres")
    name = cluster.create()
    with running_site(data, cluster.url(name), "--no-rate-limits") as running:
        yield settle(running)
    cluster.drop(name)
