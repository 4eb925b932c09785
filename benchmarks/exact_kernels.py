"""How fast are loop kernels under the exact compiler, beside CPython and beside plain numba, and are they right?

Every kernel of `kernels/` is first compared with CPython bit for bit, at two sizes: value, type, arrays, warnings. Then the
sides take turns in one run: CPython, ours with its fallback, and `numba.njit` in a process of its own. What ours rejects
counts as CPython's speed. The second table holds NumPy expressions, which are to be refused, quickly and without cost.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from exact_tables import Row, report, summary
from njit_worker import shortest
from side_by_side import parser

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kernels.kernel import Kernel

WORKER = Path(__file__).with_name("njit_worker.py")
NAMES = ("CPython", "ours", "njit")


class Overlaid:
    """A kernel behind the exact compiler, as a caller sees it: machine code, or the interpreter where that gives up."""

    def __init__(self, kernel: Kernel) -> None:
        from epochly._exact import Rejected, specialise

        self.function = kernel.function
        self.deopts: list[str] = []
        started = time.perf_counter()
        try:
            self.made: Any = specialise(kernel.function, kernel.make(kernel.small))
        except Exception as error:  # noqa: BLE001 - a fault of ours is a line of the table, not the end of it
            self.made = Rejected(f"FAULT, it raised {type(error).__name__}: {error}", None)
        self.seconds = time.perf_counter() - started
        self.accepted = not isinstance(self.made, Rejected)
        self.call: Callable[..., object] = self._call if self.accepted else kernel.function

    def _call(self, *args: object) -> object:
        from epochly._exact import Deopt

        try:
            return self.made.call(*args)
        except Deopt as deopt:
            self.deopts.append(deopt.reason)
            return self.function(*args)

    @property
    def why(self) -> str:
        """Why it is not, or not always, machine code."""
        if self.accepted:
            return f"deopt: {self.deopts[0]}" if self.deopts else ""
        where = (
            f"line {self.made.line - self.function.__code__.co_firstlineno + 1}: " if self.made.line else ""
        )
        return f"{where}{self.made.reason}"


class Njit:
    """The other process."""

    def __init__(self, kernel: Kernel) -> None:
        self.process = subprocess.Popen(
            [sys.executable, WORKER, kernel.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.ready = self._heard()

    def _heard(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        return json.loads(line) if line else {"refused": f"ended with exit code {self.process.wait()}"}

    @property
    def works(self) -> bool:
        """Whether it can take turns."""
        return "refused" not in self.ready

    def turn(self) -> float:
        """Seconds of one turn, measured over there."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        heard = self._heard()
        if "seconds" not in heard:
            raise RuntimeError(f"numba's process {heard['refused']}")
        return heard["seconds"]

    def close(self) -> None:
        """Let it end."""
        self.process.communicate()


def same_bits(kernel: Kernel, call: Callable[..., object], digests: Sequence[str] = ()) -> bool:
    """Whether `call`, or `digests` of another process, do exactly what CPython does, at both sizes."""
    from kernels.outcome import outcome

    right = [outcome(kernel.function, kernel.make(size)).digest for size in (kernel.small, kernel.large)]
    found = digests or [outcome(call, kernel.make(size)).digest for size in (kernel.small, kernel.large)]
    return right == list(found)


def _once(function: Callable[..., object], args: tuple[object, ...]) -> float:
    started = time.perf_counter()
    function(*args)
    return time.perf_counter() - started


