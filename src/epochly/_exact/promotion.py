"""Which type NumPy computes an operation on two scalars in, and which it gives: NEP 50 on machine types.

Python's own int, float and complex are weak: they take the type of the NumPy scalar beside them. The answers are NumPy's own,
asked of `numpy.result_type`. It refuses `//`, `%` and `**` of float32 and complex numbers, whose algorithms are NumPy's own.
Sources: NEP 50, NumPy's ufunc type resolution.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numba.core import types

from epochly._exact.lowering import BOOL, FLOAT, INT

_types: Any = types  # numba's stubs list few of them
SIGNED = (_types.int8, _types.int16, _types.int32)
UNSIGNED = (_types.uint8, _types.uint16, _types.uint32, _types.uint64)
SINGLE, COMPLEX, COMPLEX_SINGLE = _types.float32, _types.complex128, _types.complex64
NARROW = (*SIGNED, *UNSIGNED, SINGLE, COMPLEX_SINGLE)  # no value of Python's own has one of these types
INTEGERS = (*SIGNED, *UNSIGNED, INT)
REALS = (*INTEGERS, SINGLE, FLOAT)
SCALARS = (BOOL, INT, FLOAT, COMPLEX, *NARROW)
COMPLEXES = (COMPLEX, COMPLEX_SINGLE)
WEAK: dict[Any, object] = {INT: 1, FLOAT: 1.0, COMPLEX: 1j}  # what may be Python's own number
DTYPES = {kind: np.dtype(str(kind)) for kind in SCALARS}
MACHINE = {dtype: kind for kind, dtype in DTYPES.items()}

ORDERED = (operator.lt, operator.le, operator.gt, operator.ge)
EQUALITY = (operator.eq, operator.ne)
COMPARISONS = (*ORDERED, *EQUALITY)
ANYWHERE = (operator.add, operator.sub, operator.mul)
ON_INTS = (
    operator.floordiv, operator.mod, operator.pow, operator.lshift, operator.rshift,
    operator.and_, operator.or_, operator.xor,
)  # fmt: skip
ON_FLOATS = (operator.floordiv, operator.mod, operator.pow)


@dataclass(frozen=True, slots=True)
class Promotion:
    """Operands are converted to `computed`; the operation gives `result`."""

    computed: Any
    result: Any


@cache
def promoted(function: Any, left: Any, right: Any, weak: tuple[bool, bool]) -> Promotion | None:
    """The types of `left function right`; None where the exact subset does not reach."""
    common = MACHINE.get(np.result_type(_stand_in(left, weak[0]), _stand_in(right, weak[1])))
    if common is None:  # float16, and long double
        return None
    if function in COMPARISONS:
        return Promotion(common, BOOL) if function in EQUALITY or common not in COMPLEXES else None
    if function is operator.truediv:
        common = FLOAT if common in INTEGERS or common == BOOL else common
        return Promotion(common, common)
    if common == BOOL:
        return None
    if function in ANYWHERE or (function in ON_INTS and common in INTEGERS):
        return None if function is operator.pow and common == _types.uint64 else Promotion(common, common)
    return Promotion(FLOAT, FLOAT) if function in ON_FLOATS and common == FLOAT else None


def _stand_in(kind: Any, weak: bool) -> Any:
    return WEAK[kind] if weak else DTYPES[kind]
