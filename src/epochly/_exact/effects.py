"""Which array arguments a function may read; one that it only stores to needs no copy (`snapshot`).

A variable that may hold an argument's memory is read by every use but a few: a store into it, another name for it, a view of
it, its shape, its return. What is not on that list counts as a reading, so an operation that is added to the compiler and not
here costs a copy and no more. It refuses to follow elements: one element read is the whole argument read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numba.core import ir

from epochly._exact.kinds import Array, Items, Iterator, Kind
from epochly._exact.lowering import numba_types, plain

if TYPE_CHECKING:
    from collections.abc import Iterable

SHAPES = {"shape", "size", "ndim"}


def arguments_read(blocks: Any, typemap: dict[str, Any], kinds: dict[str, Kind], count: int) -> set[int]:
    """Positions of arguments that may be read, of `count`."""
    every = set(range(count))
    found: set[int] = set()
    for block in blocks.values():
        for statement in block.body:
            value = getattr(statement, "value", None)
            if isinstance(value, ir.Global | ir.FreeVar | ir.Const) and _may_hold_array(
                typemap[statement.target.name]
            ):
                return every
            for var in _reading(statement, typemap):
                kind = kinds.get(var.name)
                if kind is None and _may_hold_array(typemap[var.name]):
                    return every
                found |= _roots(kind)
    return found & every


def _reading(statement: Any, typemap: dict[str, Any]) -> Iterable[Any]:
    """Variables whose elements a statement may look at."""
    if isinstance(statement, ir.Del | ir.Jump | ir.Return):
        return ()
    if isinstance(statement, ir.SetItem):
        return (statement.index, statement.value)
    if isinstance(statement, ir.StaticSetItem):
        index = () if statement.index_var is None else (statement.index_var,)
        return (*index, statement.value)
    if not isinstance(statement, ir.Assign):
        return tuple(statement.list_vars())
    value = statement.value
    if not isinstance(value, ir.Expr):
        return ()  # another name, an argument or a constant
    if value.op in ("phi", "cast") or (value.op == "getattr" and value.attr in SHAPES):
        return ()
    used = [each for each in value.list_vars() if each is not ir.UNDEFINED]
    if value.op in ("getitem", "static_getitem") and isinstance(
        plain(typemap[statement.target.name]), numba_types.Array
    ):
        return [each for each in used if each.name != value.value.name]  # a view
    if value.op == "call" and getattr(typemap[value.func.name], "typing_key", None) is len:
        return ()
    return used


def _roots(kind: Kind | None) -> set[int]:
    if isinstance(kind, Array):
        return set(kind.roots)
    if isinstance(kind, Items):
        return set().union(*map(_roots, kind.items))
    return _roots(kind.item) if isinstance(kind, Iterator) else set()


def _may_hold_array(machine_type: Any) -> bool:
    kind = plain(machine_type)
    if isinstance(kind, numba_types.BaseTuple):
        return any(map(_may_hold_array, kind))
    return not isinstance(
        kind,
        numba_types.Number
        | numba_types.Boolean
        | numba_types.NoneType
        | numba_types.RangeType
        | numba_types.RangeIteratorType
        | numba_types.Function
        | numba_types.Module
        | numba_types.NumberClass
        | numba_types.DType
        | numba_types.SliceType,
    )
