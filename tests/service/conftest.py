"""Databases for the tests of `epochly-service`: every promise about what is stored holds on SQLite and on PostgreSQL."""

from __future__ import annotations

import os

import pytest
from postgres_cluster import NoPostgresError, running


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
