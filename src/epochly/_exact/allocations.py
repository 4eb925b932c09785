"""Which of NumPy's functions may allocate an array inside an exact function.

Shapes are ints, dtypes are the three of the subset, and nothing is computed: `arange` takes ints only, because for floats
NumPy and numba multiply differently. It refuses `zeros_like` of arrays whose memory order is not C. What is returned is a copy
that owns its memory, as NumPy's own would. Source: NumPy's array creation routines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from epochly._exact.kinds import Array, Kind, words
from epochly._exact.lowering import BOOL, FLOAT, INT, Key, array_primitive, numba_types
from epochly._exact.machine import ARANGE

if TYPE_CHECKING:
    from epochly._exact.check import Checker

NO_ARGUMENT = -1  # the root of memory that no argument shares
FRESH = Array(frozenset({NO_ARGUMENT}), whole=True)
SHAPED, FILLED = (np.zeros, np.ones, np.empty), (np.full,)
LIKE, COUNTED = (np.zeros_like, np.ones_like, np.empty_like, np.full_like), (ARANGE,)
ALLOCATIONS = (*SHAPED, *FILLED, *LIKE, *COUNTED)


def _copy_type(kind: Any) -> Any:
    ordered = isinstance(kind, numba_types.Array) and (kind.layout == "C" or kind.ndim == 1)
    return numba_types.Array(kind.dtype, kind.ndim, "C") if ordered else None


def _copied(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    def copied(array: Any) -> Any:
        return array.copy()

    return context.compile_internal(builder, copied, signature, args)


# of an array of several dimensions these keep its order in memory, unlike its method
COPIES: dict[Key, str] = {array_primitive(name, 1, _copy_type, _copied): name for name in ("copy", "array")}


def allocation(checker: Checker, key: Any, expr: Any, target: Any) -> Kind | None:
    """The kind of a fresh array, or a rejection."""
    array = checker.type_of(target)
    if not isinstance(array, numba_types.Array) or array.layout != "C":
        raise checker.reject(f"`{key.__name__}` of {words(array)}")
    args = [checker.type_of(arg) for arg in expr.args]
    if any(name != "dtype" for name, _ in expr.kws) or not args:
        raise checker.reject(f"`{key.__name__}` with a keyword other than `dtype`")
    if key in COUNTED:
        if expr.kws or len(args) > 2 or any(arg != INT for arg in args):
            raise checker.reject("`arange` of more than two ints")
        return FRESH
    if key in LIKE:
        like = args[0]
        fills = key is np.full_like
        if (
            len(args) != 1 + fills
            or expr.kws
            or not isinstance(like, numba_types.Array)
            or like.layout != "C"
        ):
            raise checker.reject(f"`{key.__name__}` of something that is no array in C order")
        if not fills:
            return FRESH
        same = args[1] in (INT, FLOAT, BOOL) and args[1] == like.dtype
        if not same and (args[1], like.dtype) != (INT, FLOAT):
            raise checker.reject(f"`full_like` of {words(like)} with {words(args[1])}")
        return FRESH if checker.not_literal(expr.args[1]) is not None else None
    sizes = tuple(args[0]) if isinstance(args[0], numba_types.BaseTuple) else (args[0],)
    if any(size != INT for size in sizes):
        raise checker.reject(f"`{key.__name__}` with a shape that is no int")
    if key in FILLED:
        if len(args) != 2 or expr.kws or args[1] not in (INT, FLOAT, BOOL) or args[1] != array.dtype:
            raise checker.reject("`full` with more than a shape and a number")
        return FRESH if checker.not_literal(expr.args[1]) is not None else None
    return FRESH
