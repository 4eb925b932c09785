"""What one call did, bit by bit: its value with its type, its exception, its arrays afterwards, its warnings.

Two outcomes are equal when no program could tell them apart: `1`, `1.0`, `True` and `numpy.float64(1.0)` are four different
values, `0.0` is not `-0.0`, and an array that is returned is not a copy of it. It refuses types it cannot compare exactly.
"""

from __future__ import annotations

import hashlib
import struct
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

BYTES_SHOWN = 48  # of an array, in a message


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that a caller could see of one call."""

    result: tuple[object, ...]
    arguments: tuple[object, ...]  # as they were left
    warned: tuple[tuple[str, str], ...]

    @property
    def digest(self) -> str:
        """Equal for equal outcomes of two processes."""
        return hashlib.sha256(repr((self.result, self.arguments, self.warned)).encode()).hexdigest()

    def differences(self, other: Outcome) -> list[str]:
        """What another outcome has different, in words; nothing when they are equal."""
        found = []
        if self.result != other.result:
            found.append(f"result {_short(self.result)} and {_short(other.result)}")
        found += [
            f"argument {position} left as {_short(one)} and {_short(another)}"
            for position, (one, another) in enumerate(zip(self.arguments, other.arguments, strict=True))
            if one != another
        ]
        if self.warned != other.warned:
            found.append(f"warnings {self.warned} and {other.warned}")
        return found


def outcome(function: Callable[..., object], args: tuple[object, ...]) -> Outcome:
    """Call and look at everything; exceptions become part of the outcome."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            value = function(*args)
        except Exception as error:  # noqa: BLE001 - any exception is an outcome, to be compared
            result: tuple[object, ...] = ("raised", type(error).__qualname__, str(error))
        else:
            result = ("returned", bits(value, args))
    warned = tuple((warning.category.__name__, str(warning.message)) for warning in caught)
    return Outcome(result, tuple(bits(arg, ()) for arg in args), warned)


def bits(value: object, args: tuple[object, ...]) -> tuple[object, ...]:
    """A value as something that only an identical value equals; `args` are known by their position."""
    if isinstance(value, (np.ndarray, list)):
        for position, arg in enumerate(args):
            if value is arg:
                return ("argument", position)
    if type(value) is float:
        return ("float", struct.pack(">d", value))
    if type(value) in (int, bool, str, type(None)):
        return (type(value).__name__, repr(value))
    if isinstance(value, np.generic):
        return ("numpy", value.dtype.str, value.tobytes())
    if type(value) is np.ndarray:
        return ("array", value.dtype.str, value.shape, value.tobytes())
    if type(value) in (tuple, list):
        return (type(value).__name__, *(bits(item, args) for item in value))
    raise TypeError(f"no exact comparison is known for `{type(value).__name__}`")


def _short(described: object) -> str:
    text = repr(described)
    return text if len(text) <= 2 * BYTES_SHOWN else f"{text[:BYTES_SHOWN]}...{text[-BYTES_SHOWN:]}"
