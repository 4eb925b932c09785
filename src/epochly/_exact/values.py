"""Which constants, globals and arguments the exact subset knows, and the mark each carries.

It refuses subclasses: `class Metres(float)` may mean anything by `+`. Exact types only. Source: the Python data model.
"""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any

import numpy as np

from epochly._exact.kinds import NUMPY, OPAQUE, PYTHON, Array, Items, Kind, Reject, Sequence
from epochly._exact.listed import element_of
from epochly._exact.promotion import DTYPES

if TYPE_CHECKING:
    from collections.abc import Callable

PYTHON_NUMBERS = (int, float, bool, complex)
NUMPY_NUMBERS = tuple(dtype.type for dtype in DTYPES.values())
MOST_DIMENSIONS = 6
MOST_LITERAL_ITEMS = 64  # of a global tuple; numba unrolls each
NATIVE_INT = range(-(2**63), 2**63)


def kind_of_constant(value: Any, machine_type: Any, line: int) -> Kind:
    """The kind of a constant or a global; functions and modules are opaque, and calling them is judged apart."""
    if value is None or isinstance(value, types.ModuleType) or callable(value):
        return OPAQUE
    kind = _number(value)
    if kind is None and type(value) is tuple and len(value) <= MOST_LITERAL_ITEMS:
        items = [_item(item) for item in value]
        kind = None if None in items else Items(tuple(item for item in items if item is not None))
    if kind is None and type(value) is int:
        raise Reject(f"`{value}` is an int beyond 64 bits", line)
    if kind is None:
        raise Reject(
            f"a global of type `{type(value).__name__}` ({machine_type})", line, "pass it as an argument"
        )
    return kind


def _item(value: Any) -> Kind | None:
    """One of a tuple, which may be a tuple of numbers itself."""
    if type(value) is tuple and len(value) <= MOST_LITERAL_ITEMS:
        items = [_number(item) for item in value]
        return None if None in items else Items(tuple(item for item in items if item is not None))
    return _number(value)


def _number(value: Any) -> Kind | None:
    if type(value) is int and value not in NATIVE_INT:
        return None
    if type(value) in PYTHON_NUMBERS:
        return PYTHON
    return NUMPY if type(value) in NUMPY_NUMBERS else None


def kind_of_argument(position: int, name: str, value: Any) -> Kind:
    """The kind of an argument, or a rejection that names it."""
    if type(value) is np.ndarray:
        if (
            value.dtype.type not in NUMPY_NUMBERS
            or not value.dtype.isnative
            or value.dtype.metadata is not None
        ):
            raise Reject(f"`{name}` is an array of {value.dtype}")
        if not 1 <= value.ndim <= MOST_DIMENSIONS:
            raise Reject(f"`{name}` is an array of {value.ndim} dimensions")
        if not value.flags.aligned:
            raise Reject(f"`{name}` is an array that is not aligned")
        return Array(frozenset({position}), whole=True)
    if type(value) is list:
        element_of(name, value)
        return Sequence(frozenset({position}), whole=True)
    kind = OPAQUE if value is None else _number(value)
    if kind is None:
        raise Reject(
            f"`{name}` is of type `{type(value).__name__}`"
            if type(value) is not int
            else f"`{name}` is too large"
        )
    return kind


def boxed_numpy(machine_name: str) -> Callable[[Any], object]:
    """The NumPy scalar type that stands for a machine type."""
    return np.dtype(machine_name).type