def measured(kernel: Kernel, *, rounds: int) -> Row:
    """One kernel: compare, then let the sides take turns."""
    ours, njit = Overlaid(kernel), Njit(kernel)
    right = same_bits(kernel, ours.call)
    njit_right = same_bits(kernel, kernel.function, njit.ready["digests"]) if njit.works else None
    if not right:
        print(f"{kernel.name}: NOT what CPython does; it is not timed", file=sys.stderr)
    turns: dict[str, list[float]] = {name: [] for name in NAMES}
    for _ in range(rounds):
        turns["CPython"].append(_once(kernel.function, kernel.make(kernel.large)))
        if ours.accepted and right:
            turns["ours"].append(shortest(ours.call, kernel.make(kernel.large)))
        if njit.works:
            turns["njit"].append(njit.turn())
    njit.close()
    least = {name: min(taken) for name, taken in turns.items() if taken}
    return Row(
        kernel=kernel.name,
        family=kernel.family,
        accepted=ours.accepted,
        why=ours.why,
        compile_s=ours.seconds,
        same_bits=right,
        cpython_s=least["CPython"],
        ours_s=least.get("ours"),
        njit_s=least.get("njit"),
        njit_compile_s=njit.ready.get("compile_s"),
        njit_same_bits=njit_right,
        njit_why=njit.ready.get("refused", ""),
        usual={name: median(taken) for name, taken in turns.items() if taken},
    )


def yielded(kernel: Kernel, *, rounds: int) -> Row:
    """One expression that is to be left alone: is it, and does it run as fast as untouched?"""
    ours = Overlaid(kernel)
    right = same_bits(kernel, ours.call)
    turns: dict[str, list[float]] = {"CPython": [], "ours": []}
    for turn in range(rounds):
        sides = [("CPython", kernel.function), ("ours", ours.call)]
        for name, call in sides if turn % 2 else sides[::-1]:
            turns[name].append(shortest(call, kernel.make(kernel.large)))
    return Row(
        kernel=kernel.name,
        family=kernel.family,
        accepted=ours.accepted,
        why=ours.why,
        compile_s=ours.seconds,
        same_bits=right,
        cpython_s=min(turns["CPython"]),
        ours_s=min(turns["ours"]),
        njit_s=None,
        njit_compile_s=None,
        njit_same_bits=None,
        njit_why="",
        usual={name: median(taken) for name, taken in turns.items()},
    )


def _load() -> str:
    return " ".join(f"{value:.1f}" for value in os.getloadavg()) if hasattr(os, "getloadavg") else "unknown"


def measure(*, rounds: int, only: Sequence[str] = (), quiet: bool = False) -> tuple[list[Row], list[Row]]:
    """All kernels, or those named, and all expressions."""
    import numpy as np
    from kernels import KERNELS, YIELDING

    from epochly._exact import specialise

    specialise(_first, (np.zeros(2),))  # the first compilation of a process pays for its start
    found: tuple[list[Row], list[Row]] = ([], [])
    for kernels, how, rows in ((KERNELS, measured, found[0]), (YIELDING, yielded, found[1])):
        for kernel in kernels:
            if only and kernel.name not in only and kernel.family not in only:
                continue
            if not quiet:
                print(f"measuring {kernel.name} ...", file=sys.stderr, flush=True)
            rows.append(how(kernel, rounds=rounds))
    return found


def _first(array: Any) -> Any:
    return array[0]


def main() -> int:
    """Measure and print; exit code 1 when any result has other bits than CPython's."""
    made = parser(__doc__, rounds=5)
    made.add_argument("--json", action="store_true", help="print everything as JSON instead of tables")
    made.add_argument("--only", nargs="*", default=(), metavar="NAME", help="kernels or families")
    options = made.parse_args()
    before = _load()
    rows, yielding = measure(rounds=options.rounds, only=options.only)
    if not rows:
        made.error("no loop kernel of that name")
    said = summary(rows, yielding)
    if options.json:
        print(
            json.dumps(
                {
                    "python": platform.python_version(),
                    "machine": platform.machine(),
                    "rounds": options.rounds,
                    "load_before": before,
                    "load_after": _load(),
                    "summary": said,
                    "kernels": [asdict(row) for row in rows],
                    "yielding": [asdict(row) for row in yielding],
                },
                indent=1,
            )
        )
    else:
        print(report(rows, yielding))
        print(f"load {before} before, {_load()} after")
    return 1 if said["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
