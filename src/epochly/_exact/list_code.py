"""Machine code of lists: in from arrays and back, marks of those that were lent, `[x] * n`, sums and extremes.

What `lists` puts into a function, written as numba's own lists. It refuses what an interpreter would raise for: the call is
given up. Source: numba's listobj, the Python library reference, 4.6.
"""

from __future__ import annotations

import builtins
import math
import operator
import sys
from typing import Any

from llvmlite import ir as llvm
from numba.core import cgutils
from numba.core.extending import register_jitable
from numba.cpython import listobj

from epochly._exact import Deopt
from epochly._exact.lowering import (
    BOOL,
    FLOAT,
    I64,
    INT,
    NONE,
    Key,
    array_primitive,
    deopt_if,
    numba_types,
    plain,
)
from epochly._exact.operators import INT_OPERATORS

NUMBERS = (INT, FLOAT, BOOL)
LONGEST = 2**40  # elements of `[x] * n`; more would not fit into memory
ADD_INT = INT_OPERATORS[operator.add]
FLOATS_ADD_PLAINLY = sys.version_info < (3, 12)  # later `sum` makes up for what rounding loses


def accepted(kind: Any) -> bool:
    """Whether lists of this machine type are in the exact subset."""
    if not isinstance(kind, numba_types.List) or kind.reflected:
        return False
    dtype = plain(kind.dtype)
    return dtype in NUMBERS or (isinstance(dtype, numba_types.List) and accepted(dtype))


def element_type(kind: Any) -> Any:
    return plain(kind.dtype)


# -- primitives ----------------------------------------------------------------------------------------------------


@register_jitable
def _row(array: Any) -> Any:
    row = [array[0]] * len(array)
    for i in range(len(array)):
        row[i] = array[i]
    return row


def _row_entered(array: Any) -> Any:
    return _row(array)


def _rows_entered(array: Any) -> Any:
    rows = [_row(array[0])]
    for i in range(1, array.shape[0]):
        rows.append(_row(array[i]))  # noqa: PERF401 - numba's lists
    return rows


@register_jitable
def _row_back(row: Any, array: Any) -> None:
    if len(row) != len(array):
        raise Deopt("a list that is an argument changed its length")
    for i in range(len(array)):
        array[i] = row[i]


def _row_left(row: Any, _kept: Any, array: Any) -> None:
    _row_back(row, array)


def _rows_left(rows: Any, kept: Any, array: Any) -> None:
    if len(rows) != len(kept):
        raise Deopt("a list that is an argument changed its length")
    for i in range(len(kept)):
        if not SAME(rows[i], kept[i]):
            raise Deopt("rows of a list that is an argument changed places")
        _row_back(kept[i], array[i])


def _unmarked(rows: Any) -> None:
    for row in rows:
        MARK(row, 0)


def _taken(rows: Any) -> None:
    for row in rows:
        MARK(row, 1)


def _taken_whole(row: Any) -> None:
    MARK(row, 1)


def _distinct(rows: Any) -> None:
    for row in rows:
        if MARKED(row):
            raise Deopt("a list is to be returned that holds an argument, or the same list twice")
        MARK(row, 1)


def _list_of(kind: Any) -> Any:
    if not isinstance(kind, numba_types.Array) or kind.dtype not in NUMBERS:
        return None
    return numba_types.List(kind.dtype if kind.ndim == 1 else numba_types.List(kind.dtype))


