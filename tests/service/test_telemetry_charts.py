"""What is published: only what enough installations reported, and nothing from which the rest can be worked out."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telemetry_made import EVENTS, SPEC, b64u, batch, event, sent

from epochly_service.settings import DAY
from epochly_service.telemetry.charts import K, Tally, published

TALLIES = st.lists(
    st.builds(
        Tally,
        st.sampled_from(["gpu", "gone"]),
        st.sampled_from(["asked", "allowed", "old"]),
        st.sampled_from(["true", "false"]),
        st.integers(1, 2),
        st.integers(1, 60),
        st.integers(1, 99),
    ),
    unique_by=lambda one: (one.event, one.field, one.value, one.month),
)


def charts_of(wire):
    """The answer, as (event, field) -> value -> (installs, n)."""
    answer = wire.send("GET", "/v1/telemetry/charts")
    assert answer.status == 200, answer.body
    return {
        (chart["event"], chart["field"]): {
            one["value"]: (one["installs"], one["n"]) for one in chart["values"]
        }
        for chart in answer.json["charts"]
    }


def report(node, installs, *, first=0, **changed):
    """As many installations report once."""
    for number in range(first, first + installs):
        install = b64u(number.to_bytes(12, "big"))
        assert sent(node.wire, batch(event(**changed), install=install, day=node.now // DAY)).status == 200


def test_a_value_is_published_when_twenty_installations_reported_it(node):
    """Nineteen are not told, by no number anywhere; the twentieth makes it known."""
    report(node, 20, asked=True, allowed=True)
    report(node, 19, first=50, asked=False, allowed=True)
    node.now += DAY
    answer = node.wire.send("GET", "/v1/telemetry/charts").json
    assert (answer["k"], answer["from_day"], answer["to_day"]) == (
        20,
        node.now // DAY - 28,
        node.now // DAY - 1,
    )
    assert set(answer) == {"k", "from_day", "to_day", "charts"}
    assert charts_of(node.wire) == {("gpu", "asked"): {True: (20, 20)}, ("gpu", "allowed"): {True: (39, 39)}}
    report(node, 1, first=90, asked=False, allowed=True)
    node.now += DAY
    assert charts_of(node.wire)["gpu", "asked"] == {True: (20, 20), False: (20, 20)}


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_an_installation_whose_id_changed_with_the_month_counts_once(node):
    """Ten installations, each seen under two ids in two months, are not taken for twenty."""
    node.now = 20_849 * DAY  # 2027-01-31
    report(node, 10, asked=True)
    node.now += DAY
    report(node, 10, first=10, asked=True)
    node.now += DAY
    assert charts_of(node.wire) == {}


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_charts_are_of_the_28_days_before_today(node):
    """What came today is not in them, nor what came 29 days ago."""
    report(node, 20, asked=True)
    assert charts_of(node.wire) == {}
    node.now += 28 * DAY
    assert charts_of(node.wire) != {}
    node.now += DAY
    assert charts_of(node.wire) == {}


def test_what_is_published_is_the_same_all_day_on_every_node(node):
    """Two answers of a day, also of two nodes, differ in nothing: what came in between cannot be told from them."""
    report(node, 20, asked=True)
    node.now += DAY
    first = node.wire.send("GET", "/v1/telemetry/charts").body
    report(node, 20, first=20, asked=False)
    for wire in (node.wire, node.wired(node.another())):
        assert wire.send("GET", "/v1/telemetry/charts").body == first


@given(tallies=TALLIES)
def test_nothing_below_the_bound_is_in_what_is_published(tallies):
    """For any counts, a value is told if and only if the registry has it and a month had enough; and its sum is over all months."""
    told = {
        (chart["event"], chart["field"], json.dumps(one["value"])): one
        for chart in published(tallies, 100)["charts"]
        for one in chart["values"]
    }
    keys = {(one.event, one.field, one.value) for one in tallies if one.event == "gpu" and one.field != "old"}
    for key in keys:
        mine = [one for one in tallies if (one.event, one.field, one.value) == key]
        most = max(one.installs for one in mine)
        assert (key in told) == (most >= K)
        if key in told:
            assert told[key]["installs"] == most
            assert told[key]["n"] == sum(one.n for one in mine)
    assert set(told) <= keys


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_the_schema_is_the_one_of_the_specification(node):
    """What anybody is told that batches are is what the registry's tool wrote down, but for its words."""
    written = json.loads((SPEC / "telemetry-v1.schema.json").read_text("utf-8"))

    def without_words(value):
        if isinstance(value, dict):
            return {
                name: without_words(one)
                for name, one in value.items()
                if not (name == "description" and isinstance(one, str))
            }
        return [without_words(one) for one in value] if isinstance(value, list) else value

    answer = node.wire.send("GET", "/v1/telemetry/schema").json
    assert answer == without_words(written)
    assert set(answer["$defs"]) == set(EVENTS)
