"""Where the operands of an array expression lie: their shapes and steps, whether they share memory, how best to walk them.

Operands are broadcast by steps of zero, dimensions that lie in one piece are walked as one, and the innermost is the one
along which the target moves least. It refuses, at run time, shapes that do not broadcast, and to compute anything of
operands whose result has no element, since NumPy may warn there. Sources: NumPy's broadcasting rules, its `mem_overlap.c`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils
from numba.np.arrayobj import compute_memory_extents, extents_may_overlap, make_array
from numba.np.numpy_support import as_dtype

from epochly._exact.lowering import I1, I64, ZERO, deopt_if, numba_types

I8 = ir.IntType(8)
ONE, FALSE, TRUE = ir.Constant(I64, 1), ir.Constant(I1, 0), ir.Constant(I1, 1)


@dataclass(slots=True)
class Operand:
    """One argument: a scalar, or memory walked by byte strides, one a dimension of the result."""

    dtype: str
    value: Any = None  # of a scalar, and its machine type
    machine: Any = None
    data: Any = None
    shape: tuple[Any, ...] = ()
    strides: tuple[Any, ...] = ()
    contiguous: bool = False
    lift: int = 0  # axes of size one after its own
    scalars: dict[str, Any] = field(default_factory=dict)  # of a scalar, its value in other types


def taking_part(context: Any, builder: Any, machine: Any, value: Any, axes: tuple[int, int]) -> Operand:
    """An argument as it takes part in so many dimensions, so many of them after its own; the missing ones have size one."""
    if not isinstance(machine, numba_types.Array):
        return Operand(as_dtype(machine).name, value=value, machine=machine)
    array = make_array(machine)(context, builder, value)
    shape, strides = (
        list(cgutils.unpack_tuple(builder, part, machine.ndim)) for part in (array.shape, array.strides)
    )
    ndim, lift = axes
    missing = ndim - machine.ndim - lift
    return Operand(
        as_dtype(machine.dtype).name,
        data=builder.bitcast(array.data, I8.as_pointer()),
        shape=(*[ONE] * missing, *shape, *[ONE] * lift),
        strides=(*[ZERO] * missing, *strides, *[ZERO] * lift),
        contiguous=machine.layout in "CF",
        lift=lift,
    )


def made_operand(builder: Any, made: Any, machine: Any) -> Operand:
    """A new array, to be written."""
    strides = tuple(cgutils.unpack_tuple(builder, made.strides, machine.ndim))
    return Operand(
        as_dtype(machine.dtype).name,
        data=builder.bitcast(made.data, I8.as_pointer()),
        strides=strides,
        contiguous=True,
    )


def broadcast(builder: Any, arrays: list[Operand], ndim: int) -> tuple[Any, ...]:
    """The shape of the result; whether all operands fit is checked apart."""
    sizes = []
    for dimension in range(ndim):
        size = ONE
        for operand in arrays:
            own = operand.shape[dimension]
            size = own if size is ONE else builder.select(builder.icmp_signed("==", size, ONE), own, size)
        sizes.append(size)
    return tuple(sizes)


def check_shapes(
    context: Any, builder: Any, arrays: list[Operand], shape: tuple[Any, ...], *, computes: bool
) -> None:
    """Every size is one or the result's; and nothing is computed of what then goes nowhere, since it could warn."""
    misfit, nowhere, empty = FALSE, FALSE, FALSE
    for size in shape:
        empty = builder.or_(empty, builder.icmp_signed("==", size, ZERO))
    for operand in arrays:
        some = TRUE
        for own, size in zip(operand.shape, shape, strict=True):
            broadcasts = builder.icmp_signed("==", own, ONE)
            fits = builder.or_(broadcasts, builder.icmp_signed("==", own, size))
            misfit = builder.or_(misfit, builder.not_(fits))
            some = builder.and_(some, builder.icmp_signed("!=", own, ZERO))
        nowhere = builder.or_(nowhere, builder.and_(empty, some))
    deopt_if(context, builder, misfit, "arrays of these shapes do not fit together")
    if computes:
        deopt_if(context, builder, nowhere, "an array expression without any element")


def size_of(dtype: str) -> Any:
    return ir.Constant(I64, np.dtype(dtype).itemsize)


def magnitude(builder: Any, value: Any) -> Any:
    """The size of a step."""
    negative = builder.icmp_signed("<", value, ZERO)
    return builder.select(negative, builder.sub(ZERO, value), value)


def overlaps_itself(builder: Any, target: Operand) -> Any:
    """Whether two elements of a view may share memory: it is nested neither outwards in nor inwards out."""
    nested = []
    for order in (range(len(target.shape)), range(len(target.shape) - 1, -1, -1)):
        below, fine = size_of(target.dtype), TRUE
        for dimension in reversed(order):
            step = magnitude(builder, target.strides[dimension])
            size = target.shape[dimension]
            single = builder.icmp_signed("<=", size, ONE)
            fine = builder.and_(fine, builder.or_(single, builder.icmp_signed(">=", step, below)))
            last = builder.mul(step, builder.sub(size, ONE))
            below = builder.select(single, below, builder.add(below, last))
        nested.append(fine)
    return builder.not_(builder.or_(*nested))


