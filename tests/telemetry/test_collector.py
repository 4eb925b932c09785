"""Collecting: the session's own figures become facts once, wait on disk within bounds, and belong to one process."""

from __future__ import annotations

import json
import os
import stat

import pytest

import epochly
from epochly._decide import Decision
from epochly._versions import Version
from epochly._wrap import site_of, wrap
from epochly.telemetry import events
from epochly.telemetry.batch import parsed
from epochly.telemetry.files import SEED, SPOOL

DAY_S = 86_400


def told(files):
    """All events that wait, by name."""
    found = {}
    spool = files.inside(SPOOL)
    for name in sorted(spool.sizes()):
        for event in parsed(spool.read(name))["events"]:
            found.setdefault(event["e"], []).append({k: v for k, v in event.items() if k not in {"e", "v"}})
    return found


def test_what_is_told_of_a_session(collector, files, session):
    """A session's settings, its functions' places with the kind of reason, how compiling ended: and no name of anything."""

    def secret_function_of_alice(x):
        return x + 1

    site = site_of(wrap(secret_function_of_alice, session))
    site.decision = Decision(0, "secret", final=True, code="refused")
    version = site.versions["k"] = Version("k")
    version.status, version.compile_ns, version.deopts = "gave up", 70_000_000, ["secret"] * 8
    collector.it.look()
    collector.it.collect()
    found = told(files)
    assert found["session_start"] == [
        {
            "n": 1,
            "level": "jit",
            "mode": "balanced",
            "tier": "community",
            "cores": 3,
            "run": False,
            "numba": True,
        }
    ]
    assert found["routing_decision"] == [{"n": 1, "level": "monitor", "why": "refused"}]
    assert found["jit"] == [
        {"n": 1, "outcome": "gave_up", "origin": "in_process", "compile_ms": 7, "speed": 0, "deopts": 4}
    ]
    assert found["compatibility"] == [
        {
            "n": 1,
            "numba": "supported",
            "numba_minor": 68,
            "numpy": "supported",
            "numpy_major": 2,
            "numpy_minor": 1,
        }
    ]
    assert found["workload"][0]["threads"] == 2
    everything = b"".join(files.inside(SPOOL).read(name) for name in files.inside(SPOOL).sizes())
    assert b"alice" not in everything
    assert b"secret" not in everything


def test_nothing_is_told_twice(collector, files, session):
    """A second batch has what changed since the first, and no more."""
    function = wrap(lambda x: x, session)
    site = site_of(function)
    collector.it.look()
    collector.it.collect()
    before = told(files)
    collector.it.collect()
    assert told(files) == before
    site.decision = Decision(2, "x", code="hot")
    collector.it.collect()
    assert told(files)["routing_decision"] == [
        {"n": 1, "level": "monitor", "why": "watched"},
        {"n": 1, "level": "jit", "why": "hot"},
    ]


def test_a_version_that_is_being_measured_waits(collector, files, session):
    """What compiling gained is told once it is known, or the program ends."""
    site = site_of(wrap(lambda x: x, session))
    version = site.versions["k"] = Version("k")
    version.status, version.call = "compiled", abs
    collector.it.collect()
    assert "jit" not in told(files)
    version.before.extend([1_000] * 4)
    version.samples.extend([100] * 4)
    collector.it.collect(ending=True)
    assert [each["speed"] for each in told(files)["jit"]] == [7]  # ten times, in tenths: 100


def test_a_difference_is_told_at_once(collector, files, session):
    """The one thing that must never happen has an event of its own."""
    site = site_of(wrap(lambda x: x, session))
    site.versions["k"] = Version("k", "differs")
    collector.it.collect()
    assert told(files)["differs"] == [{"n": 1, "level": "jit"}]


def test_pools_are_told_with_what_they_gave_back(collector, files, session, monkeypatch):
    """Results and errors of `epochly.threads` are what they are without telemetry; that there was a pool is counted."""
    monkeypatch.setattr("epochly._api._SESSIONS", [session])
    session.config = type(session.config)(max_workers=4)
    assert epochly.threads(str, range(5)) == ["0", "1", "2", "3", "4"]
    with pytest.raises(ZeroDivisionError):
        epochly.threads(lambda x: 1 // x, [1, 0, 1])
    with pytest.raises(TypeError, match="not iterable"):
        epochly.threads(str, 5)
    collector.it.collect()
    assert {(each["workers"], each["items"] > 0, each["failed"]) for each in told(files)["worker"]} == {
        (3, True, False),
        (3, True, True),
        (3, False, True),
    }


def test_a_forked_child_collects_nothing(collector, files):
    """In another process than the one that made it, nothing is written."""
    collector.state.pid = 8
    collector.it.fault("cache")
    collector.it.collect(ending=True)
    assert not os.path.exists(files.path)
    collector.it.abandon()
    assert len(collector.it.counters) == 0


def test_files_are_this_users_alone(collector, files):
    """Folders 0700, files 0600, whatever the umask is; a folder that others may write to is refused."""
    before = os.umask(0)
    try:
        collector.it.fault("cache")
        collector.it.collect()
    finally:
        os.umask(before)
    for folder, names, inside in os.walk(files.path):
        assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
        for name in inside:
            assert stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode) == 0o600, (names, name)
    os.chmod(files.inside(SPOOL).path, 0o777)
    collector.it.fault("cache")
    with pytest.raises(OSError, match="writable by others"):
        collector.it.collect()


def test_what_waits_is_bounded(collector, files, receiver, facts):
    """However long nobody sends, no more than 1 MiB and 7 days wait, and what had to go is counted."""
    for _ in range(25):
        for fact, n in facts(1_000).items():
            collector.it.counters.add(fact, n)
        collector.it.collect()
        receiver.now += 1
    sizes = files.inside(SPOOL).sizes()
    assert sum(size for size, _ in sizes.values()) <= 1_048_576
    assert len(sizes) > 40
    assert (
        collector.it.counters.lost["full"]
        + sum(parsed(files.inside(SPOOL).read(name))["lost"]["full"] for name in sizes)
        > 0
    )
    receiver.now += 8 * DAY_S
    collector.it.fault("cache")
    collector.it.collect()
    assert {name[:12] for name in files.inside(SPOOL).sizes()} == {f"{receiver.now:012d}"}


def test_the_seed_is_made_once_and_another_after_it_was_removed(collector, files):
    """The id is the same in each batch of a month, until its random bytes are thrown away."""
    ids = []
    for step in range(3):
        if step == 2:
            files.remove(SEED)
        collector.it.fault("cache")
        collector.it.counters.add(events.gpu(asked=True, allowed=bool(step)))
        collector.it.collect()
        spool = files.inside(SPOOL)
        name = max(spool.sizes())
        ids.append(json.loads(spool.read(name))["install"])
    assert ids[0] == ids[1] != ids[2]
    assert len(files.read(SEED)) == 32
