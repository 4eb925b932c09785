"""One kernel under plain `numba.njit`, in a process of its own: what it stores out of bounds hurts nobody else.

Started by `exact_kernels.py` with the name of a kernel. It says one JSON line when it is ready: how long compiling took and
what the calls did (`digests`), or why numba refuses. Then each line on stdin asks for one turn, answered by its seconds.
"""

from __future__ import annotations

import copy
import gc
import json
import sys
import time
from typing import TYPE_CHECKING, Any

import numba
import numpy as np
from kernels import KERNELS
from kernels.outcome import outcome

if TYPE_CHECKING:
    from collections.abc import Callable

TURN_S = 0.02  # seconds; a turn repeats a call this long, because a single short one measures the clock
MOST_CALLS = 50  # a turn, for the shortest kernels


def shortest(function: Callable[..., object], args: tuple[object, ...]) -> float:
    """Seconds of the shortest call of one turn, each on fresh copies of its arguments."""
    gc.collect()
    best, spent = float("inf"), 0.0
    for _ in range(MOST_CALLS):
        fresh = copy.deepcopy(args)
        started = time.perf_counter()
        function(*fresh)
        elapsed = time.perf_counter() - started
        best = min(best, elapsed)
        spent += elapsed
        if spent >= TURN_S:
            break
    return best


def _decorated(kernel: Any) -> Any:
    """The kernel as a user of numba has it: its helpers are decorated too."""
    space = kernel.function.__globals__
    for helper in kernel.helpers:
        space[helper] = numba.njit(space[helper])
    return numba.njit(kernel.function)


def _say(message: dict[str, object]) -> None:
    print(json.dumps(message), flush=True)


def main(name: str) -> None:
    """Compile, compare, then take turns until stdin ends."""
    kernel = next(kernel for kernel in KERNELS if kernel.name == name)
    numba.njit(lambda array: array[0])(np.zeros(2))  # the first compilation of a process pays for its start
    jitted = _decorated(kernel)
    try:
        started = time.perf_counter()
        jitted.compile(tuple(map(numba.typeof, kernel.make(kernel.small))))
        compile_s = time.perf_counter() - started
    except Exception as error:  # noqa: BLE001 - whatever numba says, the comparison goes on without it
        _say({"refused": f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"})
        return
    digests = [outcome(jitted, kernel.make(size)).digest for size in (kernel.small, kernel.large)]
    _say({"compile_s": compile_s, "digests": digests})
    args = kernel.make(kernel.large)
    for _ in sys.stdin:
        _say({"seconds": shortest(jitted, args)})


if __name__ == "__main__":
    main(sys.argv[1])
