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
    import types

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
        if position < 0:  # memory of its own
            return lambda result, _: result.copy()
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
    """A function of positional arguments that is exact or raises `Deopt`.

    `entry` unboxes without looking: numba's own dispatcher, told not to compile, takes arrays of any layout for the only one
    it has code for, read-only ones too. So dtype, dimensions and flags are compared here.
    """
    exact_types = (*map(type, args),)
    arrays = array_guard(args)
    names = tuple((guard.namespace, guard.name, guard.value) for guard in watched.names)
    (function, code), *helpers = watched.functions
    rare = _rarely_changing(watched.cells, tuple(helpers)) if watched.cells or helpers else None
    gettrace, getprofile = sys.gettrace, sys.getprofile

    def call(*given: Any) -> object:
        # written out in one piece: every call of a helper here costs 50 ns at every call of the user's function
        if (*map(type, given),) != exact_types:
            raise Deopt("guard: the arguments have other types")
        for position, dtype, ndim, flags in arrays:
            array = given[position]
            same = array.dtype is dtype or (array.dtype == dtype and array.dtype.num == dtype.num)
            if not same or array.ndim != ndim or array.flags.num & FLAG_BITS != flags:
                raise Deopt("guard: an array has another dtype, dimensions or layout")
        for space, name, value in names:
            if space.get(name, MISSING) is not value:
                raise Deopt(f"guard: `{name}` means something else now")
        if function.__code__ is not code:
            raise Deopt("guard: the function has other code now")
        if rare is not None:
            rare()
        if gettrace() is not None or getprofile() is not None:
            raise Deopt("guard: a debugger, profiler or coverage tool is watching")
        buffers = None if snapshots is None else snapshots.taken(given)
        try:
            result = entry(*given)
        except (Deopt, *MACHINE_ERRORS) as error:
            if snapshots is not None and buffers is not None:
                snapshots.restore(given, buffers)
                snapshots.give_back(buffers)
            if isinstance(error, Deopt):
                raise
            raise Deopt(_reason(error)) from None
        if snapshots is not None and buffers is not None:
            snapshots.give_back(buffers)
        return result if box is None else box(result, given)

    return call


def _rarely_changing(
    cells: tuple[tuple[types.CellType, object], ...],
    functions: tuple[tuple[types.FunctionType, types.CodeType], ...],
) -> Callable[[], None]:
    """Closure cells and helpers, which most functions have none of."""
    defaults = [(function, function.__defaults__, function.__kwdefaults__) for function, _ in functions]

    def check() -> None:
        for cell, value in cells:
            try:
                now = cell.cell_contents
            except ValueError:
                now = MISSING
            if now is not value:
                raise Deopt("guard: a closure cell holds something else now")
        for function, code in functions:
            if function.__code__ is not code:
                raise Deopt("guard: a function has other code now")
        for function, values, keywords in defaults:
            if function.__defaults__ is not values or function.__kwdefaults__ is not keywords:
                raise Deopt("guard: a function has other defaults now")

    return check


def _reason(error: Exception) -> str:
    return f"machine code met {type(error).__name__}"
