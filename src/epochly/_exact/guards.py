"""What must still hold at each call: names mean what they meant, and nobody watches the interpreter work.

Names are compared by identity, never frozen: a global that was rebound sends the call to the interpreter. It refuses to look
into values; numbers and functions are immutable enough for identity to be proof. Source: the Python execution model.
"""

from __future__ import annotations

import builtins
import types
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from epochly._exact.behind import behind
from epochly._exact.kinds import Reject

if TYPE_CHECKING:
    from collections.abc import Iterator

MISSING = object()


class NameGuard(NamedTuple):
    """`namespace[name] is value`, or absent when `value` is `MISSING`."""

    namespace: dict[str, Any]
    name: str
    value: object


@dataclass(frozen=True, slots=True)
class Watched:
    """Everything outside its arguments that a compiled function depends on."""

    names: tuple[NameGuard, ...]
    cells: tuple[tuple[types.CellType, object], ...]
    functions: tuple[tuple[types.FunctionType, types.CodeType], ...]

    def words(self) -> tuple[str, ...]:
        """The guards as `explain` shows them."""
        said = ["the types of the arguments, and of arrays the dtype, dimensions, layout and writeability"]
        named = sorted({guard.name for guard in self.names if guard.value is not MISSING})
        if named:
            said.append(
                f"these names are bound to the same objects: {', '.join(f'`{name}`' for name in named)}"
            )
        if self.cells:
            said.append("closure cells hold the same objects")
        said.append("the code of the function is the same object")
        said.append("no debugger, profiler or coverage tool is watching")
        return tuple(said)


def watched(function: types.FunctionType, helpers: tuple[types.FunctionType, ...] = ()) -> Watched:
    """What `function`, with the helpers compiled into it, depends on."""
    every = (function, *helpers)
    if any(type(space) is not dict for one in every for space in (one.__globals__, _builtins_of(one))):
        raise Reject("its globals are no plain dictionary")
    guards = {(id(each.namespace), each.name): each for one in every for each in _names(one)}
    cells = tuple((cell, cell.cell_contents) for one in every for cell in one.__closure__ or ())
    held = (*(each.value for each in guards.values()), *(value for _, value in cells))
    wrappers = {
        id(value): value
        for value in held
        if isinstance(value, types.FunctionType) and behind(value) in helpers
    }
    watched_too = (one for one in wrappers.values() if one not in every)
    return Watched(
        tuple(guards.values()), cells, tuple((one, one.__code__) for one in (*every, *watched_too))
    )


def _names(function: types.FunctionType) -> Iterator[NameGuard]:
    """Every name its code may look up, what it finds in modules under the names it uses, and keyword-only defaults."""
    space = function.__globals__
    keywords = function.__kwdefaults__ or {}
    yield from (NameGuard(keywords, name, value) for name, value in keywords.items())
    for name in function.__code__.co_names:
        if name in space:
            value = space[name]
            yield NameGuard(space, name, value)
            if isinstance(value, types.ModuleType):
                yield from _parts(value, function.__code__.co_names, set())
        elif name in builtins.__dict__:
            yield NameGuard(space, name, MISSING)
            yield NameGuard(_builtins_of(function), name, builtins.__dict__[name])
    for cell in function.__closure__ or ():
        if isinstance(cell.cell_contents, types.ModuleType):
            yield from _parts(cell.cell_contents, function.__code__.co_names, set())


def _parts(module: types.ModuleType, names: tuple[str, ...], seen: set[int]) -> Iterator[NameGuard]:
    """What a module, and modules inside it, hold under the names a function uses."""
    seen.add(id(module))
    inside = module.__dict__
    for part in names:
        if part in inside:
            value = inside[part]
            yield NameGuard(inside, part, value)
            if isinstance(value, types.ModuleType) and id(value) not in seen:
                yield from _parts(value, names, seen)


def _builtins_of(function: types.FunctionType) -> dict[str, Any]:
    """The namespace a function finds builtins in."""
    found: Any = getattr(function, "__builtins__")  # noqa: B009 - typeshed does not know it
    return found if isinstance(found, dict) else found.__dict__
