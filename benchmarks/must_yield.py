"""Does `epochly run` leave alone what it cannot help? NumPy expressions and pyperformance's programs, beside untouched runs.

Each program runs unchanged in two processes, `python PROGRAM` and `epochly run --level 2 PROGRAM`, which take turns of some
40 ms on one processor with the same loops, one waiting while the other runs: a machine that slows down slows both. The untouched one is there
twice, and each round has another order of the three, since who ran before leaves its own in the processor's caches. What is held against
the goal is the processor time, of all threads, of a turn beside the mean of the untouched two next to it, after a warm-up in which hot
functions are found, tried and refused; what that costs once, and starting up, is shown apart, and so is the wall's time. A ratio below one is a program that
became faster. Where a program's things lie in memory makes some per cent of its own, and importing anything moves them, so that is made
chance, for each process: each round has another seed of hashes, and each process another size of its environment, begins with
another part of its pools of small objects and of C's heap taken, runs the program above another number of frames, and is elsewhere
in the garbage collector's rhythm, which alone is worth 15 % to a program with a large heap. (The method is that of Curtsinger and Berger's "Stabilizer", 2013.)
"""

from __future__ import annotations

import json
import math
import os
import platform
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from itertools import permutations
from pathlib import Path
from statistics import fmean, geometric_mean, median, stdev
from typing import TYPE_CHECKING, Any

from gates import by_turns, measured_by
from side_by_side import Side, clean_environment, in_turns, load, parser, process

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

