"""Roots and proofs: of days that have ended, fixed once given, and followed by a stranger's code."""

from __future__ import annotations

import hashlib
import threading

import pytest
from sqlalchemy import func, select
from telemetry_made import batch, leads_to, receipt_of, root_of, sent

from epochly_service import schema
from epochly_service.settings import DAY
from epochly_service.telemetry import ledger


def proof_of(node, digest):
    """The answer about a batch."""
    return node.wire.send("GET", f"/v1/telemetry/proofs/{digest}")


def test_every_batch_of_a_day_is_shown_to_be_in_its_root(node):
    """Each receipt leads to the signed root of the day it names, over as many batches as came, each once."""
    day, bodies = node.now // DAY, [batch(seq=number) for number in range(7)]
    digests = [receipt_of(node.wire, sent(node.wire, body))["sha256"] for body in [*bodies, bodies[0]]]
    node.now += DAY
    root = root_of(node.wire, day)
    assert (root["day"], root["size"], root["iss"]) == (day, 7, "https://licences.test")
    leaves = sorted(hashlib.sha256(body).digest() for body in bodies)
    for digest in digests:
        answer = proof_of(node, digest).json
        assert (answer["day"], answer["size"]) == (day, 7)
        assert leaves[answer["index"]].hex() == digest
        path = map(bytes.fromhex, answer["path"])
        assert leads_to(bytes.fromhex(digest), answer["index"], 7, path).hex() == root["root"]


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_there_is_no_root_and_no_proof_before_a_day_has_ended(node):
    """To its last second a day has no root, and its batches no proof; a day without a batch never has one."""
    node.now = (node.now // DAY + 1) * DAY - 1
    day = node.now // DAY
    digest = receipt_of(node.wire, sent(node.wire, batch()))["sha256"]
    for path in (f"roots/{day}", f"roots/{day + 1}", f"roots/{day - 1}", "roots/999999", f"proofs/{digest}"):
        assert node.wire.send("GET", f"/v1/telemetry/{path}").code == "NOT_FOUND", path
    node.now += 1
    assert root_of(node.wire, day)["size"] == 1
    assert proof_of(node, digest).status == 200


def test_a_root_never_changes(node):
    """After the root was given a batch that still comes for that day, from a clock that is behind, is of the next day."""
    day = node.now // DAY
    sent(node.wire, batch(seq=1))
    node.now += DAY
    before = root_of(node.wire, day)
    node.now -= DAY
    late = receipt_of(node.wire, sent(node.wire, batch(seq=2)))
    assert late["day"] == day + 1
    node.now += 2 * DAY
    assert root_of(node.wired(node.another()), day) == before
    assert proof_of(node, late["sha256"]).json["day"] == day + 1
    assert root_of(node.wire, day + 1)["size"] == 1


def test_no_receipt_names_a_day_whose_root_lacks_it(node):
    """While batches come and the day is sealed at the same time, each batch is in the root of the day its receipt names."""
    day = node.now // DAY
    kept, gate = [], threading.Barrier(5)
    wires = [node.wired(node.another()) for _ in range(4)]
    for wire in wires:
        assert wire.send("GET", "/healthz").status == 200
    sent(node.wire, batch(seq=999))

    def send(wire, number):
        gate.wait()
        kept.extend(receipt_of(wire, sent(wire, batch(seq=number * 100 + seq))) for seq in range(6))

    def seal():
        gate.wait()
        node.database.write(lambda conn: ledger.seal(conn, day))

    threads = [threading.Thread(target=send, args=(wire, number)) for number, wire in enumerate(wires)]
    threads.append(threading.Thread(target=seal))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(kept) == 24
    node.now += 2 * DAY
    for receipt in kept:
        root, proof = root_of(node.wire, receipt["day"]), proof_of(node, receipt["sha256"]).json
        path = map(bytes.fromhex, proof["path"])
        leaf = bytes.fromhex(receipt["sha256"])
        assert leads_to(leaf, proof["index"], root["size"], path).hex() == root["root"]


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_proof_is_refused_where_the_batches_are_not_those_of_the_root(node):
    """A database that lost a batch of a day gives no proof for the others, rather than one that fails."""
    digests = [receipt_of(node.wire, sent(node.wire, batch(seq=seq)))["sha256"] for seq in (1, 2, 3)]
    day = node.now // DAY
    node.now += DAY
    root_of(node.wire, day)
    table = schema.telemetry_batches
    node.database.write(lambda conn: conn.execute(table.delete().where(table.c.sha256 == digests[0])))
    assert proof_of(node, digests[1]).code == "MAINTENANCE"
    assert proof_of(node, digests[0]).code == "NOT_FOUND"


@pytest.mark.parametrize("day", ["-1", "1.0", "01", "x", "1e3", "9999999", "%32", "٣", "1_0", " 1"])
@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_day_that_is_none_has_no_root(node, day):
    """Whatever is in the address that is no day is not found."""
    assert node.wire.send("GET", f"/v1/telemetry/roots/{day}").code == "NOT_FOUND"


@pytest.mark.parametrize("digest", ["0" * 63, "0" * 65, "G" * 64, "A" * 64, "x"])
@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_digest_that_is_none_has_no_proof(node, digest):
    """Whatever is in the address that is no digest is not found."""
    assert proof_of(node, digest).code == "NOT_FOUND"


def test_days_are_sealed_in_time_without_being_asked_for(node):
    """The day's work seals every day that has ended, also those of which a node that slept saw nothing."""
    from epochly_service.telemetry.collector import telemetry_of

    for _ in range(3):
        sent(node.wire, batch())
        node.now += DAY
    telemetry_of(node.service).tidy()
    wanted = select(func.count()).select_from(schema.telemetry_roots)
    assert node.database.read(lambda conn: conn.scalar(wanted)) == 3
