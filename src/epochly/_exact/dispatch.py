"""The callable of a specialisation: guards, snapshot, machine code, boxing, in this order.

Any exception of machine code is a `Deopt`: arrays are restored and the interpreter raises its own, with its own message and
traceback. It refuses to compile, and knows nothing of budgets. An exception that a signal handler raised passes through.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from epochly._exact import Deopt
from epochly._exact.guards import MISSING, Watched
from epochly._exact.kinds import NP, Array, Items, Kind, Number
from epochly._exact.values import boxed_numpy

if TYPE_CHECKING:
    from epochly._exact.snapshot import Snapshots

# of `ndarray.flags.num`: C order, Fortran order, aligned, writeable, write back if copy
FLAG_BITS = 0x1 | 0x2 | 0x100 | 0x400 | 0x2000
Box = Callable[[Any, tuple[Any, ...]], object]
MACHINE_ERRORS = (
    IndexError,
    ZeroDivisionError,
    ValueError,
    OverflowError,
    AssertionError,
    MemoryError,
    TypeError,
)


def box_for(kind: Kind | None, machine_type: Any) -> Box | None:
    """How a machine result becomes the object Python would have returned; `None` when it already is."""
    if isinstance(kind, Number):
        if NP not in kind.marks:
            return None
        scalar = boxed_numpy(str(machine_type))
        return lambda result, _: scalar(result)
    if isinstance(kind, Array):
        (position,) = kind.roots
        return lambda _, args: args[position]
    if isinstance(kind, Items):
        boxes = [box_for(item, part) for item, part in zip(kind.items, tuple(machine_type), strict=True)]
        if any(boxes):
            return lambda result, args: tuple(
                part if box is None else box(part, args) for box, part in zip(boxes, result, strict=True)
            )
    return None


def array_guard(args: tuple[Any, ...]) -> tuple[tuple[int, Any, int, int], ...]:
    """Position, dtype, dimensions and flags of each array."""
    return tuple(
        (position, arg.dtype, arg.ndim, arg.flags.num & FLAG_BITS)
        for position, arg in enumerate(args)
        if type(arg) is np.ndarray
    )


def dispatcher(
    entry: Callable[..., Any],
    args: tuple[Any, ...],
    watched: Watched,
    snapshots: Snapshots | None,
    box: Box | None,
) -> Callable[..., object]:
    """A function of positional arguments that is exact or raises `Deopt`."""
    types = tuple(map(type, args))
    arrays = array_guard(args)
    names = tuple((guard.namespace, guard.name, guard.value) for guard in watched.names)
    cells, functions = watched.cells, watched.functions
    gettrace, getprofile = sys.gettrace, sys.getprofile

    def guard(given: tuple[Any, ...]) -> None:
        if tuple(map(type, given)) != types:
            raise Deopt("guard: the arguments have other types")
        for position, dtype, ndim, flags in arrays:
            array = given[position]
            if array.dtype is not dtype or array.ndim != ndim or array.flags.num & FLAG_BITS != flags:
                raise Deopt("guard: an array has another dtype, shape or layout")
        for space, name, value in names:
            if space.get(name, MISSING) is not value:
                raise Deopt(f"guard: `{name}` means something else now")
        for cell, value in cells:
            if cell.cell_contents is not value:
                raise Deopt("guard: a closure cell holds something else now")
        for function, code in functions:
            if function.__code__ is not code:
                raise Deopt("guard: a function has other code now")
        if gettrace() is not None or getprofile() is not None:
            raise Deopt("guard: a debugger, profiler or coverage tool is watching")

    def call(*given: Any) -> object:
        guard(given)
        try:
            result = entry(*given)
        except MACHINE_ERRORS as error:
            raise Deopt(_reason(error)) from None
        return result if box is None else box(result, given)

    def call_with_snapshot(*given: Any) -> object:
        guard(given)
        assert snapshots is not None
        buffers = snapshots.taken(given)
        try:
            result = entry(*given)
        except Deopt:
            snapshots.restore(given, buffers)
            raise
        except MACHINE_ERRORS as error:
            snapshots.restore(given, buffers)
            raise Deopt(_reason(error)) from None
        finally:
            snapshots.give_back(buffers)
        return result if box is None else box(result, given)

    return call if snapshots is None else call_with_snapshot


def _reason(error: Exception) -> str:
    return f"machine code met {type(error).__name__}"
