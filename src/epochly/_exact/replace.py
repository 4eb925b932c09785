"""The pass before type inference: names that mean `math`, `range` or a numeric builtin come to mean our primitives.

What a name meant when the function was compiled is guarded by identity at every call (`guards`), so a replaced name that is
rebound later never runs stale code. It refuses nothing; what it does not replace, `check` judges.
"""

from __future__ import annotations

import builtins
import types
from collections import Counter
from typing import Any

import numpy as np
from numba.core import ir

from epochly._exact import constructors, integers, mathematics
from epochly._exact.machine import ARANGE, RANGE

REPLACED = (
    mathematics.REPLACED
    | constructors.REPLACED
    | integers.REPLACED
    | {builtins.range: RANGE, np.arange: ARANGE}
)
TABLE: dict[int, Any] = {id(function): key for function, key in REPLACED.items()}


def replace(func_ir: Any) -> None:
    """Swap the globals of one function, in place."""
    modules: dict[str, types.ModuleType] = {}
    for statement in _assignments(func_ir):
        value = statement.value
        if isinstance(value, ir.Global | ir.FreeVar) and isinstance(value.value, types.ModuleType):
            modules[statement.target.name] = value.value
    called = {
        statement.value.func.name: statement.value
        for statement in _assignments(func_ir)
        if isinstance(statement.value, ir.Expr) and statement.value.op == "call"
    }
    for statement in _assignments(func_ir):
        value, found = statement.value, None
        if statement.target.name not in called:  # `int` may be a dtype
            continue
        if isinstance(value, ir.Global | ir.FreeVar):
            found = TABLE.get(id(value.value))
        elif isinstance(value, ir.Expr) and value.op == "getattr" and value.value.name in modules:
            found = TABLE.get(id(getattr(modules[value.value.name], value.attr, None)))
        if found is ARANGE and called[statement.target.name].kws:
            continue
        if found is not None:
            statement.value = ir.Global(found.__name__, found, statement.loc)
            func_ir._definitions[statement.target.name] = [statement.value]  # noqa: SLF001 - numba has no setter


def drop_keyword_names(func_ir: Any) -> None:
    """Remove the tuple of a call's keywords that Python 3.13 builds before it; numba has read it, and nothing else does."""
    for wanted in (_is_tuple, _is_text):
        values = {each.target.name: each.value for each in _assignments(func_ir)}
        mentioned = Counter(
            var.name
            for block in func_ir.blocks.values()
            for statement in block.body
            if not isinstance(statement, ir.Del)
            for var in statement.list_vars()
        )
        dead = {name for name, value in values.items() if mentioned[name] == 1 and wanted(value, values)}
        for block in func_ir.blocks.values():
            block.body = [each for each in block.body if _subject(each) not in dead]


def _is_text(value: Any, _values: dict[str, Any]) -> bool:
    return isinstance(value, ir.Const) and type(value.value) is str


def _is_tuple(value: Any, values: dict[str, Any]) -> bool:
    if isinstance(value, ir.Const):
        return type(value.value) is tuple and all(type(item) is str for item in value.value)
    built = isinstance(value, ir.Expr) and value.op == "build_tuple"
    return built and all(_is_text(values.get(item.name), values) for item in value.items)


def _subject(statement: Any) -> str | None:
    """The name that a statement binds or deletes."""
    if isinstance(statement, ir.Assign):
        return str(statement.target.name)
    return str(statement.value) if isinstance(statement, ir.Del) else None


def _assignments(func_ir: Any) -> Any:
    for block in func_ir.blocks.values():
        yield from (statement for statement in block.body if isinstance(statement, ir.Assign))
