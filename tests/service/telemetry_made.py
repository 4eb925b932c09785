"""Batches for tests, by the specification and the registry's own file; it shares no code with `epochly_service`."""

from __future__ import annotations

import hashlib
import json
import os
import tomllib
from pathlib import Path

from wire import b64u, jcs, opened

SPEC = Path(__file__).parents[2] / "docs" / "spec"
VECTORS = json.loads((SPEC / "vectors" / "epochly-telemetry-v1.json").read_text("utf-8"))
REGISTRY = tomllib.loads((SPEC / "telemetry-v1.toml").read_text("utf-8"))
EVENTS = {event["name"]: event for event in REGISTRY["event"]}
RECEIPT, ROOT = "epochly-telemetry-receipt+v1", "epochly-telemetry-root+v1"
METRICS = "/v1/telemetry/metrics"
JSON = ("Content-Type", "application/json")


def body_of(vector):
    """The bytes of a batch of the vectors."""
    return vector["body"].encode() if "body" in vector else bytes.fromhex(vector["body_hex"])


def event(name="gpu", *, n=1, **changed):
    """An event with the first value in each field, but for those named."""
    fields = {}
    for each, field in EVENTS[name]["fields"].items():
        first = {"enum": lambda f: REGISTRY["enums"][f["of"]][0], "flag": lambda _: False}
        fields[each] = first.get(field["kind"], lambda f: f.get("min", 0))(field)
    return {"e": name, "v": EVENTS[name]["version"], "n": n} | fields | changed


def batch(*events, **changed):
    """The body of a batch of a process of its own."""
    made = {
        "v": 1,
        "session": b64u(os.urandom(12)),
        "install": b64u(bytes(12)),
        "day": 20_833,
        "seq": 0,
        "epochly": "0.1.0",
        "python": "3.13",
        "os": "linux",
        "arch": "x86_64",
        "lost": {"full": 0, "pii": 0, "old": 0},
        "events": list(events) or [event()],
    }
    return jcs(made | changed)


def sent(wire, body, path=METRICS):
    """Send a batch as a client does: nothing but a body and its type."""
    return wire.send("POST", path, body, [JSON])


def receipt_of(wire, answer):
    """The claims of a receipt, judged as a client does."""
    return opened(answer.json["receipt"], RECEIPT, wire.keys(answer.json["keyset"]))


def root_of(wire, day):
    """The claims of a day's root, judged as a client does."""
    answer = wire.send("GET", f"/v1/telemetry/roots/{day}")
    assert answer.status == 200, answer.body
    return opened(answer.json["root"], ROOT, wire.keys(answer.json["keyset"]))


def leads_to(leaf, index, size, path):
    """The head that an audit path leads to, by the algorithm of RFC 9162, section 2.1.3.2; None where it leads nowhere."""
    if not 0 <= index < size:
        return None
    at, last, found = index, size - 1, hashlib.sha256(b"\0" + leaf).digest()
    for step in path:
        if last == 0:
            return None
        if at & 1 or at == last:
            found = hashlib.sha256(b"\1" + step + found).digest()
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = hashlib.sha256(b"\1" + found + step).digest()
        at, last = at >> 1, last >> 1
    return found if last == 0 else None