def _extents(builder: Any, operand: Operand, shape: tuple[Any, ...]) -> tuple[Any, Any]:
    """First byte and the byte after the last, as numbers; for memory with at least one element."""
    lower = upper = ZERO
    for size, stride in zip(shape, operand.strides, strict=True):
        last = builder.mul(stride, builder.sub(size, ONE))
        up = builder.icmp_signed(">=", last, ZERO)
        upper = builder.add(upper, builder.select(up, last, ZERO))
        lower = builder.add(lower, builder.select(up, ZERO, last))
    upper = builder.add(upper, size_of(operand.dtype))
    return compute_memory_extents(None, builder, lower, upper, operand.data)


def clash(builder: Any, target: Operand, operand: Operand) -> Any:
    """Whether an operand shares memory with the target other than element by element."""
    one, other = (_extents(builder, each, target.shape) for each in (target, operand))
    near = extents_may_overlap(None, builder, *one, *other)
    verdict = cgutils.alloca_once_value(builder, FALSE)
    with builder.if_then(near, likely=False):
        builder.store(_clash_nearby(builder, target, operand), verdict)
    return builder.load(verdict)


def _clash_nearby(builder: Any, target: Operand, operand: Operand) -> Any:
    """The same for memory whose bounds overlap: not the same elements, and not columns that lie between each other."""
    apart = builder.sub(builder.ptrtoint(operand.data, I64), builder.ptrtoint(target.data, I64))
    same = FALSE
    if operand.dtype == target.dtype:
        same = builder.icmp_signed("==", apart, ZERO)
        for size, own, its in zip(target.shape, target.strides, operand.strides, strict=True):
            alike = builder.or_(builder.icmp_signed("==", own, its), builder.icmp_signed("<=", size, ONE))
            same = builder.and_(same, alike)
    step = ZERO  # the smallest distance between elements of the target
    for size, stride in zip(target.shape, target.strides, strict=True):
        one = magnitude(builder, stride)
        better = builder.or_(builder.icmp_signed("==", step, ZERO), builder.icmp_signed("<", one, step))
        better = builder.and_(better, builder.icmp_signed(">", size, ONE))
        step = builder.select(better, one, step)
    step = builder.select(builder.icmp_signed("==", step, ZERO), ONE, step)
    woven = TRUE
    for each in (target, operand):
        for size, stride in zip(target.shape, each.strides, strict=True):
            whole = builder.icmp_signed("==", builder.srem(stride, step), ZERO)
            woven = builder.and_(woven, builder.or_(whole, builder.icmp_signed("<=", size, ONE)))
    rest = builder.srem(apart, step)
    rest = builder.select(builder.icmp_signed("<", rest, ZERO), builder.add(rest, step), rest)
    after = builder.icmp_signed(">=", rest, size_of(target.dtype))
    before = builder.icmp_signed("<=", builder.add(rest, size_of(operand.dtype)), step)
    woven = builder.and_(woven, builder.and_(after, before))
    return builder.not_(builder.or_(same, woven))


def arranged(builder: Any, shape: tuple[Any, ...], memory: list[Operand]) -> tuple[list[Any], list[Operand]]:
    """Sizes and operands with the target's smallest step innermost, and dimensions in one piece joined."""
    sizes, strides = list(shape), [list(each.strides) for each in memory]
    inner = len(sizes) - 1
    for outer in range(inner):
        step, best = (magnitude(builder, strides[0][dimension]) for dimension in (outer, inner))
        lone = builder.icmp_signed("<=", sizes[inner], ONE)
        wide = builder.icmp_signed(">", sizes[outer], ONE)
        swap = builder.and_(wide, builder.or_(lone, builder.icmp_signed("<", step, best)))
        for row in (sizes, *strides):
            one, other = row[outer], row[inner]
            row[outer], row[inner] = builder.select(swap, other, one), builder.select(swap, one, other)
    for outer in range(inner - 1, -1, -1):
        joins = builder.icmp_signed("!=", sizes[outer], ZERO)
        for row in strides:
            follows = builder.icmp_signed("==", row[outer], builder.mul(row[inner], sizes[inner]))
            joins = builder.and_(joins, follows)
        together = builder.mul(sizes[outer], sizes[inner])
        sizes[inner] = builder.select(joins, together, sizes[inner])
        sizes[outer] = builder.select(joins, ONE, sizes[outer])
    moved = [replace(each, strides=tuple(row)) for each, row in zip(memory, strides, strict=True)]
    return sizes, moved
