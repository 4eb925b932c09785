"""Calls, methods and operators of NumPy's that become primitives of ours: `a @ b`, `np.dot`, `a.sum()`, `np.min(a)`.

Before types are inferred a name is enough: numba never sees `@` or a method of these names, and what they are applied to is
judged when its type is known. It refuses keywords and axes. Source: NumPy's array methods.
"""

from __future__ import annotations

import builtins
import operator
import types
from typing import TYPE_CHECKING, Any

import numpy as np
from numba.core import ir
from numba.core.analysis import compute_cfg_from_blocks

from epochly._exact import lists, products, reductions, sequences, views
from epochly._exact.allocations import COPIES, FRESH
from epochly._exact.kinds import NUMPY, PYTHON, Kind, Reject
from epochly._exact.lowering import numba_types
from epochly._exact.mathematics import MAX, MIN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from epochly._exact.check import Checker
    from epochly._exact.lowering import Key

METHODS: dict[str, Key] = {
    "dot": products.DOT,
    "sum": reductions.SUM,
    "prod": reductions.PROD,
    "mean": reductions.MEAN,
    "min": reductions.LEAST_OF,
    "max": reductions.MOST_OF,
    "any": reductions.ANY,
    "all": reductions.ALL,
    "argmin": reductions.ARGMIN,
    "argmax": reductions.ARGMAX,
    "var": reductions.VAR,
    "std": reductions.STD,
    "cumsum": sequences.CUMSUM,
    "cumprod": sequences.CUMPROD,
}
NAMES: dict[int, Key] = {id(getattr(np, name)): key for name, key in METHODS.items()} | {
    id(np.amin): reductions.LEAST_OF,
    id(np.amax): reductions.MOST_OF,
    id(np.matmul): products.AT_SIGN,
    **{id(getattr(np, name)): key for key, name in COPIES.items()},
    id(np.flip): views.FLIP,
    id(np.inner): products.INNER,
    id(np.linalg.norm): products.NORM,
    id(builtins.sum): reductions.PYTHON_SUM,
    id(builtins.any): reductions.PYTHON_ANY,
    id(builtins.all): reductions.PYTHON_ALL,
}
SAID: dict[Key, str] = {
    views.FLIP: "flip",
    **COPIES,
    **products.PRODUCTS,
    **sequences.SEQUENCES,
    **{key: name for key, (name, *_) in reductions.REDUCTIONS.items()},
}
CALLS = frozenset(SAID)
TWO = (products.DOT, products.AT_SIGN, products.INNER)
ARGUMENTS: dict[Key, int] = {key: 2 if key in TWO else 1 for key in SAID}
OF_ONE_ARGUMENT = {id(MIN): reductions.PYTHON_MIN, id(MAX): reductions.PYTHON_MAX}


def rename(func_ir: Any) -> None:
    """Let what this module knows mean our primitives, in place; run after `replace`."""
    modules, uses, calls = _modules(func_ir), _uses(func_ir), _calls(func_ir)
    for block in func_ir.blocks.values():
        body: list[Any] = []
        for statement in block.body:
            if isinstance(statement, ir.Assign):
                body.extend(_before(func_ir, block, statement))
                _renamed(func_ir, statement, modules, uses, calls)
            body.append(statement)
        block.body = body


def _before(func_ir: Any, block: Any, statement: Any) -> Iterator[Any]:
    """`a @ b` becomes a call; its function is named before."""
    value = statement.value
    if isinstance(value, ir.Expr) and value.op == "binop" and value.fn is operator.matmul:
        name = ir.Var(block.scope, f"$epochly_at_{len(func_ir._definitions)}", statement.loc)  # noqa: SLF001 - no other way to a fresh name
        function = _global(products.AT_SIGN, statement.loc)
        func_ir._definitions[name.name] = [function]  # noqa: SLF001 - numba has no setter
        statement.value = ir.Expr.call(name, (value.lhs, value.rhs), (), statement.loc)
        func_ir._definitions[statement.target.name] = [statement.value]  # noqa: SLF001
        yield ir.Assign(function, name, statement.loc)


