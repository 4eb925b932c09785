"""Lists of numbers, and of such lists: numba's own, with what Python's objects would be kept beside their machine types.

A list argument becomes an array at the boundary (`listed`) and a list of numba's on entry; on the way out the elements go back,
and a list that was resized, or whose rows were exchanged, gives the call up. What lists of one machine type hold is one kind in
the whole function, so that no alias can smuggle in another. It refuses elements that are no numbers or lists of numbers, lists of
more than one type, and sorting floats, where `-0.0` and `0.0` may change places. Source: the Python library reference, 4.6.
Passes, rules and machine code of one thing, hence long.
"""

from __future__ import annotations

import builtins
import operator
import sys
from typing import TYPE_CHECKING, Any

from llvmlite import ir as llvm
from numba.core import cgutils, ir
from numba.core.extending import register_jitable
from numba.cpython import listobj

from epochly._exact import Deopt
from epochly._exact.kinds import OPAQUE, PYTHON, Items, Kind, Number, Sequence, joined, words
from epochly._exact.lowering import (
    BOOL,
    FLOAT,
    I64,
    INT,
    NONE,
    Key,
    array_primitive,
    deopt_if,
    numba_types,
    plain,
)
from epochly._exact.operators import INT_OPERATORS

if TYPE_CHECKING:
    from epochly._exact.check import Checker

NO_ARGUMENT = -1  # the root of lists made here
FRESH = Sequence(frozenset({NO_ARGUMENT}), whole=True)
NUMBERS = (INT, FLOAT, BOOL)
LONGEST = 2**40  # elements of `[x] * n`; more would not fit into memory
METHODS = ("append", "pop", "reverse", "copy", "clear", "insert", "extend", "sort")
ADD_INT = INT_OPERATORS[operator.add]
FLOATS_ADD_PLAINLY = sys.version_info < (3, 12)  # later `sum` compensates


def accepted(kind: Any) -> bool:
    """Whether lists of this machine type are in the exact subset."""
    if not isinstance(kind, numba_types.List) or kind.reflected:
        return False
    dtype = plain(kind.dtype)
    return dtype in NUMBERS or (isinstance(dtype, numba_types.List) and accepted(dtype))


def _dtype(kind: Any) -> Any:
    return plain(kind.dtype)


# -- primitives ----------------------------------------------------------------------------------------------------


@register_jitable
def _row(array: Any) -> Any:
    row = [array[0]] * len(array)
    for i in range(len(array)):
        row[i] = array[i]
    return row


def _row_entered(array: Any) -> Any:
    return _row(array)


def _rows_entered(array: Any) -> Any:
    rows = [_row(array[0])]
    for i in range(1, array.shape[0]):
        rows.append(_row(array[i]))  # noqa: PERF401 - numba's lists
    return rows


@register_jitable
def _row_back(row: Any, array: Any) -> None:
    if len(row) != len(array):
        raise Deopt("a list that is an argument changed its length")
    for i in range(len(array)):
        array[i] = row[i]


def _row_left(row: Any, _kept: Any, array: Any) -> None:
    _row_back(row, array)


def _rows_left(rows: Any, kept: Any, array: Any) -> None:
    if len(rows) != len(kept):
        raise Deopt("a list that is an argument changed its length")
    for i in range(len(kept)):
        if not SAME(rows[i], kept[i]):
            raise Deopt("rows of a list that is an argument changed places")
        _row_back(kept[i], array[i])


def _unmarked(rows: Any) -> None:
    for row in rows:
        MARK(row, 0)


def _taken(rows: Any) -> None:
    for row in rows:
        MARK(row, 1)


def _taken_whole(row: Any) -> None:
    MARK(row, 1)


def _distinct(rows: Any) -> None:
    for row in rows:
        if MARKED(row):
            raise Deopt("a list is to be returned that holds an argument, or the same list twice")
        MARK(row, 1)


def _list_of(kind: Any) -> Any:
    if not isinstance(kind, numba_types.Array) or kind.dtype not in NUMBERS:
        return None
    return numba_types.List(kind.dtype if kind.ndim == 1 else numba_types.List(kind.dtype))


