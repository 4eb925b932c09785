"""The audit chain: what it says, and that nobody can make it say something else unseen."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from epochly_service import audit
from epochly_service.schema import audit as table


def add(database, count):
    """Rows of two accounts, taking turns."""
    for number in range(count):
        database.write(
            lambda conn, number=number: audit.append(
                conn,
                at=1_700_000_000 + number,
                account_id=f"acc_{number % 2}",
                actor_kid="operator:kim",
                action="license-issue",
                object_id=f"lic_{number}",
                before={},
                after={"seats_max": number},
            )
        )


def test_audit_rows_hold_the_hash_of_the_one_before(database):
    """Each row names its predecessor, the first one the start that the migration wrote."""
    add(database, 3)
    rows = database.read(lambda conn: conn.execute(select(table).order_by(table.c.seq)).all())
    assert [row.prev_hash for row in rows] == [audit.START, rows[0].hash, rows[1].hash]


def test_audit_row_of_a_transaction_that_fails_is_not_kept(database):
    """What did not happen is not in the chain, and leaves no gap in it."""

    def fail(conn):
        audit.append(
            conn, at=1, account_id="", actor_kid="service", action="x", object_id="y", before={}, after={}
        )
        raise LookupError

    with pytest.raises(LookupError):
        database.write(fail)
    add(database, 1)
    assert database.read(lambda conn: conn.execute(select(table.c.seq)).scalars().all()) == [1]