def _renamed(
    func_ir: Any,
    statement: Any,
    modules: dict[str, types.ModuleType],
    uses: dict[str, int],
    calls: dict[str, Any],
) -> None:
    """A name or a method that is called comes to mean a primitive."""
    name, value, key = statement.target.name, statement.value, None
    if name not in calls or uses[name] != 1:
        return
    call = calls[name]
    if isinstance(value, ir.Global | ir.FreeVar):
        key = NAMES.get(id(value.value))
        if len(call.args) == 1 and key is None:
            key = OF_ONE_ARGUMENT.get(id(value.value))
    elif isinstance(value, ir.Expr) and value.op == "getattr":
        if value.value.name in modules:
            key = NAMES.get(id(getattr(modules[value.value.name], value.attr, None)))
        elif value.attr in METHODS:
            key = METHODS[value.attr]
            call.args = [value.value, *call.args]
    if key is not None:
        if call.kws or call.vararg is not None or len(call.args) != ARGUMENTS[key]:
            raise Reject(f"`{SAID[key]}` with an axis or another option", statement.loc.line)
        statement.value = _global(key, statement.loc)
        func_ir._definitions[name] = [statement.value]  # noqa: SLF001


def _global(key: Key, loc: Any) -> Any:
    return ir.Global(key.__name__, key, loc)


def _assignments(func_ir: Any) -> Iterator[Any]:
    for block in func_ir.blocks.values():
        yield from (statement for statement in block.body if isinstance(statement, ir.Assign))


def _modules(func_ir: Any) -> dict[str, types.ModuleType]:
    """Names of modules, and of modules inside them."""
    found: dict[str, types.ModuleType] = {}
    for statement in _assignments(func_ir):
        value, meant = statement.value, None
        if isinstance(value, ir.Global | ir.FreeVar):
            meant = value.value
        elif isinstance(value, ir.Expr) and value.op == "getattr" and value.value.name in found:
            meant = getattr(found[value.value.name], value.attr, None)
        if isinstance(meant, types.ModuleType):
            found[statement.target.name] = meant
    return found


def _calls(func_ir: Any) -> dict[str, Any]:
    """By the name of what is called."""
    return {
        statement.value.func.name: statement.value
        for statement in _assignments(func_ir)
        if isinstance(statement.value, ir.Expr) and statement.value.op == "call"
    }


def _uses(func_ir: Any) -> dict[str, int]:
    """How many statements read or bind a name, beyond the one that binds it first."""
    found: dict[str, int] = {}
    for block in func_ir.blocks.values():
        for statement in block.body:
            if not isinstance(statement, ir.Del):
                for var in statement.list_vars():
                    found[var.name] = found.get(var.name, 0) + 1
    return {name: count - 1 for name, count in found.items()}


def call(checker: Checker, key: Key, expr: Any, target: Any) -> Kind | None:
    """The kind of a call's result, or a rejection."""
    if key is views.FLIP:
        return views.flip(checker, expr)
    if key in COPIES:
        return FRESH
    args = [checker.type_of(arg) for arg in expr.args]
    if key in reductions.OF_ITEMS and not isinstance(args[0], numba_types.Array):
        return lists.fold_kind(checker, expr, target)
    if key in products.PRODUCTS:
        refused = products.refusal(key, *args)
    elif key in sequences.SEQUENCES:
        refused = sequences.refusal(key, *args)
    else:
        refused = reductions.refusal(key, *args)
    if refused is not None:
        raise checker.reject(refused.reason, refused.fix)
    if isinstance(checker.type_of(target), numba_types.Array):
        if key in products.PRODUCTS and not compute_cfg_from_blocks(checker.blocks).loops():
            raise checker.reject(f"`{products.PRODUCTS[key]}` of matrices and no loop, which NumPy does well")
        if checker.final:
            checker.plan.uses_flags = True
        return FRESH
    return PYTHON if key in reductions.PYTHON_ANSWERS else NUMPY
