"""Batches that are refused, and what is told and logged of them: whole, counted, with nothing of them repeated or kept."""

from __future__ import annotations

import hashlib
import io
import json
import os

import pytest
from asgi import ask
from telemetry_made import JSON, METRICS, VECTORS, batch, body_of, event, sent

from epochly_service import metrics, schema
from epochly_service.serve import Machine, assemble
from epochly_service.settings import DAY
from epochly_service.web import make_app

TELEMETRY = {"telemetry_batches", "telemetry_events", "telemetry_roots", "telemetry_charts"}


@pytest.fixture
def engine_name():
    """One engine is enough for what no engine sees."""
    return "sqlite"


def test_each_bad_batch_is_refused_whole_and_counted(node):
    """The vectors over HTTP: the documented status and code, no row, and a number for whoever runs the service."""
    counted = metrics.Metrics()
    machine = Machine(lambda: float(node.now), lambda: 0.0, os.urandom, io.StringIO(), io.StringIO())
    wire = node.wire_to(assemble(node.service, machine, counted, rate_limits=False))
    statuses = {"MALFORMED": 400, "UNKNOWN_FIELD": 400, "SCHEMA": 422, "TOO_LARGE": 413}
    expected = {}
    for vector in VECTORS["batches"]["bad"]:
        path = f"/v1/telemetry/{vector['endpoint']}"
        answer = sent(wire, body_of(vector), path)
        assert (answer.status, answer.code) == (statuses[vector["error"]], vector["error"]), vector["reason"]
        key = path, vector["error"]
        expected[key] = expected.get(key, 0) + 1
    assert node.count("telemetry_batches") == node.count("telemetry_events") == 0
    text = counted.render().decode()
    for (path, code), count in expected.items():
        assert f'epochly_telemetry_refused_total{{code="{code}",route="{path}"}} {count}.0' in text


def test_what_is_taken_is_counted_by_event(node):
    """Batches by endpoint, events by name, and what clients say they dropped; what comes again counts as such alone."""
    counted = metrics.Metrics()
    machine = Machine(lambda: float(node.now), lambda: 0.0, os.urandom, io.StringIO(), io.StringIO())
    wire = node.wire_to(assemble(node.service, machine, counted))
    body = batch(
        event("gpu"), event("gpu", asked=True), event("worker"), lost={"full": 5, "pii": 1, "old": 0}
    )
    for _ in range(2):
        assert sent(wire, body).status == 200
    text = counted.render().decode()
    for line in (
        'epochly_telemetry_batches_total{again="no",endpoint="metrics"} 1.0',
        'epochly_telemetry_batches_total{again="yes",endpoint="metrics"} 1.0',
        'epochly_telemetry_events_total{event="gpu"} 2.0',
        'epochly_telemetry_events_total{event="worker"} 1.0',
        'epochly_telemetry_lost_total{why="full"} 5.0',
        'epochly_telemetry_lost_total{why="pii"} 1.0',
    ):
        assert line in text


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ([], "MEDIA_TYPE"),
        ([("Content-Type", "text/plain")], "MEDIA_TYPE"),
        ([("Content-Type", "application/x-ndjson")], "MEDIA_TYPE"),
        ([("Content-Type", "application/json; charset=utf-16")], "MEDIA_TYPE"),
        ([JSON, JSON], "MEDIA_TYPE"),
        ([JSON, ("Content-Encoding", "gzip")], "MEDIA_TYPE"),
        ([JSON, ("Content-Length", "16385")], "TOO_LARGE"),
        ([JSON, ("Content-Length", "-1")], "TOO_LARGE"),
        ([("Content-Type", "Application/JSON; charset=UTF-8")], 200),
    ],
)
def test_a_batch_is_json_as_it_is(node, headers, code):
    """One media type, one encoding, a length that is one; before anything is parsed."""
    assert node.wire.send("POST", METRICS, batch(), headers).code == code


