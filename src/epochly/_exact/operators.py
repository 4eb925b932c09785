"""Checked operators on machine ints and floats: CPython's result, or the interpreter takes over.

An int that leaves 64 bits, a division by zero, a shift out of range, a comparison that a float cannot decide: each deopts.
It refuses to reproduce an error message; the interpreter raises its own. Sources: CPython's Objects/longobject.c and
floatobject.c, the Python language reference 6.5 to 6.10.
"""

from __future__ import annotations

import operator
from typing import Any

from llvmlite import ir
from numba.core import cgutils

from epochly._exact.lowering import (
    BOOL,
    F64,
    FLOAT,
    I1,
    I64,
    INT,
    LEAST,
    ZERO,
    Implementation,
    Key,
    beyond_floats,
    call_c,
    deopt_if,
    not_finite,
    opaque_symbol,
    overflowing,
    pinned,
    primitive,
)
from epochly._exact.powers import power

WIDE = "an int does not fit into 64 bits"


def _wrapping(operation: str) -> Implementation:
    def lower(context: Any, builder: Any, _: Any, args: Any) -> Any:
        result, overflow = overflowing(builder, operation, *args)
        deopt_if(context, builder, overflow, WIDE)
        return result

    return lower


def division(want_quotient: bool) -> Implementation:
    """`//` or `%` of ints."""

    def lower(context: Any, builder: Any, _: Any, args: Any) -> Any:
        left, right = args
        deopt_if(context, builder, builder.icmp_signed("==", right, ZERO), "division by zero")
        least = builder.icmp_signed("==", left, LEAST)
        minus_one = builder.icmp_signed("==", right, ir.Constant(I64, -1))
        deopt_if(context, builder, builder.and_(least, minus_one), WIDE)
        quotient, remainder = builder.sdiv(left, right), builder.srem(left, right)
        signs_differ = builder.icmp_signed("<", builder.xor(remainder, right), ZERO)
        floor_is_lower = builder.and_(builder.icmp_signed("!=", remainder, ZERO), signs_differ)
        if want_quotient:
            return builder.sub(quotient, builder.zext(floor_is_lower, I64))
        return builder.add(remainder, builder.select(floor_is_lower, right, ZERO))

    return lower


def _true_division(context: Any, builder: Any, _: Any, args: Any) -> Any:
    left, right = args
    large = builder.or_(beyond_floats(builder, left), beyond_floats(builder, right))
    deopt_if(context, builder, large, "a quotient of ints beyond 2**53 is rounded differently")
    deopt_if(context, builder, builder.icmp_signed("==", right, ZERO), "division by zero")
    return builder.fdiv(builder.sitofp(left, F64), builder.sitofp(right, F64))


def _left_shift(context: Any, builder: Any, _: Any, args: Any) -> Any:
    left, right = args
    outside = builder.icmp_unsigned(">=", right, ir.Constant(I64, 63))
    deopt_if(context, builder, outside, "a shift count is out of range")
    result = builder.shl(left, right)
    deopt_if(context, builder, builder.icmp_signed("!=", builder.ashr(result, right), left), WIDE)
    return result


def _right_shift(context: Any, builder: Any, _: Any, args: Any) -> Any:
    left, right = args
    deopt_if(context, builder, builder.icmp_signed("<", right, ZERO), "a shift count is negative")
    most = ir.Constant(I64, 63)
    return builder.ashr(left, builder.select(builder.icmp_signed(">", right, most), most, right))


def _negative(context: Any, builder: Any, _: Any, args: Any) -> Any:
    deopt_if(context, builder, builder.icmp_signed("==", args[0], LEAST), WIDE)
    return builder.sub(ZERO, args[0])


def _float_operation(name: str, *, pin: bool) -> Implementation:
    def lower(context: Any, builder: Any, _: Any, args: Any) -> Any:
        if name == "fdiv":
            zero = builder.fcmp_ordered("==", args[1], ir.Constant(F64, 0.0))
            deopt_if(context, builder, zero, "division by zero")
        result = getattr(builder, name)(*args)
        return pinned(builder, result) if pin else result

    return lower


