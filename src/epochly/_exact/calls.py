"""Which calls and attributes are exact: our own primitives, `len`, and the shape of an array.

It refuses every other call by name. What a primitive does is in `mathematics`; here is what its result is marked as.
Source: NumPy's scalars reference (what `abs` or `int` of a NumPy scalar is).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from epochly._exact import (
    array_calls,
    array_ufuncs,
    elementwise,
    integers,
    iteration,
    list_code,
    lists,
    numpy_calls,
    scalar_ufuncs,
)
from epochly._exact.allocations import ALLOCATIONS, FRESH, allocation
from epochly._exact.branches import BOUND
from epochly._exact.constructors import ABS, CONSTRUCTED, absolute, constructed
from epochly._exact.kinds import LITERAL, OPAQUE, PYTHON, Array, Items, Kind, Number, words
from epochly._exact.lowering import FLOAT, INT, NONE, numba_types, plain
from epochly._exact.machine import RANGE
from epochly._exact.mathematics import FLOAT_TO_FLOAT, FLOAT_TO_INT, MAX, MIN
from epochly._exact.promotion import COMPLEXES, INTEGERS, SIGNED, SINGLE, UNSIGNED
from epochly._exact.values import kind_of_constant

if TYPE_CHECKING:
    from epochly._exact.check import Checker

TO_PYTHON = {id(key) for table in (FLOAT_TO_FLOAT, FLOAT_TO_INT) for key in table.values()}
PYTHON_ONLY = {id(key) for function, key in FLOAT_TO_INT.items() if function is round}
ROUNDED = {id(key) for key in FLOAT_TO_INT.values()}
BITS = 64  # of Python's ints in machine code
CONVERTIBLE = (*INTEGERS, SINGLE, FLOAT)  # what `math` takes
RANGED = (INT, *SIGNED, *(kind for kind in UNSIGNED if kind.bitwidth < BITS))

# calls that do not show in which order an array lies: what they give is followed itself
ORDER_UNSEEN = (len, *array_calls.MEANING, *elementwise.FUNCTIONS, *iteration.CALLS)


def call(checker: Checker, expr: Any, target: Any) -> Kind | None:
    """The kind of a call's result, or a rejection."""
    function = checker.typemap[expr.func.name]
    if getattr(function, "typing_key", None) not in ORDER_UNSEEN:
        for arg in expr.args:
            checker.needs_order(arg)
    if (
        isinstance(function, numba_types.Function)
        and function.typing_key in ALLOCATIONS
        and expr.vararg is None
    ):
        return allocation(checker, function.typing_key, expr, target)
    if (
        isinstance(function, numba_types.BoundFunction)
        and function.typing_key == "array.copy"
        and not expr.args
    ):
        return FRESH
    if isinstance(function, numba_types.BoundFunction) and isinstance(plain(function.this), numba_types.List):
        return lists.method(checker, function, expr)
    if expr.kws or expr.vararg is not None:
        raise checker.reject("a call with keywords or a star")
    key = getattr(function, "typing_key", None) if isinstance(function, numba_types.Function) else None
    args = [checker.type_of(arg) for arg in expr.args]
    if (
        key is len
        and len(args) == 1
        and isinstance(args[0], numba_types.Array | numba_types.BaseTuple | numba_types.RangeType)
    ):
        return PYTHON
    if key is BOUND:
        return OPAQUE
    if key is len and len(args) == 1 and list_code.accepted(args[0]):
        return PYTHON
    if key in list_code.CALLS:
        return lists.call(checker, key, expr, target)
    if key in iteration.CALLS:
        return iteration.call(checker, key, expr)
    if key in integers.CALLS:
        return integers.call(checker, key, expr)
    if key in numpy_calls.CALLS:
        return numpy_calls.call(checker, key, expr, target)
    if key in scalar_ufuncs.FUNCTIONS and not any(isinstance(arg, numba_types.Array) for arg in args):
        return scalar_ufuncs.call(checker, key, expr, target)
    if key in array_calls.MEANING:
        return elementwise.named(checker, key, expr, target)
    if key in elementwise.FUNCTIONS:
        return elementwise.call(checker, key, expr, target)
    if key in array_ufuncs.FUNCTIONS:
        return array_ufuncs.call(checker, key, expr, target)
    if key is slice and all(arg in (*RANGED, NONE) for arg in args):
        return OPAQUE
    if key is RANGE:
        if any(arg not in RANGED for arg in args):
            raise checker.reject("`range` of something that is no int")
        return OPAQUE
    if id(key) in TO_PYTHON:
        return _to_python(checker, key, expr, args)
    if key in CONSTRUCTED:
        return constructed(checker, key, expr)
    if key is ABS:
        return absolute(checker, expr, target)
    if key is MIN or key is MAX:
        if len(args) == 2 and set(args) == {INT, FLOAT}:
            return _beside_literal(checker, expr, args)
        kinds = [checker.kind_of(arg) for arg in expr.args]
        if len(set(args)) != 1 or args[0] not in CONVERTIBLE:
            raise checker.reject("`min` or `max` of different types", "make both ints, or both floats")
        if None in kinds:
            return None
        first = kinds[0]
        every = [kind for kind in kinds if isinstance(kind, Number)]
        if len(every) == len(kinds) == 2:
            every = [kind for arg in expr.args if isinstance(kind := checker.not_literal(arg), Number)]
            return Number(frozenset().union(*(kind.marks for kind in every))) if len(every) == 2 else None
        if not isinstance(first, Number) or first.mixed or any(kind != first for kind in kinds):
            raise checker.reject("`min` or `max` of Python's and NumPy's numbers", "compare two at a time")
        return first
    name = getattr(key, "__name__", None) or str(key or function)
    raise checker.reject(f"a call of `{name}`, which is not on the exact list")


