"""The next lease at once: two statements where nothing stands in the way, and the long way's answer where anything does."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from node import renewed
from wire import ik

from epochly_service import renewals, store
from epochly_service.engines import ALL, open_database
from epochly_service.errors import BusyError, Problem
from epochly_service.model import Remembered
from epochly_service.proofs import Call
from epochly_service.scene import Renewal
from epochly_service.service import SignedProblem

CLIENTS = 8


def tables(node):
    """How much is kept of proofs and of what requests did."""
    return node.count("pop_replay"), node.count("idempotency")


def changed(node, seen, *, spent="a" * 64):
    """Write the next lease of a device that was seen so; returns what the database said of it."""
    row = seen._replace(lease_seq=seen.lease_seq + 1)
    done = Remembered(row.account_id, row.kid, ik(), "h", row.id, "{}", node.now + 9)
    made = [renewals.Change(seen, row, done, spent, node.now + 9)]
    told = node.database.at_once(lambda line: renewals.change(line, made))
    return told and told[0]


def test_a_next_lease_takes_two_statements(node):
    """A device in good standing is looked at once and written once, with what its request did and its nonce."""
    device = node.enrolled(node.issue()[0])
    device.heartbeat()  # its key is known from now on
    before = tables(node)
    for ask in (device.validate, device.heartbeat):
        with node.statements() as seen:
            assert ask().status == 200
        assert [text.split()[0] for text in seen] in (["SELECT", "WITH"], ["SELECT", "UPDATE"])
    assert tables(node) == (before[0] + 2, before[1] + 2)
    assert node.device(device.device_id).lease_seq == device.seq == 4


@pytest.mark.parametrize("column", renewals.CHANGES)
def test_a_device_that_somebody_changed_is_left_alone(node, column):
    """Where the row is not the one that was seen, nothing of a next lease is written, not even that its nonce was used."""
    device = node.enrolled(node.issue()[0])
    seen = node.device(device.device_id)
    now = seen._replace(**{column: {"status": "contended", "holds_seat": 0, "lease_seq": 7}[column]})
    node.put_device(now)
    before = tables(node)
    assert changed(node, seen) is False
    assert (tables(node), node.device(device.device_id)) == (before, now)
    assert changed(node, now) is True
    assert tables(node) == (before[0] + 1, before[1] + 1)


def test_a_nonce_that_was_used_undoes_the_whole_change(node):
    """A second use of a nonce leaves the device and what is remembered as they were, for the long way to refuse."""
    device = node.enrolled(node.issue()[0])
    node.database.write(lambda conn: store.insert_replay(conn, "a" * 64, node.now + 9))
    seen, before = node.device(device.device_id), tables(node)
    assert changed(node, seen) is None
    assert (tables(node), node.device(device.device_id)) == (before, seen)


@pytest.mark.parametrize("statement", [renewals._LOOK, renewals._CHANGE])
def test_no_plan_of_postgresql_reads_a_whole_table(postgres, postgres_template, statement):
    """Also where tables are empty and reading them whole would be cheaper: the plan stays when they have grown."""
    name = postgres.create(postgres_template)
    database = open_database(postgres.url(name))
    explain = "EXPLAIN " + statement.postgresql.replace(f"%({ALL})s", "'[]'")
    plan = database.at_once(lambda line: [row[0] for row in line._cursor.execute(explain)])
    database.close()
    postgres.drop(name)
    scans = [each.split("(cost")[0] for each in plan if "Scan" in each or "hashed" in each]
    assert sum("Index" in each for each in scans) >= 1
    assert [each for each in scans if "Seq Scan" in each or "hashed" in each or "Bitmap" in each] == []


def raced(node, calls, asked):
    """The answers to renewals that two nodes get at the same moment: codes, or `lease`."""
    services, start = (node.service, node.another()), threading.Barrier(len(calls))

    def ask(number):
        start.wait(30)
        try:
            renewed(services[number % 2], calls[number], asked[number])
        except SignedProblem as problem:
            return problem.problem.code
        except Problem as problem:
            return problem.code
        return "lease"

    with ThreadPoolExecutor(len(calls)) as pool:
        return sorted(pool.map(ask, range(len(calls))))


def test_one_proof_renews_once_however_often_it_is_sent(node):
    """Of one proof sent at once to two nodes one gets a lease, and the others are told that it was used."""
    for _ in range(5):
        device = node.enrolled(node.issue()[0])
        path = f"/v1/devices/{device.device_id}/heartbeat"
        call, asked = Call("POST", path, b"", device.proof("POST", path)), Renewal(device.device_id, ik())
        answers = raced(node, [call] * CLIENTS, [asked] * CLIENTS)
        assert answers == ["PROOF_REPLAYED"] * (CLIENTS - 1) + ["lease"]
        assert node.device(device.device_id).lease_seq == 2


def test_a_repeat_that_races_its_first_try_renews_once(node):
    """One idempotency key under as many nonces as there are clients moves the sequence by one, and all get that lease."""
    for _ in range(5):
        device = node.enrolled(node.issue()[0])
        path = f"/v1/devices/{device.device_id}/heartbeat"
        calls = [Call("POST", path, b"", device.proof("POST", path)) for _ in range(CLIENTS)]
        asked = Renewal(device.device_id, ik())
        assert raced(node, calls, [asked] * CLIENTS) == ["lease"] * CLIENTS
        assert node.device(device.device_id).lease_seq == 2


def test_a_database_that_fails_at_the_change_is_busy_and_not_asked_twice(node, monkeypatch):
    """Where nobody knows whether a change was kept, it is not made again: the client asks again, under the same key."""
    device = node.enrolled(node.issue()[0])
    tried = []

    def lost(line, *_, **__):
        tried.append(line.has_looked)
        raise node.database.engine.dialect.loaded_dbapi.OperationalError("the connection is lost")

    monkeypatch.setattr(renewals, "change", lost)
    with pytest.raises(BusyError):
        node.database.at_once(
            lambda line: (
                renewals.look(line, [renewals.Looked(device.device_id, "", "", "", 0)])
                and renewals.change(line)
            )
        )
    assert device.heartbeat().code == "MAINTENANCE"
    monkeypatch.undo()
    assert tried == [True, True]
    assert device.heartbeat().status == 200
