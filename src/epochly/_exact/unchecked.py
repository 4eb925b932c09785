"""Operators on ints without the checks that what is known of their operands makes needless.

An addition that cannot leave 64 bits is a plain one; a remainder by a power of two is a mask. `facts` has the bounds, and every
choice here is by bounds alone. It refuses to narrow anything: where a bound does not decide, the checked operator stays.
Sources: the Python language reference 6.7, LLVM's language reference (`nsw`), Hacker's Delight on division by constants.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from llvmlite import ir

from epochly._exact.facts import LEAST, MOST, Bounds, Facts, computed_bounds
from epochly._exact.lowering import (
    BOOL,
    EXACT_IN_FLOAT,
    F64,
    FLOAT,
    I64,
    INT,
    ZERO,
    Implementation,
    Key,
    deopt_if,
    primitive,
)
from epochly._exact.operators import INT_OPERATORS, MIXED_COMPARISONS, NEGATIVE_INT, SIGNS
from epochly._exact.plan import Swap

if TYPE_CHECKING:
    from epochly._exact.plan import Plan

PAIR = (INT, INT)
MOST_SHIFT = 62


def _plain(name: str) -> Implementation:
    return lambda _c, builder, _s, args: getattr(builder, name)(*args, flags=("nsw",))


def _remainder(_context: Any, builder: Any, _: Any, args: Any) -> Any:
    """By a positive divisor."""
    rest = builder.srem(*args)
    negative = builder.icmp_signed("<", rest, ZERO)
    return builder.add(rest, builder.select(negative, args[1], ZERO))


def _quotient(_context: Any, builder: Any, _: Any, args: Any) -> Any:
    """By a positive divisor."""
    negative = builder.icmp_signed("<", builder.srem(*args), ZERO)
    return builder.sub(builder.sdiv(*args), builder.zext(negative, I64))


def _not_by_zero(implementation: Implementation) -> Implementation:
    """By a divisor that is not negative."""

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        deopt_if(context, builder, builder.icmp_signed("==", args[1], ZERO), "division by zero")
        return implementation(context, builder, sig, args)

    return lower


def _masked(_context: Any, builder: Any, _: Any, args: Any) -> Any:
    """The remainder by a power of two, of either sign: what two's complement keeps in its low bits."""
    return builder.and_(args[0], builder.sub(args[1], ir.Constant(I64, 1)))


def _true_quotient(_context: Any, builder: Any, _: Any, args: Any) -> Any:
    return builder.fdiv(builder.sitofp(args[0], F64), builder.sitofp(args[1], F64))


def _compared(sign: str, *, int_first: bool) -> Implementation:
    def lower(_context: Any, builder: Any, _: Any, args: Any) -> Any:
        left = builder.sitofp(args[0], F64) if int_first else args[0]
        right = args[1] if int_first else builder.sitofp(args[1], F64)
        compare = builder.fcmp_unordered if sign == "!=" else builder.fcmp_ordered
        return compare(sign, left, right)

    return lower


def _of_two(name: str, implementation: Implementation) -> Key:
    return primitive(f"unchecked_{name}", {PAIR: (INT, implementation)})


PLAIN = {
    operator.add: _of_two("add", _plain("add")),
    operator.sub: _of_two("sub", _plain("sub")),
    operator.mul: _of_two("mul", _plain("mul")),
    operator.lshift: _of_two("lshift", lambda _c, b, _s, a: b.shl(*a)),
}
REMAINDER, QUOTIENT = _of_two("mod", _remainder), _of_two("floordiv", _quotient)
NONZERO_REMAINDER = _of_two("mod_nonzero", _not_by_zero(_remainder))
NONZERO_QUOTIENT = _of_two("floordiv_nonzero", _not_by_zero(_quotient))
UNSIGNED_REMAINDER = _of_two("mod_positive", lambda _c, b, _s, a: b.urem(*a))
UNSIGNED_QUOTIENT = _of_two("floordiv_positive", lambda _c, b, _s, a: b.udiv(*a))
MASK = _of_two("mask", _masked)
RIGHT_SHIFT = _of_two("rshift", lambda _c, b, _s, a: b.ashr(*a))
TRUE_QUOTIENT = primitive("unchecked_truediv", {PAIR: (FLOAT, _true_quotient)})
NEGATIVE = primitive("unchecked_negative", {(INT,): (INT, lambda _c, b, _s, a: b.sub(ZERO, a[0]))})
COMPARED = {
    id(MIXED_COMPARISONS[function]): primitive(
        f"unchecked_compare_{function.__name__}",
        {
            (INT, FLOAT): (BOOL, _compared(sign, int_first=True)),
            (FLOAT, INT): (BOOL, _compared(sign, int_first=False)),
        },
    )
    for function, sign in SIGNS.items()
}


def leave_out_checks(plan: Plan, facts: Facts) -> None:
    """Exchange the planned operators that need less than all their checks."""
    functions = {id(key): function for function, key in INT_OPERATORS.items()}
    for position, swap in enumerate(plan.swaps):
        expression, args = swap.expression, swap.signature.args
        key: Key | None = None
        if swap.key is NEGATIVE_INT:
            key = NEGATIVE if facts.of(expression.value.name)[0] > LEAST else None
        elif id(swap.key) in COMPARED:
            number = expression.lhs if args[0] == INT else expression.rhs
            key = COMPARED[id(swap.key)] if _is_exact_float(facts.of(number.name)) else None
        elif id(swap.key) in functions:
            bounds = [facts.of(expression.lhs.name), facts.of(expression.rhs.name)]
            key = lean(functions[id(swap.key)], bounds)
        if key is not None:
            plan.swaps[position] = Swap(expression, key, swap.signature)


def _is_exact_float(bounds: Bounds) -> bool:
    return bounds[0] >= -EXACT_IN_FLOAT and bounds[1] <= EXACT_IN_FLOAT


def lean(function: Any, bounds: list[Bounds]) -> Key | None:
    """The operator that is right for operands within these bounds, or None for the one that always is."""
    (low, _), (least, most) = bounds
    if function in (operator.add, operator.sub, operator.mul):
        lowest, highest = computed_bounds(function, bounds)
        return PLAIN[function] if lowest >= LEAST and highest <= MOST else None
    if function is operator.lshift and least >= 0 and most <= MOST_SHIFT:
        lowest, highest = computed_bounds(function, bounds)
        return PLAIN[function] if lowest >= LEAST and highest <= MOST else None
    if function is operator.rshift and least >= 0 and most <= MOST_SHIFT + 1:
        return RIGHT_SHIFT
    if function is operator.truediv and (least > 0 or most < 0):
        return TRUE_QUOTIENT if all(map(_is_exact_float, bounds)) else None
    if function is operator.mod and least > 0:
        if least == most and least & (least - 1) == 0:
            return MASK
        return UNSIGNED_REMAINDER if low >= 0 else REMAINDER
    if function is operator.floordiv and least > 0:
        return UNSIGNED_QUOTIENT if low >= 0 else QUOTIENT
    if function in (operator.mod, operator.floordiv) and least == 0:
        return NONZERO_REMAINDER if function is operator.mod else NONZERO_QUOTIENT
    return None
