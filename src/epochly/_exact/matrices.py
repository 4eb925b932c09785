"""Products with matrices, by `numpy.matmul`'s own loop, which asks BLAS for gemm, gemv or syrk as it sees fit.

The loop gets the sizes and strides that a ufunc would give it, and a new array in C order. `numpy.dot` decides by code of its
own, to the same calls of BLAS where every size is above one and both arrays are without gaps; elsewhere it is left alone.
Sources: NumPy's matmul.c.src, cblasfuncs.c, and its reference of generalised ufuncs.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils
from numba.np.arrayobj import _empty_nd_impl as empty_array

from epochly._exact.kinds import Reject
from epochly._exact.lowering import FLOAT, I64, ZERO, deopt_if, numba_types
from epochly._exact.numpy_loops import announce, call_loop, loop_address, multiplied

ONE = ir.Constant(I64, 1)
LOOP = (np.matmul, "dd->d")
SIZES = (0, 1, 2, 3, 7, 33)


@cache
def offered() -> bool:
    """Whether the loop multiplies as NumPy does; compared bit by bit, once."""
    if loop_address(*LOOP) is None:
        return False
    rng = np.random.default_rng(17)
    for left in SIZES:
        for inner in SIZES:
            for right in SIZES:
                one, other = rng.normal(size=(left, inner)), rng.normal(size=(inner, right))
                wide = rng.normal(size=(left, 2 * inner))[:, ::2]
                pairs = [
                    (one, other),
                    (one, other[:, 0] if right else other),
                    (np.asfortranarray(one), other),
                ]
                pairs += [(one[0] if left else one, other), (one, one.T), (one.T, one), (wide, other)]
                if not all(_agree(*pair) for pair in pairs):
                    return False
    return True


def _agree(one: Any, other: Any) -> bool:
    theirs, ours = one @ other, multiplied(one, other)
    if ours.tobytes() != theirs.tobytes():
        return False
    if min(*one.shape, *other.shape) < 2 or not (_gapless(one) and _gapless(other)):
        return True
    return bool(np.dot(one, other).tobytes() == ours.tobytes())


def _gapless(array: Any) -> bool:
    return bool(array.flags.c_contiguous or array.flags.f_contiguous)


def result_of(left: Any, right: Any) -> Any:
    """The machine type of a product that is no number, or None."""
    dimensions = left.ndim + right.ndim - 2
    floats = left.dtype == right.dtype == FLOAT
    return numba_types.Array(FLOAT, dimensions, "C") if floats and max(left.ndim, right.ndim) == 2 else None


def refusal(name: str, left: Any, right: Any) -> Reject | None:
    """Why a product of arrays of these types is not exact, if it is not."""
    if max(left.ndim, right.ndim) > 2:
        return Reject(f"`{name}` of arrays of more than two dimensions", fix="leave it")
    if name == "dot" and any(kind.layout not in "CF" for kind in (left, right)):
        return Reject("`dot` of arrays with gaps in memory", fix="write `a @ b`")
    return None if offered() else Reject(f"NumPy's own `{name}` cannot be reached in NumPy {np.__version__}")


def _core(builder: Any, array: Any, kind: Any, *, first: bool) -> tuple[list[Any], list[Any]]:
    """Sizes and strides of a matrix, or of a vector as the one row or column that it is."""
    sizes = cgutils.unpack_tuple(builder, array.shape, kind.ndim)
    strides = [
        builder.select(builder.icmp_signed("==", size, ONE), ZERO, stride)
        for size, stride in zip(sizes, cgutils.unpack_tuple(builder, array.strides, kind.ndim), strict=True)
    ]
    if kind.ndim == 2:
        return sizes, strides
    return ([ONE, *sizes], [ZERO, *strides]) if first else ([*sizes, ONE], [*strides, ZERO])


def product(context: Any, builder: Any, signature: Any, args: Any, *, by_dot: bool) -> Any:
    """A new array that holds the product."""
    kinds, made = signature.args, signature.return_type
    arrays = [context.make_array(kind)(context, builder, arg) for kind, arg in zip(kinds, args, strict=True)]
    (rows, inner), one = _core(builder, arrays[0], kinds[0], first=True)
    (same, columns), other = _core(builder, arrays[1], kinds[1], first=False)
    differ = builder.icmp_signed("!=", inner, same)
    deopt_if(context, builder, differ, "a product of arrays whose sizes do not match")
    if by_dot:
        for array, kind in zip(arrays, kinds, strict=True):
            for size in cgutils.unpack_tuple(builder, array.shape, kind.ndim):
                small = builder.icmp_signed("<", size, ir.Constant(I64, 2))
                deopt_if(context, builder, small, "`dot` of an array with a size below two")
    shape = [size for size, kind in zip((rows, columns), kinds, strict=True) if kind.ndim == 2]
    out = empty_array(context, builder, made, shape)
    strides = [
        builder.select(builder.icmp_signed("==", size, ONE), ZERO, stride)
        for size, stride in zip(shape, cgutils.unpack_tuple(builder, out.strides, made.ndim), strict=True)
    ]
    into = [strides.pop(0) if kind.ndim == 2 else ZERO for kind in kinds]
    pointers = [array.data for array in (*arrays, out)]
    call_loop(builder, LOOP, pointers, [ONE, rows, inner, columns], [ZERO] * 3 + one + other + into)
    return out._getvalue()  # noqa: SLF001 - numba's way to it


announce(*LOOP)
