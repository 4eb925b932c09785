"""Code that stands in front of a function with exactly its parameters, counts the call and passes it on.

`f(a, b=1)` gets `lambda a, b: SITE.run(a, b) if next(COUNTER) & 63 else SITE.timed(a, b)`, where `SITE`, `next` and
`COUNTER` are constants of the code object: no globals, no closure, so it can stand in a new function or in the old one's
place. It refuses names that are not identifiers. The text is compiled, not run; only parameter names go into it.
"""

from __future__ import annotations

from keyword import iskeyword
from types import CodeType

from epochly._facts import VARARGS, VARKEYWORDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

EVERY = 64  # calls; one is timed
_SITE, _NEXT, _COUNTER = "epochly: the site", "epochly: next", "epochly: the counter"  # until replaced


def trampoline(code: CodeType, site: Any) -> CodeType:
    """A code object with the parameters, name and place of `code` that passes calls to `site`."""
    parameters, arguments = _signature(code)
    here = "here"
    while here in code.co_varnames:
        here += "_"
    text = (
        f"lambda {parameters}: ({here} := {_SITE!r}).run({arguments})"
        f" if ({here} := {_NEXT!r})({_COUNTER!r}) & {EVERY - 1} else ({here} := {_SITE!r}).timed({arguments})"
    )
    module = compile(text, code.co_filename, "eval", dont_inherit=True)
    made = next(constant for constant in module.co_consts if isinstance(constant, CodeType))
    values = {_SITE: site, _NEXT: next, _COUNTER: site.counter}
    constants = tuple(values.get(each, each) if type(each) is str else each for each in made.co_consts)
    return made.replace(
        co_consts=constants,
        co_name=code.co_name,
        co_qualname=code.co_qualname,
        co_firstlineno=code.co_firstlineno,
    )


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
