"""Code that stands in front of a function with exactly its parameters, counts the call and passes it on.

`f(a, b=1)` gets a function that takes one from `SITE.left` and calls `SITE.run(a, b)`, or `SITE.due(a, b)` where nothing is
left. `SITE` is a constant of the code object: no globals, no closure, so it can stand in a new function or in the old one's
place. To take one from an iterator costs half of what counting does: no number is made. It refuses names that are not
identifiers. The text is compiled, not run; only parameter names go into it.
"""

from __future__ import annotations

from keyword import iskeyword
from types import CodeType

from epochly._facts import VARARGS, VARKEYWORDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

EVERY = 64  # calls; one is timed
_SITE = "epochly: the site"  # until replaced
_TEXT = """
def passing({parameters}):
    for {here} in {site!r}.left:
        {here} = {site!r}.run
        return {here}({arguments})
    return {site!r}.due({arguments})
"""
_LONGEST = 8  # instructions that an entry of a table of lines stands for
_NO_COLUMNS = 0x80 | 13 << 3  # such an entry; see CPython's `Objects/locations.md`


def trampoline(code: CodeType, site: Any) -> CodeType:
    """A code object with the parameters, name and place of `code` that passes calls to `site`."""
    parameters, arguments = _signature(code)
    here = "here"
    while here in code.co_varnames:
        here += "_"
    text = _TEXT.format(parameters=parameters, arguments=arguments, here=here, site=_SITE)
    module = compile(text, code.co_filename, "exec", dont_inherit=True)
    made = next(constant for constant in module.co_consts if isinstance(constant, CodeType))
    return made.replace(
        co_consts=tuple(site if each == _SITE else each for each in made.co_consts),
        co_name=code.co_name,
        co_qualname=code.co_qualname,
        co_firstlineno=code.co_firstlineno,
        co_linetable=_on_one_line(len(made.co_code) // 2),
    )


def _on_one_line(instructions: int) -> bytes:
    """A table of lines that has all instructions on the first one."""
    whole, rest = divmod(instructions, _LONGEST)
    return bytes((_NO_COLUMNS | _LONGEST - 1, 0) * whole + ((_NO_COLUMNS | rest - 1, 0) if rest else ()))


def _signature(code: CodeType) -> tuple[str, str]:
    names = code.co_varnames
    count, keywords = code.co_argcount, code.co_kwonlyargcount
    positional, keyword_only = list(names[:count]), names[count : count + keywords]
    rest = list(names[count + keywords :])
    parameters, arguments = list(positional), list(positional)
    if code.co_posonlyargcount:
        parameters.insert(code.co_posonlyargcount, "/")
    used = [*positional, *keyword_only]
    if code.co_flags & VARARGS:
        used.append(rest[0])
        parameters.append(f"*{rest[0]}")
        arguments.append(f"*{rest.pop(0)}")
    elif keywords:
        parameters.append("*")
    parameters.extend(keyword_only)
    arguments.extend(f"{name}={name}" for name in keyword_only)
    if code.co_flags & VARKEYWORDS:
        used.append(rest[0])
        parameters.append(f"**{rest[0]}")
        arguments.append(f"**{rest[0]}")
    for name in used:
        if not name.isidentifier() or iskeyword(name):
            raise ValueError(f"`{name}` is no parameter name; hint: leave this function alone")
    return ", ".join(parameters), ", ".join(arguments)
