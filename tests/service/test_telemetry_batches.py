"""Batches are the registry's own or refused whole: each vector, anything changed in a good one, and any bytes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telemetry_made import EVENTS, REGISTRY, VECTORS, batch, body_of, event
from wire import jcs

from epochly_service.errors import Problem
from epochly_service.telemetry import batches
from epochly_service.telemetry.registered import ARCH, ENDPOINTS, OS
from epochly_service.telemetry.registered import EVENTS as REGISTERED

ROOT = Path(__file__).parents[2]
CODES = {"MALFORMED", "UNKNOWN_FIELD", "SCHEMA", "TOO_LARGE"}
GOOD = VECTORS["batches"]["good"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2**60) | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=4,
)


@pytest.mark.parametrize("vector", GOOD, ids=lambda vector: vector["name"])
def test_a_good_batch_is_read(vector):
    """Each good batch of the vectors is taken with all of its events, under the digest of its exact bytes."""
    found = batches.read(body_of(vector), vector["endpoint"])
    assert (found.sha256, len(found.events)) == (vector["sha256"], vector["events"])
    told = [{"e": one.event, "v": one.version, "n": one.n} | json.loads(one.fields) for one in found.events]
    assert told == json.loads(vector["body"])["events"]


@pytest.mark.parametrize("vector", VECTORS["batches"]["bad"], ids=lambda vector: vector["reason"])
def test_a_bad_batch_is_refused_for_its_reason(vector):
    """Each bad batch of the vectors is refused with its code, and nothing of it is repeated."""
    with pytest.raises(Problem) as caught:
        batches.read(body_of(vector), vector["endpoint"])
    assert caught.value.code == vector["error"]
    assert "canary" not in caught.value.detail


@pytest.mark.parametrize("vector", GOOD, ids=lambda vector: vector["name"])
def test_a_batch_is_of_its_endpoint_alone(vector):
    """Sent to another address, its events are unknown there."""
    for endpoint in set(ENDPOINTS) - {vector["endpoint"]}:
        with pytest.raises(Problem) as caught:
            batches.read(body_of(vector), endpoint)
        assert caught.value.code == "UNKNOWN_FIELD"


@given(body=st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_a_batch_or_a_problem(body):
    """Whatever comes, the answer is one of four codes and never another error."""
    with pytest.raises(Problem) as caught:
        batches.read(body, "metrics")
    assert caught.value.code in CODES


@given(data=st.data(), vector=st.sampled_from(GOOD), value=JSON)
def test_a_value_of_another_kind_anywhere_is_refused(data, vector, value):
    """Any member, of the batch, of `lost` or of an event, that becomes any other JSON is refused, or is one of its kind."""
    said = json.loads(vector["body"])
    inside = data.draw(st.sampled_from([said, said["lost"], said["events"][0]]))
    name = data.draw(st.sampled_from(sorted(inside)) | st.text(max_size=5))
    before = inside.get(name, "nothing")
    inside[name] = value
    try:
        body = jcs(said)
        found = batches.read(body, vector["endpoint"])
    except UnicodeEncodeError:
        return
    except Problem:
        return
    assert type(value) is type(before)
    assert isinstance(value, int | str)
    assert found.sha256 != vector["sha256"] or value == before


@given(data=st.data())
def test_every_value_that_the_registry_has_is_taken(data):
    """Whatever mix of events, and of values of their kinds, comes to their endpoint is taken."""

    def value(field):
        match field["kind"]:
            case "enum":
                return st.sampled_from(REGISTRY["enums"][field["of"]])
            case "flag":
                return st.booleans()
            case "small":
                return st.integers(field["min"], field["max"])
            case kind:
                return st.integers(0, 63 if kind == "bucket" else 10)

    endpoint = data.draw(st.sampled_from(ENDPOINTS))
    names = st.sampled_from([name for name, said in EVENTS.items() if said["endpoint"] == endpoint])
    events = []
    for name in data.draw(st.lists(names, min_size=1, max_size=8)):
        fields = {each: data.draw(value(field)) for each, field in EVENTS[name]["fields"].items()}
        events.append(event(name, n=data.draw(st.integers(1, 10**9)), **fields))
    assert len(batches.read(batch(*events), endpoint).events) == len(events)


def test_the_service_knows_the_registry_and_nothing_else():
    """The table that batches are judged by is the registry of the specification, event by event and value by value."""
    assert list(REGISTERED) == list(EVENTS)
    assert (list(OS), list(ARCH)) == (REGISTRY["enums"]["os"], REGISTRY["enums"]["arch"])
    for name, said in EVENTS.items():
        one = REGISTERED[name]
        assert (one.version, one.endpoint, one.retention_days) == (
            said["version"],
            said["endpoint"],
            said["retention_days"],
        )
        assert list(one.fields) == list(said["fields"])
        for each, field in said["fields"].items():
            assert one.fields[each].kind == field["kind"]
            assert list(one.fields[each].of) == REGISTRY["enums"].get(field.get("of"), [])


def test_the_month_is_that_of_the_day_a_batch_is_about():
    """Days of one month have the same number, the day after it the next one."""
    months = [batches.read(batch(day=day), "metrics").month for day in (20_819, 20_849, 20_850)]
    assert months == [2027 * 12, 2027 * 12, 2027 * 12 + 1]


def test_the_vectors_are_those_that_their_tool_writes():
    """What both ends are tested against is what the specification's own code makes of the registry."""
    tool = [sys.executable, str(ROOT / "tools" / "write_telemetry_vectors.py"), "--check"]
    done = subprocess.run(tool, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
