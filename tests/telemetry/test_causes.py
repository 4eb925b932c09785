"""Every event and every literal of the registry has a cause in the runtime, and every cause is told: nothing is registered that nobody counts."""

from __future__ import annotations

import ast
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest
from programs import HOT, command, environment

import epochly._decide
from epochly._config import GPU
from epochly._versions import Version
from epochly._wrap import site_of, wrap
from epochly.telemetry import events, figures
from epochly.telemetry.batch import parsed
from epochly.telemetry.files import SPOOL, Files

SOURCE = Path(epochly._decide.__file__).parent


def told(files):
    """All events that wait, by name, without what all of them have."""
    spool, found = files.inside(SPOOL), {}
    for name in sorted(spool.sizes()):
        for event in parsed(spool.read(name))["events"]:
            kept = {key: value for key, value in event.items() if key not in {"e", "v", "n"}}
            found.setdefault(event["e"], []).append(kept)
    return found


@cache
def all_calls():
    """The calls in the runtime's source by the function's last name: (positional literals, literals by keyword)."""
    found = {}
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))) if path.name != "events.py" else ():
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                given = {each.arg: getattr(each.value, "value", None) for each in node.keywords}
                positional = [each.value for each in node.args if isinstance(each, ast.Constant)]
                found.setdefault(name, []).append((positional, given))
    return found


def calls(name):
    """Those of one function."""
    return all_calls().get(name, [])


@pytest.mark.parametrize("event", events.EVENTS)
def test_each_event_is_counted_somewhere(event):
    """An event that nothing in the runtime makes would be a promise to collect what is not collected."""
    assert list(calls(event))


def test_each_kind_of_reason_is_the_registrys_and_the_other_way_round():
    """The decisions of the source give each `code` that the registry lists, and no other, which would be dropped without a word."""
    codes = {given.get("code", "watched") for _, given in calls("Decision")}
    codes = {code for code in codes if isinstance(code, str)}  # and not another decision's
    assert codes == set(events.DECISION)


def test_each_outcome_is_the_registrys():
    """What compiling may end with has a literal each."""
    assert set(figures.OUTCOMES.values()) == set(events.OUTCOME)


def test_each_part_that_may_fail_is_told_somewhere():
    """A part that is listed is reported by code of ours when it switches itself off."""
    parts = {word for positional, given in calls("fault") for word in (*positional, given.get("part"))}
    assert parts >= set(events.FAULT)


def test_a_gpu_that_was_asked_for_is_told_with_the_answer(collector, files, session):
    """Level 4, and whether the licence let it."""
    session.config, session.denied = replace(session.config, level=GPU), True
    collector.it.collect()
    assert told(files)["gpu"] == [{"asked": True, "allowed": False}]


def test_what_compiled_code_takes_is_told_once_a_day(collector, files, session, receiver):
    """Its bytes on disk, where there are any, and how many versions live."""
    site = site_of(wrap(lambda x: x, session))
    version = site.versions["k"] = Version("k")
    version.status, version.call = "compiled", abs
    collector.it.collect()
    assert "allocator" not in told(files)
    receiver.now += 86_400
    collector.it.collect(cache_bytes=5_000)
    collector.it.collect(cache_bytes=6_000)
    assert told(files)["allocator"] == [{"cache_bytes": 13, "versions": 1}]


def test_parts_that_switched_themselves_off_are_told(collector, files, session):
    """A cache in trouble, no compiler, a builder in trouble, a licence that cannot be looked at: each once, and nothing of why."""
    store = SimpleNamespace(trouble="alice: no space")
    session._compiler = SimpleNamespace(store=store)
    session._errands.append(SimpleNamespace(troubled=True))

    def tier():
        raise RuntimeError("alice")

    collector.it._process = replace(collector.it._process, tier=tier)
    collector.it.look()
    collector.it.collect()
    session._compiler = "numba is too old"
    collector.it.collect()
    collector.it.collect()
    assert [each["part"] for each in told(files)["fault"]] == ["licence", "cache", "builder", "compiler"]
    assert told(files)["session_start"][0]["tier"] == "community"
    assert not any(b"alice" in files.inside(SPOOL).read(name) for name in files.inside(SPOOL).sizes())


def test_a_program_of_the_run_command_is_told_as_one(tmp_path, receiver, ca_file):
    """`epochly run` says so of its session, whose functions were found by it."""
    (tmp_path / "root.pem").write_bytes(receiver.root.pem())
    (tmp_path / "app.py").write_text(
        HOT.replace("@epochly.optimize\n", "") + "\nwhile time.process_time() < 2:\n    hot(20_000)\n"
    )
    server = SimpleNamespace(base="https://localhost:9")
    environ = environment(
        tmp_path / "state", server, tmp_path / "root.pem", ca_file, EPOCHLY_MODE="aggressive"
    )
    code, _, err = command(environ, "run", str(tmp_path / "app.py"))
    assert code == 0, err
    found = told(Files(str(tmp_path / "state" / "telemetry")))
    assert [each["run"] for each in found["session_start"]] == [True]
    assert {each["why"] for each in found["routing_decision"]} <= set(events.DECISION)


def test_an_id_is_another_one_in_the_next_month(collector, files, receiver):
    """The same installation, the same process: what it sends in two months cannot be put together by it."""
    ids = set()
    for _ in range(3):
        collector.it.fault("cache")
        collector.it.collect()
        for name in files.inside(SPOOL).sizes():
            ids.add(parsed(files.inside(SPOOL).read(name))["install"])
        receiver.now += 31 * 86_400
    assert len(ids) == 3