def _entered(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    function = _row_entered if signature.args[0].ndim == 1 else _rows_entered
    return context.compile_internal(builder, function, signature, args)


def _copied(rows: Any) -> Any:
    return rows[:]


def _kept(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    return context.compile_internal(builder, _copied, signature, args)


def _left(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    function = _row_left if signature.args[2].ndim == 1 else _rows_left
    return context.compile_internal(builder, function, signature, args)


def _on_nested(function: Any) -> Any:
    """For each list of lists that a result is, or has among its items."""

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        (kind,) = signature.args
        parts = [(kind, args[0])]
        if isinstance(kind, numba_types.BaseTuple):
            parts = list(zip(kind, cgutils.unpack_tuple(builder, args[0]), strict=True))
        for part, value in parts:
            if _is_list(part) and _is_list(_dtype(part)):
                context.compile_internal(builder, function, NONE(part), [value])
        return context.get_dummy_value()

    return lower


def _claimed(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    function = _taken if _is_list(_dtype(signature.args[0])) else _taken_whole
    return context.compile_internal(builder, function, signature, args)


def _payload(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    return listobj.ListInstance(context, builder, signature.args[0], args[0])._payload  # noqa: SLF001 - its flag has no other use


def _mark(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    truth = builder.icmp_signed("!=", args[1], llvm.Constant(args[1].type, 0))
    _payload(context, builder, signature, args).dirty = truth
    return context.get_dummy_value()


def _marked(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    return _payload(context, builder, signature, args).dirty


def _same(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    one, other = (
        listobj.ListInstance(context, builder, kind, value).meminfo
        for kind, value in zip(signature.args, args, strict=True)
    )
    return builder.icmp_unsigned("==", one, other)


def _times(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    for kind, value in zip(signature.args, args, strict=True):
        if kind == INT:
            many = builder.icmp_signed(">", value, llvm.Constant(I64, LONGEST))
            deopt_if(context, builder, many, "a list is too long")
    return listobj.list_mul(context, builder, signature, args)


def _is_list(kind: Any) -> bool:
    return isinstance(kind, numba_types.List)


def _times_type(left: Any, right: Any) -> Any:
    if _is_list(left) and right == INT:
        return left
    return right if left == INT and _is_list(right) else None


SAME: Key = array_primitive("same_list", 2, lambda a, b: BOOL if _is_list(a) and a == b else None, _same)
MARK: Key = array_primitive("mark_list", 2, lambda a, _b: NONE if _is_list(a) else None, _mark)
MARKED: Key = array_primitive("marked_list", 1, lambda a: BOOL if _is_list(a) else None, _marked)
ENTERED: Key = array_primitive("list_of_argument", 1, _list_of, _entered)
LEFT: Key = array_primitive("list_left", 3, lambda *_: NONE, _left)
KEPT: Key = array_primitive("list_kept", 1, lambda a: a if _is_list(a) else None, _kept)
FORGET: Key = array_primitive("lists_unmarked", 1, lambda _: NONE, _on_nested(_unmarked))
CLAIM: Key = array_primitive("lists_claimed", 1, lambda _: NONE, _claimed)
RETURNED: Key = array_primitive("lists_returned", 1, lambda _: NONE, _on_nested(_distinct))
TIMES: Key = array_primitive("list_times", 2, _times_type, _times)
CALLS = {ENTERED, KEPT, LEFT, FORGET, CLAIM, RETURNED, builtins.list}


# -- sums and extremes ---------------------------------------------------------------------------------------------


def _total_of_ints(items: Any) -> Any:
    total = 0
    for item in items:
        total = ADD_INT(total, item)
    return total


def _total_of_floats(items: Any) -> Any:
    if len(items) == 0:
        raise Deopt("a sum that is the int it starts from")
    total = 0.0
    for item in items:
        total += item
    return total


def _least(items: Any) -> Any:
    if len(items) == 0:
        raise Deopt("the least or the most of nothing")
    best = items[0]
    for item in items:
        best = min(best, item)
    return best


def _most(items: Any) -> Any:
    if len(items) == 0:
        raise Deopt("the least or the most of nothing")
    best = items[0]
    for item in items:
        best = max(best, item)
    return best


FOLDS: dict[str, Any] = {"min": _least, "max": _most}


def folds(name: str, kind: Any) -> Any:
    """The type of `sum`, `min` or `max` of a list, tuple or range; None where it is not exact."""
    if isinstance(kind, numba_types.RangeType):
        return INT if name == "sum" else None
    if not isinstance(kind, numba_types.UniTuple) and not accepted(kind):
        return None
    dtype = _dtype(kind)
    exact = dtype == INT or (dtype == FLOAT and (name != "sum" or FLOATS_ADD_PLAINLY))
    return dtype if exact else None


def fold(name: str) -> Any:
    """Its implementation."""

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        ints = signature.return_type == INT
        function = FOLDS.get(name) or (_total_of_ints if ints else _total_of_floats)
        return context.compile_internal(builder, function, signature, args)

    return lower


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


def enter_and_leave(func_ir: Any, kinds: tuple[Kind, ...]) -> None:
    """Make lists of the arguments that are, put their elements back before each `return`, in place."""
    builds = any(
        isinstance(getattr(statement, "value", None), ir.Expr) and statement.value.op == "build_list"
        for block in func_ir.blocks.values()
        for statement in block.body
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
                if builds:
                    body.extend(_called(block, statement.loc, FORGET, (statement.value,)))
                    for target, _, _ in entered:
                        body.extend(_called(block, statement.loc, CLAIM, (target,)))
                    body.extend(_called(block, statement.loc, RETURNED, (statement.value,)))
            body.append(statement)
        block.body = body


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
    return checker.plan.held.get(str(_dtype(container)))


def put(checker: Checker, container: Any, value: Any) -> Kind | None:
    """A value goes into a list of this machine type; what such lists hold."""
    dtype = _dtype(container)
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
    if name == "sort" and not args and _dtype(container) == INT:
        return OPAQUE
    if (
        name == "extend"
        and len(args) == 1
        and isinstance(args[0], numba_types.RangeType)
        and _dtype(container) == INT
    ):
        _holding(checker, INT, PYTHON)
        return OPAQUE
    raise checker.reject(f"`{name}` of a list with such arguments")


def call(checker: Checker, key: Any, expr: Any, target: Any) -> Kind | None:
    """The kind of our own calls, and of `list(range(n))`."""
    if key is ENTERED:
        made, kind = checker.type_of(target), checker.kind_of(expr.args[0])
        dtype = _dtype(made)
        assert isinstance(kind, Sequence)
        if _is_list(dtype):
            _holding(checker, dtype, Sequence(kind.roots, whole=False))
            dtype = _dtype(dtype)
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
            if holds(checker, _dtype(container)) not in (None, PYTHON):
                raise checker.reject("returns a list of lists of NumPy's numbers")
            item = None
        return Sequence(kind.roots, kind.whole, item)
    if len(kind.roots) == 1 and kind.whole:
        return kind
    raise checker.reject("returns a list that may be an argument, or a row of one")
