"""Binding the arguments of a helper's call to its parameters, as the call would: positions, keywords, then defaults.

The call is left with one argument a parameter, all by position. Defaults are taken when the caller is compiled; which objects they are is guarded
(`guards`). It refuses stars, defaults that are no numbers, and calls that do not fit, which raise. Source: the Python
language reference 6.3.4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numba.core import ir

from epochly._exact.kinds import Reject

if TYPE_CHECKING:
    import types

PLAIN = (int, float, bool)


def bind(func_ir: Any, block: Any, statement: Any, helper: types.FunctionType) -> None:
    """Rewrite `statement`, which calls `helper`, in place; defaults become assignments before it."""
    call, code, line = statement.value, helper.__code__, statement.loc.line
    if call.vararg is not None or call.varkwarg is not None:
        raise Reject(f"`{helper.__name__}` is called with a star", line, "pass every argument by itself")
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    bound: dict[str, Any] = dict(zip(names[: code.co_argcount], call.args, strict=False))
    misfit = len(call.args) > code.co_argcount
    for name, var in call.kws:
        misfit |= name in bound or name not in names[code.co_posonlyargcount :]
        bound[name] = var
    defaults = _defaults(helper, names[: code.co_argcount])
    if misfit or any(name not in bound and name not in defaults for name in names):
        raise Reject(f"`{helper.__name__}` is called with arguments that do not fit its parameters", line)
    place = block.body.index(statement)
    for name in names:
        if name not in bound:
            value = defaults[name]
            if not _is_plain(value):
                why = f"`{helper.__name__}` has a default of type `{type(value).__name__}`"
                raise Reject(why, line, "pass it as an argument")
            bound[name] = block.scope.redefine(f"$default_{name}", loc=statement.loc)
            assigned = ir.Assign(ir.Const(value, statement.loc), bound[name], statement.loc)
            func_ir._definitions[bound[name].name].append(assigned.value)  # noqa: SLF001 - numba has no setter
            block.body.insert(place, assigned)
            place += 1
    call.args, call.kws = tuple(bound[name] for name in names), ()


def _defaults(helper: types.FunctionType, positional: tuple[str, ...]) -> dict[str, object]:
    """Each parameter's default."""
    values = helper.__defaults__ or ()
    last = positional[len(positional) - len(values) :] if len(values) <= len(positional) else ()
    return dict(zip(last, values, strict=False)) | (helper.__kwdefaults__ or {})


def _is_plain(value: object) -> bool:
    """Whether a default is a constant of the exact subset."""
    if type(value) is tuple:
        return all(type(item) in PLAIN for item in value)
    return value is None or type(value) in PLAIN
