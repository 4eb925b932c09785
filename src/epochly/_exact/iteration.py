"""`enumerate`, `zip` and `reversed`, drawn from by the `for` they are written in: numba's own iterators, our kinds.

They can be drawn from once in Python, and machine code does not keep count of that, so each must be made where its loop
begins. It refuses those that are kept in a name, `strict=`, and `reversed` of more than one dimension. Source: the Python
library reference.
"""

from __future__ import annotations

import builtins
import operator
from typing import TYPE_CHECKING, Any

from llvmlite import ir as llvm
from numba.core import cgutils, ir
from numba.core.ir_utils import build_definitions

from epochly._exact import list_code, lists, views
from epochly._exact.integers import powers
from epochly._exact.kinds import NUMPY, PYTHON, Array, Items, Iterator, Kind, Number, Reject, joined, words
from epochly._exact.lowering import I64, INT, ZERO, Key, array_primitive, deopt_if, numba_types, primitive
from epochly._exact.membership import CONTAINS

if TYPE_CHECKING:
    from epochly._exact.check import Checker

FARTHEST = (
    2**60
)  # bound of a range that is reversed, and first count of `enumerate`; sums of a few of them still fit


def _too_far(context: Any, builder: Any, value: Any) -> None:
    shifted = builder.add(value, llvm.Constant(I64, FARTHEST))
    wide = builder.icmp_unsigned(">", shifted, llvm.Constant(I64, 2 * FARTHEST))
    deopt_if(context, builder, wide, "a loop counts beyond 60 bits")


def _counted_from(context: Any, builder: Any, _: Any, args: Any) -> Any:
    _too_far(context, builder, args[0])
    return args[0]


def _reversible(kind: Any) -> Any:
    if isinstance(kind, (numba_types.RangeType, numba_types.UniTuple)):
        return kind
    return kind.copy(layout="A") if isinstance(kind, numba_types.Array) and kind.ndim == 1 else None


