"""What the runtime costs on this Python: compiling, finding compiled code on disk, importing, dispatching, watching.

Compiling and the cache are measured over the kernels, in processor time: one process compiles into an empty cache, the next
one finds it.
Importing, dispatching, giving up and watching are those of `runtime_overhead.py`: dispatching over an empty call, beside
numba's own; giving up over an exception of CPython's.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from side_by_side import clean_environment, load, parser

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = Path(__file__).parent
GOALS = {"import ms": 15.0}


def kernels_through(folder: str) -> dict[str, list[float]]:
    """Milliseconds of all kernels that compile, through the cache in `folder`: those compiled, those found."""
    import numpy as np
    from kernels import KERNELS

    from epochly._cache import cached_specialise, open_store
    from epochly._exact import Rejected

    store = open_store(folder)
    cached_specialise(_first, (np.zeros(2),), store)  # the first one pays for numba's start
    taken: dict[str, list[float]] = {"compiled": [], "found": []}
    for kernel in KERNELS:
        args = kernel.make(kernel.small)
        started = time.thread_time()
        made = cached_specialise(kernel.function, args, store)
        spent = (time.thread_time() - started) * 1000
        if not isinstance(made, Rejected):
            taken["found" if made.cached else "compiled"].append(spent)
    return taken


def _first(array: Any) -> Any:
    return array[0]


def _elsewhere(folder: str, environment: Mapping[str, str]) -> dict[str, list[float]]:
    """The same, in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--kernels-through", folder],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout)


def compiling(environment: Mapping[str, str]) -> dict[str, float]:
    """Compile ms and cache-hit ms."""
    with tempfile.TemporaryDirectory(prefix="epochly-bench-") as folder:
        cache = str(Path(folder, "cache"))
        first, second = _elsewhere(cache, environment), _elsewhere(cache, environment)
    compiled, found = first["compiled"], second["found"]
    return {
        "compile ms, median": median(compiled),
        "compile ms, most": max(compiled),
        "cache hit ms, median": median(found),
        "cache hit ms, most": max(found),
        "kernels found in the cache": len(found),
    }


def overheads(*, rounds: int) -> dict[str, float]:
    """ns of dispatching and of watching a call, us of giving one up, ms of importing; by `runtime_overhead.py`."""
    import runtime_overhead

    per_call = 1e9 / runtime_overhead.CALLS
    plain, watched, wrapped = runtime_overhead.overhead(rounds, 1).times
    nothing, ours, decorated, *_ = runtime_overhead.importing(rounds, 1).times
    raises, gives_up = runtime_overhead.giving_up(rounds, 1).times
    found = {
        "monitor ns": (watched.least - plain.least) * per_call,
        "*args wrapper ns": (wrapped.least - plain.least) * per_call,
        "import ms": (ours.least - nothing.least) * 1000,
        "import ms, with a decorator": (decorated.least - nothing.least) * 1000,
        "giving up us": (gives_up.least - raises.least) / (runtime_overhead.CALLS // 10) * 1e6,
    }
    for answer in runtime_overhead.dispatching(rounds, 1):
        times = {each.name: each.least for each in answer.times}
        empty = times["empty function"]
        what = answer.question.rpartition(": ")[2]
        for side in ("compiled", "decorated", "njit"):
            found[f"dispatch ns, {what}, {side}"] = (times[side] - empty) * per_call
    return found


def measure(*, rounds: int) -> dict[str, float]:
    """All figures, in the order of the table."""
    with clean_environment() as environment:
        environment["PYTHONPATH"] = str(HERE.parent / "src")
        found = compiling(environment)
    return found | overheads(rounds=rounds)


def report(found: Mapping[str, Mapping[str, float]]) -> str:
    """One table, a column a Python."""
    names = list(dict.fromkeys(name for each in found.values() for name in each))
    width = max(map(len, names))
    head = f"{'':<{width}} " + " ".join(f"{python:>10}" for python in found)
    lines = [head, "-" * len(head)]
    for name in names:
        cells = [_shown(each.get(name)) for each in found.values()]
        goal = f"  goal below {GOALS[name]:g}" if name in GOALS else ""
        lines.append(f"{name:<{width}} " + " ".join(f"{cell:>10}" for cell in cells) + goal)
    return "\n".join(lines)


def _shown(value: float | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.{3 if value < 2 else 2 if value < 10 else 1}f}"


def main() -> None:
    """Measure and print."""
    made = parser(__doc__, rounds=9)
    made.add_argument("--json", action="store_true", help="print everything as JSON instead of a table")
    made.add_argument("--kernels-through", metavar="DIR", help=argparse.SUPPRESS)
    options = made.parse_args()
    if options.kernels_through:
        print(json.dumps(kernels_through(options.kernels_through)))
        return
    before = load()
    found = measure(rounds=options.rounds)
    busy = f"load {before} before, {load()} after; {options.rounds} rounds"
    if options.json:
        print(json.dumps({"python": platform.python_version(), "busy": busy, "figures": found}, indent=1))
    else:
        print(f"{report({platform.python_version(): found})}\n{busy}")


if __name__ == "__main__":
    main()
