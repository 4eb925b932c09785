"""List arguments at the boundary: elements into an array before machine code runs, and changed elements back after it.

A list is taken if its elements are all exactly `float`, all `int` of 64 bits or all `bool`, or if it holds such lists of one
length. Nothing of it is touched before machine code is done, so a call that is given up left it as it was; afterwards only
elements that changed are replaced, the others stay the objects they are. It refuses empty lists, a list passed twice or in two
places, and functions whose loops do too little to pay for it: converting costs about 40 ns an element. Source: the Python
data model.
"""

from __future__ import annotations

import dis
import types
from typing import TYPE_CHECKING, Any

import numpy as np

from epochly._exact import Deopt
from epochly._exact.kinds import Reject
from epochly._exact.lowering import BOOL, FLOAT, INT, numba_types

if TYPE_CHECKING:
    from collections.abc import Callable

DTYPES: dict[type, Any] = {float: np.float64, int: np.int64, bool: np.bool_}
MACHINE: dict[type, Any] = {float: FLOAT, int: INT, bool: BOOL}
BITS = {float: np.int64, int: np.int64, bool: np.uint8}  # what two elements are compared as
DEEP = 2  # loops in loops, from where converting pays whatever they do
LONG = 40  # instructions of one loop, from where it may
OTHER = "guard: a list holds other types, or rows of other lengths"


def element_of(name: str, value: list[Any]) -> tuple[type, bool]:
    """The type of the elements, and whether they are in lists in the list; or a rejection."""
    first = value[0] if value else None
    nested = type(first) is list
    inner: Any = (first[0] if first else None) if nested else first
    kind = type(inner)
    if kind not in DTYPES:
        raise Reject(f"`{name}` is a list that is empty, or of something else than numbers")
    rows = value if nested else [value]
    if any(
        type(row) is not list or len(row) != len(rows[0]) or set(map(type, row)) != {kind} for row in rows
    ):
        raise Reject(f"`{name}` is a list of more than one type, or of rows of several lengths")
    return kind, nested


def machine_type(value: list[Any]) -> Any:
    """What machine code takes for it: an array."""
    kind, nested = element_of("it", value)
    return numba_types.Array(MACHINE[kind], 2 if nested else 1, "C")


def require_pay(code: types.CodeType, space: dict[str, Any]) -> None:
    """Reject a function that does little with each element."""
    depth, longest = _loops(code)
    codes = [code, *(each for each in code.co_consts if isinstance(each, types.CodeType))]
    called = [space.get(name) for each in codes for name in each.co_names]
    if depth:
        inside = [_loops(each.__code__)[0] for each in called if type(each) is types.FunctionType]
        depth += max(inside, default=0)
    if depth < DEEP and longest < LONG:
        raise Reject(
            "a list is converted at each call, and what the loops do with it does not pay for that",
            code.co_firstlineno,
            "pass a NumPy array",
        )


def _loops(code: types.CodeType) -> tuple[int, int]:
    """How deep loops are nested, and how many instructions the longest has; a comprehension is a loop."""
    spans = [
        (each.argval, each.offset)
        for each in dis.get_instructions(code)
        if "JUMP_BACKWARD" in each.opname or ("JUMP_IF_TRUE" in each.opname and each.argval < each.offset)
    ]
    starts = {start: max(stop for first, stop in spans if first == start) for start, _ in spans}
    depth = max(
        (sum(a <= start and stop <= b for a, b in starts.items()) for start, stop in starts.items()),
        default=0,
    )
    longest = max(((stop - start) // 2 for start, stop in starts.items()), default=0)
    inside = [_loops(each)[0] for each in code.co_consts if isinstance(each, types.CodeType)]
    return max([depth, *(bool(depth) + each for each in inside)]), longest


def wrapped(entry: Callable[..., Any], args: tuple[object, ...]) -> Callable[..., Any]:
    """The entry point for the lists among the arguments; itself, where there are none."""
    plans = [
        (position, *element_of("it", value)) for position, value in enumerate(args) if type(value) is list
    ]
    if not plans:
        return entry
    several = len(plans) > 1 or any(nested for _, _, nested in plans)

    def call(*given: Any) -> Any:
        taken, kept = list(given), []
        if several:
            _require_distinct(given, plans)
        for position, kind, nested in plans:
            array = _rows(given[position], kind) if nested else _flat(given[position], kind)
            taken[position] = array
            kept.append(array.copy())
        result = entry(*taken)
        for (position, kind, nested), before in zip(plans, kept, strict=True):
            _write_back(given[position], taken[position], before, BITS[kind], nested=nested)
        return result

    return call


def _flat(value: list[Any], kind: type) -> Any:
    if set(map(type, value)) != {kind}:
        raise Deopt(OTHER)
    try:
        return np.array(value, DTYPES[kind])
    except OverflowError:
        raise Deopt("a list holds an int that does not fit into 64 bits") from None


def _rows(value: list[Any], kind: type) -> Any:
    if set(map(type, value)) != {list} or len(set(map(len, value))) != 1:
        raise Deopt(OTHER)
    for row in value:
        if set(map(type, row)) != {kind}:
            raise Deopt(OTHER)
    try:
        return np.array(value, DTYPES[kind])
    except OverflowError:
        raise Deopt("a list holds an int that does not fit into 64 bits") from None


def _require_distinct(given: tuple[Any, ...], plans: list[tuple[int, type, bool]]) -> None:
    """No list may be reached in two ways."""
    seen: list[int] = []
    for position, _, nested in plans:
        seen.append(id(given[position]))
        if nested:
            seen.extend(map(id, given[position]))
    if len(set(seen)) != len(seen):
        raise Deopt("a list is passed twice")


def _write_back(value: list[Any], after: Any, before: Any, bits: Any, *, nested: bool) -> None:
    """Replace what changed."""
    changed = after.view(bits) != before.view(bits)
    if not changed.any():
        return
    if nested:
        for row, flags, new in zip(value, changed, after, strict=True):
            places = np.flatnonzero(flags)
            for index, item in zip(places.tolist(), new[places].tolist(), strict=True):
                row[index] = item
        return
    places = np.flatnonzero(changed)
    for index, new in zip(places.tolist(), after[places].tolist(), strict=True):
        value[index] = new
