"""Records as `dataclasses` makes them, without what that module loads: 20 ms of a program's start for a dozen classes.

The modules that the first decorator and `epochly run` load take `dataclass`, `field`, `replace` and `asdict` from here; type checkers see Python's own.
No code is generated: `__init__` goes over the fields, so making a record costs microseconds. `dataclasses.replace`, `asdict`
and `fields` take them too. It refuses inheritance, `InitVar`, `kw_only` and ordering. Source: the documentation of
`dataclasses`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

MISSING = object()


class Made:
    """A default that is made afresh for each record."""

    __slots__ = ("make",)

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make


def field(*, default_factory: Callable[[], Any]) -> Any:
    """A default that `default_factory` makes."""
    return Made(default_factory)


class Fields:
    """`__dataclass_fields__`, for whoever has loaded `dataclasses` and looks there."""

    def __get__(self, _record: object, owner: Any) -> dict[str, Any]:
        from dataclasses import make_dataclass  # noqa: PLC0415 - only who asks pays for it

        twin: Any = make_dataclass(owner.__name__, owner.__match_args__)
        found: dict[str, Any] = twin.__dataclass_fields__
        return found


def dataclass(*, frozen: bool = False, slots: bool = False, eq: bool = True) -> Callable[[Any], Any]:
    """A class decorator; annotations are the fields, in their order."""

    def decorate(plain: Any) -> Any:
        names = tuple(plain.__annotations__)
        space = {
            key: value for key, value in plain.__dict__.items() if key not in ("__dict__", "__weakref__")
        }
        defaults = {name: space.pop(name) for name in names if name in space}
        if slots:
            space["__slots__"] = names
        space |= _methods(names, defaults, eq=eq, frozen=frozen)
        made = type(plain)(plain.__name__, plain.__bases__, space)
        made.__qualname__ = plain.__qualname__
        return made

    return decorate


def replace(record: Any, /, **changes: Any) -> Any:
    """The same record with other values in some fields."""
    return type(record)(**{name: getattr(record, name) for name in record.__match_args__} | changes)


def asdict(record: Any, /) -> dict[str, Any]:
    """The fields by their names, those of records in them and in their tuples too."""
    return {name: _plain(getattr(record, name)) for name in record.__match_args__}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple([_plain(each) for each in value])
    return asdict(value) if isinstance(getattr(type(value), "__match_args__", None), tuple) else value


def _methods(names: tuple[str, ...], defaults: dict[str, Any], *, eq: bool, frozen: bool) -> dict[str, Any]:
    put = object.__setattr__

    def values(record: Any) -> tuple[Any, ...]:
        return tuple([getattr(record, name) for name in names])

    def init(self: Any, *args: Any, **given: Any) -> None:
        if len(args) > len(names) or not given.keys() <= set(names[len(args) :]):
            raise TypeError(f"`{type(self).__qualname__}` takes {', '.join(names)}")
        for name, value in zip(names, args, strict=False):
            put(self, name, value)
        for name in names[len(args) :]:
            value = given.get(name, MISSING)
            if value is MISSING:
                value = defaults.get(name, MISSING)
                if value is MISSING:
                    raise TypeError(f"`{type(self).__qualname__}` needs `{name}`")
                if type(value) is Made:
                    value = value.make()
            put(self, name, value)

    def text(self: Any) -> str:
        inside = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{type(self).__qualname__}({inside})"

    def equal(self: Any, other: object) -> Any:
        return values(self) == values(other) if type(other) is type(self) else NotImplemented

    def hashed(self: Any) -> int:
        return hash(values(self))

    def refuse(_self: Any, name: str, *_: object) -> None:
        raise AttributeError(f"cannot assign to field {name!r}")

    made: dict[str, Any] = {
        "__init__": init,
        "__repr__": text,
        "__match_args__": names,
        "__dataclass_fields__": Fields(),
    }
    if eq:
        made |= {"__eq__": equal, "__hash__": hashed if frozen else None}
    return made | ({"__setattr__": refuse, "__delattr__": refuse} if frozen else {})