HERE = Path(__file__).parent
STAND_IN = HERE / "stand_in"
SOURCES = HERE.parent / "src"
GOAL = 1.02
WALL, PROCESSOR = 0, 1  # of what a turn took
PROGRAMS = (  # pyperformance's that need nothing but the standard library, no network and no second process
    "argparse", "async_generators", "async_tree", "barnes_hut", "bpe_tokeniser", "chaos", "comprehensions", "coroutines",
    "decimal_factorial", "decimal_pi", "deepcopy", "deltablue", "fannkuch", "float", "generators", "go", "hexiom",
    "json_dumps", "json_loads", "logging", "mdp", "meteor_contest", "nbody", "nqueens", "pathlib", "pickle", "pidigits",
    "pyflate", "raytrace", "regex_compile", "regex_dna", "regex_effbot", "regex_v8", "richards", "richards_super", "scimark",
    "spectral_norm", "telco", "typing_runtime_protocols", "unpack_sequence", "xml_etree",
)  # fmt: skip
ARGUMENTS = {"pickle": ("--pure-python", "pickle"), "argparse": ("many_optionals",), "async_tree": ("none",)}
# of Student's distribution, two-sided 95 %, by degrees of freedom
STUDENT = (
    12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.20, 2.18, 2.16, 2.14, 2.13, 2.12, 2.11, 2.10,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Yielded:
    """One program: the ratio of ours to untouched in each round, by the wall and by the processor; seconds more in the warm-up.

    `controls` are one untouched process's ratios to the other, by the processor: what telling two runs apart is worth.
    """

    program: str
    walls: tuple[float, ...]
    processors: tuple[float, ...]
    controls: tuple[float, ...]
    warm_up_s: float
    compiled: int
    why_not: str = ""

    @property
    def ratio(self) -> float:
        """The geometric mean over rounds."""
        return geometric_mean(self.processors)

    @property
    def bounds(self) -> tuple[float, float]:
        """The interval of 95 % for it."""
        return interval(self.processors)

    @property
    def verdict(self) -> str:
        """Of the goal, as far as it can be told."""
        low, high = self.bounds
        if self.ratio <= GOAL:
            return (
                "faster" if high < 1 / GOAL else "within" if high <= GOAL else "within, as far as can be told"
            )
        return "OUTSIDE" if low > GOAL else "outside, may be noise"


def interval(ratios: Sequence[float]) -> tuple[float, float]:
    """95 % for the geometric mean, by Student's distribution of the logarithms."""
    logs = [math.log(ratio) for ratio in ratios]
    if len(logs) < 2:
        return (0.0, math.inf)
    half = STUDENT[min(len(logs) - 2, len(STUDENT) - 1)] * stdev(logs) / math.sqrt(len(logs))
    return math.exp(fmean(logs) - half), math.exp(fmean(logs) + half)


def programs() -> Iterator[tuple[str, list[str]]]:
    """Name and command line of each program: the expressions, then the suite's where it is installed."""
    sys.path.insert(0, str(HERE))
    from kernels import YIELDING

    for kernel in YIELDING:
        yield kernel.name, [str(HERE / "expression_program.py"), kernel.name]
    found = find_spec("pyperformance")
    for name in PROGRAMS if found is not None else ():
        assert found is not None
        assert found.submodule_search_locations is not None
        folder = Path(found.submodule_search_locations[0], "data-files", "benchmarks", f"bm_{name}")
        yield name, [str(folder / "run_benchmark.py"), *ARGUMENTS.get(name, ())]


def _run(
    arguments: Sequence[str], environment: Mapping[str, str], folder: str, out: str = "out.json"
) -> dict[str, Any]:
    """What the stand-in measured in one process alone; `RuntimeError` for a program that fails."""
    done = subprocess.run(
        [sys.executable, *arguments],
        env={**environment, "YIELD_OUT": str(Path(folder, out))},
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
    )
    return measured_by(done.returncode, done.stderr, Path(folder, out))


def measured(
    name: str, arguments: Sequence[str], environment: Mapping[str, str], folder: str, *, rounds: int
) -> Yielded:
    """One program; the run that finds out how many loops it takes does not count."""
    try:
        first = _run(arguments, environment, folder)
        loops = {bench: found["loops"] for bench, found in first.items()}
        told = {**environment, "YIELD_LOOPS": json.dumps(loops)}
        walls, processors, controls, warm_ups, compiled = [], [], [], [], 0
        ours = ["-m", "epochly", "run", "--level", "2", "--report", "json", *arguments]
        sides = {"plain": arguments, "ours": ours, "again": arguments}
        cpus = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
        orders = list(permutations(sides))
        for turn in range(rounds):
            order = orders[turn % len(orders)]
            lying = {"PYTHONHASHSEED": str(turn + 1)}
            in_order = {side: sides[side] for side in order}
            ended = by_turns(in_order, told | lying, folder, cpus[turn % len(cpus)])
            found = {side: measures for side, (measures, _) in ended.items()}
            compiled = _compiled(ended["ours"][1])
            untouched = (found["plain"], found["again"])
            walls.append(_ratio(found["ours"], untouched, WALL))
            processors.append(_ratio(found["ours"], untouched, PROCESSOR))
            controls.append(_ratio(found["again"], untouched[:1], PROCESSOR))
            warm_ups.append(_warm_up(found["ours"]) - _warm_up(found["plain"]))
    except RuntimeError as error:
        return Yielded(name, (), (), (), 0.0, 0, str(error))
    return Yielded(name, tuple(walls), tuple(processors), tuple(controls), median(warm_ups), compiled)


def _compiled(said: str) -> int:
    """How many functions the report, the last thing on stderr, says are compiled; what comes before is the program's."""
    start = f"\n{said}".rfind("\n{\n")
    if start < 0:
        raise RuntimeError(f"no report: {' '.join(said[-300:].split())}")
    report = json.loads(said[start:])
    return sum(each["status"] == "compiled" for each in report["functions"])


def _ratio(ours: Mapping[str, Any], untouched: Sequence[Mapping[str, Any]], which: int) -> float:
    """Ours to untouched: the median of a turn to those of the others next to it, over the program's benchmarks."""
    ratios: list[float] = []
    for bench, measures in ours.items():
        beside = zip(*(each[bench]["turns"] for each in untouched), strict=True)
        turns = zip(measures["turns"], beside, strict=True)
        ratios.append(
            median(mine[which] / geometric_mean([each[which] for each in others]) for mine, others in turns)
        )
    return geometric_mean(ratios)


def _warm_up(benches: Mapping[str, dict[str, Any]]) -> float:
    return sum(each["warm_up"][0] for each in benches.values())


def start_up(environment: Mapping[str, str], folder: str, *, rounds: int) -> dict[str, float]:
    """Milliseconds from start to exit of a program that does nothing, by the shortest turn."""
    empty = Path(folder, "empty.py")
    empty.write_text("pass\n")
    run = [sys.executable, "-m", "epochly", "run", "--level", "2", str(empty)]
    sides = [
        Side("python", process([sys.executable, str(empty)], environment)),
        Side("epochly run", process(run, environment)),
    ]
    times = in_turns(sides, rounds=rounds, warm_ups=2)
    return {each.name: each.least * 1000 for each in times}


def measure(
    *, rounds: int, only: Sequence[str] = (), turn_s: float = 0.04, warm_up_s: float = 0.75
) -> dict[str, object]:
    """All programs, or those named."""
    found = []
    with clean_environment() as clean, tempfile.TemporaryDirectory(prefix="epochly-bench-") as folder:
        environment = clean | {
            "PYTHONPATH": os.pathsep.join(map(str, (SOURCES, STAND_IN))),
            "PYTHONHASHSEED": "1",
            "OPENBLAS_NUM_THREADS": "1",  # its threads wait by spinning, which is counted as processor time
            "YIELD_TURN_S": str(turn_s),
            "YIELD_WARM_UP_S": str(warm_up_s),
        }
        started = start_up(environment, folder, rounds=4 * rounds)
        for name, arguments in programs():
            if not only or name in only:
                found.append(measured(name, arguments, environment, folder, rounds=rounds))
                print(line(found[-1]), file=sys.stderr, flush=True)  # kept, if the run is cut short
    return {"start_up_ms": started, "programs": found}


def rows_from(kept: dict[str, Any]) -> dict[str, object]:
    """What `measure` gave, from its JSON."""
    rows = [
        Yielded(**each | {name: tuple(each[name]) for name in ("walls", "processors", "controls")})
        for each in kept["programs"]
    ]
    return {"start_up_ms": kept["start_up_ms"], "programs": rows}


def heads(found: dict[str, object]) -> dict[str, float]:
    """The figures that stand for all, by their names in the table of all Pythons."""
    rows: list[Yielded] = [row for row in found["programs"] if not row.why_not]  # type: ignore[attr-defined]
    started: dict[str, float] = found["start_up_ms"]  # type: ignore[assignment]
    return {
        "programs that must yield": len(rows),
        "of these within 2 %": sum(row.ratio <= GOAL for row in rows),
        "of these surely outside": sum(row.verdict == "OUTSIDE" for row in rows),
        "their time over untouched": geometric_mean([row.ratio for row in rows] or [1.0]),
        "`run` from start to exit, ms": started["epochly run"],
        "python the same, ms": started["python"],
    }


def line(row: Yielded) -> str:
    """One program's line of the table."""
    if row.why_not:
        return f"{row.program:<26} not run: {row.why_not}"
    low, high = row.bounds
    return (
        f"{row.program:<26} {row.ratio:>6.3f} {f'{low:.3f}..{high:.3f}':>14} {geometric_mean(row.controls):>6.3f} "
        f"{geometric_mean(row.walls):>6.3f} "
        f"{row.warm_up_s:>8.2f} {row.compiled or '':>8}  {row.verdict}"
    )


def report(found: dict[str, object], busy: str = "") -> str:
    """The table, and what is outside."""
    rows: list[Yielded] = found["programs"]  # type: ignore[assignment]
    head = f"{'processor time':<26} {'ratio':>6} {'95 %':>14} {'itself':>6} {'wall':>6} {'once, s':>8} {'compiled':>8}  goal {GOAL}"
    lines = [head, "-" * len(head), *map(line, rows)]
    ran = [row for row in rows if not row.why_not]
    if ran:
        by_round = [geometric_mean(each) for each in zip(*(row.processors for row in ran), strict=True)]
        low, high = interval(by_round)
        good = sum(row.ratio <= GOAL for row in ran)
        outside = [row.program for row in ran if row.verdict == "OUTSIDE"]
        slower = [row for row in ran if row.verdict != "faster"]
        whole = geometric_mean([row.ratio for row in ran])
        rest = geometric_mean([row.ratio for row in slower] or [1.0])
        itself = [geometric_mean(row.controls) for row in ran]
        alike = sum(1 / GOAL <= each <= GOAL for each in itself)
        lines += [
            "",
            f"{good} of {len(ran)} programs within 2 % of untouched or faster; surely outside: {', '.join(outside) or 'none'}",
            f"geomean over all {whole:.3f} ({low:.3f}..{high:.3f}), over those that did not become faster {rest:.3f}",
            f"untouched beside itself: {alike} of {len(ran)} within 2 % either way, geomean {geometric_mean(itself):.3f}",
        ]
    said = ", ".join(f"{name} {ms:.1f} ms" for name, ms in found["start_up_ms"].items())  # type: ignore[attr-defined]
    return "\n".join([*lines, f"from start to exit of an empty program: {said}", *filter(None, [busy])])


def main() -> None:
    """Measure and print."""
    made = parser(__doc__, rounds=5)
    made.add_argument("--json", action="store_true", help="print everything as JSON instead of a table")
    made.add_argument("--only", nargs="*", default=(), metavar="NAME", help="programs")
    made.add_argument(
        "--turn", type=float, default=0.04, metavar="S", help="seconds of a turn (default: 0.04)"
    )
    made.add_argument(
        "--warm-up",
        type=float,
        default=0.75,
        metavar="S",
        help="seconds before the first turn (default: 0.75); what compiles in another process takes longer to arrive",
    )
    options = made.parse_args()
    before = load()
    found = measure(rounds=options.rounds, only=options.only, turn_s=options.turn, warm_up_s=options.warm_up)
    busy = (
        f"CPython {platform.python_version()}; load {before} before, {load()} after; {options.rounds} rounds"
    )
    if options.json:
        rows: list[Yielded] = found["programs"]  # type: ignore[assignment]
        plain = {"busy": busy, "start_up_ms": found["start_up_ms"], "programs": [asdict(row) for row in rows]}
        print(json.dumps(plain, indent=1))
    else:
        print(report(found, busy))


if __name__ == "__main__":
    main()
