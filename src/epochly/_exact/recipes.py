"""What one element of an array expression is: which of NumPy's loops it takes, and the machine code of that loop's body.

NumPy itself is asked which types a universal function computes in (`ufunc.resolve_dtypes`, NEP 50), so no promotion rule is
copied here. Ints wrap, as NumPy's do; floats raise the processor's status flags, which are read before the function returns.
Where NumPy's own result depends on how it was built (the sign of a zero out of `minimum`, which NaN of two) the element
is marked as in doubt. It refuses functions that NumPy computes by polynomials of its own (`exp`, `sin`, `tanh`).
Sources: NumPy's ufunc reference, NEP 50, IEEE 754.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from llvmlite import ir
from numba.core.types import Array

from epochly._exact.lowering import F64, I1, intrinsic
from epochly._exact.promotion import DTYPES, MACHINE, WEAK

if TYPE_CHECKING:
    from collections.abc import Callable

UFUNCS: dict[Any, Any] = {
    operator.add: np.add,
    operator.sub: np.subtract,
    operator.mul: np.multiply,
    operator.truediv: np.true_divide,
    operator.lt: np.less,
    operator.le: np.less_equal,
    operator.gt: np.greater,
    operator.ge: np.greater_equal,
    operator.eq: np.equal,
    operator.ne: np.not_equal,
    operator.and_: np.bitwise_and,
    operator.or_: np.bitwise_or,
    operator.xor: np.bitwise_xor,
    operator.neg: np.negative,
    operator.pos: np.positive,
    operator.invert: np.invert,
}
CLIP: Any = np._core.umath.clip  # type: ignore[attr-defined]  # noqa: SLF001 - what `np.clip` calls
SQUARE = np.square  # what NumPy takes for `a ** 2`
_SIGNS = {
    np.less: "<",
    np.less_equal: "<=",
    np.greater: ">",
    np.greater_equal: ">=",
    np.equal: "==",
    np.not_equal: "!=",
}
_FLOAT_ARITHMETIC = {np.add: "fadd", np.subtract: "fsub", np.multiply: "fmul", np.true_divide: "fdiv"}
_INT_ARITHMETIC = {np.add: "add", np.subtract: "sub", np.multiply: "mul"}
_BITWISE = {np.bitwise_and: "and_", np.bitwise_or: "or_", np.bitwise_xor: "xor"}
_LOGICAL = {np.logical_and: "and_", np.logical_or: "or_", np.logical_xor: "xor"}
_ROUNDING = {np.floor: "floor", np.ceil: "ceil", np.trunc: "trunc", np.rint: "rint"}
_CHOOSING = {np.minimum: "<", np.maximum: ">"}
_ONE_FLOAT = (np.sqrt, np.fabs, np.isnan, np.isfinite, np.isinf)
FUNCTIONS: frozenset[Any] = frozenset(
    {
        *UFUNCS.values(),
        *_LOGICAL,
        *_ROUNDING,
        *_CHOOSING,
        *_ONE_FLOAT,
        np.absolute,
        np.square,
        np.logical_not,
    }
)
WARNS = frozenset({*_FLOAT_ARITHMETIC, np.sqrt, np.square})  # may raise a status flag on floats


@dataclass(frozen=True, slots=True)
class Leaf:
    """An operand that exists: an argument of the primitive, by position."""

    position: int


@dataclass(frozen=True, slots=True)
class Node:
    """A function of elements: the types NumPy computes it in, and the type of what comes out."""

    function: str
    computes_in: tuple[str, ...]
    gives: str
    parts: tuple[Tree, ...]


Tree = Leaf | Node


def loop_types(function: Any, operands: tuple[Any, ...]) -> tuple[tuple[str, ...], str] | None:
    """The types NumPy's loop takes and gives, or None where there is no such loop, or none that is known here.

    Args:
        function: one of `FUNCTIONS`, or `np.where`.
        operands: a dtype of NumPy's for each array or NumPy scalar; `int`, `float` or `bool` for Python's own numbers.
    """
    if function is np.where:
        if operands[0] != np.dtype(np.bool_):
            return None
        common = _common(operands[1:])
        return None if common is None else (("bool", common, common), common)
    try:
        resolved = function.resolve_dtypes((*operands, None))
    except TypeError:  # NumPy has no loop for these
        return None
    names = tuple(dtype.name for dtype in resolved)
    if function is not np.power and not known(function, names[0]):
        return None
    return names[:-1], names[-1]


def array_type(function: Any, kinds: list[Any], weak: tuple[bool, ...]) -> Any:
    """The machine type of the array that an operator makes of these, or None where NumPy has, or we know, no such loop."""
    ufunc = np.power if function is operator.pow else UFUNCS.get(function)
    if ufunc is None:
        return None
    arrays = [kind for kind in kinds if isinstance(kind, Array)]
    operands = [kind.dtype if isinstance(kind, Array) else kind for kind in kinds]
    if any(kind not in DTYPES for kind in operands):
        return None
    stand_ins = [
        type(WEAK[kind]) if loose else DTYPES[kind] for kind, loose in zip(operands, weak, strict=True)
    ]
    found = loop_types(ufunc, tuple(stand_ins))
    if found is None:
        return None
    return array_of(found[1], arrays)


def array_of(dtype: str, kinds: Any, ndim: int = 0) -> Any:
    """The machine type of a new array of one of NumPy's types, made of these."""
    arrays = [kind for kind in kinds if isinstance(kind, Array)]
    layouts = {array.layout for array in arrays}
    layout: Any = "F" if "F" in layouts and "C" not in layouts else "C"
    machine: Any = MACHINE[np.dtype(dtype)]
    return Array(machine, ndim or max(array.ndim for array in arrays), layout)


