"""Calls of NumPy's that become part of an array expression, and gathers: `np.where`, `np.clip`, `np.add.outer`, `x[columns]`.

Before types are inferred a name is enough; the types are NumPy's own answer (`recipes`). It refuses masks, `where` with one
argument, `clip` without both bounds, and outer products of anything but vectors. Sources: NumPy's ufunc reference
(`ufunc.outer`), its indexing reference (integer array indexing).
"""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any

import numpy as np
from llvmlite import ir as llvm
from numba.core import cgutils, ir
from numba.np.arrayobj import _empty_nd_impl, make_array

from epochly._exact.allocations import FRESH
from epochly._exact.kinds import Kind, words
from epochly._exact.lowering import I1, I64, ZERO, Key, array_primitive, deopt_if, numba_types
from epochly._exact.promotion import DTYPES, INTEGERS, SCALARS, WEAK
from epochly._exact.recipes import CLIP, array_of, loop_types

if TYPE_CHECKING:
    from epochly._exact.check import Checker

OUTER = (np.add, np.subtract, np.multiply, np.true_divide, np.minimum, np.maximum)
BITS = 64  # of an index in machine code


def _never(*_: Any) -> Any:
    raise AssertionError("part of an array expression, which `fused` lowers")


def _stand_in(kind: Any) -> Any:
    if isinstance(kind, numba_types.Array):
        return DTYPES.get(kind.dtype)
    return type(WEAK[kind]) if kind in WEAK else DTYPES.get(kind)


def _typed(function: Any, *kinds: Any, ndim: int = 0) -> Any:
    """The array that comes out, scalars of 64 bits taken for Python's; None where there is no such loop."""
    dtypes = [_stand_in(kind) for kind in kinds]
    if not any(isinstance(kind, numba_types.Array) for kind in kinds) or any(each is None for each in dtypes):
        return None
    found = loop_types(function, tuple(dtypes))
    return None if found is None else array_of(found[1], kinds, ndim)


def _outer_type(ufunc: Any) -> Any:
    def result_of(left: Any, right: Any) -> Any:
        vectors = all(isinstance(each, numba_types.Array) and each.ndim == 1 for each in (left, right))
        made = _typed(ufunc, left, right, ndim=2) if vectors else None
        return None if made is None else made.copy(layout="C")

    return result_of


WHERE: Key = array_primitive("where", 3, lambda *kinds: _typed(np.where, *kinds), _never)
CLIPPED: Key = array_primitive("clip", 3, lambda *kinds: _typed(CLIP, *kinds), _never)
OUTERS: dict[Any, Key] = {
    ufunc: array_primitive(f"outer_{ufunc.__name__}", 2, _outer_type(ufunc), _never) for ufunc in OUTER
}
NAMES: dict[int, Key] = {
    id(np.where): WHERE,
    id(np.clip): CLIPPED,
    id(np.outer): OUTERS[np.multiply],
}
MEANING: dict[Key, Any] = {WHERE: np.where, CLIPPED: CLIP} | {key: ufunc for ufunc, key in OUTERS.items()}
LIFTED = frozenset(OUTERS.values())  # the left operand's axis comes before the right one's


def rename_array_calls(func_ir: Any) -> None:
    """Let what this module knows mean our keys, in place."""
    meant: dict[str, Any] = {}
    called = {
        statement.value.func.name
        for block in func_ir.blocks.values()
        for statement in block.body
        if isinstance(statement, ir.Assign)
        and isinstance(statement.value, ir.Expr)
        and statement.value.op == "call"
        and not statement.value.kws
        and statement.value.vararg is None
    }
    for block in func_ir.blocks.values():
        for statement in block.body:
            if not isinstance(statement, ir.Assign):
                continue
            value, name, key = statement.value, statement.target.name, None
            if isinstance(value, ir.Global | ir.FreeVar):
                meant[name] = value.value
                key = NAMES.get(id(value.value))
            elif isinstance(value, ir.Expr) and value.op == "getattr" and value.value.name in meant:
                owner = meant[value.value.name]
                if isinstance(owner, types.ModuleType):
                    meant[name] = getattr(owner, value.attr, None)
                    key = NAMES.get(id(meant[name]))
                elif isinstance(owner, np.ufunc) and value.attr == "outer":
                    key = OUTERS.get(owner)
            if key is not None and name in called:
                statement.value = ir.Global(key.__name__, key, statement.loc)
                func_ir._definitions[name] = [statement.value]  # noqa: SLF001 - numba has no setter


# -- gathers -----------------------------------------------------------------------------------------------------------
def _gathered_type(source: Any, index: Any) -> Any:
    return numba_types.Array(source.dtype, 1, "C") if gathers(source, index) else None


def gathers(source: Any, index: Any) -> bool:
    """Whether an index of this type picks elements of a vector one by one."""
    vectors = all(isinstance(each, numba_types.Array) and each.ndim == 1 for each in (source, index))
    return bool(
        vectors
        and source.dtype in SCALARS
        and index.dtype in INTEGERS
        and (index.dtype.signed or index.dtype.bitwidth < BITS)
    )


def _gather(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """A new array; an index out of range is remembered, and gives up the call after the loop."""
    index_type, made_type = signature.args[1], signature.return_type
    source, index = (
        make_array(kind)(context, builder, value) for kind, value in zip(signature.args, args, strict=True)
    )
    size, count = (builder.extract_value(each.shape, 0) for each in (source, index))
    made = _empty_nd_impl(context, builder, made_type, [count])
    empty = builder.icmp_signed("==", size, ZERO)
    some = builder.icmp_signed(">", count, ZERO)
    why = "an index is out of range"
    deopt_if(context, builder, builder.and_(empty, some), why)
    outside = cgutils.alloca_once_value(builder, llvm.Constant(I1, 0))
    widen = builder.sext if index_type.dtype.signed else builder.zext
    steps = [builder.extract_value(each.strides, 0) for each in (source, index)]

    def at(array: Any, step: Any, place: Any) -> Any:
        start = builder.bitcast(array.data, llvm.IntType(8).as_pointer())
        moved = builder.gep(start, [builder.mul(place, step)])
        return builder.load(builder.bitcast(moved, array.data.type))

    with cgutils.for_range(builder, count) as loop:
        position = at(index, steps[1], loop.index)
        position = position if position.type == I64 else widen(position, I64)
        wrapped = builder.select(
            builder.icmp_signed("<", position, ZERO), builder.add(position, size), position
        )
        beyond = builder.icmp_unsigned(">=", wrapped, size)
        builder.store(builder.or_(builder.load(outside), beyond), outside)
        value = at(source, steps[0], builder.select(beyond, ZERO, wrapped))
        builder.store(value, builder.gep(made.data, [loop.index]))
    deopt_if(context, builder, builder.load(outside), why)
    return made._getvalue()  # noqa: SLF001 - numba's own name for it


GATHER: Key = array_primitive("gather", 2, _gathered_type, _gather)


def gather(checker: Checker, expr: Any, source: Any, index: Any) -> Kind:
    """The kind of `vector[indices]`."""
    if not gathers(source, index):
        raise checker.reject(
            f"an index of type {words(index)}, which is no int, no slice and no vector of ints"
        )
    if checker.final:
        checker.plan.gathers[id(expr)] = expr
    return FRESH
