"""The pass before type inference: names that mean `math`, `range` or a numeric builtin come to mean our primitives.

What a name meant when the function was compiled is guarded by identity at every call (`guards`), so a replaced name that is
rebound later never runs stale code. It refuses nothing; what it does not replace, `check` judges.
"""

from __future__ import annotations

import builtins
import types
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


def _assignments(func_ir: Any) -> Any:
    for block in func_ir.blocks.values():
        yield from (statement for statement in block.body if isinstance(statement, ir.Assign))