def _common(operands: tuple[Any, ...]) -> str | None:
    """What `where` chooses from."""
    samples = [operand() if isinstance(operand, type) else operand for operand in operands]
    common = np.result_type(*samples)
    return str(common.name) if common.kind in "biuf" else None


def known(function: Any, computes_in: str) -> bool:
    """Whether the body of NumPy's loop on this type is written here."""
    kind = np.dtype(computes_in).kind
    if function in _SIGNS or function is np.positive:
        return kind in "fiu" or (kind == "b" and function in (np.equal, np.not_equal))
    if (
        function is CLIP
        or function in _CHOOSING
        or function is np.absolute
        or function is np.negative
        or function is np.square
    ):
        return kind in "fiu"
    if function in _BITWISE:
        return kind in "biu"
    if function in _LOGICAL or function is np.logical_not:
        return kind == "b"
    if function is np.invert:
        return kind in "biu"
    if function in _ROUNDING or function in _ONE_FLOAT or function is np.true_divide:
        return kind == "f"
    return function in _INT_ARITHMETIC and kind in "fiu"


def element(
    builder: Any, name: str, computes_in: str, values: list[Any], doubt: Callable[[Any], None]
) -> Any:
    """The machine code of one element, operands already converted; `doubt` is told of what NumPy may do otherwise."""
    kind = np.dtype(computes_in).kind
    if name == "where":
        return builder.select(*values)
    if name == CLIP.__name__:
        low = _chosen(builder, ">", kind, values[:2], doubt)
        return _chosen(builder, "<", kind, [low, values[2]], doubt)
    function = getattr(np, name)
    if function is np.positive:
        return values[0]
    if function in _SIGNS:
        return _compared(builder, _SIGNS[function], kind, *values)
    if function in _CHOOSING:
        return _chosen(builder, _CHOOSING[function], kind, values, doubt)
    if function in _BITWISE or function in _LOGICAL:
        return getattr(builder, (_BITWISE | _LOGICAL)[function])(*values)
    if function in (np.invert, np.logical_not):
        return builder.not_(values[0])
    if kind == "f":
        return _of_floats(builder, function, values)
    return _of_ints(builder, function, kind, values)