def test_other_methods_queries_and_bodies_are_refused(node):
    """HEAD and the rest get 405 with what there is, a query is refused, and a request that takes no body has none."""
    for path in (METRICS, "/v1/telemetry/critical-events", "/v1/telemetry/compatibility-reports"):
        for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS"):
            answer = node.wire.send(method, path)
            assert (answer.status, answer.headers["allow"]) == (405, "POST"), (method, path)
        assert node.wire.send("POST", path, batch(), [JSON], query=b"day=1").code == "MALFORMED"
        assert (
            node.wire.send("POST", path, batch(), [JSON], query=b"install=" + b"a" * 40).code
            == "SECRET_IN_QUERY"
        )
    for path in ("roots/20000", "proofs/" + "0" * 64, "schema", "charts"):
        answer = node.wire.send("HEAD", f"/v1/telemetry/{path}")
        assert (answer.status, answer.headers["allow"]) == (405, "GET")
        assert node.wire.send("GET", f"/v1/telemetry/{path}", b"{}").code == "MALFORMED"
    for path in ("", "metrics/", "Metrics", "metrics/x", "roots", "roots/", "proofs/x/y"):
        assert node.wire.send("GET", f"/v1/telemetry/{path}").code == "NOT_FOUND"
    assert node.count("telemetry_batches") == 0


def test_a_service_without_a_key_keeps_nothing(node):
    """What could not be receipted is not kept: the client sends it again."""
    node.now += 200 * DAY
    assert sent(node.wire, batch()).code == "MAINTENANCE"
    assert node.count("telemetry_batches") == 0


def test_a_database_that_is_busy_is_no_receipt(node, monkeypatch):
    """Where the batch cannot be written in time the answer is 503 with a time to wait, and nothing is kept."""
    from epochly_service import engines

    monkeypatch.setattr(engines, "WAIT_S", 0.05)
    with node.database.engine.begin():
        answer = sent(node.wire, batch())
    assert (answer.status, answer.code) == (503, "MAINTENANCE")
    assert int(answer.headers["retry-after"]) > 0
    assert node.count("telemetry_batches") == 0


def test_logs_have_codes_and_routes_and_nothing_of_a_request(node):
    """Of a batch that is refused, or taken, the log has the route's template, the status and the code."""
    err = io.StringIO()
    machine = Machine(lambda: float(node.now), lambda: 0.0, os.urandom, io.StringIO(), err)
    wire = node.wire_to(assemble(node.service, machine, metrics.Metrics()))
    digest = hashlib.sha256(b"canary").hexdigest()
    sent(wire, batch(host="canary"))
    sent(wire, batch())
    wire.send("GET", f"/v1/telemetry/proofs/{digest}")
    lines = [json.loads(line) for line in err.getvalue().splitlines()]
    assert [(line["route"], line["status"], line.get("code")) for line in lines] == [
        ("/v1/telemetry/metrics", 400, "UNKNOWN_FIELD"),
        ("/v1/telemetry/metrics", 200, None),
        ("/v1/telemetry/proofs/{digest}", 404, "NOT_FOUND"),
    ]
    for secret in ("canary", digest, "192.0.2.7", "AAAAAAAAAAAAAAAA"):
        assert secret not in err.getvalue()


def test_a_flood_of_batches_costs_no_lease(node):
    """An address that sends too many is told to wait, by a limit of telemetry's own: its devices go on asking."""
    machine = Machine(lambda: float(node.now), lambda: 0.0, os.urandom, io.StringIO(), io.StringIO())
    application = assemble(node.service, machine, metrics.Metrics())
    headers = [(b"content-type", b"text/plain")]
    scope = {"headers": headers, "http_version": "1.1", "root_path": ""}
    answers = [ask(application, "POST", METRICS, scope=scope) for _ in range(101)]
    assert [answer.status for answer in answers] == [415] * 100 + [429]
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert ask(application, "POST", "/v1/nonce", scope=scope | {"headers": []}).status == 200


def test_a_sink_that_is_none_stops_the_start(node):
    """A URL that names no sink is one clear line for who starts the service."""
    import dataclasses

    from epochly_service.errors import ServiceError

    for url in (
        "kafka://x",
        "clickhouse+http://db.example/x",
        "clickhouse+https:///x",
        "clickhouse+https://h:x/y",
    ):
        service = node.another()
        service.settings = dataclasses.replace(service.settings, telemetry_sink=url)
        with pytest.raises(ServiceError, match="hint: for example"):
            make_app(service)


def test_the_tables_of_telemetry_have_no_column_for_anybody():
    """No account, device, licence, address, host, user or session has a column there."""
    found = {name: {column.name for column in schema.metadata.tables[name].columns} for name in TELEMETRY}
    assert found == {
        "telemetry_batches": {"sha256", "day", "accepted"},
        "telemetry_events": {
            "until_day", "batch", "place", "day", "month", "install", "epochly", "python", "os", "arch",
            "event", "version", "n", "fields",
        },
        "telemetry_roots": {"day", "size", "root"},
        "telemetry_charts": {"day", "body"},
    }  # fmt: skip
