"""What one call did, bit by bit: its value with its type, its exception, its arrays afterwards, its warnings.

Two outcomes are equal when no program could tell them apart: `1`, `1.0`, `True` and `numpy.float64(1.0)` are four different
values, `0.0` is not `-0.0`, and an array that is returned is not a copy of it. It refuses types it cannot compare exactly.
Apart from that, `plainly` has the numbers alone: equal there and different here means that only types differ.
"""

from __future__ import annotations

import hashlib
import struct
import warnings
from dataclasses import dataclass, field
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
    plainly: tuple[object, ...] = field(default=(), compare=False, repr=False)

    @property
    def digest(self) -> str:
        """Equal for equal outcomes of two processes."""
        return hashlib.sha256(repr((self.result, self.arguments, self.warned)).encode()).hexdigest()

    @property
    def plain_digest(self) -> str:
        """Equal for outcomes whose numbers are equal, whatever types hold them."""
        return hashlib.sha256(repr(self.plainly).encode()).hexdigest()

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
            plain = result
        else:
            result, plain = ("returned", bits(value, args)), numbers(value)
    warned = tuple((warning.category.__name__, str(warning.message)) for warning in caught)
    left = tuple(bits(arg, ()) for arg in args)
    return Outcome(result, left, warned, (plain, *map(numbers, args)))


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
    if hasattr(value, "is_c_contig"):  # what Cython gives for an array
        return ("buffer", type(value).__name__, numbers(value))
    raise TypeError(f"no exact comparison is known for `{type(value).__name__}`")


def numbers(value: object) -> object:
    """The numbers in a value, without their types: `1`, `True` and `numpy.float64(1.0)` are one; `0.0` is not `-0.0`."""
    if isinstance(value, (tuple, list)):
        return tuple(map(numbers, value))
    if isinstance(value, np.ndarray) or hasattr(value, "is_c_contig"):
        array = np.asarray(value)
        return array.shape, array.dtype.str, array.tobytes()
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, int) and abs(value) <= 2**53:
        value = float(value)
    return struct.pack(">d", value) if isinstance(value, float) else repr(value)


def _short(described: object) -> str:
    text = repr(described)
    return text if len(text) <= 2 * BYTES_SHOWN else f"{text[:BYTES_SHOWN]}...{text[-BYTES_SHOWN:]}"
