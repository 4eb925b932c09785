"""Batches over HTTP: receipts for what is kept, once; problems for everything else; nothing of a sender in either."""

from __future__ import annotations

import json
import threading

import pytest
from sqlalchemy import select
from telemetry_made import (
    JSON,
    METRICS,
    VECTORS,
    batch,
    body_of,
    receipt_of,
    sent,
)
from test_access import kept
from wire import URL

from epochly_service import schema
from epochly_service.settings import DAY
from epochly_service.telemetry.registered import ENDPOINTS

EVENTS = schema.telemetry_events
TELEMETRY = {"telemetry_batches", "telemetry_events", "telemetry_roots", "telemetry_charts"}


def events_in(node):
    """Every event that is kept, as (event, n, fields)."""
    wanted = select(EVENTS.c.event, EVENTS.c.n, EVENTS.c.fields).order_by(EVENTS.c.batch, EVENTS.c.place)
    rows = node.database.read(lambda conn: conn.execute(wanted).all())
    return [(row.event, row.n, json.loads(row.fields)) for row in rows]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_a_batch_is_kept_and_receipted(node, endpoint):
    """Every event of a batch becomes a row as it was sent, and the receipt names the bytes, the count and the day."""
    vector = next(one for one in VECTORS["batches"]["good"] if one["name"] == f"every event of {endpoint}")
    answer = sent(node.wire, body_of(vector), f"/v1/telemetry/{endpoint}")
    assert answer.status == 200
    assert set(answer.json) == {"receipt", "keyset"}
    assert receipt_of(node.wire, answer) == {
        "typ": "epochly-telemetry-receipt+v1",
        "iss": URL,
        "sha256": vector["sha256"],
        "accepted": vector["events"],
        "dropped": 0,
        "day": node.now // DAY,
    }
    told = json.loads(vector["body"])["events"]
    assert events_in(node) == [
        (one["e"], one["n"], {name: one[name] for name in one if name not in "evn"}) for one in told
    ]


def test_a_batch_that_comes_again_has_no_second_effect(node):
    """The same bytes again, on another day and to another node, are answered with the first day's receipt and kept once."""
    body = batch()
    first = sent(node.wire, body)
    before = kept(node)
    node.now += 3 * DAY
    again = [sent(node.wire, body), sent(node.wired(node.another()), body)]
    assert [receipt_of(node.wire, one) for one in again] == [receipt_of(node.wire, first)] * 2
    assert kept(node) == before


def test_a_batch_that_comes_many_times_at_once_is_kept_once(node):
    """Eight senders of the same bytes, over two nodes, get equal receipts, and there is one batch with one event."""
    body, answers = batch(), []
    wires = [node.wired(node.another()) for _ in range(8)]
    for wire in wires:
        assert wire.send("GET", "/healthz").status == 200  # the framework makes its routes by one thread
    gate = threading.Barrier(8)

    def send(wire):
        gate.wait()
        answers.append(sent(wire, body))

    threads = [threading.Thread(target=send, args=(wire,)) for wire in wires]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.body for answer in answers} == {answers[0].body}
    assert answers[0].status == 200
    assert (node.count("telemetry_batches"), node.count("telemetry_events")) == (1, 1)


def test_a_batch_touches_nothing_of_a_licence(node):
    """What telemetry writes is in its own tables, whatever else is there; and it asks for no nonce and gives none."""
    node.enrolled(node.issue()[0])
    before = kept(node)
    answer = sent(node.wire, batch())
    after = kept(node)
    assert {name for name in after if after[name] != before[name]} == {
        "telemetry_batches",
        "telemetry_events",
    }
    assert "epochly-nonce" not in answer.headers
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_nothing_of_the_sender_is_kept(node):
    """Neither the address, nor the headers, nor the id of the process that sent it is in any column."""
    body = batch()
    headers = [
        JSON,
        ("User-Agent", "canary-agent"),
        ("X-Forwarded-For", "198.51.100.77"),
        ("Cookie", "canary=1"),
    ]
    assert node.wire.send("POST", METRICS, body, headers).status == 200
    everything = repr(kept(node))
    for secret in ("192.0.2.7", "198.51.100.77", "canary", json.loads(body)["session"]):
        assert secret not in everything