def _beside_literal(checker: Checker, expr: Any, args: list[Any]) -> Kind | None:
    """`max(0, x)` of a float: an int on one path, a float on the other, which a tag tells apart."""
    marks: frozenset[str] = frozenset()
    for var, what in zip(expr.args, args, strict=True):
        kind = checker.kind_of(var)
        if what == FLOAT:
            if not isinstance(kind, Number):
                return None
            marks |= kind.marks
        elif checker.is_small_literal(var):
            marks |= {LITERAL}
        else:
            raise checker.reject("`min` or `max` of an int and a float", "make both ints, or both floats")
    return Number(marks)


def _to_python(checker: Checker, key: Any, expr: Any, args: list[Any]) -> Kind | None:
    """Functions whose result is Python's own number whatever they are given."""
    for var, what in zip(expr.args, args, strict=True):
        kind = checker.kind_of(var)
        if kind is None:
            return None
        numpy = isinstance(kind, Number) and kind.may_be_numpy
        if what not in CONVERTIBLE:
            raise checker.reject(f"a conversion or a function of `math` on {words(what)}")
        if id(key) in PYTHON_ONLY and numpy:
            raise checker.reject("`round` of one of NumPy's numbers")
        if id(key) in ROUNDED and numpy and what != FLOAT:
            raise checker.reject("rounding one of NumPy's ints, or its float32")
    return PYTHON


def attribute(checker: Checker, expr: Any) -> Kind | None:
    """`array.shape` and its like; an attribute of a module is a function, judged when it is called."""
    owner = checker.type_of(expr.value)
    if list_code.accepted(owner):
        return lists.attribute(checker, expr)
    if isinstance(owner, numba_types.Array):
        if expr.attr == "shape":
            return Items((PYTHON,) * owner.ndim)
        if expr.attr in ("size", "ndim"):
            return PYTHON
        if expr.attr == "dtype":
            return OPAQUE
        if expr.attr == "copy":
            return OPAQUE
        if expr.attr == "T":
            kind = checker.kind_of(expr.value)
            return kind.part if isinstance(kind, Array) else None
        raise checker.reject(f"`.{expr.attr}` of an array")
    if owner in COMPLEXES and expr.attr in ("real", "imag"):
        return checker.kind_of(expr.value)
    if isinstance(owner, numba_types.Module):
        return kind_of_constant(getattr(owner.pymod, expr.attr), owner, expr.loc.line)
    raise checker.reject(f"`.{expr.attr}` of {words(owner)}")