def float_floor(want_quotient: bool) -> Implementation:
    """`//` and `%` as CPython computes them from an exact `fmod`; anything not finite deopts."""

    def lower(context: Any, builder: Any, _: Any, args: Any) -> Any:
        left, right = args
        zero, one = ir.Constant(F64, 0.0), ir.Constant(F64, 1.0)
        deopt_if(context, builder, builder.fcmp_ordered("==", right, zero), "division by zero")
        bad = builder.or_(not_finite(builder, left), not_finite(builder, right))
        deopt_if(context, builder, bad, "a division of floats that are not finite")
        rest = call_c(builder, "fmod", F64, left, right)
        has_rest = builder.fcmp_unordered("!=", rest, zero)
        right_negative = builder.fcmp_ordered("<", right, zero)
        rest_negative = builder.fcmp_ordered("<", rest, zero)
        correct = builder.and_(has_rest, builder.xor(right_negative, rest_negative))
        if not want_quotient:
            signed_zero = call_c(builder, "copysign", F64, zero, right)
            moved = builder.select(correct, builder.fadd(rest, right), rest)
            return builder.select(has_rest, moved, signed_zero)
        quotient = builder.fdiv(builder.fsub(left, rest), right)
        quotient = builder.select(correct, builder.fsub(quotient, one), quotient)
        floor = call_c(builder, "floor", F64, quotient)
        above = builder.fcmp_ordered(">", builder.fsub(quotient, floor), ir.Constant(F64, 0.5))
        floor = builder.select(above, builder.fadd(floor, one), floor)
        signed_zero = call_c(builder, "copysign", F64, zero, builder.fdiv(left, right))
        result = builder.select(builder.fcmp_unordered("!=", quotient, zero), floor, signed_zero)
        deopt_if(context, builder, not_finite(builder, result), "a quotient of floats is not finite")
        return result

    return lower


def _float_power(context: Any, builder: Any, _: Any, args: Any) -> Any:
    result = power(builder, *args)
    deopt_if(context, builder, not_finite(builder, result), "a power is not a finite float")
    return result


def int_power(context: Any, builder: Any, _: Any, args: Any) -> Any:
    """Square and multiply; every product is checked."""
    one = ir.Constant(I64, 1)
    deopt_if(
        context, builder, builder.icmp_signed("<", args[1], ZERO), "a negative power of an int is a float"
    )
    result = cgutils.alloca_once_value(builder, one)
    base = cgutils.alloca_once_value(builder, args[0])
    left = cgutils.alloca_once_value(builder, args[1])
    head, body, square, end = (builder.append_basic_block(f"power.{name}") for name in "hbse")
    builder.branch(head)
    builder.position_at_end(head)
    builder.cbranch(builder.icmp_signed(">", builder.load(left), ZERO), body, end)
    builder.position_at_end(body)
    with builder.if_then(builder.trunc(builder.load(left), I1)):
        product, overflow = overflowing(builder, "smul", builder.load(result), builder.load(base))
        deopt_if(context, builder, overflow, WIDE)
        builder.store(product, result)
    rest = builder.lshr(builder.load(left), one)
    builder.store(rest, left)
    builder.cbranch(builder.icmp_signed(">", rest, ZERO), square, end)
    builder.position_at_end(square)
    product, overflow = overflowing(builder, "smul", builder.load(base), builder.load(base))
    deopt_if(context, builder, overflow, WIDE)
    builder.store(product, base)
    builder.branch(head)
    builder.position_at_end(end)
    return builder.load(result)


def _comparison(sign: str, *, int_first: bool) -> Implementation:
    def lower(context: Any, builder: Any, _: Any, args: Any) -> Any:
        large = beyond_floats(builder, args[0 if int_first else 1])
        deopt_if(context, builder, large, "an int beyond 2**53 is compared with a float")
        left = builder.sitofp(args[0], F64) if int_first else args[0]
        right = args[1] if int_first else builder.sitofp(args[1], F64)
        compare = builder.fcmp_unordered if sign == "!=" else builder.fcmp_ordered
        return compare(sign, left, right)

    return lower


for _name in ("fmod", "copysign", "floor"):
    opaque_symbol(_name)

