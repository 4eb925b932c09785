"""Refusals that need no types: NumPy's functions and methods that no rule covers, told from the bytecode in microseconds.

Type inference would take up to seconds to come to the same answer. It imports neither NumPy nor numba, and refuses to judge
what a name may come to mean: a name that is not bound yet, or is bound to something that is not NumPy's, passes. What passes
is judged by its types (`check`).
"""

from __future__ import annotations

import dis
import types
from typing import Any, NamedTuple

from epochly._prospects import NEVER

DEEPEST = 6  # helpers of helpers that are looked into, as `inlining` does
OF_NUMPY = ("numpy.", "scipy.")
# functions of NumPy's that some types make exact; scalar types, constants and modules are never refused here
_MAYBE = (
    "zeros ones empty full zeros_like ones_like empty_like full_like arange eye identity linspace array "
    "asarray ascontiguousarray copy where clip outer flip fliplr flipud transpose reshape ravel dot vdot inner "
    "matmul sum prod mean min max amin amax argmin argmax any all abs absolute fabs sqrt cbrt square exp exp2 "
    "expm1 log log2 log10 log1p sin cos tan arcsin arccos arctan asin acos atan sinh cosh tanh arcsinh arccosh "
    "arctanh asinh acosh atanh floor ceil rint trunc sign negative positive reciprocal add subtract multiply "
    "divide true_divide floor_divide remainder mod fmod power float_power minimum maximum fmin fmax hypot "
    "arctan2 atan2 copysign less less_equal greater greater_equal equal not_equal logical_and logical_or "
    "logical_xor logical_not bitwise_and bitwise_or bitwise_xor bitwise_not invert left_shift right_shift "
    "isnan isfinite isinf signbit conj conjugate real imag angle degrees radians deg2rad rad2deg ndarray size "
    "shape ndim len round around gcd lcm bitwise_count pow bitwise_invert bitwise_left_shift "
    "bitwise_right_shift dtype empty_like var std norm cumsum cumprod logaddexp logaddexp2 nextafter"
)
MAYBE = frozenset(_MAYBE.split())
# methods of arrays that no rule covers and that nothing else that is accepted has
_METHODS = (
    "argpartition argsort byteswap choose compress diagonal dump dumps nonzero partition ptp "
    "put putmask repeat resize searchsorted squeeze swapaxes take tobytes tofile tolist trace"
)
METHODS = frozenset(_METHODS.split())


# what compiled code never does: an exception makes it give up, so that the interpreter raises and handles it
_HANDLES = {each: NEVER[each].removeprefix("has ") for each in ("BEFORE_WITH", "PUSH_EXC_INFO")}


class Refusal(NamedTuple):
    """Why, where, and what to write instead."""

    reason: str
    line: int | None
    fix: str


def refused(function: types.FunctionType) -> Refusal | None:
    """The first thing in a function, or in a helper it calls, that no types could make exact."""
    return _refused(function, frozenset(), 0)


def _refused(function: types.FunctionType, seen: frozenset[int], depth: int) -> Refusal | None:
    if id(function) in seen or depth > DEEPEST or not isinstance(function, types.FunctionType):
        return None
    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    meant: Any = None
    line: int | None = function.__code__.co_firstlineno
    for instruction in dis.get_instructions(function):
        if instruction.positions is not None and instruction.positions.lineno is not None:
            line = instruction.positions.lineno
        name, operation = str(instruction.argval), instruction.opname
        if operation in _HANDLES:
            begins = (
                line if operation == "BEFORE_WITH" else _line_of_try(function.__code__, instruction.offset)
            )
            return Refusal(_HANDLES[operation], begins, "put what is inside into a function of its own")
        if operation in {"LOAD_GLOBAL", "LOAD_NAME"}:
            meant = function.__globals__.get(name)
        elif operation == "LOAD_DEREF" and name in cells:
            meant = _content(cells[name])
        elif operation in {"LOAD_ATTR", "LOAD_METHOD"}:
            if meant is None and name in METHODS:
                return Refusal(f"`.{name}()` of an array, which is not on the exact list", line, _FIX)
            meant = vars(meant).get(name) if isinstance(meant, types.ModuleType) else None
        elif operation not in {"CACHE", "PUSH_NULL", "PRECALL", "EXTENDED_ARG"}:
            meant = None
        found = _judged(meant, line)
        if found is None and type(meant) is types.FunctionType and not _is_numpys(meant):
            found = _refused(meant, seen | {id(function)}, depth + 1)
        if found is not None:
            return found
    return None


def _line_of_try(code: types.CodeType, handler: int) -> int | None:
    """The line of the `try` that a handler is for, which leaves a `NOP` before what it guards."""
    read: Any = dis.Bytecode(code)  # `exception_entries` are not in the type stubs
    start = min(entry.start for entry in read.exception_entries if entry.target == handler)
    *_, before, first = (each for each in read if each.offset <= start)
    place = (before if before.opname == "NOP" else first).positions
    return place and place.lineno


_FIX = "compute it in the caller and pass it, or write it as a loop"


def _judged(meant: Any, line: int | None) -> Refusal | None:
    if meant is None or isinstance(meant, type | types.ModuleType) or not _is_numpys(meant):
        return None
    name = str(getattr(meant, "__name__", ""))
    if not callable(meant) or not name or name in MAYBE:
        return None
    return Refusal(f"a call of `{name}`, which is not on the exact list", line, _FIX)


def _is_numpys(meant: Any) -> bool:
    """Whether NumPy made it; its universal functions say so by their type."""
    if type(meant).__name__ == "ufunc":
        return True
    return f"{getattr(meant, '__module__', '')}.".startswith(OF_NUMPY)


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return None
