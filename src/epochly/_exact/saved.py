"""Variables that a comprehension put aside are, once it is over, what they were before, bound or unbound.

A pass on names in single-assignment form. From Python 3.12 on a comprehension's own variable is one of the function's (PEP 709):
`reading` says where it is `saved` and where `unbound`. What is brought back is the name from before, so no copy of it is left that
would have to be bound. It refuses nothing: what it cannot resolve is an operation that is on no list.
"""

from __future__ import annotations

from typing import Any

from numba.core import ir
from numba.core.ir_utils import build_definitions, replace_vars_stmt

from epochly._exact.reading import SAVED, UNBOUND

Values = dict[str, Any]  # by the name they are assigned to, which is assigned once


def bring_back(func_ir: Any) -> None:
    """Replace what was brought back by what was put aside, in place."""
    blocks = func_ir.blocks
    aside = _aside(_values(blocks))
    if not aside:
        return
    before = {name: var for name in aside if (var := _first(aside, name)) is not None}
    _drop(blocks, set(aside))
    for block in blocks.values():
        for statement in block.body:
            phi = _phi(statement)
            if phi is None:
                replace_vars_stmt(statement, before)
            else:
                phi.incoming_values[:] = [
                    before.get(var.name, ir.UNDEFINED if var.name in aside else var)
                    if isinstance(var, ir.Var)
                    else var
                    for var in phi.incoming_values
                ]
    _forget_unbound(blocks)
    func_ir._definitions = build_definitions(blocks)  # noqa: SLF001 - numba has no setter


def _values(blocks: Any) -> Values:
    return {
        statement.target.name: statement.value
        for block in blocks.values()
        for statement in block.body
        if isinstance(statement, ir.Assign)
    }


def _is(value: Any, operation: str) -> bool:
    return isinstance(value, ir.Expr) and value.op == operation


def _phi(statement: Any) -> Any:
    value = statement.value if isinstance(statement, ir.Assign) else None
    return value if _is(value, "phi") else None


def _aside(values: Values) -> Values:
    """The variables that hold what was put aside or nothing, and the variable that each was saved from."""
    aside = {name: value.value for name, value in values.items() if _is(value, SAVED)}
    aside |= {name: ir.UNDEFINED for name, value in values.items() if _is(value, UNBOUND)}
    before = -1
    while before != len(aside):
        before = len(aside)
        for name, value in values.items():
            sources = [value] if isinstance(value, ir.Var) else []
            if _is(value, "phi"):
                sources = [var for var in value.incoming_values if getattr(var, "name", None) != name]
            held = [aside.get(getattr(each, "name", "")) for each in sources]
            if held and None not in held and len({getattr(each, "name", None) for each in held}) == 1:
                aside.setdefault(name, held[0])
    return aside


def _first(aside: Values, name: str) -> Any:
    """What was put aside first, where a comprehension runs within another's scope; None where that was never bound."""
    var: Any = aside[name]
    passed = {name}
    while isinstance(var, ir.Var) and var.name in aside:
        if var.name in passed:
            return None
        passed.add(var.name)
        var = aside[var.name]
    return var if isinstance(var, ir.Var) else None


def _drop(blocks: Any, names: set[str]) -> None:
    for block in blocks.values():
        block.body = [
            each for each in block.body if not (isinstance(each, ir.Assign) and each.target.name in names)
        ]


def _forget_unbound(blocks: Any) -> None:
    """Drop names that no path binds; where one is read all the same, nothing reaches it, which `branches` checks."""
    values = _values(blocks)
    bound = {name for name, value in values.items() if not _is(value, "phi")}
    phis = {name: value for name, value in values.items() if _is(value, "phi")}
    before = -1
    while before != len(bound):
        before = len(bound)
        bound |= {
            name
            for name, phi in phis.items()
            if any(getattr(var, "name", None) in bound for var in phi.incoming_values)
        }
    _drop(blocks, values.keys() - bound)
    for phi in phis.values():
        phi.incoming_values[:] = [
            var if getattr(var, "name", None) in bound else ir.UNDEFINED for var in phi.incoming_values
        ]
