"""Measures alternatives in one run, turn by turn, and says their ratio and whether a goal is met.

Turn by turn (A B A B ...) because a machine that is busy for a moment then slows all sides alike; the ratio of the
smallest times is judged because noise only ever adds. Times in seconds mean little on another machine; ratios do.
"""

from __future__ import annotations

import argparse
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

SIGNED = Path(__file__).resolve().parents[1] / "tests" / "vectors" / "signed"
COMMANDS = Path(sys.executable).parent


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

    def over(self, other: Times) -> tuple[float, float]:
        """How many times as long as `other`: by the shortest turns, by the medians."""
        return self.least / other.least, self.middle / other.middle


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        question: what is compared, in a few words.
        times: the sides, ours first.
        figure: the number that answers it, by the shortest turns.
        usual: the same by the medians.
        unit: of both: `x`, `s` or `/s`.
        goal: the bound the figure has to keep, `None` where it only informs.
        at_most: whether the bound is an upper one.
        note: what else was seen.
    """

    question: str
    times: tuple[Times, ...]
    figure: float
    usual: float
    unit: str = "x"
    goal: float | None = None
    at_most: bool = True
    note: str = ""

    @property
    def met(self) -> bool:
        """Whether the goal is met; without one there is nothing to miss."""
        return self.goal is None or (self.figure <= self.goal if self.at_most else self.figure >= self.goal)


def in_turns(sides: Sequence[Side], *, rounds: int, warm_ups: int = 1) -> tuple[Times, ...]:
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


@contextmanager
def clean_environment() -> Iterator[dict[str, str]]:
    """An environment for programs: an empty home, and compiled bytecode kept as for an installed program.

    Bytecode of all sides goes to a temporary folder in the warm-up, whatever this session has set; a first run after
    an installation without bytecode is not what is measured.
    """
    with tempfile.TemporaryDirectory(prefix="epochly-bench-") as folder:
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "XDG_", "SIGSTORE_"))
        }
        home = Path(folder, "home")
        home.mkdir()
        yield environment | {"HOME": str(home), "PYTHONPYCACHEPREFIX": str(Path(folder, "bytecode"))}


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
    return COMMANDS / name


def parser(description: str, *, rounds: int) -> argparse.ArgumentParser:
    """Options every script has."""
    made = argparse.ArgumentParser(description=description.partition("\n")[0])
    made.add_argument(
        "--rounds", type=int, default=rounds, metavar="N", help=f"turns of each side (default: {rounds})"
    )
    made.add_argument(
        "--warm-ups", type=int, default=1, metavar="N", help="rounds before these that are not counted"
    )
    return made


def table(rows: Sequence[Row]) -> str:
    """The rows for a person: under each question its sides with times, the figure, the goal."""
    lines = []
    for row in rows:
        lines.append(row.question)
        width = max(len(times.name) for times in row.times)
        for times in row.times:
            least, middle = _time(times.least), _time(times.middle)
            lines.append(
                f"    {times.name:<{width}}  min {least}  median {middle}  ({len(times.seconds)} turns)"
            )
        what = {"x": "ratio", "s": "seconds", "/s": "rate"}[row.unit]
        line = f"    {what} {_figure(row.figure, row.unit)} (by medians {_figure(row.usual, row.unit)})"
        if row.goal is not None:
            bound = f"{'at most' if row.at_most else 'at least'} {_figure(row.goal, row.unit)}"
            line += f"; goal {bound}: {'met' if row.met else 'NOT met'}"
        lines.append(line)
        if row.note:
            lines.append(f"    {row.note}")
        lines.append("")
    return "\n".join(lines)


def _figure(value: float, unit: str) -> str:
    return f"{value:.0f}{unit}" if unit == "/s" else f"{value:.3f} s" if unit == "s" else f"{value:.2f}x"


def _time(seconds: float) -> str:
    return f"{seconds * 1000:8.1f} ms"
