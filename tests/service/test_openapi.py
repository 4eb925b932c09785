"""The published OpenAPI document is true: schemathesis asks by it, with what it allows and with what it does not.

Between schemathesis and the application stands a client that fills in what no document can: canonical bytes, a licence key and
devices that exist, the proof over what is sent, the new key of a rekey. It leaves everything else as it was made up.
schemathesis takes a second to import, so it is imported where it is used.
"""

from __future__ import annotations

import json
import re
import threading
import time
from contextlib import contextmanager

import pytest
import rfc8785
import uvicorn
from node import Node
from wire import Device, b64u, signed

PROOF = b"epochly-proof"
GOOD, WRONG = "sign it", "SCHEMATHESIS-INVALID-VALUE"  # in place of proofs, which the client between makes
ENROLLING = {"/v1/devices", "/v1/trial", "/v1/transfer"}
DEVICE_ID = re.compile("dev_[A-Za-z0-9_-]{21}[AQgw]")
DIGEST = re.compile("[0-9a-f]{64}")
# what it takes for a refusal, and 413 besides: what is made up may be longer than a body is read
REFUSED = [400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 428, 429, "5xx"]
TOKEN_MAX = 8_192  # characters; a longer one is to be refused as it is
EXAMPLES, MORE_EXAMPLES = 8, 500  # made up for an operation, besides those that cover its document
ELSEWHERE = r"^/v1/(telemetry|lens)/"  # other clients ask there: test_telemetry_openapi.py


class Client:
    """An ASGI application around another one, as above; it knows the service's rows, so its proofs are never a clone's."""

    def __init__(self, node, app):
        self.node, self.app = node, app
        self.licence = node.issue(seat="floating", seats=5_000)[0]
        self.last = node.enrolled(self.licence)
        self.keys = {self.last.device_id: self.last}  # whose device is whose
        self.turn = 0
        self.reached = set()  # (method, template of the path, status)

    async def __call__(self, scope, receive, send):
        """Fill a request in and pass it on, and keep what comes of it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        self.turn += 1
        path = self._path(scope["path"])
        body = _canonical(await _read(receive))
        said, new_key = _object(body), None
        device = self._device(scope["method"], path, said)
        nonce = self.node.service.nonce()
        token = str(said.get("new_proof", ""))
        if path.endswith("/rekey") and token.startswith("v4.public.") and len(token) <= TOKEN_MAX:
            new_key = Device(self.node.wire)
            claims = {"kid": new_key.kid, "pub": b64u(new_key.pub), "old": device.kid, "nonce": nonce}
            said["new_proof"] = signed(new_key.key, "epochly-rekey+v1", claims | {"iat": 1})
        body = self._filled(body, said, device)
        headers = [
            (name, value) for name, value in scope["headers"] if name not in (PROOF, b"content-length")
        ]
        proof = self._proof(scope, path, body, device=device, nonce=nonce)
        headers += [(b"content-length", b"%d" % len(body))] + ([(PROOF, proof)] if proof else [])
        answer = _Answer(send)
        asked = scope | {"path": path, "raw_path": _raw(scope, path), "headers": headers}
        await self.app(asked, _giving(body), answer.send)
        self.reached.add((scope["method"], _template(path), answer.status))
        if "lease" in _object(answer.body):
            self.last = self.keys[_object(answer.body)["device_id"]] = new_key or device

    def _path(self, path):
        """Every second device that was made up is one that exists."""
        parts = path.split("/")
        if path.startswith("/v1/devices/"):
            parts[3] = self._device_id(parts[3])
        return "/".join(parts)

    def _device_id(self, text, giver=None):
        if not DEVICE_ID.fullmatch(text) or text in self.keys or self.turn % 2:
            return text
        return next(reversed([id_ for id_, each in self.keys.items() if each is not giver]))

    def _device(self, method, path, said):
        """Whose request it is: a new key's where one enrols (or, now and then, the last one's), else that of the device it is about."""
        if path in ENROLLING and method == "POST":
            return Device(self.node.wire) if self.turn % 3 else self.last
        if path.startswith("/v1/devices/"):
            return self.keys.get(path.split("/")[3], self.last)
        if isinstance(said.get("device_id"), str):
            said["device_id"] = self._device_id(said["device_id"])
            return self.keys.get(said["device_id"], self.last)
        return self.last

    def _filled(self, body, said, device):
        """A canonical body with what the document cannot know; another one as wrong as it was."""
        if isinstance(said.get("license_key"), str) and 0 < len(said["license_key"]) <= 64:
            said["license_key"] = self.licence
        if isinstance(said.get("from_device_id"), str):
            said["from_device_id"] = self._device_id(said["from_device_id"], device)
        if (
            self.turn % 4
            and isinstance(said.get("fp"), dict)
            and DIGEST.fullmatch(str(said["fp"].get("digest")))
        ):
            said["fp"]["digest"] = device.digest
        return _canonical(json.dumps(said).encode()) if said and _canonical(body) == body else body

    def _proof(self, scope, path, body, *, device, nonce):
        """What a client at that address would send, one with a wrong key, or nothing."""
        asked = dict(scope["headers"]).get(PROOF, b"").decode("latin-1")
        if asked not in (GOOD, WRONG):
            return asked.encode("latin-1")
        ours = [id_ for id_, each in self.keys.items() if each is device]
        row = self.node.device(ours[-1]) if ours else None
        device.seq = row.lease_seq if row else 0
        enrols = path in ENROLLING and scope["method"] == "POST"
        signer = device if asked == GOOD else Device(self.node.wire)
        changed = {"kid": device.kid, "seq": device.seq} | ({"pub": b64u(device.pub)} if enrols else {})
        made = _raw(scope, path).decode("latin-1")
        return signer.proof(scope["method"], made, body, nonce=nonce, **changed).encode()


class _Answer:
    """Passes an answer on, and keeps its status and its first bytes."""

    def __init__(self, send):
        self._send, self.status, self.body = send, 0, b""

    async def send(self, message):
        self.status = message.get("status", self.status)
        self.body += message.get("body", b"")
        await self._send(message)


def _giving(body):
    pieces = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive():
        return pieces.pop() if pieces else {"type": "http.disconnect"}

    return receive


async def _read(receive):
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


def _canonical(body):
    """The canonical form of what is JSON and has one; other bytes as they are."""
    try:
        return rfc8785.dumps(json.loads(body))
    except (ValueError, UnicodeEncodeError, RecursionError):
        return body


def _object(body):
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _raw(scope, path):
    return scope["raw_path"] if path == scope["path"] else path.encode()


def _template(path):
    parts = path.split("/")
    if path.startswith("/v1/devices/"):
        parts[3] = "{device_id}"
    return "/".join(parts)


class Found:
    """What schemathesis found, and how much it asked."""

    def __init__(self, schema):
        from schemathesis.engine import events, from_schema

        self.faults, self.asked = [], 0
        for event in from_schema(schema).execute():
            if isinstance(event, events.ScenarioFinished):
                self._look(event)
            elif isinstance(event, events.NonFatalError | events.FatalError):
                self.faults.append(repr(getattr(event, "value", event)))

    def _look(self, event):
        self.asked += len(event.recorder.cases)
        for case, checks in event.recorder.checks.items():
            failed = [check for check in checks if check.failure_info is not None]
            for check in failed:
                answer = event.recorder.interactions[case].response
                said = b"" if answer is None else answer.content[:300]
                failure = check.failure_info
                self.faults.append(
                    f"{check.name}: {failure.failure.message}\n{failure.code_sample}\n{said!r}"
                )


def configured(examples):
    """Every phase, the same requests each time as far as the service's own randomness lets them be."""
    import schemathesis

    generation = {"max-examples": examples, "deterministic": True, "with-security-parameters": False}
    refused = {"negative_data_rejection": {"expected-statuses": REFUSED}}
    return schemathesis.Config.from_dict({"generation": generation, "checks": refused})


