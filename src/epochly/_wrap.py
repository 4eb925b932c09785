"""Putting the wrapper around a function, so that whoever looks at it sees the original, or in its place.

`wrap` makes a new function with the parameters, name, defaults and attributes of the old one. `install` leaves the
function object and swaps its code, so that everybody who holds it calls the wrapper; `uninstall` swaps it back. Both
refuse what is no plain Python function. Coroutines and generators come back as they are, and so do functions that call
themselves: a wrapper would take a second frame at each level, and reach Python's recursion limit at half the depth.
"""

from __future__ import annotations

from types import CodeType, FunctionType, MethodType

from epochly._call import Site
from epochly._config import THREADING
from epochly._facts import facts_of
from epochly._trampoline import trampoline

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any
    from weakref import ref

    from epochly._config import Mode
    from epochly._session import Session
else:
    from _weakref import ref

SITE = "__epochly__"  # the attribute of a wrapper that holds its site


def wrap(target: Any, session: Session, *, level: int | None = None, mode: Mode | None = None) -> Any:
    """`target` watched; `TypeError` for what cannot be."""
    if isinstance(target, staticmethod | classmethod):
        return type(target)(wrap(target.__func__, session, level=level, mode=mode))
    if isinstance(target, property):
        ends = [each and wrap(each, session, level=level, mode=mode) for each in (target.fget, target.fset)]
        return type(target)(ends[0], ends[1], target.fdel, target.__doc__)
    if isinstance(target, MethodType):
        return MethodType(wrap(target.__func__, session, level=level, mode=mode), target.__self__)
    target = plain_function(target)
    facts = facts_of(target)
    if site_of(target) is not None or facts.kind != "function" or facts.recursive:
        return target
    site = Site(target, session, level=level, mode=mode)
    if site.facts.loops and site.settings().level == THREADING:
        site.interpreted = _overlapping_later(site)
    made = FunctionType(
        trampoline(target.__code__, site), target.__globals__, target.__name__, target.__defaults__
    )
    made.__kwdefaults__ = target.__kwdefaults__
    made.__module__, made.__qualname__, made.__doc__ = target.__module__, target.__qualname__, target.__doc__
    made.__annotations__ = target.__annotations__
    if hasattr(target, "__type_params__"):  # Python 3.12+
        setattr(made, "__type_params__", target.__type_params__)  # noqa: B010 - 3.11's type stubs lack it
    made.__dict__.update(target.__dict__)
    made.__dict__["__wrapped__"] = target
    made.__dict__[SITE] = site
    return made


def _overlapping_later(site: Site) -> Callable[..., Any]:
    """The function as level 1 runs it: its loops over calls marked `@epochly.io` overlap. Its source is read at the first call."""
    original, session = site.original, site.session
    other: list[FunctionType | None] = []

    def run(*args: Any, **kwargs: Any) -> Any:
        if not session.config.enabled or site.settings().level != THREADING or session.outside.traced():
            return original(*args, **kwargs)
        if not other:
            from epochly._levels.loops import Hook, overlapping  # noqa: PLC0415 - only level 1 pays for it

            other.append(overlapping(original, Hook(session.workers)))
        return (other[0] or original)(*args, **kwargs)

    return run


def plain_function(target: Any) -> FunctionType:
    """`target`, which has to be a Python function; `TypeError` for a class, a builtin or a value."""
    if isinstance(target, FunctionType):
        return target
    name = getattr(target, "__qualname__", type(target).__qualname__)
    raise TypeError(f"`{name}` is no Python function; hint: give a function or a method")


def site_of(function: Any) -> Site | None:
    """The site of a watched function, method or static method; None for others."""
    function = getattr(function, "__func__", function)
    found = getattr(function, "__dict__", {}).get(SITE)
    return found if isinstance(found, Site) else None


def install(function: FunctionType, session: Session, *, spent_ns: int = 0) -> Site:
    """Watch a function in place, until compiled code is refused; a closure keeps its cells.

    `ValueError` where the wrapper's own variable would meet one that the function closes over.
    """
    code = function.__code__
    if any(name.rstrip("_") == "here" for name in code.co_freevars):
        raise ValueError(f"`{function.__qualname__}` closes over `here`; hint: use `optimize`")
    original = FunctionType(
        code, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    original.__kwdefaults__ = function.__kwdefaults__
    original.__module__, original.__qualname__ = function.__module__, function.__qualname__

    held = ref(
        function
    )  # a code object is nothing that the garbage collector looks into, so no circle may go through it

    def take_out() -> None:
        target = held()
        if target is not None:
            uninstall(target, code)

    site = Site(original, session, spent_ns=spent_ns, on_refusal=take_out)
    function.__code__ = trampoline(code, site).replace(co_freevars=code.co_freevars)
    return site


def uninstall(function: FunctionType, code: CodeType) -> None:
    """Put the code back, unless somebody else has put other code there since."""
    if any(isinstance(each, Site) and each.original.__code__ is code for each in function.__code__.co_consts):
        function.__code__ = code
