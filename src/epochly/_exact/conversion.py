"""Values of one scalar type as another, where both Python and NumPy would give that value; elsewhere the call is given up.

Three ways in: an operand that is promoted, a store into an array, and a type called as a function. An int that does not fit,
a float that is no int, an int that a float cannot hold: the interpreter raises, warns or rounds. It refuses complex numbers as
reals. Sources: NEP 50, NumPy's casting rules.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from llvmlite import ir

from epochly._exact.lowering import BOOL, F64, FLOAT, I1, Key, deopt_if, install, not_finite, primitive
from epochly._exact.promotion import COMPLEXES, INTEGERS, SINGLE, UNSIGNED

F32 = ir.FloatType()
HELD = {SINGLE: 2**24, FLOAT: 2**53}  # ints up to here are such floats too
DOES_NOT_FIT = "a number does not fit into NumPy's type"


def register(kind: Any) -> Any:
    """The LLVM type of a real scalar."""
    if kind in INTEGERS:
        return ir.IntType(kind.bitwidth)
    return {SINGLE: F32, FLOAT: F64, BOOL: I1}[kind]


def converted(context: Any, builder: Any, value: Any, source: Any, target: Any) -> Any:
    """`value` of machine type `source` as `target`, or the call is given up."""
    if source == target:
        return value
    if target in COMPLEXES:
        return _to_complex(context, builder, value, source, target)
    if target == BOOL:
        return _truth(builder, value, source)
    if source == BOOL:
        if target in INTEGERS:
            return builder.zext(value, register(target))
        return builder.uitofp(value, register(target))
    if source in INTEGERS:
        if target in INTEGERS:
            return _int_to_int(context, builder, value, source, target)
        return _int_to_float(context, builder, value, source, target)
    if target in INTEGERS:
        return _float_to_int(context, builder, value, source, target)
    if target == FLOAT:
        return builder.fpext(value, F64)
    shorter = builder.fptrunc(value, F32)
    deopt_if(context, builder, not_finite(builder, builder.fpext(shorter, F64)), DOES_NOT_FIT)
    return shorter


def _to_complex(context: Any, builder: Any, value: Any, source: Any, target: Any) -> Any:
    part = target.underlying_float
    made = context.make_complex(builder, target)
    if source in COMPLEXES:
        given = context.make_complex(builder, source, value)
        made.real = converted(context, builder, given.real, source.underlying_float, part)
        made.imag = converted(context, builder, given.imag, source.underlying_float, part)
    else:
        made.real = converted(context, builder, value, source, part)
        made.imag = ir.Constant(register(part), 0.0)
    return made._getvalue()  # noqa: SLF001 - numba's structures have no other way out


def _truth(builder: Any, value: Any, source: Any) -> Any:
    zero = ir.Constant(register(source), 0)
    return (
        builder.icmp_signed("!=", value, zero)
        if source in INTEGERS
        else builder.fcmp_unordered("!=", value, zero)
    )


def wide(builder: Any, value: Any, source: Any, bits: int) -> Any:
    """An int or a bool in a register of at least its own width."""
    if bits == register(source).width:
        return value
    extend = builder.zext if source in UNSIGNED or source == BOOL else builder.sext
    return extend(value, ir.IntType(bits))


def _bounds(kind: Any) -> tuple[int, int]:
    bits = kind.bitwidth
    return (0, 2**bits - 1) if kind in UNSIGNED else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def _int_to_int(context: Any, builder: Any, value: Any, source: Any, target: Any) -> Any:
    (least, most), (low, high) = _bounds(source), _bounds(target)
    if low <= least and most <= high:
        return wide(builder, value, source, target.bitwidth)
    room = ir.IntType(128 if 64 in (source.bitwidth, target.bitwidth) else 64)  # holds all of both types
    number = wide(builder, value, source, room.width)
    below = builder.icmp_signed("<", number, ir.Constant(room, low))
    above = builder.icmp_signed(">", number, ir.Constant(room, high))
    deopt_if(context, builder, builder.or_(below, above), DOES_NOT_FIT)
    if target.bitwidth <= source.bitwidth:
        return value if target.bitwidth == source.bitwidth else builder.trunc(value, register(target))
    return builder.trunc(number, register(target))


def _int_to_float(context: Any, builder: Any, value: Any, source: Any, target: Any) -> Any:
    least, most = _bounds(source)
    held = HELD[target]
    if most > held:
        room = ir.IntType(128 if source.bitwidth == 64 else 64)
        shifted = builder.add(wide(builder, value, source, room.width), ir.Constant(room, held))
        outside = builder.icmp_unsigned(">", shifted, ir.Constant(room, 2 * held))
        deopt_if(context, builder, outside, "an int is rounded on its way into a float")
    convert = builder.uitofp if least == 0 else builder.sitofp
    return convert(value, register(target))


def _float_to_int(context: Any, builder: Any, value: Any, source: Any, target: Any) -> Any:
    low, high = _bounds(target)
    number = value if source == FLOAT else builder.fpext(value, F64)
    margin = 2**11 if target.bitwidth == 64 else 0
    above = builder.fcmp_ordered(">", number, ir.Constant(F64, float(low - 1 + margin)))
    below = builder.fcmp_ordered("<", number, ir.Constant(F64, float(high + 1 - margin)))
    deopt_if(context, builder, builder.not_(builder.and_(above, below)), DOES_NOT_FIT)
    convert = builder.fptoui if low == 0 else builder.fptosi
    return convert(number, register(target))


@cache
def conversion(source: Any, target: Any) -> Key:
    """The primitive that makes a `target` of a `source`."""
    key = primitive(
        f"{target}_of_{source}",
        {
            (source,): (
                target,
                lambda context, builder, _, args: converted(context, builder, args[0], source, target),
            )
        },
    )
    install()
    return key
