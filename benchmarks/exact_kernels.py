"""How fast are loop kernels under the exact compiler, beside CPython and beside plain numba, and are they right?

Every kernel of `kernels/` is first compared with CPython bit for bit, at two sizes: value, type, arrays, warnings. Then the
sides take turns in one run: CPython, ours with its fallback, and `numba.njit` in a process of its own. What ours rejects
counts as CPython's speed. The second table holds NumPy expressions, which are to be refused, quickly and without cost.
"""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import geometric_mean, median
from typing import TYPE_CHECKING, Any

from njit_worker import shortest
from side_by_side import parser

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kernels.kernel import Kernel

WORKER = Path(__file__).with_name("njit_worker.py")
WIDTH = 58  # characters of a reason in the table
NAMES = ("CPython", "ours", "njit")


@dataclass(frozen=True, slots=True)
class Row:
    """What was found about one kernel; times are the shortest turns, in seconds, `None` where there is no such side."""

    kernel: str
    family: str
    accepted: bool
    why: str  # it was rejected, or left machine code
    compile_s: float  # or until it was rejected
    same_bits: bool
    cpython_s: float
    ours_s: float | None
    njit_s: float | None
    njit_compile_s: float | None
    njit_same_bits: bool | None
    njit_why: str
    usual: dict[str, float]  # medians of the same turns, by side

    @property
    def gain(self) -> float:
        """How many times as fast as CPython; what is rejected, or wrong, is CPython."""
        return self.cpython_s / self.ours_s if self.accepted and self.ours_s else 1.0

    @property
    def calls_to_pay_back(self) -> float:
        """Calls of the measured size until compiling has paid."""
        saved = self.cpython_s - (self.ours_s or self.cpython_s)
        return self.compile_s / saved if saved > 0 else float("inf")

    @property
    def over_njit(self) -> float | None:
        """Our time over njit's, where both ran."""
        return self.ours_s / self.njit_s if self.accepted and self.ours_s and self.njit_s else None


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


def summary(rows: Sequence[Row], yielding: Sequence[Row]) -> dict[str, float]:
    """The head figures; geometric means over ratios of shortest turns."""
    accepted = [row for row in rows if row.accepted and row.same_bits]
    both = [row for row in accepted if row.over_njit is not None]
    said = {
        "kernels": len(rows),
        "accepted": sum(row.accepted for row in rows),
        "wrong": sum(not row.same_bits for row in (*rows, *yielding)),
        "njit_runs": sum(row.njit_s is not None for row in rows),
        "njit_other_bits": sum(row.njit_same_bits is False for row in rows),
        "gain_all": geometric_mean([row.gain for row in rows]),
        "yielding": len(yielding),
        "yielding_left_alone": sum(not row.accepted for row in yielding),
    }
    if accepted:
        said["gain_accepted"] = geometric_mean([row.gain for row in accepted])
        said["gain_accepted_usual"] = geometric_mean(
            [row.usual["CPython"] / row.usual["ours"] for row in accepted]
        )
        said["calls_to_pay_back_median"] = median(row.calls_to_pay_back for row in accepted)
        said["compile_ms_median"] = 1000 * median(row.compile_s for row in accepted)
    if both:
        said["njit_gain"] = geometric_mean([row.cpython_s / row.njit_s for row in both if row.njit_s])
        said["time_over_njit"] = geometric_mean([row.over_njit for row in both if row.over_njit])
        said["time_over_njit_usual"] = geometric_mean([row.usual["ours"] / row.usual["njit"] for row in both])
        said["compile_over_njit"] = geometric_mean(
            [row.compile_s / row.njit_compile_s for row in both if row.njit_compile_s]
        )
    if yielding:
        said["untouched_over_ours"] = geometric_mean(
            [row.cpython_s / row.ours_s for row in yielding if row.ours_s]
        )
        said["refusal_ms_most"] = 1000 * max(row.compile_s for row in yielding)
    return said


def _bits(same: bool | None) -> str:
    return {True: "yes", False: "NO", None: "-"}[same]