def _reversed(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    (kind,) = signature.args
    if isinstance(kind, numba_types.Array):
        return views.flipped(context, builder, signature, args)
    if isinstance(kind, numba_types.UniTuple):
        items = cgutils.unpack_tuple(builder, args[0])
        return context.make_tuple(builder, kind, items[::-1])
    state = cgutils.create_struct_proxy(kind)(context, builder, value=args[0])
    for bound in (state.start, state.stop, state.step):
        _too_far(context, builder, bound)
    length_type = INT(kind)
    function = context.typing_context.resolve_value_type(len)
    function.get_call_type(context.typing_context, (kind,), {})
    count = context.get_function(function, length_type)(builder, args)
    result = cgutils.create_struct_proxy(kind)(context, builder)
    last = builder.mul(builder.sub(count, llvm.Constant(I64, 1)), state.step)
    result.start, result.stop = builder.add(state.start, last), builder.sub(state.start, state.step)
    result.step = builder.sub(ZERO, state.step)
    return result._getvalue()  # noqa: SLF001 - numba's structures have no other way out


REVERSED: Key = array_primitive("reversed", 1, _reversible, _reversed)
COUNTED_FROM: Key = primitive("counted_from", {(INT,): (INT, _counted_from)})
LOOPED: dict[int, Any] = {
    id(builtins.enumerate): builtins.enumerate,
    id(builtins.zip): builtins.zip,
    id(builtins.reversed): REVERSED,
}
CALLS = {*LOOPED.values(), COUNTED_FROM, CONTAINS}


def prepare_loops(func_ir: Any) -> None:
    """Before types are inferred, in place: `reversed` becomes ours, `start=` is put by position, the rest is refused."""
    made: dict[str, Any] = {}
    for block in func_ir.blocks.values():
        functions: dict[str, Any] = {}
        body: list[Any] = []
        for statement in block.body:
            value = statement.value if isinstance(statement, ir.Assign) else None
            if isinstance(value, ir.Global | ir.FreeVar) and (
                id(value.value) in LOOPED or value.value is builtins.pow
            ):
                functions[statement.target.name] = value
            elif isinstance(value, ir.Expr) and value.op == "call" and value.func.name in functions:
                function = functions[value.func.name]
                if powers(statement, function):
                    body.append(statement)
                    continue
                meant = LOOPED.get(id(function.value), function.value)
                if meant is builtins.enumerate:
                    body.extend(_counted(block, statement))
                function.value, function.name = meant, meant.__name__
                made[statement.target.name] = (block, statement)
            elif isinstance(value, ir.Expr) and value.op == "binop" and value.fn is operator.contains:
                body.append(_contained(block, statement))
            body.append(statement)
        block.body = body
    func_ir._definitions = build_definitions(func_ir.blocks)  # noqa: SLF001 - numba has no setter
    _require_loops(func_ir, made)


def _contained(block: Any, statement: Any) -> Any:
    """`item in container` becomes a call of ours; its function is named before."""
    loc, value = statement.loc, statement.value
    key = block.scope.redefine("$contains", loc=loc)
    statement.value = ir.Expr.call(key, (value.lhs, value.rhs), (), loc)
    return ir.Assign(ir.Global(CONTAINS.__name__, CONTAINS, loc), key, loc)


def _counted(block: Any, statement: Any) -> list[Any]:
    """`enumerate` with its first count by position, and checked."""
    call = statement.value
    if call.kws:
        if len(call.args) != 1 or [name for name, _ in call.kws] != ["start"]:
            raise Reject("`enumerate` with such keywords", statement.loc.line)
        call.args, call.kws = (*call.args, call.kws[0][1]), ()
    if len(call.args) != 2:
        return []
    loc = statement.loc
    key, start = block.scope.redefine("$counted", loc=loc), block.scope.redefine("$start", loc=loc)
    checked = ir.Expr.call(key, (call.args[1],), (), loc)
    call.args = (call.args[0], start)
    return [
        ir.Assign(ir.Global(COUNTED_FROM.__name__, COUNTED_FROM, loc), key, loc),
        ir.Assign(checked, start, loc),
    ]


def _require_loops(func_ir: Any, made: dict[str, Any]) -> None:
    """What was made is drawn from by one loop, which begins in the same block, or wrapped by another of these."""
    uses: dict[str, list[tuple[Any, Any]]] = {name: [] for name in made}
    for block in func_ir.blocks.values():
        for statement in block.body:
            for var in statement.list_vars():
                if var.name in made and statement is not made[var.name][1]:
                    uses[var.name].append((block, statement))
    for name, (block, statement) in made.items():
        places = uses[name]
        value = getattr(places[0][1], "value", None) if len(places) == 1 else None
        begins = isinstance(value, ir.Expr) and (
            value.op == "getiter"
            or (getattr(places[0][1], "target", None) is not None and places[0][1].target.name in made)
        )
        if not begins or places[0][0] is not block:
            raise Reject("`enumerate`, `zip` or `reversed` is used other than by a `for`", statement.loc.line)


def call(checker: Checker, key: Any, expr: Any) -> Kind | None:
    """The kind of what is to be drawn from."""
    if key is COUNTED_FROM:
        kind = checker.not_literal(expr.args[0])
        return kind if kind is None else PYTHON
    if key is CONTAINS:
        return PYTHON if checker.not_literal(expr.args[1]) is not None else None
    if key is REVERSED:
        kind = checker.kind_of(expr.args[0])
        if isinstance(kind, Array):
            return kind.part
        return Items(kind.items[::-1]) if isinstance(kind, Items) else kind
    if key is builtins.enumerate:
        item = drawn(checker, expr.args[0])
        return None if item is None else Iterator(Items((PYTHON, item)))
    items = [drawn(checker, arg) for arg in expr.args]
    if not items:
        raise checker.reject("`zip` of nothing")
    return None if None in items else Iterator(Items(tuple(item for item in items if item is not None)))


def drawn(checker: Checker, source: Any) -> Kind | None:
    """What a loop over a value gives, one at a time."""
    container, kind = checker.type_of(source), checker.kind_of(source)
    if isinstance(container, numba_types.RangeType):
        return PYTHON
    if list_code.accepted(container):
        return lists.holds(checker, container)
    if isinstance(container, (numba_types.EnumerateType, numba_types.ZipType)):
        return kind.item if isinstance(kind, Iterator) else None
    if isinstance(container, numba_types.UniTuple):
        item: Kind | None = None
        for each in kind.items if isinstance(kind, Items) else ():
            item = joined(item, each)
        if checker.final and isinstance(item, Number) and item.mixed:
            raise checker.reject("a tuple holds both Python's and NumPy's numbers")
        return item
    if isinstance(container, numba_types.Array):
        if container.ndim == 1:
            return NUMPY
        return kind.part if isinstance(kind, Array) else None
    raise checker.reject(f"a loop over {words(container)}")