_II, _FF = (INT, INT), (FLOAT, FLOAT)
INT_OPERATORS: dict[Any, Key] = {
    operator.add: primitive("add", {_II: (INT, _wrapping("sadd"))}),
    operator.sub: primitive("sub", {_II: (INT, _wrapping("ssub"))}),
    operator.mul: primitive("mul", {_II: (INT, _wrapping("smul"))}),
    operator.floordiv: primitive("floordiv", {_II: (INT, division(want_quotient=True))}),
    operator.mod: primitive("mod", {_II: (INT, division(want_quotient=False))}),
    operator.lshift: primitive("lshift", {_II: (INT, _left_shift)}),
    operator.rshift: primitive("rshift", {_II: (INT, _right_shift)}),
    operator.pow: primitive("pow_int", {_II: (INT, int_power)}),
    operator.truediv: primitive("truediv_int", {_II: (FLOAT, _true_division)}),
    operator.and_: primitive("and", {_II: (INT, lambda _c, b, _s, a: b.and_(*a))}),
    operator.or_: primitive("or", {_II: (INT, lambda _c, b, _s, a: b.or_(*a))}),
    operator.xor: primitive("xor", {_II: (INT, lambda _c, b, _s, a: b.xor(*a))}),
}
_FLOAT_NAMES = {operator.add: "fadd", operator.sub: "fsub", operator.mul: "fmul", operator.truediv: "fdiv"}
FLOAT_LATER: dict[Any, Implementation] = {
    operator.floordiv: float_floor(want_quotient=True),
    operator.mod: float_floor(want_quotient=False),
    operator.pow: _float_power,
}
_FLOAT_LATER: dict[Any, Key] = {
    function: primitive(f"{function.__name__}_float", {_FF: (FLOAT, implementation)})
    for function, implementation in FLOAT_LATER.items()
}
PYTHON_FLOAT: dict[Any, Key] = _FLOAT_LATER | {
    function: primitive(name, {_FF: (FLOAT, _float_operation(name, pin=False))})
    for function, name in _FLOAT_NAMES.items()
}
NUMPY_FLOAT: dict[Any, Key] = _FLOAT_LATER | {
    function: primitive(f"{name}_numpy", {_FF: (FLOAT, _float_operation(name, pin=True))})
    for function, name in _FLOAT_NAMES.items()
}
SIGNS = {
    operator.lt: "<",
    operator.le: "<=",
    operator.gt: ">",
    operator.ge: ">=",
    operator.eq: "==",
    operator.ne: "!=",
}
MIXED_COMPARISONS: dict[Any, Key] = {
    function: primitive(
        f"compare_{function.__name__}",
        {
            (INT, FLOAT): (BOOL, _comparison(sign, int_first=True)),
            (FLOAT, INT): (BOOL, _comparison(sign, int_first=False)),
        },
    )
    for function, sign in SIGNS.items()
}
BOOL_OPERATORS: dict[Any, Key] = {
    operator.and_: primitive("and_bool", {(BOOL, BOOL): (BOOL, lambda _c, b, _s, a: b.and_(*a))}),
    operator.or_: primitive("or_bool", {(BOOL, BOOL): (BOOL, lambda _c, b, _s, a: b.or_(*a))}),
    operator.xor: primitive("xor_bool", {(BOOL, BOOL): (BOOL, lambda _c, b, _s, a: b.xor(*a))}),
}
NEGATIVE_INT = primitive("negative", {(INT,): (INT, _negative)})
NEGATIVE_FLOAT = primitive("negative_float", {(FLOAT,): (FLOAT, lambda _c, b, _s, a: b.fneg(a[0]))})
INVERTED_INT = primitive("inverted", {(INT,): (INT, lambda _c, b, _s, a: b.not_(a[0]))})
INPLACE = {
    operator.iadd: operator.add,
    operator.isub: operator.sub,
    operator.imul: operator.mul,
    operator.itruediv: operator.truediv,
    operator.ifloordiv: operator.floordiv,
    operator.imod: operator.mod,
    operator.ipow: operator.pow,
    operator.ilshift: operator.lshift,
    operator.irshift: operator.rshift,
    operator.iand: operator.and_,
    operator.ior: operator.or_,
    operator.ixor: operator.xor,
}