def signing(schema):
    """A schema whose requests ask for a proof."""

    @schema.auth()
    class _Signs:
        def get(self, _case, _context):
            return GOOD

        def set(self, case, data, _context):
            case.headers["Epochly-Proof"] = data

    return schema


@pytest.fixture
def client(tmp_path, database):
    """A client of an application."""
    node = Node(database, tmp_path / "data")
    yield Client(node, node.wire.app)
    node.close()


def operations(client):
    """(method, path, status of success) of each operation in the document."""
    document = client.node.wire.send("GET", "/openapi.json").json
    return {
        (method.upper(), path, int(status))
        for path, described in document["paths"].items()
        if not re.match(ELSEWHERE, path)
        for method, operation in described.items()
        for status in operation["responses"]
        if status < "300"
    }


@contextmanager
def served(application):
    """An application behind a real server on loopback; gives its address."""
    config = uvicorn.Config(application, port=0, log_config=None, access_log=False, lifespan="off", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        host, port = server.servers[0].sockets[0].getsockname()
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.mark.parametrize("engine_name", ["sqlite"])  # the other one is asked for longer
def test_the_service_answers_as_it_publishes(client):
    """No failure inside, no status, header or body that is not in the document, nothing wrong taken and nothing right refused."""
    from schemathesis import openapi

    whole = openapi.from_asgi("/openapi.json", client, config=configured(EXAMPLES))
    found = Found(signing(whole.exclude(path_regex=ELSEWHERE)))
    assert found.faults == []
    assert (
        operations(client) <= client.reached
    )  # it was not for want of looking: each operation went well at least once
    assert found.asked > 400


@pytest.mark.slow
def test_the_service_answers_as_it_publishes_for_longer(client):
    """The same with many more requests, over a socket, through the server that is run."""
    from schemathesis import openapi

    with served(client) as url:
        whole = openapi.from_url(url + "/openapi.json", config=configured(MORE_EXAMPLES))
        found = Found(signing(whole.exclude(path_regex=ELSEWHERE)))
    assert found.faults == []
    assert operations(client) <= client.reached
    assert client.node.faults() == []
    assert found.asked > 3_000
