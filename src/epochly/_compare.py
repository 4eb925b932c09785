"""Whether two results are the same to the last bit: type, value, sign of zero, payload of NaN, array bytes and layout.

It refuses to call `==` on floats and arrays, which calls things equal that are not the same.
"""

from __future__ import annotations

import struct
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_DEEPEST = 50  # levels of nesting; deeper values are called different, which is the safe side


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call came to: a value, or the exception it raised."""

    value: Any = None
    error: BaseException | None = None


def outcome(function: Callable[..., Any], args: tuple[Any, ...]) -> Outcome:
    """Call, and keep what came of it; what is not an `Exception` (Ctrl-C, exit) goes through."""
    try:
        return Outcome(function(*args))
    except Exception as error:  # noqa: BLE001 - the error is the outcome
        return Outcome(error=error)


def outcomes_differ(one: Outcome, other: Outcome) -> str | None:
    """How two outcomes differ, in words; None if they do not."""
    if one.error is None and other.error is None:
        return difference(one.value, other.value)
    if type(one.error) is not type(other.error) or str(one.error) != str(other.error):
        return f"{_told(one)}, against {_told(other)}"
    return None


def difference(one: Any, other: Any, depth: int = 0) -> str | None:
    """How two values differ, in words; None if every bit is the same."""
    kind = type(one)
    if kind is not type(other):
        return f"type `{kind.__name__}`, against `{type(other).__name__}`"
    if one is other:
        return None
    if depth > _DEEPEST:
        return "nested too deeply to compare"
    if kind is float:
        return None if struct.pack("d", one) == struct.pack("d", other) else f"{one!r}, against {other!r}"
    if kind is complex:
        parts = difference(one.real, other.real) or difference(one.imag, other.imag)
        return parts and f"{one!r}, against {other!r}"
    if kind in {tuple, list}:
        return _sequences(one, other, depth)
    if kind is dict:
        return _sequences(list(one.items()), list(other.items()), depth)
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(one, numpy.ndarray | numpy.generic):
        return _arrays(one, other)
    return None if one == other else f"{one!r}, against {other!r}"


def _sequences(one: Any, other: Any, depth: int) -> str | None:
    if len(one) != len(other):
        return f"{len(one)} items, against {len(other)}"
    for index, (mine, theirs) in enumerate(zip(one, other, strict=True)):
        found = difference(mine, theirs, depth + 1)
        if found is not None:
            return f"item {index}: {found}"
    return None


def _arrays(one: Any, other: Any) -> str | None:
    for what in ("dtype", "shape"):
        mine, theirs = getattr(one, what), getattr(other, what)
        if mine != theirs:
            return f"{what} {mine}, against {theirs}"
    if one.dtype.hasobject:
        return difference(one.tolist(), other.tolist())
    return None if one.tobytes() == other.tobytes() else "other bytes in an array of the same shape"


def _told(one: Outcome) -> str:
    return repr(one.value) if one.error is None else f"{type(one.error).__name__}: {one.error}"
