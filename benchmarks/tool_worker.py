"""One kernel under another compiler, in a process of its own: what it stores out of bounds hurts nobody else.

Started by `exact_kernels.py` with a tool, a kernel, and the module that was built ahead of time. It says one JSON line when
it is ready: how long compiling took and what the calls did (`digests`, `plain`), or why there is nothing to call. Then each
line on stdin asks for one turn, answered by its seconds.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from kernels import KERNELS
from kernels.outcome import outcome
from side_by_side import shortest

if TYPE_CHECKING:
    from collections.abc import Callable


def njit(kernel: Any) -> tuple[Callable[..., object], float]:
    """The kernel as a user of numba has it, its helpers decorated too; and seconds of compiling."""
    import numba

    numba.njit(lambda array: array[0])(np.zeros(2))  # the first compilation of a process pays for its start
    space = kernel.function.__globals__
    for helper in kernel.helpers:
        space[helper] = numba.njit(space[helper])
    jitted = numba.njit(kernel.function)
    started = time.thread_time()
    jitted.compile(tuple(map(numba.typeof, kernel.make(kernel.small))))
    return jitted, time.thread_time() - started


def loaded(kernel: Any, path: str) -> Callable[..., object]:
    """The function of a module that was built ahead of time."""
    name = Path(path).name.partition(".")[0]
    loader = importlib.machinery.ExtensionFileLoader(name, path)
    spec = importlib.util.spec_from_loader(name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    function = getattr(module, kernel.name)
    if not name.endswith("_cython_typed") or not any(map(_is_flags, kernel.make(kernel.small))):
        return function
    return lambda *args: function(*(arg.view(np.uint8) if _is_flags(arg) else arg for arg in args))


def _is_flags(arg: object) -> bool:
    """Whether it is an array of bools, which Cython's memoryviews take as bytes."""
    return isinstance(arg, np.ndarray) and arg.dtype == np.bool_


def _say(message: dict[str, object]) -> None:
    print(json.dumps(message), flush=True)


def main(tool: str, name: str, path: str = "") -> None:
    """Compile or load, compare, then take turns until stdin ends."""
    kernel = next(kernel for kernel in KERNELS if kernel.name == name)
    try:
        function, compile_s = njit(kernel) if tool == "njit" else (loaded(kernel, path), None)
    except Exception as error:  # noqa: BLE001 - whatever the tool says, the comparison goes on without it
        _say({"refused": f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"})
        return
    found = [outcome(function, kernel.make(size)) for size in (kernel.small, kernel.large)]
    _say(
        {
            "compile_s": compile_s,
            "digests": [each.digest for each in found],
            "plain": [each.plain_digest for each in found],
            "raised": next((each.result[1:] for each in found if each.result[0] == "raised"), None),
        }
    )
    args = kernel.make(kernel.large)
    for _ in sys.stdin:
        _say({"seconds": shortest(function, args)})


if __name__ == "__main__":
    main(*sys.argv[1:])
