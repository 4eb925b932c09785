"""An array as one row of elements: as it lies in memory, or gathered into a copy in the order that NumPy's iterator takes.

A vector, and an array without gaps, is walked where it is. A view with gaps of two dimensions is gathered, the axis of the
larger stride outermost, as NumPy gathers it into the iterator's buffer before its loop sees it; that holds as long as all of it
fits into the buffer, so a larger one deopts, and so does a buffer of unusual size. It refuses views with gaps of more
dimensions. Sources: NumPy's nditer_constr.c (order of axes), reduction.c, `numpy.getbufsize`.
"""

from __future__ import annotations

import ctypes
from contextlib import contextmanager
from functools import reduce
from typing import TYPE_CHECKING, Any

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba.core import cgutils

from epochly._exact.lowering import (
    BOOL,
    F64,
    FLOAT,
    I32,
    I64,
    INT,
    ZERO,
    call_c,
    deopt_if,
    intrinsic,
    opaque_symbol,
)
from epochly._exact.numpy_loops import BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

I8 = ir.IntType(8)
MACHINE: dict[Any, Any] = {FLOAT: F64, INT: I64, BOOL: I8}
ITEM = {FLOAT: 8, INT: 8, BOOL: 1}
ITERATORS, C, ANY_ORDER = "iterator's", "C", "any"
BUFFER = 8192  # elements of the iterator's buffer, unless somebody set it
ODD_BUFFER = "NumPy's buffer has an unusual size"


def in_place(kind: Any, order: str) -> bool:
    """Whether all arrays of a machine type are walked where they are."""
    return bool(kind.ndim == 1 or kind.layout == "C" or (kind.layout == "F" and order != C))


def row(context: Any, builder: Any, kind: Any, value: Any) -> tuple[Any, Any, Any]:
    """Where an array without gaps begins, how many elements it has, and the bytes from one to the next."""
    array = context.make_array(kind)(context, builder, value)
    data = builder.bitcast(array.data, BYTES)
    if kind.ndim == 1:
        return data, builder.extract_value(array.shape, 0), builder.extract_value(array.strides, 0)
    return data, array.nitems, array.itemsize


def element(builder: Any, data: Any, stride: Any, index: Any, dtype: Any) -> Any:
    """The value of one element; a bool as a byte."""
    place = builder.gep(data, [builder.mul(index, stride)])
    return builder.load(builder.bitcast(place, MACHINE[dtype].as_pointer()))


@contextmanager
def walked(
    context: Any, builder: Any, kind: Any, value: Any, order: str, *, not_empty: bool = False
) -> Iterator[tuple[Any, Any, Any]]:
    """As `row`, for views with gaps too; nothing may deopt inside, or a copy would be lost.

    `order` is NumPy's iterator's, that of C, or any; with `not_empty` an empty array deopts.
    """
    array = context.make_array(kind)(context, builder, value)
    count = builder.extract_value(array.shape, 0) if kind.ndim == 1 else array.nitems
    if not_empty:
        deopt_if(context, builder, builder.icmp_signed("==", count, ZERO), "a reduction of nothing")
    if in_place(kind, order):
        yield row(context, builder, kind, value)
        return
    if kind.dtype == FLOAT and order == ITERATORS:
        fits_buffer(context, builder, count)
    size = ir.Constant(I64, ITEM[kind.dtype])
    copy = call_c(builder, "malloc", BYTES, builder.add(builder.mul(count, size), size))
    deopt_if(context, builder, cgutils.is_null(builder, copy), "no memory for a copy")
    axes = _axes(context, builder, array, copy, order)
    _gather(builder, MACHINE[kind.dtype].as_pointer(), builder.bitcast(array.data, BYTES), axes, copy)
    yield copy, count, size
    call_c(builder, "free", ir.VoidType(), copy)


def _axes(context: Any, builder: Any, array: Any, copy: Any, order: str) -> tuple[Any, Any]:
    """Size and stride of a view's outer and inner axis; in the iterator's order the larger stride is outermost."""
    sizes = cgutils.unpack_tuple(builder, array.shape, 2)
    strides = cgutils.unpack_tuple(builder, array.strides, 2)
    first, second = zip(sizes, strides, strict=True)
    if order != ITERATORS:
        return first, second
    bit = ir.IntType(1)
    steps = [intrinsic(builder, "llvm.abs.i64", I64, stride, ir.Constant(bit, 0)) for stride in strides]
    single = [builder.icmp_signed("<=", size, ir.Constant(I64, 1)) for size in sizes]
    unclear = [builder.icmp_signed("==", step, ZERO) for step in steps]
    unclear.append(builder.icmp_signed("==", *steps))
    odd = builder.and_(reduce(builder.or_, unclear), builder.not_(builder.or_(*single)))
    with builder.if_then(odd, likely=False):
        call_c(builder, "free", ir.VoidType(), copy)
    deopt_if(context, builder, odd, "a view whose elements overlap")
    swap = builder.icmp_signed("<", *steps)
    pairs = list(zip(first, second, strict=True))
    outer = tuple(builder.select(swap, two, one) for one, two in pairs)
    inner = tuple(builder.select(swap, one, two) for one, two in pairs)
    return outer, inner


def _gather(builder: Any, machine: Any, data: Any, axes: tuple[Any, Any], copy: Any) -> None:
    """Copy a view of two dimensions, row after row."""
    (rows, row_stride), (columns, stride) = axes
    target = cgutils.alloca_once(builder, machine)
    builder.store(builder.bitcast(copy, machine), target)
    with cgutils.for_range(builder, rows, intp=I64) as outer:
        start = builder.gep(data, [builder.mul(outer.index, row_stride)])
        with cgutils.for_range(builder, columns, intp=I64) as inner:
            source = builder.gep(start, [builder.mul(inner.index, stride)])
            place = builder.load(target)
            builder.store(builder.load(builder.bitcast(source, machine)), place)
            builder.store(builder.gep(place, [ir.Constant(I32, 1)]), target)


def fits_buffer(context: Any, builder: Any, count: Any) -> None:
    """Deopt unless so many elements fit into the iterator's buffer at once."""
    large = builder.icmp_signed(">", count, ir.Constant(I64, BUFFER))
    deopt_if(context, builder, large, "an array larger than NumPy's buffer")
    _usual_buffer(context, builder)


def _usual_buffer(context: Any, builder: Any) -> None:
    """Deopt if the iterator's buffer was set to another size; NumPy is asked once in a call."""
    asked = cgutils.alloca_once(builder, I64)  # zero at entry
    with builder.if_then(builder.icmp_signed("==", builder.load(asked), ZERO), likely=False):
        usual = call_c(builder, "usual_buffer", I32)
        odd = builder.icmp_signed("==", usual, ir.Constant(I32, 0))
        deopt_if(context, builder, odd, ODD_BUFFER)
        builder.store(ir.Constant(I64, 1), asked)


@ctypes.CFUNCTYPE(ctypes.c_int)
def _is_usual() -> int:
    """Whether the iterator's buffer is as large as NumPy makes it."""
    return int(np.getbufsize() == BUFFER)


for _name in ("malloc", "free"):
    opaque_symbol(_name)
llvmlite.binding.add_symbol("epochly_c_usual_buffer", ctypes.cast(_is_usual, ctypes.c_void_p).value)
