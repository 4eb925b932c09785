"""`in` for tuples and ranges, and comparisons of tuples of numbers.

Python asks for identity before equality, which tells one NaN from another: wherever a NaN turns up, the interpreter takes
over. It refuses items that are no ints, floats or bools, and ordering tuples of NumPy's numbers. Source: the Python language
reference 6.10.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from llvmlite import ir
from numba.core import cgutils

from epochly._exact.kinds import PYTHON, Items, Kind, Number, words
from epochly._exact.lowering import (
    BOOL,
    F64,
    FLOAT,
    I64,
    INT,
    ZERO,
    Implementation,
    Key,
    array_primitive,
    beyond_floats,
    deopt_if,
    numba_types,
)
from epochly._exact.operators import SIGNS

if TYPE_CHECKING:
    from epochly._exact.check import Checker

PLAIN = (INT, FLOAT, BOOL)
NAN = "a NaN is compared, which may be the same object"


def _compared(context: Any, builder: Any, sign: str, one: tuple[Any, Any], other: tuple[Any, Any]) -> Any:
    """`one sign other`, each a type and a value; ints beyond what a float holds, beside a float, deopt."""
    values = []
    floats = FLOAT in (one[0], other[0])
    for kind, value in (one, other):
        plain = builder.zext(value, I64) if kind == BOOL else value
        if kind == FLOAT:
            deopt_if(context, builder, builder.fcmp_unordered("uno", plain, plain), NAN)
        elif floats:
            deopt_if(
                context,
                builder,
                beyond_floats(builder, plain),
                "an int beyond 2**53 is compared with a float",
            )
            plain = builder.sitofp(plain, F64)
        values.append(plain)
    return (builder.fcmp_ordered if floats else builder.icmp_signed)(sign, *values)


def _parts(builder: Any, kind: Any, value: Any) -> list[tuple[Any, Any]]:
    return list(zip(kind, cgutils.unpack_tuple(builder, value), strict=True))


def _are_plain(kind: Any) -> bool:
    return isinstance(kind, numba_types.BaseTuple) and all(item in PLAIN for item in kind)


def _container(container: Any, item: Any) -> Any:
    if isinstance(container, numba_types.RangeType):
        return BOOL if item in (INT, BOOL) else None
    return BOOL if _are_plain(container) and item in PLAIN else None


def _contains(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    container, item = signature.args
    if not isinstance(container, numba_types.RangeType):
        found = cgutils.false_bit
        for part in _parts(builder, container, args[0]):
            found = builder.or_(found, _compared(context, builder, "==", part, (item, args[1])))
        return found
    value = builder.zext(args[1], I64) if item == BOOL else args[1]
    state = cgutils.create_struct_proxy(container)(context, builder, value=args[0])
    up = builder.icmp_signed(">", state.step, ZERO)
    rising = builder.and_(
        builder.icmp_signed("<=", state.start, value), builder.icmp_signed("<", value, state.stop)
    )
    falling = builder.and_(
        builder.icmp_signed(">=", state.start, value), builder.icmp_signed(">", value, state.stop)
    )
    inside = builder.select(up, rising, falling)
    # between its bounds the distance fits 64 bits; a step of 0 never gets here, the range would have raised
    distance = builder.select(inside, builder.sub(value, state.start), ZERO)
    step = builder.select(builder.icmp_signed("==", state.step, ZERO), ir.Constant(I64, 1), state.step)
    return builder.and_(inside, builder.icmp_signed("==", builder.srem(distance, step), ZERO))


def _ordered(function: Any) -> Implementation:
    sign = SIGNS[function]

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        left, right = (_parts(builder, kind, value) for kind, value in zip(signature.args, args, strict=True))
        result = ir.Constant(ir.IntType(1), int(function(len(left), len(right))))
        for one, other in reversed(list(zip(left, right, strict=False))):
            same = _compared(context, builder, "==", one, other)
            if function in (operator.eq, operator.ne):
                differs = ir.Constant(ir.IntType(1), int(function is operator.ne))
            else:
                differs = _compared(context, builder, sign, one, other)
            result = builder.select(same, result, differs)
        return result

    return lower


CONTAINS: Key = array_primitive("contains", 2, _container, _contains)
TUPLES = {
    function: array_primitive(
        f"tuples_{function.__name__}",
        2,
        lambda left, right: BOOL if _are_plain(left) and _are_plain(right) else None,
        _ordered(function),
    )
    for function in SIGNS
}


def compare(checker: Checker, function: Any, expr: Any) -> Kind | None:
    """The kind of a comparison of two tuples."""
    left, right = checker.type_of(expr.lhs), checker.type_of(expr.rhs)
    if function not in TUPLES or not _are_plain(left) or not _are_plain(right):
        raise checker.reject(f"`{function.__name__}` of {words(left)} and {words(right)}")
    for kind in (checker.kind_of(expr.lhs), checker.kind_of(expr.rhs)):
        for item in kind.items if isinstance(kind, Items) else ():
            numpy = isinstance(item, Number) and item.may_be_numpy
            if numpy and function not in (operator.eq, operator.ne):
                raise checker.reject("a comparison of tuples of NumPy's numbers")
    checker.swap(expr, TUPLES[function], BOOL, left, right)
    return PYTHON
