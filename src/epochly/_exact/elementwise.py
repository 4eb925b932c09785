"""Arithmetic on whole arrays of floats: IEEE 754 makes each element exact, and the status flags say where NumPy would warn.

numba's own loops are used. It refuses ints, whose overflow numba leaves undefined; reductions, whose order differs; and an
in-place operation whose operand may overlap its target, which NumPy would buffer; and arrays of two dimensions and more, at
which NumPy's own loops are as fast and numba compiles for seconds. Sources: NumPy's ufunc reference, NEP 50.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from epochly._exact.allocations import TEMPORARY
from epochly._exact.kinds import Array, Kind, words
from epochly._exact.lowering import FLOAT, INT, numba_types

if TYPE_CHECKING:
    from epochly._exact.check import Checker

OPERATORS = (operator.add, operator.sub, operator.mul, operator.truediv)
FUNCTIONS = (np.sqrt, np.absolute)
RESULT = Array(frozenset({TEMPORARY}), whole=True)


def binop(checker: Checker, function: Any, expr: Any, target: Any) -> Kind | None:
    """The kind of an operation with an array on either side."""
    left, right = checker.type_of(expr.lhs), checker.type_of(expr.rhs)
    for operand in (left, right):
        if function not in OPERATORS or (operand not in (FLOAT, INT) and not _is_floats(operand)):
            raise checker.reject(f"`{function.__name__}` of {words(left)} and {words(right)}")
        _leave_to_numpy(checker, function, operand)
    if checker.final:
        checker.plan.uses_flags = True
    if expr.op != "inplace_binop" or not isinstance(left, numba_types.Array):
        return _result(checker, target, left, right)
    into, given = checker.kind_of(expr.lhs), checker.kind_of(expr.rhs)
    if into is None or given is None:
        return None
    assert isinstance(into, Array)
    if isinstance(given, Array) and (any(root >= 0 for root in given.roots) or into.roots & given.roots):
        raise checker.reject("an in-place operation on arrays that may overlap", "write `a = a + b`, or loop")
    checker.plan.written |= into.roots
    return into


def call(checker: Checker, key: Any, expr: Any, target: Any) -> Kind | None:
    """The kind of `numpy.sqrt(array)` and its like."""
    args = [checker.type_of(arg) for arg in expr.args]
    if len(args) != 1 or not _is_floats(args[0]):
        raise checker.reject(f"`{key.__name__}` of something that is no array of floats")
    _leave_to_numpy(checker, key, args[0])
    if checker.final:
        checker.plan.uses_flags = True
    return _result(checker, target, args[0])


def _leave_to_numpy(checker: Checker, function: Any, operand: Any) -> None:
    if isinstance(operand, numba_types.Array) and operand.ndim > 1:
        why = f"`{function.__name__}` of whole arrays of {operand.ndim} dimensions, which NumPy does well"
        raise checker.reject(why, "leave it, or loop over its elements")


def _is_floats(machine_type: Any) -> bool:
    return isinstance(machine_type, numba_types.Array) and machine_type.dtype == FLOAT


def _result(checker: Checker, target: Any, *operands: Any) -> Kind:
    """A new array; it may be returned only where numba and NumPy agree on its memory order."""
    made = checker.type_of(target)
    if not _is_floats(made):
        raise checker.reject(f"an operation on arrays gives {words(made)}")
    arrays = [operand for operand in operands if isinstance(operand, numba_types.Array)]
    return RESULT if all(array.layout == "C" for array in arrays) else Array(RESULT.roots, whole=False)
