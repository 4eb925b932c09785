"""The benchmarks run and say their ratios; how large these are is for a quiet machine and a person to judge."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
RATIO = re.compile(r"^  -> .*: \d+\.\d\dx \(by medians \d+\.\d\dx\)", re.MULTILINE)
GOAL = re.compile(r"goal at (?:least|most) [\d.]+(?:x| s| a second): (?:met|NOT met)")
SMALL = {
    "signed": (("--warm-ups", "0"), 1),
    "startup": (("--warm-ups", "0"), 1),
    "batch": (("--warm-ups", "0", "--artifacts", "3", "--jobs", "1"), 1),
    "record": (("--warm-ups", "0", "--scale", "0.002"), 2),
}


@cache
def run(name: str, *arguments: str) -> str:
    """What a benchmark prints."""
    done = subprocess.run(
        [sys.executable, BENCHMARKS / f"{name}.py", *arguments], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def side_by_side():
    """The module that measures; it lies outside every package."""
    spec = importlib.util.spec_from_file_location("side_by_side", BENCHMARKS / "side_by_side.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.mark.parametrize("name", SMALL)
def test_benchmarks_print_ratios_and_say_whether_goals_are_met(name):
    """Every benchmark runs alone, in a small size, and ends with what it found."""
    arguments, goals = SMALL[name]
    said = run(name, "--rounds", "1", *arguments)
    assert said.startswith(f"{name}: ")
    assert RATIO.search(said)
    assert len(GOAL.findall(said)) == goals
    assert re.search(rf"^\d of {goals} goals? met$", said, re.MULTILINE)


def test_benchmarks_show_that_start_up_leaves_the_signing_library_alone():
    """This one is no matter of time: an integrity run imports nothing of it, on any machine."""
    said = run("startup", "--rounds", "1", *SMALL["startup"][0])
    assert "the signing library: not imported" in said


@pytest.mark.parametrize("name", [*SMALL, "run", "exact_kernels", "must_yield", "runtime_figures"])
def test_benchmarks_say_how_they_are_used(name):
    """Each script explains itself and its options."""
    assert "--rounds" in run(name, "--help")


def test_benchmarks_take_turns(side_by_side):
    """Sides alternate, and the first rounds are not counted."""
    turns = []
    sides = [side_by_side.Side(name, lambda name=name: turns.append(name)) for name in "ab"]
    times = side_by_side.in_turns(sides, rounds=2, warm_ups=1)
    assert turns == ["a", "b", "a", "b", "a", "b"]
    assert [(each.name, len(each.seconds)) for each in times] == [("a", 2), ("b", 2)]


@pytest.mark.parametrize(
    ("value", "at_most", "words"),
    [
        (1.2, True, "ratio: 1.20x (by medians 1.50x); goal at most 1.25x: met"),
        (1.3, True, "ratio: 1.30x (by medians 1.50x); goal at most 1.25x: NOT met"),
        (1.3, False, "ratio: 1.30x (by medians 1.50x); goal at least 1.25x: met"),
        (1.2, False, "ratio: 1.20x (by medians 1.50x); goal at least 1.25x: NOT met"),
    ],
)
def test_benchmarks_judge_a_figure_by_its_goal(side_by_side, value, at_most, words):
    """The shortest turns are judged, from the right side; the medians are only told."""
    assert str(side_by_side.Figure("ratio", value, 1.5, goal=1.25, at_most=at_most)) == words


def test_benchmarks_do_not_time_a_program_that_fails(side_by_side):
    """A wrong exit code stops the benchmark: what went wrong quickly is no speed."""
    failing = side_by_side.process([sys.executable, "-c", "raise SystemExit(3)"], {})
    with pytest.raises(RuntimeError, match="exit code 3, expected 0"):
        failing()