def _compared(builder: Any, sign: str, kind: str, left: Any, right: Any) -> Any:
    if kind == "f":
        compare = builder.fcmp_unordered if sign == "!=" else builder.fcmp_ordered
        return compare(sign, left, right)
    return (builder.icmp_signed if kind == "i" else builder.icmp_unsigned)(sign, left, right)


def _chosen(builder: Any, sign: str, kind: str, values: list[Any], doubt: Callable[[Any], None]) -> Any:
    left, right = values
    if kind == "f":
        doubt(builder.fcmp_unordered("uno", left, right))
        width = ir.IntType(64 if left.type == F64 else 32)
        differ = builder.icmp_signed("!=", builder.bitcast(left, width), builder.bitcast(right, width))
        doubt(builder.and_(builder.fcmp_ordered("==", left, right), differ))
    return builder.select(_compared(builder, sign, kind, left, right), left, right)


def _of_floats(builder: Any, function: Any, values: list[Any]) -> Any:
    first = values[0]
    suffix = "f64" if first.type == F64 else "f32"
    if function in _FLOAT_ARITHMETIC:
        return getattr(builder, _FLOAT_ARITHMETIC[function])(*values)
    if function is np.square:
        return builder.fmul(first, first)
    if function is np.negative:
        return builder.fneg(first)
    if function in _ROUNDING:
        return intrinsic(builder, f"llvm.{_ROUNDING[function]}.{suffix}", first.type, first)
    if function is np.sqrt:
        return intrinsic(builder, f"llvm.sqrt.{suffix}", first.type, first)
    if function is np.isnan:
        return builder.fcmp_unordered("uno", first, first)
    size = intrinsic(builder, f"llvm.fabs.{suffix}", first.type, first)
    infinity = ir.Constant(first.type, float("inf"))
    if function is np.isinf:
        return builder.fcmp_ordered("==", size, infinity)
    if function is np.isfinite:
        return builder.fcmp_ordered("<", size, infinity)
    assert function in (np.absolute, np.fabs)
    return size


def _of_ints(builder: Any, function: Any, kind: str, values: list[Any]) -> Any:
    first = values[0]
    if function in _INT_ARITHMETIC:
        return getattr(builder, _INT_ARITHMETIC[function])(*values)
    if function is np.square:
        return builder.mul(first, first)
    zero = ir.Constant(first.type, 0)
    opposite = builder.sub(zero, first)
    if function is np.negative:
        return opposite
    assert function is np.absolute
    return first if kind == "u" else builder.select(builder.icmp_signed("<", first, zero), opposite, first)


def converted(builder: Any, value: Any, source: str, target: str) -> Any:
    """A value in another of NumPy's types; only conversions that NumPy itself makes without being asked."""
    one, other = np.dtype(source), np.dtype(target)
    if one == other:
        return value
    to = machine_type(target)
    if other.kind == "f":
        if one.kind == "f":
            return builder.fpext(value, to) if one.itemsize < other.itemsize else builder.fptrunc(value, to)
        return (builder.sitofp if one.kind == "i" else builder.uitofp)(value, to)
    assert one.kind in "biu"
    assert other.kind in "iu"
    if one.itemsize >= other.itemsize:
        return value if one.itemsize == other.itemsize else builder.trunc(value, to)
    return (builder.sext if one.kind == "i" else builder.zext)(value, to)


def machine_type(name: str) -> Any:
    """The register an element of one of NumPy's types is held in."""
    dtype = np.dtype(name)
    if dtype.kind == "b":
        return I1
    if dtype.kind == "c":  # moved only, as two floats, which need no more alignment than one
        part = machine_type(f"float{4 * dtype.itemsize}")
        return ir.LiteralStructType([part, part])
    if dtype.kind == "f":
        return F64 if dtype.itemsize == 8 else ir.FloatType()
    return ir.IntType(8 * dtype.itemsize)