def _entered(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    function = _row_entered if signature.args[0].ndim == 1 else _rows_entered
    return context.compile_internal(builder, function, signature, args)


def _copied(rows: Any) -> Any:
    return rows[:]


def _kept(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    return context.compile_internal(builder, _copied, signature, args)


def _left(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    function = _row_left if signature.args[2].ndim == 1 else _rows_left
    return context.compile_internal(builder, function, signature, args)


def _on_nested(function: Any) -> Any:
    """For each list of lists that a result is, or has among its items."""

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        (kind,) = signature.args
        parts = [(kind, args[0])]
        if isinstance(kind, numba_types.BaseTuple):
            parts = list(zip(kind, cgutils.unpack_tuple(builder, args[0]), strict=True))
        for part, value in parts:
            if is_list(part) and is_list(element_type(part)):
                context.compile_internal(builder, function, NONE(part), [value])
        return context.get_dummy_value()

    return lower


def _claimed(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    function = _taken if is_list(element_type(signature.args[0])) else _taken_whole
    return context.compile_internal(builder, function, signature, args)


def _payload(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    return listobj.ListInstance(context, builder, signature.args[0], args[0])._payload  # noqa: SLF001 - its flag has no other use


def _mark(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    truth = builder.icmp_signed("!=", args[1], llvm.Constant(args[1].type, 0))
    _payload(context, builder, signature, args).dirty = truth
    return context.get_dummy_value()


def _marked(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    return _payload(context, builder, signature, args).dirty


def _same(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    one, other = (
        listobj.ListInstance(context, builder, kind, value).meminfo
        for kind, value in zip(signature.args, args, strict=True)
    )
    return builder.icmp_unsigned("==", one, other)


def _times(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    for kind, value in zip(signature.args, args, strict=True):
        if kind == INT:
            many = builder.icmp_signed(">", value, llvm.Constant(I64, LONGEST))
            deopt_if(context, builder, many, "a list is too long")
    return listobj.list_mul(context, builder, signature, args)


def is_list(kind: Any) -> bool:
    return isinstance(kind, numba_types.List)


def _times_type(left: Any, right: Any) -> Any:
    if is_list(left) and right == INT:
        return left
    return right if left == INT and is_list(right) else None


SAME: Key = array_primitive("same_list", 2, lambda a, b: BOOL if is_list(a) and a == b else None, _same)
MARK: Key = array_primitive("mark_list", 2, lambda a, _b: NONE if is_list(a) else None, _mark)
MARKED: Key = array_primitive("marked_list", 1, lambda a: BOOL if is_list(a) else None, _marked)
ENTERED: Key = array_primitive("list_of_argument", 1, _list_of, _entered)
LEFT: Key = array_primitive("list_left", 3, lambda *_: NONE, _left)
KEPT: Key = array_primitive("list_kept", 1, lambda a: a if is_list(a) else None, _kept)
FORGET: Key = array_primitive("lists_unmarked", 1, lambda _: NONE, _on_nested(_unmarked))
CLAIM: Key = array_primitive("lists_claimed", 1, lambda _: NONE, _claimed)
RETURNED: Key = array_primitive("lists_returned", 1, lambda _: NONE, _on_nested(_distinct))
TIMES: Key = array_primitive("list_times", 2, _times_type, _times)
CALLS = {ENTERED, KEPT, LEFT, FORGET, CLAIM, RETURNED, builtins.list}


# -- sums and extremes ---------------------------------------------------------------------------------------------


def _total_of_ints(items: Any) -> Any:
    total = 0
    for item in items:
        total = ADD_INT(total, item)
    return total


def _total_of_floats(items: Any) -> Any:
    if len(items) == 0:
        raise Deopt("a sum that is the int it starts from")
    total = 0.0
    for item in items:
        total += item
    return total


def _total_made_up_for(items: Any) -> Any:
    """Neumaier's sum, as CPython has it from 3.12 on: `lost` is what rounding took from `total`."""
    if len(items) == 0:
        raise Deopt("a sum that is the int it starts from")
    total, lost = 0.0, 0.0
    for item in items:
        more = total + item
        lost += (total - more) + item if abs(total) >= abs(item) else (item - more) + total
        total = more
    return (
        total + lost if lost != 0.0 and math.isfinite(lost) else total
    )  # -0.0, and an infinity, stay what they are


def _least(items: Any) -> Any:
    if len(items) == 0:
        raise Deopt("the least or the most of nothing")
    best = items[0]
    for item in items:
        best = min(best, item)
    return best


def _most(items: Any) -> Any:
    if len(items) == 0:
        raise Deopt("the least or the most of nothing")
    best = items[0]
    for item in items:
        best = max(best, item)
    return best


FOLDS: dict[str, Any] = {"min": _least, "max": _most}


def folds(name: str, kind: Any) -> Any:
    """The type of `sum`, `min` or `max` of a list, tuple or range; None where it is not exact."""
    if isinstance(kind, numba_types.RangeType):
        return INT if name == "sum" else None
    if not isinstance(kind, numba_types.UniTuple) and not accepted(kind):
        return None
    dtype = element_type(kind)
    return dtype if dtype in (INT, FLOAT) else None


def fold(name: str) -> Any:
    """Its implementation."""

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        of_floats = _total_of_floats if FLOATS_ADD_PLAINLY else _total_made_up_for
        function = FOLDS.get(name) or (_total_of_ints if signature.return_type == INT else of_floats)
        return context.compile_internal(builder, function, signature, args)

    return lower
