"""Which operator on which operands is exact, by which primitive, and what the result is marked as.

A table in code: ints by overflow checks, floats by IEEE 754, comparisons between the two only where a float can decide.
It refuses arithmetic on NumPy's bools, whose `+` is `or`. Sources: the Python language reference 6.5 to 6.10, NEP 50.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from epochly._exact import elementwise, list_code, lists, membership, numpy_scalars, scalar_ufuncs
from epochly._exact.inference import typed_by_numpy
from epochly._exact.kinds import NP, NUMPY, PY, PYTHON, Kind, Number, words
from epochly._exact.lowering import BOOL, FLOAT, INT, numba_types
from epochly._exact.operators import (
    BOOL_OPERATORS,
    INT_OPERATORS,
    INVERTED_INT,
    MIXED_COMPARISONS,
    NEGATIVE_FLOAT,
    NEGATIVE_INT,
    NUMPY_FLOAT,
    PYTHON_FLOAT,
    SIGNS,
)
from epochly._exact.promotion import COMPLEXES, NARROW, SCALARS

if TYPE_CHECKING:
    from epochly._exact.check import Checker

NUMBERS = (INT, FLOAT, BOOL)


def binop(checker: Checker, function: Any, expr: Any, target: Any) -> Kind | None:
    """The kind of `lhs function rhs`; its primitive goes into the plan."""
    left, right = checker.type_of(expr.lhs), checker.type_of(expr.rhs)
    if isinstance(left, numba_types.Array) or isinstance(right, numba_types.Array):
        return elementwise.binop(checker, function, expr, target)
    if list_code.accepted(left) or list_code.accepted(right):
        return lists.binop(checker, function, expr, target)
    if isinstance(left, numba_types.BaseTuple) and isinstance(right, numba_types.BaseTuple):
        return membership.compare(checker, function, expr)
    if left not in SCALARS or right not in SCALARS:
        raise checker.reject(f"`{function.__name__}` of {words(left)} and {words(right)}")
    kinds = _operands(checker, expr, left, right)
    if kinds is None:
        return None
    if typed_by_numpy(left, right):
        return numpy_scalars.binop(checker, function, expr, target, kinds)
    result = _primitive(checker, function, expr, (left, right), kinds)
    if result != checker.type_of(target):
        raise checker.reject(
            f"`{function.__name__}` gives {words(result)} where {words(checker.type_of(target))} is due"
        )
    return _combined(*kinds)


def _operands(checker: Checker, expr: Any, left: Any, right: Any) -> tuple[Number, Number] | None:
    """The kinds of both operands, a literal int checked away where it would compute as an int."""
    both_literal = checker.is_literal(expr.lhs) and checker.is_literal(expr.rhs)
    # beside a number of the type whose register it shares, a literal gives what that type's own number would
    harmless = left == right and (left == FLOAT or left in NARROW or left in COMPLEXES) and not both_literal
    of = checker.kind_of if harmless else checker.not_literal
    kinds = of(expr.lhs), of(expr.rhs)
    if kinds[0] is None or kinds[1] is None:
        return None
    assert isinstance(kinds[0], Number)
    assert isinstance(kinds[1], Number)
    return kinds[0], kinds[1]


def _combined(left: Number, right: Number) -> Number:
    """NumPy's as soon as one operand is."""
    if NUMPY in (left, right):
        return NUMPY
    return Number(frozenset({PY}) | ((left.marks | right.marks) & {NP}))


def _primitive(
    checker: Checker, function: Any, expr: Any, pair: tuple[Any, Any], kinds: tuple[Number, Number]
) -> Any:
    numpy = kinds[0].may_be_numpy or kinds[1].may_be_numpy
    name = function.__name__
    if pair == (BOOL, BOOL) and function in BOOL_OPERATORS:
        checker.swap(expr, BOOL_OPERATORS[function], BOOL, BOOL, BOOL)
        return BOOL
    if pair == (BOOL, BOOL) and numpy and function not in SIGNS:
        raise checker.reject(f"`{name}` of NumPy's bools")
    if FLOAT not in pair:
        if function in SIGNS:
            checker.swap(expr, function, BOOL, INT, INT)
            return BOOL
        if function not in INT_OPERATORS:
            raise checker.reject(f"`{name}` of {words(pair[0])} and {words(pair[1])}")
        result = FLOAT if function is operator.truediv else INT
        checker.swap(expr, INT_OPERATORS[function], result, INT, INT)
        return result
    if function in SIGNS:
        key = function if pair == (FLOAT, FLOAT) else MIXED_COMPARISONS[function]
        checker.swap(expr, key, BOOL, *pair)
        return BOOL
    if function is operator.pow and pair != (FLOAT, FLOAT):
        whole, real = kinds if pair[0] == INT else reversed(kinds)
        if whole.may_be_numpy and real != NUMPY:
            if whole.mixed or real.mixed:
                raise checker.reject("a power of what is Python's number on one path and NumPy's on another")
            scalar_ufuncs.require_power(checker)
            checker.swap(expr, scalar_ufuncs.POWER, FLOAT, FLOAT, FLOAT)
            return FLOAT
    table = NUMPY_FLOAT if numpy and id(expr) not in checker.pins.free else PYTHON_FLOAT
    if function not in table:
        raise checker.reject(f"`{name}` of {words(pair[0])} and {words(pair[1])}")
    checker.swap(expr, table[function], FLOAT, FLOAT, FLOAT)
    return FLOAT


def unary(checker: Checker, expr: Any, target: Any) -> Kind | None:
    """The kind of `-x`, `+x`, `~x` and `not x`."""
    function, what = expr.fn, checker.type_of(expr.value)
    if function is operator.not_ and what in SCALARS:
        return PYTHON
    if isinstance(what, numba_types.Array):
        return elementwise.unary(checker, expr, target)
    kind = checker.not_literal(expr.value)
    if what == checker.type_of(target) and (what in NARROW or what in COMPLEXES):
        numpy_scalars.unary(checker, expr, what)
        return kind
    if what != checker.type_of(target) or what not in (INT, FLOAT):
        raise checker.reject(f"`{function.__name__}` of {words(what)}")
    if what == INT and function is operator.neg:
        checker.swap(expr, NEGATIVE_INT, INT, INT)
    elif what == INT and function is operator.invert:
        checker.swap(expr, INVERTED_INT, INT, INT)
    elif what == FLOAT and function is operator.neg:
        checker.swap(expr, NEGATIVE_FLOAT, FLOAT, FLOAT)
    elif function is not operator.pos:
        raise checker.reject(f"`{function.__name__}` of {words(what)}")
    return kind
