"""What compiling a function gains: measured with given arguments, or told from kernels of its kind that were measured.

Compiled code is timed first. The interpreter follows only where that will take seconds at most; both get copies of the
arguments, and only functions that compile are run, which are those without effects beyond their arrays. It refuses to promise: of
a kind it gives the range that the middle half of kernels had, and where it was measured.
"""

from __future__ import annotations

from copy import deepcopy
from dis import get_instructions
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FunctionType

TURNS = 5
MOST_NS = 200_000_000  # of compiled calls in all
LIKELY = 150  # times slower, that the interpreter is guessed to be before it is timed
MOST_INTERPRETED_NS = 3_000_000_000  # guessed; what takes longer is not timed


class Kind(NamedTuple):
    """Kernels of one kind: how many were measured, and the quartiles of their speed over CPython."""

    words: str
    kernels: int
    low: float
    high: float


# Of `benchmarks/kernels`, those that the exact compiler took on 2026-11-25, at their small sizes (some ms of CPython 3.11,
# guards and dispatch included), on a busy AMD EPYC; large sizes gain more.
KINDS = {
    "numbers": Kind("loops over numbers", 11, 23, 55),
    "items": Kind("loops over the items of arrays", 19, 17, 51),
    "places": Kind("loops over arrays of two or more dimensions", 24, 17, 41),
}


def kind_of(function: FunctionType) -> str | None:
    """The kind of a function's loops; None where it has none."""
    subscripts, places, loops, before = 0, 0, 0, ""
    for instruction in get_instructions(function):
        name = instruction.opname
        loops += "JUMP_BACKWARD" in name
        if name in {"BINARY_SUBSCR", "STORE_SUBSCR"} or (name == "BINARY_OP" and instruction.argrepr == "[]"):
            subscripts += 1
            places += before == "BUILD_TUPLE"
        before = name
    if not loops:
        return None
    return "places" if places else "items" if subscripts else "numbers"


def estimated(function: FunctionType) -> str:
    """The range for functions of its kind, in words."""
    kind = KINDS.get(kind_of(function) or "")
    if kind is None:
        return "little: it has no loop of its own"
    return f"{kind.low:.0f} to {kind.high:.0f} times as fast, as the middle half of {kind.kernels} measured {kind.words}"


def measured(
    function: Callable[..., Any],
    call: Callable[..., Any],
    args: tuple[Any, ...],
    deopt: type[Exception],
    clock: Callable[[], int],
) -> str:
    """Both versions timed with these arguments, in words."""
    compiled_ns, spent_ns = 0, 0
    for _ in range(TURNS):
        given = deepcopy(args)
        start = clock()
        try:
            call(*given)
        except deopt as error:
            return f"none with these arguments: compiled code gives the call up ({getattr(error, 'reason', error)})"
        took = max(1, clock() - start)
        compiled_ns = min(took, compiled_ns or took)
        spent_ns += took
        if spent_ns > MOST_NS:
            break
    if compiled_ns * LIKELY > MOST_INTERPRETED_NS:
        return f"{compiled_ns / 1e6:.3g} ms compiled; the interpreter would take too long to be timed"
    interpreted_ns = 0
    for _ in range(2):
        given = deepcopy(args)
        start = clock()
        function(*given)
        took = max(1, clock() - start)
        interpreted_ns = min(took, interpreted_ns or took)
    times = interpreted_ns / compiled_ns
    figures = f"{interpreted_ns / 1e6:.3g} ms in the interpreter, {compiled_ns / 1e6:.3g} ms compiled"
    return f"{times:.1f} times as fast with these arguments: {figures}"
