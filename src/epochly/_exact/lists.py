"""Lists of numbers, and of such lists: numba's own, with what Python's objects would be kept beside their machine types.

A list argument becomes an array at the boundary (`listed`) and a list of numba's on entry; on the way out the elements go back,
and a list that was resized, or whose rows were exchanged, gives the call up. What lists of one machine type hold is one kind in
the whole function, so that no alias can smuggle in another. It refuses elements that are no numbers or lists of numbers, lists of
more than one type, and sorting floats, where `-0.0` and `0.0` may change places. Source: the Python library reference, 4.6.
"""

from __future__ import annotations

import builtins
import operator
from typing import TYPE_CHECKING, Any

from numba.core import ir

from epochly._exact.kinds import OPAQUE, PYTHON, Items, Kind, Number, Sequence, joined, words
from epochly._exact.list_code import (
    CLAIM,
    ENTERED,
    FORGET,
    KEPT,
    LEFT,
    RETURNED,
    TIMES,
    accepted,
    element_type,
    folds,
    is_list,
)
from epochly._exact.lowering import (
    BOOL,
    INT,
    Key,
    numba_types,
    plain,
)

if TYPE_CHECKING:
    from epochly._exact.check import Checker

NO_ARGUMENT = -1  # the root of lists made here
FRESH = Sequence(frozenset({NO_ARGUMENT}), whole=True)
METHODS = ("append", "pop", "reverse", "copy", "clear", "insert", "extend", "sort")


def fold_kind(checker: Checker, expr: Any, target: Any) -> Kind | None:
    """The kind of what it gives."""
    source = expr.args[0]
    container, kind = checker.type_of(source), checker.kind_of(source)
    if checker.type_of(target) != folds(
        "sum" if isinstance(container, numba_types.RangeType) else "min", container
    ):
        raise checker.reject(f"`sum`, `min` or `max` of {words(container)}")
    if isinstance(container, numba_types.RangeType):
        return PYTHON
    items = (holds(checker, container),) if accepted(container) else getattr(kind, "items", (None,))
    if None in items:
        return None
    if any(item != PYTHON for item in items):
        raise checker.reject("`sum`, `min` or `max` of NumPy's numbers in a list or tuple")
    return PYTHON


# -- before types are inferred -------------------------------------------------------------------------------------


def enter_and_leave(func_ir: Any, kinds: tuple[Kind, ...], types: tuple[Any, ...]) -> None:
    """Make lists of the arguments that are, put their elements back before each `return`, in place.

    A list of lists that is returned, and is no argument itself, must hold neither rows of one nor the same row twice.
    """
    values = {
        statement.target.name: statement.value
        for block in func_ir.blocks.values()
        for statement in block.body
        if isinstance(statement, ir.Assign)
    }
    builds = any(isinstance(value, ir.Expr) and value.op == "build_list" for value in values.values())
    nested = builds or any(
        isinstance(kind, Sequence) and machine_type.ndim > 1
        for kind, machine_type in zip(kinds, types, strict=True)
    )
    entered: list[tuple[Any, Any, Any]] = []
    for block in func_ir.blocks.values():
        body: list[Any] = []
        for statement in block.body:
            value = getattr(statement, "value", None)
            if isinstance(value, ir.Arg) and isinstance(kinds[value.index], Sequence):
                raw, kept = (
                    block.scope.redefine(f"$list_{part}", loc=statement.loc) for part in ("raw", "kept")
                )
                body.append(ir.Assign(value, raw, statement.loc))
                body.extend(_called(block, statement.loc, ENTERED, (raw,), statement.target))
                body.extend(_called(block, statement.loc, KEPT, (statement.target,), kept))
                entered.append((statement.target, kept, raw))
                continue
            if isinstance(statement, ir.Return):
                for parts in entered:
                    body.extend(_called(block, statement.loc, LEFT, parts))
                if nested and _origin(statement.value, values).name not in {
                    target.name for target, _, _ in entered
                }:
                    body.extend(_called(block, statement.loc, FORGET, (statement.value,)))
                    for target, _, _ in entered:
                        body.extend(_called(block, statement.loc, CLAIM, (target,)))
                    body.extend(_called(block, statement.loc, RETURNED, (statement.value,)))
            body.append(statement)
        block.body = body


def _origin(var: Any, values: dict[str, Any]) -> Any:
    """The variable that one is a copy of."""
    while True:
        value = values.get(var.name)
        if isinstance(value, ir.Expr) and value.op == "cast":
            value = value.value
        if not isinstance(value, ir.Var):
            return var
        var = value


def _called(block: Any, loc: Any, key: Key, args: tuple[Any, ...], target: Any = None) -> list[Any]:
    name = block.scope.redefine("$list_function", loc=loc)
    result = target if target is not None else block.scope.redefine("$list_done", loc=loc)
    return [
        ir.Assign(ir.Global(key.__name__, key, loc), name, loc),
        ir.Assign(ir.Expr.call(name, args, (), loc), result, loc),
    ]


# -- what the checker asks -----------------------------------------------------------------------------------------


def holds(checker: Checker, container: Any) -> Kind | None:
    """What lists of this machine type hold."""
    return checker.plan.held.get(str(element_type(container)))


def put(checker: Checker, container: Any, value: Any) -> Kind | None:
    """A value goes into a list of this machine type; what such lists hold."""
    dtype = element_type(container)
    if checker.type_of(value) != dtype:
        raise checker.reject(
            f"{words(checker.type_of(value))} in a list of {words(dtype)}", "keep to one type of elements"
        )
    return _holding(checker, dtype, checker.settled(value))


