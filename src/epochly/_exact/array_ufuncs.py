"""`np.exp(array)` and its like, whose bits are NumPy's own: the ufunc's loop over the whole array, as NumPy runs it.

NumPy hands its loop all elements of a vector, or of an array without gaps, at once; so is it done here, with the same count
and strides and a new array in C order. It refuses other layouts, other dtypes than float64, and functions without a loop,
which are NumPy's business. Source: NumPy's ufunc_object.c (`try_trivial_single_output_loop`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils
from numba.core.analysis import compute_cfg_from_blocks
from numba.np.arrayobj import _empty_nd_impl as empty_array

from epochly._exact.allocations import FRESH
from epochly._exact.kinds import Kind, words
from epochly._exact.lowering import FLOAT, I64, ZERO, Implementation, Key, array_primitive, numba_types
from epochly._exact.numpy_loops import call_loop, loop_address, mapped_by_loop
from epochly._exact.rows import row
from epochly._exact.scalar_ufuncs import OF_REALS

if TYPE_CHECKING:
    from epochly._exact.check import Checker

ITEM = ir.Constant(I64, 8)  # bytes of a float64
LOOP_TYPES = "d->d"
SIZES = (1, 2, 3, 4, 5, 7, 8, 9, 15, 17, 33, 100, 1000)
_agreed: dict[np.ufunc, bool] = {}


def offered(ufunc: np.ufunc) -> bool:
    """Whether the loop maps as NumPy does; compared with it bit by bit, once."""
    if ufunc not in _agreed:
        _agreed[ufunc] = loop_address(ufunc, LOOP_TYPES) is not None and _agrees(ufunc)
    return _agreed[ufunc]


def _agrees(ufunc: np.ufunc) -> bool:
    rng = np.random.default_rng(19)
    with np.errstate(all="ignore"):
        for size in SIZES:
            for step in (1, 2, -1, -3):
                array = (rng.normal(size=size * abs(step)) * 10.0 ** rng.integers(-4, 4))[::step]
                if mapped_by_loop(ufunc, LOOP_TYPES, array).tobytes() != ufunc(array).tobytes():
                    return False
    return True


def _mapped(ufunc: np.ufunc) -> Implementation:
    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind, made = signature.args[0], signature.return_type
        array = context.make_array(kind)(context, builder, args[0])
        data, count, stride = row(context, builder, kind, args[0])
        out = empty_array(context, builder, made, cgutils.unpack_tuple(builder, array.shape, kind.ndim))
        with builder.if_then(builder.icmp_signed(">", count, ZERO)):
            call_loop(builder, (ufunc, LOOP_TYPES), [data, out.data], [count], [stride, ITEM])
        return out._getvalue()  # noqa: SLF001 - numba's way to it

    return lower


def _same_shape(kind: Any) -> Any:
    return numba_types.Array(FLOAT, kind.ndim, "C") if isinstance(kind, numba_types.Array) else None


FUNCTIONS: dict[np.ufunc, Key] = {
    ufunc: array_primitive(f"map_{ufunc.__name__}", 1, _same_shape, _mapped(ufunc)) for ufunc in OF_REALS
}


def call(checker: Checker, ufunc: np.ufunc, expr: Any, target: Any) -> Kind:
    """The kind of a function of a whole array, or a rejection; numba's own code for it is swapped for ours."""
    name, args = ufunc.__name__, [checker.type_of(arg) for arg in expr.args]
    if len(args) != 1 or args[0].dtype != FLOAT:
        raise checker.reject(f"`{name}` of {' and '.join(map(words, args))}")
    if args[0].ndim > 1 and args[0].layout != "C":
        raise checker.reject(f"`{name}` of an array of {args[0].ndim} dimensions that is not in C order")
    made = _same_shape(args[0])
    if checker.type_of(target) != made:
        raise checker.reject(f"`{name}` gives {words(checker.type_of(target))}")
    if not compute_cfg_from_blocks(checker.blocks).loops():
        raise checker.reject(f"`{name}` of an array and no loop, which NumPy does well")
    if not offered(ufunc):
        raise checker.reject(f"NumPy's own `{name}` cannot be reached in NumPy {np.__version__}")
    if checker.final:
        checker.plan.uses_flags = True
    checker.swap(expr, FUNCTIONS[ufunc], made, *args)
    return FRESH
