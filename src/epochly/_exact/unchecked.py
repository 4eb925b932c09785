"""Operators on ints without the checks that what is known of their operands makes needless.

An addition that cannot leave 64 bits is a plain one; a remainder by a power of two is a mask. `facts` has the bounds, and every
choice here is by bounds alone. It refuses to narrow anything: where a bound does not decide, the checked operator stays.
Sources: the Python language reference 6.7, LLVM's language reference (`nsw`), Hacker's Delight on division by constants.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from llvmlite import ir
from numba.core import ir as numba_ir

from epochly._exact.constructors import ABS
from epochly._exact.facts import LEAST, MOST, Bounds, Facts, computed_bounds
from epochly._exact.kinds import PYTHON
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


def _wrapped(context: Any, builder: Any, _: Any, args: Any) -> Any:
    """By a divisor that is not negative and not written in the text: most often an index that is in range already."""
    inside = builder.icmp_unsigned("<", *args)  # false for what is negative, and for zero as divisor
    with builder.if_else(inside) as (then, otherwise):
        with then:
            here = builder.block
        with otherwise:
            deopt_if(context, builder, builder.icmp_signed("==", args[1], ZERO), "division by zero")
            rest = _remainder(context, builder, _, args)
            there = builder.block
    result = builder.phi(I64)
    result.add_incoming(args[0], here)
    result.add_incoming(rest, there)
    return result


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
WRAPPING = {
    operator.add: _of_two("wrapping_add", lambda _c, b, _s, a: b.add(*a)),
    operator.sub: _of_two("wrapping_sub", lambda _c, b, _s, a: b.sub(*a)),
    operator.mul: _of_two("wrapping_mul", lambda _c, b, _s, a: b.mul(*a)),
    operator.lshift: PLAIN[operator.lshift],
    operator.or_: INT_OPERATORS[operator.or_],
    operator.xor: INT_OPERATORS[operator.xor],
}
REMAINDER, QUOTIENT = _of_two("mod", _remainder), _of_two("floordiv", _quotient)
WRAPPED = _of_two("mod_wrapped", _wrapped)
NONZERO_QUOTIENT = _of_two("floordiv_nonzero", _not_by_zero(_quotient))
UNSIGNED_REMAINDER = _of_two("mod_positive", lambda _c, b, _s, a: b.urem(*a))
UNSIGNED_QUOTIENT = _of_two("floordiv_positive", lambda _c, b, _s, a: b.udiv(*a))
MASK = _of_two("mask", _masked)
RIGHT_SHIFT = _of_two("rshift", lambda _c, b, _s, a: b.ashr(*a))
TRUE_QUOTIENT = primitive("unchecked_truediv", {PAIR: (FLOAT, _true_quotient)})
ABSOLUTE = primitive(
    "unchecked_abs",
    {(INT,): (INT, lambda _c, b, _s, a: b.select(b.icmp_signed("<", a[0], ZERO), b.sub(ZERO, a[0]), a[0]))},
)
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
    masked = _only_masked(plan, facts)
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
            if id(expression) in masked:
                key = WRAPPING[functions[id(swap.key)]]
        if key is not None:
            plan.swaps[position] = Swap(expression, key, swap.signature)
    for name, value in facts.values.items():
        if facts.is_int(name) and facts.called(value) is ABS and facts.of(value.args[0].name)[0] > LEAST:
            plan.swaps.append(Swap(value, ABSOLUTE, INT(INT)))


def _only_masked(plan: Plan, facts: Facts) -> set[int]:
    """Operations on Python's ints of which only low bits are ever looked at: these are right whatever the result's size.

    A sum or product that wraps around has the low 64 bits of the exact one, and so has what is computed from it by the same
    operators; a mask, or the remainder by a power of two, keeps no other bits. NumPy's ints would warn, and are left out.
    """
    readers: dict[str, list[Any]] = {}
    for target, value in facts.values.items():
        for name in facts.read_by(value) if facts.root(target) == target else ():
            readers.setdefault(facts.root(name), []).append(value)
    for name in facts.read_otherwise:
        readers.setdefault(facts.root(name), []).append(None)
    names = {id(value): name for name, value in facts.values.items()}
    found = {
        id(swap.expression)
        for swap in plan.swaps
        if facts.functions.get(id(swap.expression)) in WRAPPING
        and id(swap.expression) in names
        and _is_of_python(plan, swap.expression)
        and _shifts_little(facts, swap.expression)
    }
    before: set[int] = set()
    while before != found:
        before = set(found)
        found = {
            each
            for each in found
            if readers.get(names[each])
            and all(_keeps_low_bits(facts, reader, names[each], found) for reader in readers[names[each]])
        }
    return found


def _is_of_python(plan: Plan, expression: Any) -> bool:
    kinds = [plan.kinds.get(operand.name) for operand in (expression.lhs, expression.rhs)]
    return all(kind == PYTHON for kind in kinds)


def _shifts_little(facts: Facts, expression: Any) -> bool:
    """Whether it is no shift, or one by a count that machine code can do."""
    least, most = facts.of(expression.rhs.name)
    return facts.functions[id(expression)] is not operator.lshift or (least >= 0 and most <= MOST_SHIFT)


def _keeps_low_bits(facts: Facts, reader: Any, name: str, found: set[int]) -> bool:
    """Whether what reads a name looks at its low bits only, and whoever reads that in turn."""
    function = None if reader is None else facts.functions.get(id(reader))
    if function is None or not isinstance(reader, numba_ir.Expr) or reader.op == "unary":
        return False
    left, right = facts.root(reader.lhs.name), facts.root(reader.rhs.name)
    if function is operator.lshift and right == name:
        return False
    if id(reader) in found:
        return True
    if function is operator.and_:
        mask = facts.literal(facts.values.get(right if left == name else left))
        return mask is not None and mask >= 0
    if function is operator.mod and left == name != right:
        divisor = facts.literal(facts.values.get(right))
        return divisor is not None and divisor > 0 and divisor & (divisor - 1) == 0
    return False


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
    if function is operator.mod and least >= 0:
        if least != most:
            return WRAPPED
        if least > 0 and least & (least - 1) == 0:
            return MASK
        if least == 0:
            return None
        return UNSIGNED_REMAINDER if low >= 0 else REMAINDER
    if function is operator.floordiv and least > 0:
        return UNSIGNED_QUOTIENT if low >= 0 else QUOTIENT
    if function is operator.floordiv and least == 0:
        return NONZERO_QUOTIENT
    return None