def _shown(text: str) -> str:
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 3]}..."


def table(rows: Sequence[Row]) -> str:
    """The kernels, one a line."""
    head = f"{'kernel':<20} {'machine code':<12} {'x CPython':>9} {'of njit':>8} {'compile ms':>10} {'bits':>4} {'njit bits':>9}"
    lines = [head, "-" * len(head)]
    for row in rows:
        gain = f"{row.gain:.1f}" if row.accepted and row.ours_s else "-"
        njit = "-" if row.over_njit is None else f"{row.over_njit:.2f}"
        state = ("yes" if not row.why else "deopts") if row.accepted else "no"
        lines.append(
            f"{row.kernel:<20} {state:<12} {gain:>9} {njit:>8} {row.compile_s * 1000:>10.0f} "
            f"{_bits(row.same_bits):>4} {_bits(row.njit_same_bits):>9}"
        )
        if row.why:
            lines.append(f"{'':<20}   {_shown(row.why)}")
        if row.njit_why:
            lines.append(f"{'':<20}   njit: {_shown(row.njit_why)}")
    return "\n".join(lines)


def yielding_table(rows: Sequence[Row]) -> str:
    """The expressions, one a line."""
    head = f"{'expression':<20} {'left alone':<12} {'x untouched':>11} {'refused in ms':>13} {'bits':>4}"
    lines = [head, "-" * len(head)]
    for row in rows:
        lines.append(
            f"{row.kernel:<20} {'no' if row.accepted else 'yes':<12} {row.cpython_s / (row.ours_s or 1e9):>11.2f} "
            f"{row.compile_s * 1000:>13.0f} {_bits(row.same_bits):>4}"
        )
        lines.append(f"{'':<20}   {_shown(row.why)}")
    return "\n".join(lines)


def spoken(said: dict[str, float]) -> str:
    """The head figures as sentences."""
    accepted, kernels = said["accepted"], said["kernels"]
    lines = [f"coverage: {accepted} of {kernels} kernels run as machine code ({accepted / kernels:.0%})"]
    if "gain_accepted" in said:
        lines.append(
            f"geomean over CPython: {said['gain_accepted']:.1f}x where accepted "
            f"(by medians {said['gain_accepted_usual']:.1f}x), {said['gain_all']:.1f}x over all kernels"
        )
    if "time_over_njit" in said:
        lines.append(
            f"geomean of njit's time, same kernels: {said['time_over_njit']:.2f}x "
            f"(by medians {said['time_over_njit_usual']:.2f}x); njit alone is {said['njit_gain']:.1f}x CPython"
        )
        lines.append(
            f"compiling: median {said['compile_ms_median']:.0f} ms, geomean {said['compile_over_njit']:.2f}x njit's, "
            f"paid back by {said['calls_to_pay_back_median']:.1f} calls of the measured size (median)"
        )
    lines.append(
        f"other bits than CPython's: ours {said['wrong']} of {kernels + said['yielding']}, "
        f"njit {said['njit_other_bits']} of {said['njit_runs']}"
    )
    if said["yielding"]:
        lines.append(
            f"left alone: {said['yielding_left_alone']} of {said['yielding']} expressions, at "
            f"{said['untouched_over_ours']:.2f}x their untouched speed; slowest refusal {said['refusal_ms_most']:.0f} ms"
        )
    return "\n".join(lines)


def _others() -> str:
    """Compilers ahead of time would be a third side where they are installed; they need a C compiler too."""
    here = {name: importlib.util.find_spec(name) is not None for name in ("Cython", "pythran")}
    return "; ".join(
        f"{name}: {'here, not measured' if found else 'not here'}" for name, found in here.items()
    )


def report(rows: Sequence[Row], yielding: Sequence[Row]) -> str:
    """Both tables, and the head figures under them."""
    parts = [table(rows), yielding_table(yielding)] if yielding else [table(rows)]
    where = f"CPython {platform.python_version()}, {platform.machine()}; {_others()}"
    return "\n\n".join([*parts, f"{spoken(summary(rows, yielding))}\n{where}"])


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