def _holding(checker: Checker, dtype: Any, kind: Kind | None) -> Kind | None:
    known = joined(checker.plan.held.get(str(dtype)), kind)
    if known is not None:
        checker.plan.held[str(dtype)] = known
    if checker.final and isinstance(known, Number) and (known.mixed or (known != PYTHON and dtype == BOOL)):
        raise checker.reject("lists hold both Python's and NumPy's numbers")
    return known


def build(checker: Checker, expr: Any, target: Any) -> Kind | None:
    """`[a, b]`."""
    for item in expr.items:
        put(checker, checker.type_of(target), item)
    return FRESH


def binop(checker: Checker, function: Any, expr: Any, target: Any) -> Kind | None:
    """`[x] * n` and the sum of two lists."""
    left, right = checker.type_of(expr.lhs), checker.type_of(expr.rhs)
    made = checker.type_of(target)
    if expr.op == "inplace_binop" or not accepted(made):
        raise checker.reject(f"`{function.__name__}` of {words(left)} and {words(right)}")
    if function is operator.mul and INT in (left, right):
        checker.swap(expr, TIMES, made, left, right)
        return FRESH
    if function is operator.add and left == right == made:
        return FRESH
    raise checker.reject(f"`{function.__name__}` of {words(left)} and {words(right)}")


def store(checker: Checker, target: Any, index: Any, value: Any) -> None:
    """`list[index] = value`."""
    container = checker.type_of(target)
    if plain(index) == INT:
        put(checker, container, value)
        return
    raise checker.reject(
        "a store into a list by what is no int"
    )  # numba stores other slices than Python does


def getitem(checker: Checker, source: Any, index: Any) -> Kind | None:
    """`list[index]`."""
    container = checker.type_of(source)
    if plain(index) == INT:
        return holds(checker, container)
    if isinstance(plain(index), numba_types.SliceType):
        return FRESH
    raise checker.reject("an index of a list that is no int and no slice")


def attribute(checker: Checker, expr: Any) -> Kind:
    """`list.append` and its like."""
    if expr.attr not in METHODS:
        raise checker.reject(f"`.{expr.attr}` of a list")
    return OPAQUE


def method(checker: Checker, function: Any, expr: Any) -> Kind | None:
    """The kind of a method's result."""
    container, key = plain(function.this), function.typing_key
    name = key[1] if isinstance(key, tuple) else key.partition(".")[2]
    args = [checker.type_of(arg) for arg in expr.args]
    if not accepted(container):
        raise checker.reject(f"`{name}` of {words(container)}")
    if name == "append" and len(args) == 1:
        put(checker, container, expr.args[0])
        return OPAQUE
    if name == "insert" and len(args) == 2 and args[0] == INT:
        put(checker, container, expr.args[1])
        return OPAQUE
    if name == "pop" and all(arg == INT for arg in args):
        return holds(checker, container)
    if name in ("reverse", "clear") and not args:
        return OPAQUE
    if name == "copy" and not args:
        return FRESH
    if name == "sort" and not args and element_type(container) == INT:
        return OPAQUE
    if (
        name == "extend"
        and len(args) == 1
        and isinstance(args[0], numba_types.RangeType)
        and element_type(container) == INT
    ):
        _holding(checker, INT, PYTHON)
        return OPAQUE
    raise checker.reject(f"`{name}` of a list with such arguments")


def call(checker: Checker, key: Any, expr: Any, target: Any) -> Kind | None:
    """The kind of our own calls, and of `list(range(n))`."""
    if key is ENTERED:
        made, kind = checker.type_of(target), checker.kind_of(expr.args[0])
        dtype = element_type(made)
        assert isinstance(kind, Sequence)
        if is_list(dtype):
            _holding(checker, dtype, Sequence(kind.roots, whole=False))
            dtype = element_type(dtype)
        _holding(checker, dtype, PYTHON)
        return kind
    if key is builtins.list:
        args = [checker.type_of(arg) for arg in expr.args]
        if (
            len(args) == 1
            and isinstance(args[0], numba_types.RangeType)
            and checker.type_of(target).dtype == INT
        ):
            _holding(checker, INT, PYTHON)
            return FRESH
        if len(args) == 1 and accepted(args[0]) and args[0] == checker.type_of(target):
            return FRESH
        raise checker.reject("`list` of something that is no range and no list")
    return FRESH if key is KEPT else OPAQUE


def leaving(checker: Checker, container: Any, kind: Kind) -> Kind:
    """The kind of a list that is returned, or of a tuple that may hold one."""
    if isinstance(kind, Items):
        if sum(isinstance(item, Sequence) for item in kind.items) > 1:
            raise checker.reject("returns a tuple of more than one list")
        pairs = zip(tuple(container), kind.items, strict=True)
        return Items(tuple(leaving(checker, part, item) for part, item in pairs))
    if not isinstance(kind, Sequence):
        return kind
    if kind.roots == FRESH.roots:
        item = holds(checker, container)
        if isinstance(item, Sequence):  # that no row is an argument's, or there twice, is checked at run time
            if holds(checker, element_type(container)) not in (None, PYTHON):
                raise checker.reject("returns a list of lists of NumPy's numbers")
            item = None
        return Sequence(kind.roots, kind.whole, item)
    if len(kind.roots) == 1 and kind.whole:
        return kind
    raise checker.reject("returns a list that may be an argument, or a row of one")
