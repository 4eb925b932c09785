"""What OpenAPI publishes of telemetry and Lens is true: schemathesis asks by it, with what it allows and with what it does not.

Between schemathesis and the application stands a client that fills in what no document can: canonical bytes, days and digests that
there are, a Lens key. It leaves everything else as it was made up.
"""

from __future__ import annotations

import os
import re

import pytest
from node import Node
from telemetry_made import batch, receipt_of, sent
from test_openapi import ELSEWHERE, Found, _Answer, _canonical, _giving, _read

from epochly_service.admin.desk import Desk
from epochly_service.lens import keys
from epochly_service.settings import DAY

KEY, WRONG = "a key", "SCHEMATHESIS-INVALID-VALUE"
EXAMPLES, MORE_EXAMPLES = 2, 100
TELLS = r"^/v1/(lens|telemetry/(roots|proofs|schema|charts))"  # all but the addresses of batches


class Client:
    """An ASGI application around another one, as above."""

    def __init__(self, node, app):
        self.node, self.app, self.turn, self.reached = node, app, 0, set()
        self.digest = receipt_of(node.wire, sent(node.wire, batch()))["sha256"]
        self.day = node.now // DAY
        node.now += DAY
        licence = node.license(node.issue()[1])
        desk = Desk(node.database, node.data, node.policy, node.now, os.urandom, "operator:tests")
        self.key = keys.add(desk, licence.account_id)[1]

    async def __call__(self, scope, receive, send):
        """Fill a request in and pass it on, and keep what comes of it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        self.turn += 1
        path, body = self._path(scope["path"]), _canonical(await _read(receive))
        headers = [
            (name, self._value(name, value)) for name, value in scope["headers"] if name != b"content-length"
        ]
        headers.append((b"content-length", b"%d" % len(body)))
        answer = _Answer(send)
        raw = scope["raw_path"] if path == scope["path"] else path.encode()
        await self.app(
            scope | {"path": path, "raw_path": raw, "headers": headers}, _giving(body), answer.send
        )
        self.reached.add((scope["method"], re.sub(r"(roots|proofs)/.*", r"\1/", path), answer.status))

    def _path(self, path):
        """Every second day or digest that was made up is one that there is."""
        if self.turn % 2:
            path = re.sub("/roots/(0|[1-9][0-9]{0,5})$", f"/roots/{self.day}", path)
            path = re.sub("/proofs/[0-9a-f]{64}$", f"/proofs/{self.digest}", path)
        return path

    def _value(self, name, value):
        return value.replace(KEY.encode(), self.key.encode()) if name == b"authorization" else value


@pytest.fixture
def client(tmp_path, sqlite_database):
    """A client of an application."""
    node = Node(sqlite_database, tmp_path / "data")
    yield Client(node, node.wire.app)
    node.close()


def keyed(schema):
    """A schema whose requests ask for a Lens key."""

    @schema.auth()
    class _Bears:
        def get(self, _case, _context):
            return f"Bearer {KEY}"

        def set(self, case, data, _context):
            case.headers["Authorization"] = data

    return schema


def operations(client):
    """(method, path, status of success) of each operation in this part of the document."""
    document = client.node.wire.send("GET", "/openapi.json").json
    return {
        (method.upper(), re.sub(r"(roots|proofs)/.*", r"\1/", path), int(status))
        for path, described in document["paths"].items()
        if re.match(ELSEWHERE, path)
        for method, operation in described.items()
        for status in operation["responses"]
        if status < "300"
    }


def found_by(client, examples, which):
    """What schemathesis finds."""
    import schemathesis

    generation = {"max-examples": examples, "deterministic": True, "with-security-parameters": False}
    # that 200 large events are more than 16,384 bytes is what JSON Schema cannot say
    checks = {
        "positive_data_acceptance": {"expected-statuses": ["2xx", 401, 403, 404, 413]},
        "negative_data_rejection": {"expected-statuses": [400, 401, 403, 404, 405, 413, 415, 422]},
    }
    config = schemathesis.Config.from_dict({"generation": generation, "checks": checks})
    whole = schemathesis.openapi.from_asgi("/openapi.json", client, config=config)
    return Found(keyed(whole.include(path_regex=which)))


def test_what_is_told_of_telemetry_and_lens_is_as_published(client):
    """No failure inside, no status, header or body that is not in the document, nothing wrong taken and nothing right refused."""
    found = found_by(client, EXAMPLES, TELLS)
    assert found.faults == []
    told = {operation for operation in operations(client) if re.match(TELLS, operation[1])}
    assert len(told) == 7
    assert told <= client.reached
    assert found.asked > 50


@pytest.mark.slow
def test_telemetry_and_lens_answer_as_they_publish(client):
    """The same with many more requests, and with batches, for which it takes long to make up any."""
    found = found_by(client, MORE_EXAMPLES, ELSEWHERE)
    assert found.faults == []
    assert len(operations(client)) == 10
    assert operations(client) <= client.reached
    assert found.asked > 1_000
