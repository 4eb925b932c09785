"""Which expressions on whole arrays and slices are exact: those whose element is a loop of NumPy's that `recipes` writes.

Trees of them become one loop without temporaries (`fused`, `elements`). It refuses functions whose bits are NumPy's own
secret, results whose type numba infers otherwise than NumPy gives, and stores that change a value. Sources: NumPy's ufunc
reference, NEP 50.
"""

from __future__ import annotations

import operator
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numba.core import ir
from numba.np.numpy_support import as_dtype

from epochly._exact.allocations import FRESH
from epochly._exact.array_calls import LIFTED, MEANING
from epochly._exact.kinds import PYTHON, Array, Kind, Number, words
from epochly._exact.lowering import BOOL, FLOAT, INT, numba_types
from epochly._exact.plan import Element
from epochly._exact.promotion import COMPLEXES, DTYPES, NARROW, SCALARS, WEAK
from epochly._exact.recipes import FUNCTIONS, SQUARE, UFUNCS, WARNS, loop_types

if TYPE_CHECKING:
    from epochly._exact.check import Checker

__all__ = ["FUNCTIONS", "binop", "call", "store", "unary"]


def binop(checker: Checker, function: Any, expr: Any, target: Any) -> Kind | None:
    """The kind of an operation with an array on either side."""
    squares = function is operator.pow and _constant(checker, expr.rhs) == 2
    ufunc: Any = SQUARE if squares else UFUNCS.get(function)
    operands: tuple[Any, ...] = (expr.lhs,) if squares else (expr.lhs, expr.rhs)
    if expr.op != "inplace_binop" or not isinstance(checker.type_of(expr.lhs), numba_types.Array):
        return _computed(checker, ufunc, expr, operands, target)
    into = checker.kind_of(expr.lhs)
    if _computed(checker, ufunc, expr, operands, target, into=expr.lhs) is None or into is None:
        return None
    assert isinstance(into, Array)
    machine = checker.type_of(expr.lhs)
    if not machine.mutable:
        raise checker.reject("an in-place operation on an array that is read-only")
    checker.plan.written |= into.roots
    return into


def unary(checker: Checker, expr: Any, target: Any) -> Kind | None:
    """The kind of `-array` and its like."""
    return _computed(checker, UFUNCS.get(expr.fn), expr, (expr.value,), target)


def call(checker: Checker, key: Any, expr: Any, target: Any) -> Kind | None:
    """The kind of `numpy.sqrt(array)` and its like."""
    if len(expr.args) != key.nin:
        raise checker.reject(f"`{key.__name__}` into an array that is given", "assign its result instead")
    return _computed(checker, key, expr, tuple(expr.args), target)


def named(checker: Checker, key: Any, expr: Any, target: Any) -> Kind | None:
    """The kind of what one of `array_calls`' keys makes."""
    return _computed(checker, MEANING[key], expr, tuple(expr.args), target, lifted=key in LIFTED)


def store(checker: Checker, target: Any, value: Any) -> None:
    """`array[slice] = value`: an array that fits, or a number for every element."""
    into, what = checker.type_of(target), checker.type_of(value)
    given = what.dtype if isinstance(what, numba_types.Array) else what
    fits = given == into.dtype or (into.dtype == FLOAT and given == INT) or _widens(given, into.dtype)
    scalar = given == what and given in SCALARS and (given not in COMPLEXES or into.dtype in COMPLEXES)
    if not fits and not scalar:
        raise checker.reject(f"{words(what)} is stored into an array of {into.dtype}")
    checker.not_literal(value)
    if checker.final:
        checker.plan.uses_flags |= scalar and not fits
        checker.plan.array_stores[id(checker.statement)] = checker.statement


def _widens(given: Any, into: Any) -> bool:
    """Whether every value of one real type is a value of the other, so that a store of an array changes none."""
    real = given in SCALARS and into in SCALARS and given not in COMPLEXES and into not in COMPLEXES
    return real and np.can_cast(DTYPES[given], DTYPES[into], "safe")


def _computed(
    checker: Checker,
    ufunc: Any,
    expr: Any,
    operands: tuple[Any, ...],
    target: Any,
    *,
    into: Any = None,
    lifted: bool = False,
) -> Kind | None:
    """The kind of a new array, each element of it `ufunc` of the operands'."""
    types = [checker.type_of(operand) for operand in operands]
    seen: list[tuple[Any, ...]] = []
    for operand, machine in zip(operands, types, strict=True):
        dtypes = _dtypes(checker, operand, machine)
        if dtypes is None:
            return None
        seen.append(dtypes)
    ways = {loop_types(ufunc, way) for way in product(*seen)} if ufunc is not None else {None}
    found = ways.pop() if len(ways) == 1 else None
    if found is None:
        said = " and ".join(words(machine) for machine in types)
        raise checker.reject(f"`{_name(expr, ufunc)}` of {said}")
    computes_in, gives = found
    made = checker.type_of(target)
    if not isinstance(made, numba_types.Array) or as_dtype(made.dtype).name != gives:
        ordinal = None if expr.op == "call" else expr.ordinal
        strong = any(
            machine in WEAK and isinstance(way[0], np.dtype) for way, machine in zip(seen, types, strict=True)
        )
        if ordinal is not None and strong and into is None:
            checker.strong(ordinal)
        raise checker.reject(
            f"`{_name(expr, ufunc)}` of arrays gives {words(made)} where NumPy gives an array of {gives}"
        )
    if checker.final:
        floats = any(np.dtype(each).kind == "f" for each in computes_in)
        if ufunc in WARNS and floats:
            checker.plan.uses_flags = True
        element = Element(expr, ufunc.__name__, computes_in, gives, operands, lifted, into)
        checker.plan.elements[id(expr)] = element
    if made.ndim == 1 or lifted:
        return FRESH
    orders: frozenset[int] = frozenset()
    for kind in map(checker.kind_of, operands):
        orders |= kind.orders if isinstance(kind, Array) else frozenset()
    layouts = [each.layout for each in types if isinstance(each, numba_types.Array) and each.ndim > 1]
    if layouts != (["F"] if made.layout == "F" else ["C"] * len(layouts)):
        orders |= {id(expr)}
    return Array(FRESH.roots, whole=made.layout == "C", orders=orders)


def _name(expr: Any, ufunc: Any) -> str:
    """What is written there."""
    return str(ufunc.__name__ if expr.op == "call" else expr.fn.__name__)


def _constant(checker: Checker, var: Any) -> Any:
    """The number that is written there, or None."""
    for block in checker.blocks.values():
        for statement in block.body:
            if isinstance(statement, ir.Assign) and statement.target.name == var.name:
                return statement.value.value if isinstance(statement.value, ir.Const) else None
    return None


def _dtypes(checker: Checker, operand: Any, machine: Any) -> tuple[Any, ...] | None:
    """What NumPy's promotion may see: a dtype, a type of Python's, or either; None while not followed."""
    if isinstance(machine, numba_types.Array):
        return (as_dtype(machine.dtype),)
    kind = checker.not_literal(operand)
    if kind is None:
        return None
    if not isinstance(kind, Number) or machine not in SCALARS:
        return ()
    if machine in NARROW:
        return (DTYPES[machine],)
    own = bool if machine == BOOL else type(WEAK[machine])
    if kind.mixed:
        return (own, DTYPES[machine])
    return (own,) if kind == PYTHON else (DTYPES[machine],)
