"""How fast are loop kernels under the exact compiler, beside CPython, numba, Cython and Pythran, and are they right?

Every kernel of `kernels/` is first compared with CPython bit for bit, at two sizes, under every tool: value, type, arrays,
warnings. That also warms all of them up. Then the sides take turns in one run, each tool in a process of its own. What ours
rejects counts as CPython's speed. Another table holds NumPy expressions, which are to be refused, quickly and without cost.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import time
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ahead_of_time
from exact_tables import OTHER, OURS, PLAIN, SAME, TYPE, Found, Row, report, summary
from side_by_side import load, parser, processor_seconds, shortest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kernels.kernel import Kernel
    from kernels.outcome import Outcome

WORKER = Path(__file__).with_name("tool_worker.py")
BUILT = Path(__file__).parents[1] / ".cache" / "benchmarks"
TOOLS = ("njit", *ahead_of_time.TOOLS)


class Overlaid:
    """A kernel behind the exact compiler, as a caller sees it: machine code, or the interpreter where that gives up."""

    def __init__(self, kernel: Kernel) -> None:
        from epochly._exact import Rejected, specialise

        self.function = kernel.function
        self.deopts: list[str] = []
        started = time.thread_time()
        try:
            self.made: Any = specialise(kernel.function, kernel.make(kernel.small))
        except Exception as error:  # noqa: BLE001 - a fault of ours is a line of the table, not the end of it
            self.made = Rejected(f"FAULT, it raised {type(error).__name__}: {error}", None)
        self.seconds = time.thread_time() - started
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


class Tool:
    """Another compiler's process; `why` it does not run, or nothing."""

    def __init__(self, tool: str, kernel: Kernel, family: Sequence[Kernel], folder: Path) -> None:
        self.process: subprocess.Popen[str] | None = None
        self.ready: dict[str, Any] = {}
        self.turns: list[float] = []
        self.build_s: float | None = None
        arguments: list[str] = [tool, kernel.name]
        if tool != "njit":
            made = ahead_of_time.built(tool, kernel, family, folder)
            self.why, self.build_s = made.why, made.seconds
            if made.path is None:
                return
            arguments.append(made.path)
        self.process = subprocess.Popen(
            [sys.executable, WORKER, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.ready = self._heard()
        self.why = self.ready.get("refused", "")
        self.build_s = self.ready.get("compile_s") or self.build_s

    def _heard(self) -> dict[str, Any]:
        assert self.process is not None
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        return json.loads(line) if line else {"refused": f"ended with exit code {self.process.wait()}"}

    def turn(self) -> None:
        """One turn, measured over there."""
        if self.process is None or self.why:
            return
        assert self.process.stdin is not None
        try:
            self.process.stdin.write("\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        heard = self._heard()
        if "seconds" in heard:
            self.turns.append(heard["seconds"])
        else:
            self.why = heard["refused"]

    def found(self, right: Sequence[Outcome]) -> Found:
        """What came of it; the process ends."""
        if self.process is not None:
            self.process.communicate()
        if "digests" not in self.ready:
            return Found((), "", self.why, self.build_s)
        if self.ready["digests"] == [each.digest for each in right]:
            bits = SAME
        else:
            bits = TYPE if self.ready["plain"] == [each.plain_digest for each in right] else OTHER
        raised = self.ready["raised"] and f"raises {': '.join(self.ready['raised'])}"
        return Found(() if raised else tuple(self.turns), bits, self.why or raised or "", self.build_s)


def outcomes(kernel: Kernel, call: Callable[..., object]) -> list[Outcome]:
    """What a call does at both sizes."""
    from kernels.outcome import outcome

    return [outcome(call, kernel.make(size)) for size in (kernel.small, kernel.large)]


def _verdict(ours: Sequence[Outcome], right: Sequence[Outcome]) -> str:
    if list(ours) == list(right):
        return SAME
    return TYPE if [each.plainly for each in ours] == [each.plainly for each in right] else OTHER


def measured(
    kernel: Kernel, family: Sequence[Kernel], *, rounds: int, tools: Sequence[str], folder: Path
) -> Row:
    """One kernel: compare, then let the sides take turns."""
    right, ours = outcomes(kernel, kernel.function), Overlaid(kernel)
    bits = _verdict(outcomes(kernel, ours.call), right)
    others = {tool: Tool(tool, kernel, family, folder) for tool in tools}
    if bits != SAME:
        print(f"{kernel.name}: NOT what CPython does; it is not timed", file=sys.stderr)
    plain: list[float] = []
    own: list[float] = []
    for _ in range(rounds):
        plain.append(processor_seconds(kernel.function, kernel.make(kernel.large)))
        if ours.accepted and bits == SAME:
            own.append(shortest(ours.call, kernel.make(kernel.large)))
        for other in others.values():
            other.turn()
    sides = {
        PLAIN: Found(tuple(plain), SAME),
        OURS: Found(tuple(own), bits if ours.accepted or bits != SAME else "", ours.why, ours.seconds),
    }
    sides |= {tool: other.found(right) for tool, other in others.items()}
    return Row(kernel.name, kernel.family, ours.seconds, sides)


def yielded(kernel: Kernel, *, rounds: int) -> Row:
    """One expression that is to be left alone: is it, and does it run as fast as untouched?"""
    right, ours = outcomes(kernel, kernel.function), Overlaid(kernel)
    bits = _verdict(outcomes(kernel, ours.call), right)
    turns: dict[str, list[float]] = {PLAIN: [], OURS: []}
    for turn in range(rounds):
        sides = [(PLAIN, kernel.function), (OURS, ours.call)]
        for name, call in sides if turn % 2 else sides[::-1]:
            turns[name].append(shortest(call, kernel.make(kernel.large)))
    bits = bits if ours.accepted or bits != SAME else ""
    sides_found = {
        PLAIN: Found(tuple(turns[PLAIN]), SAME),
        OURS: Found(tuple(turns[OURS]), bits, ours.why, ours.seconds),
    }
    return Row(kernel.name, kernel.family, ours.seconds, sides_found)


def measure(
    *,
    rounds: int,
    only: Sequence[str] = (),
    tools: Sequence[str] | None = None,
    folder: Path = BUILT,
) -> tuple[list[Row], list[Row]]:
    """All kernels, or those named, and all expressions; beside the tools named, or those that are installed."""
    import numpy as np
    from kernels import KERNELS, YIELDING

    from epochly._exact import specialise

    if tools is None:
        tools = [tool for tool in TOOLS if tool == "njit" or ahead_of_time.here(tool)]
    specialise(_first, (np.zeros(2),))  # the first compilation of a process pays for its start
    chosen = [kernel for kernel in KERNELS if not only or {kernel.name, kernel.family} & set(only)]
    for tool in set(tools) & set(ahead_of_time.TOOLS):  # before anything is timed
        for kernel in chosen:
            ahead_of_time.built(tool, kernel, _family(kernel, KERNELS), folder)
    rows, yielding = [], []
    for kernel in chosen:
        print(f"measuring {kernel.name} ...", file=sys.stderr, flush=True)
        family = _family(kernel, KERNELS)
        rows.append(measured(kernel, family, rounds=rounds, tools=tools, folder=folder))
    for kernel in YIELDING:
        if not only or {kernel.name, kernel.family} & set(only):
            print(f"measuring {kernel.name} ...", file=sys.stderr, flush=True)
            yielding.append(yielded(kernel, rounds=rounds))
    return rows, yielding


def _family(kernel: Kernel, kernels: Sequence[Kernel]) -> list[Kernel]:
    return [each for each in kernels if each.family == kernel.family]


def _first(array: Any) -> Any:
    return array[0]


def where(tools: Sequence[str] = ()) -> str:
    """Versions, on one line."""
    names = ["numba", "numpy", *(name for name in ("cython", "pythran") if ahead_of_time.here(name))]
    missing = [tool for tool in ahead_of_time.TOOLS if not ahead_of_time.here(tool) and tool not in tools]
    said = ", ".join(f"{name} {version(name)}" for name in names)
    return f"CPython {platform.python_version()}, {platform.machine()}; {said}" + (
        f"; not here: {', '.join(missing)}" if missing else ""
    )


def main() -> int:
    """Measure and print; exit code 1 when any result of ours has other bits than CPython's."""
    made = parser(__doc__, rounds=5)
    made.add_argument("--json", action="store_true", help="print everything as JSON instead of tables")
    made.add_argument("--only", nargs="*", default=(), metavar="NAME", help="kernels or families")
    made.add_argument(
        "--tools", nargs="*", choices=TOOLS, help="what to put beside it (default: what is here)"
    )
    made.add_argument(
        "--built", type=Path, default=BUILT, metavar="DIR", help="where modules built ahead of time are kept"
    )
    options = made.parse_args()
    before = load()
    rows, yielding = measure(
        rounds=options.rounds, only=options.only, tools=options.tools, folder=options.built
    )
    if not rows:
        made.error("no loop kernel of that name")
    said = summary(rows, yielding)
    busy = f"load {before} before, {load()} after; {options.rounds} turns a side"
    if options.json:
        everything = {
            "where": where(),
            "busy": busy,
            "summary": said,
            "kernels": [asdict(row) for row in rows],
            "yielding": [asdict(row) for row in yielding],
        }
        print(json.dumps(everything, indent=1))
    else:
        print(report(rows, yielding, f"{where()}\n{busy}"))
    return 1 if said["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
