"""What the runtime costs on this Python: compiling, finding compiled code on disk, importing, dispatching, watching.

Compiling and the cache are measured over the kernels: one process compiles into an empty cache, the next one finds it.
Importing, dispatching and watching are those of `runtime_overhead.py`. For dispatching it stands beside numba's own.
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

from side_by_side import Side, clean_environment, in_turns, load, parser

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

HERE = Path(__file__).parent
CALLS = 100_000
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
        started = time.perf_counter()
        made = cached_specialise(kernel.function, args, store)
        spent = (time.perf_counter() - started) * 1000
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


def _add(a, b):
    return a + b


def _element(array, i):
    return array[i]


def dispatching(*, rounds: int) -> dict[str, float]:
    """ns of a call of machine code, over an empty loop; beside numba's dispatcher and the interpreter's call."""
    import numba
    import numpy as np

    from epochly._exact import specialise

    found = {}
    for what, function, args in (
        ("two ints", _add, (1, 2)),
        ("array and int", _element, (np.arange(3.0), 1)),
    ):
        jitted = numba.njit(function)
        jitted(*args)
        made: Any = specialise(function, args)
        sides = {"epochly": made.call, "njit": jitted, "CPython": function}
        times = in_turns(
            [Side("loop", _looping), *(Side(name, _calling(call, args)) for name, call in sides.items())],
            rounds=rounds,
            warm_ups=1,
        )
        for each in times[1:]:
            found[f"dispatch ns, {what}, {each.name}"] = (each.least - times[0].least) / CALLS * 1e9
    return found


def _looping() -> None:
    for _ in range(CALLS):
        pass


def _calling(function: Callable[..., object], args: tuple[object, object]) -> Callable[[], None]:
    a, b = args

    def run() -> None:
        for _ in range(CALLS):
            function(a, b)

    return run


def overheads(*, rounds: int) -> dict[str, float]:
    """ns of watching a call, ms of importing; by the functions of `runtime_overhead.py`."""
    import runtime_overhead

    plain, watched, wrapped = runtime_overhead.overhead(rounds, 1).times
    per_call = 1e9 / runtime_overhead.CALLS
    nothing, ours, decorated, *_ = runtime_overhead.importing(rounds, 1).times
    return {
        "monitor ns": (watched.least - plain.least) * per_call,
        "*args wrapper ns": (wrapped.least - plain.least) * per_call,
        "import ms": (ours.least - nothing.least) * 1000,
        "import ms, with a decorator": (decorated.least - nothing.least) * 1000,
    }


def measure(*, rounds: int) -> dict[str, float]:
    """All figures, in the order of the table."""
    with clean_environment() as environment:
        environment["PYTHONPATH"] = str(HERE.parent / "src")
        found = compiling(environment)
    return found | overheads(rounds=rounds) | dispatching(rounds=rounds)


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
