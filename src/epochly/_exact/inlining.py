"""The pass that puts the bodies of called Python functions into their caller, so that all is checked as one function.

A helper is a plain function reached through a global, a closure or a module; its identity, its code, its defaults, its cells and every name it
uses are guarded at each call of the caller. It refuses stars, generators and recursion. Also here: a block
that ends in `raise` becomes one that gives up, since the interpreter is to raise. Source: numba's inliner for IR.
"""

from __future__ import annotations

import inspect
import types
from typing import Any

import numba
from numba.core import ir
from numba.core.untyped_passes import InlineInlinables

from epochly._exact import Deopt
from epochly._exact.behind import behind
from epochly._exact.branches import refuse_unread
from epochly._exact.closures import all_kept
from epochly._exact.kinds import Reject
from epochly._exact.parameters import bind
from epochly._exact.reading import as_here

DEEPEST = 6  # calls of helpers by helpers; recursion ends here too
OPTIONS = inspect.CO_VARARGS | inspect.CO_VARKEYWORDS | inspect.CO_GENERATOR | inspect.CO_COROUTINE
OPTIONS |= inspect.CO_ASYNC_GENERATOR


def inline_helpers(state: Any) -> tuple[types.FunctionType, ...]:
    """Inline every helper, in place; the functions that were."""
    found: dict[int, types.FunctionType] = {}
    for _ in range(DEEPEST):
        helpers = _helpers_called(state.func_ir)
        if not helpers:
            return tuple(found.values())
        for statement, helper in helpers:
            found[id(helper)] = helper
            inlined = numba.njit(inline="always")(helper)
            statement.value = ir.Global(helper.__name__, inlined, statement.loc)
            state.func_ir._definitions[statement.target.name] = [statement.value]  # noqa: SLF001 - no setter
        with all_kept(), as_here():
            InlineInlinables().run_pass(state)
    name = next(iter(found.values())).__name__
    raise Reject(f"`{name}` is recursive, or calls helpers more than {DEEPEST} deep")


def _helpers_called(func_ir: Any) -> list[tuple[Any, types.FunctionType]]:
    """Assignments that bring a Python function into reach of a call, and the function; the calls are bound."""
    modules: dict[str, types.ModuleType] = {}
    found: dict[str, tuple[Any, types.FunctionType]] = {}
    called: dict[str, tuple[Any, Any]] = {}
    for block in func_ir.blocks.values():
        for statement in block.body:
            value = getattr(statement, "value", None)
            if not isinstance(statement, ir.Assign):
                continue
            meant: Any = None
            if isinstance(value, ir.Global | ir.FreeVar):
                meant = value.value
            elif isinstance(value, ir.Expr) and value.op == "getattr" and value.value.name in modules:
                meant = getattr(modules[value.value.name], value.attr, None)
            elif isinstance(value, ir.Expr) and value.op == "call":
                called[value.func.name] = (block, statement)
            if isinstance(meant, types.ModuleType):
                modules[statement.target.name] = meant
            elif type(meant) is types.FunctionType and not str(meant.__module__).startswith("numpy"):
                found[statement.target.name] = (statement, behind(meant))
    helpers = [name for name in found if name in called]
    for name in helpers:
        block, call = called[name]
        _require_plain(found[name][1], call.loc.line)
        bind(func_ir, block, call, found[name][1])
    return [found[name] for name in helpers]


def _require_plain(helper: types.FunctionType, line: int) -> None:
    """Refuse what cannot be put into its caller."""
    code, name = helper.__code__, helper.__name__
    if code.co_flags & OPTIONS:
        raise Reject(f"`{name}` is a generator or a coroutine, or has starred parameters", line)
    if defines_functions(code):
        raise Reject(f"`{name}` defines a function, lambda or generator inside", line)
    refuse_unread(code)


def defines_functions(code: types.CodeType) -> bool:
    """Whether there is code inside that is more than a list comprehension, which runs where it is written."""
    inside = [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]
    return any(each.co_name != "<listcomp>" or defines_functions(each) for each in inside)


def give_up_instead_of_raising(func_ir: Any) -> None:
    """Let every block that ends in `raise` do nothing but give up: nothing else it does could be seen."""
    for block in func_ir.blocks.values():
        last = block.terminator
        if isinstance(last, ir.Raise | ir.StaticRaise | ir.DynamicRaise):
            keep = [
                each for each in block.body if isinstance(each, ir.Assign) and isinstance(each.value, ir.Arg)
            ]
            block.body = [*keep, ir.StaticRaise(Deopt, ("the function raises",), last.loc)]
