"""`numpy.dot` and `@`; those of vectors here, by the very function that NumPy calls for them, which calls the BLAS that NumPy loaded.

The function is taken from NumPy itself, so how it cuts long vectors into chunks, which strides BLAS gets to see, and how many
threads it uses are NumPy's own. What `dot` does before (copies where a stride is negative or zero, a plain product of single
elements) is done here; `@` does nothing before. Compared with NumPy over many lengths and strides before it is offered.
It refuses other dtypes than float64. Sources: NumPy's cblasfuncs.c, arraytypes.c.src, matmul.c.src.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils

from epochly._exact import matrices
from epochly._exact.kinds import Reject
from epochly._exact.lowering import (
    F64,
    FLOAT,
    I64,
    ZERO,
    Key,
    array_primitive,
    call_c,
    deopt_if,
    intrinsic,
    numba_types,
    pinned,
)
from epochly._exact.numpy_loops import BYTES, announce_dot, call_dot, dot_address, dotted
from epochly._exact.rows import ANY_ORDER, in_place, row

if TYPE_CHECKING:
    from collections.abc import Iterator

ITEM = ir.Constant(I64, 8)  # bytes of a float64
SIZES = (0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 200, 1000, 12000)
STEPS = (1, 2, 3, -1, -2)


@cache
def offered() -> bool:
    """Whether the dot product found is the one `@` uses; compared bit by bit, once."""
    if dot_address() is None:
        return False
    rng = np.random.default_rng(7)
    for size in SIZES:
        for step in STEPS:
            one = rng.normal(size=size * abs(step))[::step]
            other = rng.normal(size=size * 3)[:: 3 if step == 2 else 1][:size]
            for left, right in ((one, other), (other, one), (one, one)):
                if np.float64(dotted(left, right)).tobytes() != np.float64(left @ right).tobytes():
                    return False
    return True


def _same_length(context: Any, builder: Any, signature: Any, args: Any) -> list[tuple[Any, Any, Any]]:
    rows = [row(context, builder, kind, value) for kind, value in zip(signature.args, args, strict=True)]
    differ = builder.icmp_signed("!=", rows[0][1], rows[1][1])
    deopt_if(context, builder, differ, "a product of vectors of different lengths")
    return rows


def _at_sign(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """A ufunc sees a stride of zero where a dimension is one."""
    if signature.return_type != FLOAT:
        return matrices.product(context, builder, signature, args, by_dot=False)
    (one, count, step), (other, _, leap) = _same_length(context, builder, signature, args)
    single = builder.icmp_signed("==", count, ir.Constant(I64, 1))
    out = cgutils.alloca_once(builder, F64)
    left, right = (one, builder.select(single, ZERO, step)), (other, builder.select(single, ZERO, leap))
    call_dot(builder, left, right, count, out)
    return builder.load(out)


def _dot(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    if signature.return_type != FLOAT:
        return matrices.product(context, builder, signature, args, by_dot=True)
    (one, count, step), (other, _, leap) = _same_length(context, builder, signature, args)
    return _dotted(context, builder, (one, step), (other, leap), count)


def _norm(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """The root of the dot product with itself; a vector with gaps is made one without before."""
    data, count, stride = row(context, builder, signature.args[0], args[0])
    backwards = builder.icmp_signed("<", stride, ZERO)
    deopt_if(context, builder, backwards, "`norm` of a vector that runs backwards")
    square = _dotted(context, builder, (data, stride), (data, stride), count, gapless=True)
    return pinned(builder, intrinsic(builder, "llvm.sqrt.f64", F64, square))


def _dotted(context: Any, builder: Any, one: Any, other: Any, count: Any, *, gapless: bool = False) -> Any:
    """What `numpy.dot` makes of two vectors, each a pointer and a stride."""
    out = cgutils.alloca_once(builder, F64)
    builder.store(ir.Constant(F64, 0.0), out)
    several = builder.icmp_signed(">", count, ir.Constant(I64, 1))
    with builder.if_else(several, likely=True) as (many, few):
        with (
            many,
            _copied_if_odd(context, builder, one, count, gapless=gapless) as left,
            _copied_if_odd(context, builder, other, count, gapless=gapless) as right,
        ):
            call_dot(builder, left, right, count, out)
        with few, builder.if_then(builder.icmp_signed("==", count, ir.Constant(I64, 1))):
            numbers = [builder.load(builder.bitcast(place, F64.as_pointer())) for place, _ in (one, other)]
            builder.store(pinned(builder, builder.fmul(*numbers)), out)
    return builder.load(out)


@contextmanager
def _copied_if_odd(
    context: Any, builder: Any, vector: Any, count: Any, *, gapless: bool
) -> Iterator[tuple[Any, Any]]:
    """The vector, or a copy without gaps if it runs backwards or stands still (`gapless`: has any); freed afterwards."""
    data, stride = vector
    odd = builder.icmp_signed("!=", stride, ITEM) if gapless else builder.icmp_signed("<=", stride, ZERO)
    place, step = cgutils.alloca_once_value(builder, data), cgutils.alloca_once_value(builder, stride)
    with builder.if_then(odd, likely=False):
        copy = call_c(builder, "malloc", BYTES, builder.mul(count, ITEM))
        deopt_if(context, builder, cgutils.is_null(builder, copy), "no memory for a copy")
        with cgutils.for_range(builder, count, intp=I64) as loop:
            source = builder.gep(data, [builder.mul(loop.index, stride)])
            target = builder.gep(copy, [builder.mul(loop.index, ITEM)])
            value = builder.load(builder.bitcast(source, F64.as_pointer()))
            builder.store(value, builder.bitcast(target, F64.as_pointer()))
        builder.store(copy, place)
        builder.store(ITEM, step)
    yield builder.load(place), builder.load(step)
    with builder.if_then(odd, likely=False):
        call_c(builder, "free", ir.VoidType(), builder.load(place))


def _product(left: Any, right: Any) -> Any:
    if not all(isinstance(kind, numba_types.Array) for kind in (left, right)):
        return FLOAT  # to be refused in words
    return matrices.result_of(left, right) or FLOAT


announce_dot()

DOT = array_primitive("dot", 2, _product, _dot)
AT_SIGN = array_primitive("at_sign", 2, _product, _at_sign)
INNER = array_primitive("inner", 2, _product, _dot)
NORM = array_primitive("norm", 1, lambda _: FLOAT, _norm)
PRODUCTS: dict[Key, str] = {DOT: "dot", AT_SIGN: "@", INNER: "inner", NORM: "norm"}


def refusal(key: Key, *operands: Any) -> Reject | None:
    """Why a product of arrays of these types is not exact, if it is not."""
    name = PRODUCTS[key]
    for kind in operands:
        if not isinstance(kind, numba_types.Array) or kind.dtype != FLOAT:
            return Reject(f"`{name}` of something that is no array of floats")
    if max(kind.ndim for kind in operands) > 1:
        if key is NORM and in_place(operands[0], ANY_ORDER) and offered():
            return None
        if key in (NORM, INNER):
            return Reject(f"`{name}` of matrices")
        return matrices.refusal(name, *operands)
    return None if offered() else Reject(f"NumPy's own `{name}` cannot be reached in NumPy {np.__version__}")
