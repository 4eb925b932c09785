"""Measures alternatives in one run, turn by turn, and says their ratio and whether a goal is met.

Turn by turn (A B A B ...) because a machine that is busy for a moment then slows all sides alike; the ratio of the
smallest times is judged because noise only ever adds. Times in seconds mean little on another machine; ratios do.
"""

from __future__ import annotations

import argparse
import copy
import gc
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

VECTORS = Path(__file__).resolve().parents[1] / "tests" / "vectors"
TURN_S = (
    0.02  # seconds; a turn of `shortest` repeats a call this long, because a short one measures the clock
)
MOST_CALLS = 50  # of such a turn
_WORDS = {"x": "{:.2f}x", "s": "{:.3f} s", "/s": "{:.0f} a second"}


class Side(NamedTuple):
    """One alternative: `run` does the work once, and raises when it did not come out as it must."""

    name: str
    run: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Times:
    """How long the turns of one side took, in seconds."""

    name: str
    seconds: tuple[float, ...]

    @property
    def least(self) -> float:
        """The shortest turn."""
        return min(self.seconds)

    @property
    def middle(self) -> float:
        """The median turn."""
        return median(self.seconds)


@dataclass(frozen=True, slots=True)
class Figure:
    """A number that answers the question.

    Attributes:
        says: what it is, in a few words.
        value: by the shortest turns.
        usual: the same by the medians.
        unit: `x` for a ratio, `s`, or `/s`.
        goal: the bound the value has to keep, `None` where it only informs.
        at_most: whether the bound is an upper one.
    """

    says: str
    value: float
    usual: float
    unit: str = "x"
    goal: float | None = None
    at_most: bool = True

    @property
    def met(self) -> bool:
        """Whether the goal is met; without one there is nothing to miss."""
        return self.goal is None or (self.value <= self.goal if self.at_most else self.value >= self.goal)

    def __str__(self) -> str:
        number = _WORDS[self.unit].format
        line = f"{self.says}: {number(self.value)} (by medians {number(self.usual)})"
        if self.goal is None:
            return line
        bound = f"at {'most' if self.at_most else 'least'} {number(self.goal)}"
        return f"{line}; goal {bound}: {'met' if self.met else 'NOT met'}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What one comparison found.

    Attributes:
        question: what was compared.
        times: of every side.
        figures: what follows from them.
        notes: what else was seen.
    """

    question: str
    times: tuple[Times, ...]
    figures: tuple[Figure, ...]
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        width = max(len(times.name) for times in self.times)
        lines = [self.question]
        lines += [
            f"  {times.name:<{width}}  min {times.least * 1000:8.1f} ms  median {times.middle * 1000:8.1f} ms"
            f"  ({len(times.seconds)} turns)"
            for times in self.times
        ]
        lines += [f"  -> {figure}" for figure in self.figures]
        lines += [f"  {note}" for note in self.notes]
        return "\n".join(lines) + "\n"


def slower(says: str, ours: Times, other: Times, goal: float | None = None) -> Figure:
    """How many times as long as the other one took ours took; `goal` is the most it may be."""
    return Figure(says, ours.least / other.least, ours.middle / other.middle, goal=goal)


def faster(says: str, ours: Times, other: Times, goal: float | None = None) -> Figure:
    """How many times as long as ours the other one took; `goal` is the least it may be."""
    return Figure(says, other.least / ours.least, other.middle / ours.middle, goal=goal, at_most=False)


def in_turns(sides: Sequence[Side], *, rounds: int, warm_ups: int) -> tuple[Times, ...]:
    """Let the sides take turns; the first `warm_ups` rounds are not counted."""
    seconds: dict[str, list[float]] = {side.name: [] for side in sides}
    for turn in range(warm_ups + rounds):
        for side in sides:
            gc.collect()
            started = time.perf_counter()
            side.run()
            elapsed = time.perf_counter() - started
            if turn >= warm_ups:
                seconds[side.name].append(elapsed)
    return tuple(Times(name, tuple(taken)) for name, taken in seconds.items())


def shortest(function: Callable[..., object], args: tuple[object, ...]) -> float:
    """Processor seconds of the shortest call of one turn, each on fresh copies of its arguments."""
    gc.collect()
    best, spent = float("inf"), 0.0
    for _ in range(MOST_CALLS):
        elapsed = processor_seconds(function, copy.deepcopy(args))
        best = min(best, elapsed)
        spent += elapsed
        if spent >= TURN_S:
            break
    return best


def processor_seconds(function: Callable[..., object], args: tuple[object, ...]) -> float:
    """What one call takes of this thread's processor time: the wall's time, less what other programs took of it."""
    started = time.thread_time()
    function(*args)
    return time.thread_time() - started


def load() -> str:
    """How busy the machine was in the last 1, 5 and 15 minutes; a busy one makes poor figures."""
    return " ".join(f"{value:.1f}" for value in os.getloadavg()) if hasattr(os, "getloadavg") else "unknown"


@contextmanager
def clean_environment() -> Iterator[dict[str, str]]:
    """An environment for programs: an empty home, and compiled bytecode kept as for an installed program.

    Bytecode of all sides goes to a temporary folder in the warm-up, whatever this session has set: the first run
    after an installation that left none is not what is measured.
    """
    with tempfile.TemporaryDirectory(prefix="epochly-bench-") as folder:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "XDG_", "SIGSTORE_"))
        }
        home, bytecode = Path(folder, "home"), Path(folder, "bytecode")
        home.mkdir()
        yield kept | {"HOME": str(home), "PYTHONPYCACHEPREFIX": str(bytecode)}


def process(
    arguments: Sequence[str | Path], environment: Mapping[str, str], *, exit_code: int = 0
) -> Callable[[], None]:
    """A side's `run` that starts a program and waits for it. Its output goes nowhere; a wrong exit code raises."""

    def run() -> None:
        done = subprocess.run(arguments, env=environment, check=False, capture_output=True)
        if done.returncode != exit_code:
            said = (done.stdout + done.stderr).decode("utf-8", "replace")[-2000:]
            raise RuntimeError(f"{arguments[0]}: exit code {done.returncode}, expected {exit_code}\n{said}")

    return run


def command(name: str) -> Path:
    """A console script installed beside the running interpreter."""
    return Path(sys.executable).with_name(name)


def parser(description: str | None, *, rounds: int) -> argparse.ArgumentParser:
    """Options every script has, under the first line of its docstring."""
    made = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    made.add_argument(
        "--rounds", type=int, default=rounds, metavar="N", help=f"turns of each side (default: {rounds})"
    )
    made.add_argument(
        "--warm-ups",
        type=int,
        default=1,
        metavar="N",
        help="rounds before these that do not count (default: 1)",
    )
    return made


def show(answers: Sequence[Answer]) -> None:
    """Print the answers, and how many goals are met."""
    print("\n".join(map(str, answers)))
    judged = [figure for answer in answers for figure in answer.figures if figure.goal is not None]
    print(f"{sum(figure.met for figure in judged)} of {len(judged)} goals met")
