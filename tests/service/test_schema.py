"""The tables: migrations make what `schema.py` says, on both engines, and what belongs to an account is keyed by it."""

from __future__ import annotations

import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import CheckConstraint, ForeignKeyConstraint, create_mock_engine, text
from sqlalchemy.exc import IntegrityError

from epochly_service import migrating, store
from epochly_service.engines import open_database
from epochly_service.schema import REVISION, metadata

ALONE = {  # tables without an account in their key, and why
    "accounts": "it is the account",
    "pop_replay": "written before an account is known",
    "trials": "written before an account is known",
    "signing_keys": "the service's own",
    "keysets": "the service's own",
    "audit": "one chain by nature",
    "audit_head": "one chain by nature",
    "operators": "an operator may be of no account",
    "operator_sessions": "an operator's",
    "telemetry_batches": "of no account",
    "telemetry_events": "of no account",
    "telemetry_roots": "of no account",
    "telemetry_charts": "of no account",
}


def test_migrations_make_the_tables_of_the_schema(database):
    """Nothing is in one and not in the other: tables, columns, types, keys and indexes."""
    differences = database.read(lambda conn: compare_metadata(MigrationContext.configure(conn), metadata))
    assert differences == []


def test_migrations_make_the_checks_of_the_schema_too(sqlite_database):
    """Whole definitions are compared, since the tool that compares tables leaves checks and STRICT out."""
    wanted = []
    metadata.create_all(
        create_mock_engine("sqlite://", lambda sql, *_, **__: wanted.append(sql)), checkfirst=False
    )
    made = {str(sql.compile(dialect=sqlite_database.engine.dialect)) for sql in wanted}
    there = sqlite_database.read(
        lambda conn: conn.execute(
            text("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name <> 'alembic_version'")
        ).scalars()
    )

    def clauses(sql):
        return frozenset(line.strip(" ,\t") for line in sql.strip().splitlines())

    assert {clauses(sql) for sql in there} == {clauses(sql) for sql in made}


def test_every_key_of_what_belongs_to_an_account_begins_with_it():
    """Rows can be spread over machines by account: primary, foreign and unique keys hold it, and come first."""
    for table in metadata.sorted_tables:
        if table.name in ALONE:
            continue
        assert next(iter(table.primary_key)).name == "account_id", table.name
        for constraint in table.constraints:
            if isinstance(constraint, ForeignKeyConstraint):
                assert constraint.column_keys[0] == "account_id", constraint.name
            elif not isinstance(constraint, CheckConstraint):
                assert next(iter(constraint.columns)).name == "account_id", constraint.name
    assert set(ALONE) <= {table.name for table in metadata.sorted_tables}


def test_migrating_again_changes_nothing_and_tells_the_revision(database):
    """A database of the newest schema is left alone; code and migrations agree which one that is."""
    migrating.migrate(database)
    assert database.read(store.schema_revision) == migrating.newest() == REVISION
    assert database.read(migrating.current) == REVISION


def test_two_that_migrate_at_once_both_end_well(empty_url):
    """Two nodes that start on an empty database wait for each other."""
    failed = []

    def run():
        database = open_database(empty_url)
        try:
            migrating.migrate(database)
        except Exception as error:  # noqa: BLE001 - told by the assertion
            failed.append(error)
        finally:
            database.close()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failed == []


@pytest.mark.parametrize("used", [-1, 3])
def test_the_table_itself_refuses_a_wrong_count_of_seats(node, used):
    """Whatever the code gets wrong, no licence counts below zero or above what it has."""
    _, license_id = node.issue(seats=2)
    statement = text("UPDATE licenses SET seats_used = :used WHERE id = :id")
    with pytest.raises(IntegrityError):
        node.database.write(lambda conn: conn.execute(statement, {"used": used, "id": license_id}))
