"""Batches: what is sent is RFC 8785's bytes of the specification's members, within its bounds, and the same is all that is read back."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from epochly.telemetry import batch, events
from epochly.telemetry.batch import BatchError, Sender, batches, install_id, parsed, scrubbed

ROOT = Path(__file__).parents[2]
SENDER = Sender("A" * 16, "B" * 16, "1.2.3", "3.11", "linux", "x86_64")
LOST = {"full": 1, "pii": 2, "old": 3}
GPU = events.gpu(asked=True, allowed=False)
SCHEMA = jsonschema.Draft202012Validator(
    json.loads((ROOT / "docs/spec/telemetry-v1.schema.json").read_text("utf-8"))
)


def one(counts, **more):
    """The only batch of these facts."""
    ((_, body),) = batches(
        counts, more.get("lost", LOST), SENDER, more.get("day", 20_000), more.get("seq", 0)
    )
    return body


def test_a_batch_is_these_bytes():
    """One batch, byte for byte."""
    assert one({GPU: 5}) == (
        b'{"arch":"x86_64","day":20000,"epochly":"1.2.3","events":[{"allowed":false,"asked":true,"e":"gpu","n":5,"v":1}],'
        b'"install":"BBBBBBBBBBBBBBBB","lost":{"full":1,"old":3,"pii":2},"os":"linux","python":"3.11","seq":0,'
        b'"session":"AAAAAAAAAAAAAAAA","v":1}'
    )


def test_every_batch_is_canonical_and_of_the_schema(facts):
    """A thousand facts of all kinds: each batch is RFC 8785's form of what it says, of the published schema, of one endpoint, within its bounds."""
    counts = facts(1_000)
    seen, seqs = {}, []
    for endpoint, body in batches(counts, LOST, SENDER, 20_000, 4):
        value = json.loads(body)
        assert rfc8785.dumps(value) == body
        SCHEMA.validate(value)
        assert parsed(body) == value
        assert len(body) <= 16_384
        assert len(value["events"]) <= 200
        assert {events.EVENTS[each["e"]].endpoint for each in value["events"]} == {endpoint}
        assert value["lost"] == (LOST if value["seq"] == 4 else dict.fromkeys(LOST, 0))
        seqs.append(value["seq"])
        for each in value["events"]:
            fact = (each["e"], *(each[field.name] for field in events.EVENTS[each["e"]].fields))
            seen[fact] = each["n"]
    assert seen == counts
    assert seqs == list(range(4, 4 + len(seqs)))


def test_an_installations_id_lasts_a_month():
    """The id is the specification's HMAC, the same within a month and unlike any other month's or seed's."""
    from hashlib import sha256
    from hmac import digest

    seed = bytes(range(32))
    first, last, after = 20_789, 20_788 + 31, 20_788 + 32  # 2026-12-02, 2027-01-01 less two
    assert install_id(seed, 20_789) == install_id(seed, first)
    assert len({install_id(seed, day) for day in range(20_788, 20_788 + 365)}) in {12, 13}
    assert install_id(seed, last) != install_id(bytes(32), last)
    assert re.fullmatch(r"[A-Za-z0-9_-]{16}", install_id(seed, after))
    expected = digest(seed, b"epochly-telemetry-install-v1\x002026-11", sha256)[:12]
    assert install_id(seed, 20_783) == batch.random_id(expected)


CHANGES = [
    ("v", 2), ("v", True), ("session", "A" * 15), ("session", "A" * 15 + "="), ("session", 5), ("day", -1), ("day", 1.0), ("day", "1"),
    ("seq", 10**9 + 1), ("epochly", "1"), ("epochly", "1.2.3 (alice)"), ("python", "3.11+local"), ("os", "beos"), ("arch", 1),
    ("lost", {}), ("lost", {"full": 0, "pii": 0, "old": 0, "x": 0}), ("lost", {"full": 0, "pii": 0, "old": -1}), ("events", []),
    ("events", {}), ("events", [1]), ("events", [{"e": "gpu"}]), ("host", "zeus"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), CHANGES)
def test_another_batch_is_refused(name, value):
    """A member of another form, one more, or an event that is none, is no batch of ours, and is never sent."""
    changed = json.loads(one({GPU: 5})) | {name: value}
    with pytest.raises(BatchError):
        parsed(batch.canonical(changed))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("asked", 1),
        ("asked", "true"),
        ("e", "jit"),
        ("v", 2),
        ("v", True),
        ("n", 0),
        ("n", 10**9 + 1),
        ("n", True),
        ("note", "x"),
    ],
)
def test_another_event_is_refused(name, value):
    """The same of a member of an event; events of two endpoints are no batch either."""
    whole = json.loads(one({GPU: 5}))
    whole["events"][0][name] = value
    with pytest.raises(BatchError):
        parsed(batch.canonical(whole))
    both = json.loads(one({GPU: 5}))
    both["events"].append(batch.as_event(events.fault(part="cache"), 1))
    with pytest.raises(BatchError):
        parsed(batch.canonical(both))


def test_bytes_in_another_form_are_refused():
    """The same value in other bytes has another digest, so it is another batch."""
    body = one({GPU: 5})
    for other in (
        body + b" ",
        body.replace(b",", b", ", 1),
        body.replace(b"linux", b"\\u006cinux"),
        body[:-1],
        b"",
        b"[" * 100_000,
        b"\xff",
        body.replace(b'"seq":0', b'"seq":0,"seq":0'),
    ):
        with pytest.raises(BatchError):
            parsed(other)


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_a_batch_or_refused(data):
    """Whatever lies in the folder, it is one of ours or a `BatchError`."""
    with pytest.raises(BatchError):
        parsed(data)


def test_scrubbing_takes_whole_events_and_counts_them():
    """An event that gives somebody away is gone, the others are as they were, and it is counted how often it happened."""
    body = one({GPU: 5, events.gpu(asked=True, allowed=True): 2})
    assert scrubbed(body, lambda _: "") == (body, 0)
    left, dropped = scrubbed(body, lambda event: "the user" if event["allowed"] else "")
    assert dropped == 2
    assert json.loads(left)["lost"] == {"full": 1, "pii": 4, "old": 3}
    assert [each["n"] for each in json.loads(left)["events"]] == [5]
    assert parsed(left)
    assert scrubbed(body, lambda _: "all") == (None, 7)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1.2.3", "1.2.3"),
        ("0.1.0.dev4", "0.1.0.dev4"),
        ("1.0rc1", "1.0rc1"),
        ("1.0+alice", "0.0"),
        ("", "0.0"),
        ("1", "0.0"),
        ("1.2.3.4", "0.0"),
    ],
)
def test_a_version_is_told_in_its_form_or_not_at_all(text, told):
    """A local version, which somebody made up, is not told."""
    assert batch.version_of(text) == told


def test_systems_and_processors_are_told_by_family():
    """What the registry does not name is `other`."""
    assert [batch.system_of(name) for name in ("linux", "darwin", "win32", "zos", "alice")] == [
        "linux",
        "darwin",
        "windows",
        "other",
        "other",
    ]
    assert [batch.processor_of(name) for name in ("x86_64", "AMD64", "arm64", "aarch64", "riscv64", "")] == [
        "x86_64",
        "x86_64",
        "aarch64",
        "aarch64",
        "other",
        "other",
    ]
