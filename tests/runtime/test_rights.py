"""Levels and cores under a licence and without one: what is not allowed is taken away, told once, and breaks nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from epochly import _rights
from epochly._config import Config
from epochly.licensing.entitlement import PLANS, YES, NotEntitled, entitled

PROBE = """
import json, os, sys
seen = []
def hook(event, arguments):
    if event.startswith(("socket.", "subprocess.", "os.fork")) or event == "open" and "the-state" in str(arguments[0]):
        seen.append(event)
sys.addaudithook(hook)
import epochly
{}
print(json.dumps([seen, sorted(name for name in sys.modules if name.partition(".")[0] in
    ("cryptography", "httpx", "psutil", "filelock", "platformdirs") or name.startswith("epochly.licensing"))]))
"""


class Plan:
    """A licence of some plan, in force."""

    def __init__(self, plan):
        self.plan, self.asked = plan, []

    def entitled(self, feature):
        """A yes where the plan has it."""
        self.asked.append(feature)
        return YES if feature in PLANS[self.plan] else entitled(None, feature, 0)

    def tier(self):
        """The plan."""
        return self.plan


@pytest.fixture
def licensed(world):
    """Give the fake session a licence, on a machine of eight cores."""

    def give(plan):
        rights = Plan(plan)
        world.machine = replace(world.machine, cores=8)
        world.session.outside = replace(world.session.outside, rights=lambda: rights)
        return rights

    return give


def test_a_level_beyond_the_licence_acts_as_the_next_lower_one(public, world):
    """Without a licence a GPU is not used: one line says so, with the way out, and everything goes on."""
    public.set_level(4)
    assert world.said[0] == (
        "level 4 acts as level 3: `gpu` needs a licence, and there is none here; hint: `epochly license trial` starts "
        "one of 30 days, `epochly license activate` takes a licence key"
    )
    assert world.session.effective(None, None).level == 3
    watched = public.optimize(level=4)(lambda x: x + 1)
    with public.optimize_context(level=4):
        assert [watched(1) for _ in range(50)] == [2] * 50
    public.configure(level=3, max_workers=64)
    assert sum("; hint: `epochly license" in line for line in world.said) == 1
    status = public.get_status()
    assert (status["tier"], status["enhancement_level"], status["max_workers"]) == ("community", 3, 64)


def test_more_cores_than_the_community_has_need_a_licence(public, world):
    """Level 3 takes four of those that were asked for; threads that wait at level 1 are everybody's."""
    public.configure(level=3, max_workers=8)
    assert world.said[0].startswith("level 3 uses 4 of 8 cores: `multi-core` needs a licence")
    assert world.session.effective(None, None).max_workers == 4
    assert world.session.effective(1, None).max_workers == 8
    assert world.session.workers() == 8


@pytest.mark.parametrize("workers", [None, 1, 4])
def test_four_cores_are_everybody_s(public, world, workers):
    """Nothing is told, and no licence is asked for; where nobody named a number, four are taken."""
    world.machine = replace(world.machine, cores=8)
    public.configure(level=3, max_workers=workers)
    assert not any("licence" in line for line in world.said)
    assert world.session.effective(None, None).max_workers == (workers or 4)


def test_a_licence_allows_what_its_plan_has(public, world, licensed):
    """All cores and the GPU, in words nobody has to read; levels that are everybody's do not even ask."""
    rights = licensed("professional")
    public.set_level(2)
    public.optimize(lambda x: x)(1)
    assert rights.asked == []
    public.set_level(4)
    assert world.session.effective(None, None).level == 4
    public.configure(level=3)
    assert world.session.effective(None, None).max_workers is None
    assert not any("licence" in line for line in world.said)
    assert public.get_status()["tier"] == "professional"


@pytest.mark.parametrize("fault", [ImportError("no cryptography"), ValueError("x"), KeyError("y")])
def test_a_fault_of_ours_is_a_no(public, world, fault):
    """Whatever goes wrong with a licence, the program runs on at the community level, and one line says it."""

    def broken():
        raise fault

    world.session.outside = replace(world.session.outside, rights=broken)
    public.set_level(4)
    assert type(fault).__name__ in world.said[0]
    assert world.session.effective(None, None).level == 3
    assert public.get_status()["tier"] == "community"


def test_a_no_keeps_its_reason():
    """The line says why, in the licence's own words."""

    class Dropped:
        def entitled(self, _feature):
            return NotEntitled("dropped", "the licence is suspended", "ask who issued it")

    config, line = _rights.allowed(Config(level=4, max_workers=16), lambda: 16, Dropped)
    assert line == "level 4 acts as level 3: the licence is suspended; hint: ask who issued it"
    assert (config.level, config.max_workers) == (3, 4)


@pytest.mark.parametrize(
    ("code", "modules"),
    [
        ("f = epochly.optimize(lambda x: x); f(1); epochly.set_level(2); epochly.set_level(1)", []),
        ("epochly.get_status()", ["epochly.licensing", "epochly.licensing.places"]),
        (
            "epochly.set_level(4); epochly.configure(level=3, max_workers=9); epochly.get_status()",
            ["epochly.licensing", "epochly.licensing.entitlement", "epochly.licensing.places"],
        ),
    ],
)
def test_who_has_no_licence_pays_for_none(tmp_path, code, modules):
    """No file is read, no library loaded, nothing connected; asking for more costs one look at one name."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EPOCHLY")}
    environ = kept | {"HOME": str(tmp_path), "EPOCHLY_STATE_DIR": str(tmp_path / "the-state")}
    done = subprocess.run(
        [sys.executable, "-c", PROBE.format(code)], check=True, capture_output=True, text=True, env=environ
    )
    assert json.loads(done.stdout) == [[], modules]
    assert not (tmp_path / "the-state").exists()
