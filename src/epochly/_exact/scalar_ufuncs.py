"""NumPy's functions of single numbers, `np.sqrt(x)` or `np.maximum(x, y)`: the ufunc's own loop, run over one element.

NumPy has code of its own for `exp`, `sin` or `tanh`, which differs from the C library's and between processors; the loop that
NumPy chose is called, with the strides NumPy gives it for a single number, so the bits are its own. Square root and absolute
value are one instruction each, and IEEE 754 leaves them no choice. Warnings come from the status flags, as NumPy's do. It
refuses bools, whose functions compute in float16. Sources: NumPy's ufunc reference, ufunc_object.c (0-d operands).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils

from epochly._exact.kinds import NUMPY, Kind, words
from epochly._exact.lowering import (
    BOOL,
    F64,
    FLOAT,
    I64,
    INFINITY,
    INT,
    ZERO,
    Implementation,
    Key,
    deopt_if,
    intrinsic,
    not_finite,
    pinned,
    primitive,
)
from epochly._exact.numpy_loops import announce, call_loop, loop_address, one_by_loop

if TYPE_CHECKING:
    from collections.abc import Iterable

    from epochly._exact.check import Checker

OF_REALS = (  # of an int they give what they give of the float it is
    *(np.exp, np.exp2, np.expm1, np.log, np.log2, np.log10, np.log1p),
    *(np.sin, np.cos, np.tan, np.arcsin, np.arccos, np.arctan),
    *(np.sinh, np.cosh, np.tanh, np.arcsinh, np.arccosh, np.arctanh),
    *(np.deg2rad, np.rad2deg, np.radians, np.degrees),
)
OF_FLOATS = (np.floor, np.ceil, np.rint, np.trunc, np.square, np.sign, np.reciprocal)
OF_TWO_FLOATS = (
    *(np.minimum, np.maximum, np.fmin, np.fmax, np.hypot, np.arctan2, np.copysign, np.power),
    *(np.logaddexp, np.logaddexp2, np.nextafter, np.fmod),
)
ASKING: dict[
    np.ufunc, tuple[str, Any]
] = {  # what is asked of a float's class is exact; of an int it is clear
    np.isnan: ("uno", None),
    np.isinf: ("==", INFINITY),
    np.isfinite: ("<", INFINITY),
}
PLAIN = (np.sqrt, np.absolute, *ASKING)  # no loop of NumPy's is needed
ITEM = ir.Constant(I64, 8)  # bytes of a float64
EDGES = (0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 3.0, np.inf, -np.inf, np.nan, 5e-324, 1e-310, 710.0, -746.0, 1e308)
SPANS = (1.0, 10.0, 1e3, 1e-8, 1e18)
POINTS = 40  # of each span


def _spelling(ufunc: np.ufunc) -> str:
    return "d" * ufunc.nin + "->d"


@cache
def _offered(ufunc: np.ufunc) -> bool:
    """Whether the loop, run over one element, gives what NumPy gives; compared bit by bit, once."""
    if loop_address(ufunc, _spelling(ufunc)) is None:
        return False
    rng = np.random.default_rng(13)
    points = [*EDGES, *(rng.uniform(-span, span) for span in SPANS for _ in range(POINTS))]
    others = [points[(7 * index + 3) % len(points)] for index in range(len(points))]
    with np.errstate(all="ignore"):
        for point in zip(*(points, others)[: ufunc.nin], strict=True):
            theirs = ufunc(*map(np.float64, point))
            ours = one_by_loop(ufunc, _spelling(ufunc), point)
            if np.float64(ours).tobytes() != theirs.tobytes():
                return False
    return True


def _as_float(builder: Any, what: Any, value: Any) -> Any:
    return builder.sitofp(value, F64) if what == INT else value


def _looped(builder: Any, ufunc: np.ufunc, values: Iterable[Any]) -> Any:
    places = []
    for value in values:
        place = cgutils.alloca_once(builder, F64)
        builder.store(value, place)
        places.append(place)
    out = cgutils.alloca_once(builder, F64)
    strides = [*(ZERO for _ in places), ITEM]
    call_loop(builder, (ufunc, _spelling(ufunc)), [*places, out], [ir.Constant(I64, 1)], strides)
    return builder.load(out)


def _by_loop(ufunc: np.ufunc) -> Implementation:
    def lower(_context: Any, builder: Any, signature: Any, args: Any) -> Any:
        values = [_as_float(builder, what, arg) for what, arg in zip(signature.args, args, strict=True)]
        return _looped(builder, ufunc, values)

    return lower


def power(context: Any, builder: Any, _: Any, args: Any) -> Any:
    """`x ** y` of two kinds of numbers, neither of them `numpy.float64`: NumPy has no code of its own for it but `np.power`."""
    result = _looped(builder, np.power, args)
    deopt_if(context, builder, not_finite(builder, result), "a power is not a finite float")
    return result


def _sqrt(_context: Any, builder: Any, signature: Any, args: Any) -> Any:
    value = _as_float(builder, signature.args[0], args[0])
    return pinned(builder, intrinsic(builder, "llvm.sqrt.f64", F64, value))


def _abs(_context: Any, builder: Any, signature: Any, args: Any) -> Any:
    if signature.args[0] == FLOAT:
        return intrinsic(builder, "llvm.fabs.f64", F64, args[0])
    negative = builder.icmp_signed("<", args[0], ZERO)
    return builder.select(
        negative, builder.sub(ZERO, args[0]), args[0]
    )  # wraps at the least int, as NumPy does


def _asked(sign: str, bound: Any) -> Implementation:
    def lower(_context: Any, builder: Any, signature: Any, args: Any) -> Any:
        value = _as_float(builder, signature.args[0], args[0])
        if bound is None:
            return builder.fcmp_unordered(sign, value, value)
        return builder.fcmp_ordered(sign, intrinsic(builder, "llvm.fabs.f64", F64, value), bound)

    return lower


def _keys() -> dict[np.ufunc, Key]:
    real, whole = ((FLOAT,), (FLOAT, _sqrt)), ((INT,), (FLOAT, _sqrt))
    keys: dict[np.ufunc, Key] = {
        np.sqrt: primitive("numpy_sqrt", dict((real, whole))),
        np.absolute: primitive("numpy_absolute", {(FLOAT,): (FLOAT, _abs), (INT,): (INT, _abs)}),
    }
    for asking, (sign, bound) in ASKING.items():
        lower = _asked(sign, bound)
        keys[asking] = primitive(f"numpy_{asking.__name__}", {(FLOAT,): (BOOL, lower), (INT,): (BOOL, lower)})
    for ufunc in (*OF_REALS, *OF_FLOATS, *OF_TWO_FLOATS):
        announce(ufunc, _spelling(ufunc))
        cases: dict[tuple[Any, ...], tuple[Any, Implementation]] = {
            (FLOAT,) * ufunc.nin: (FLOAT, _by_loop(ufunc))
        }
        if ufunc in OF_REALS:
            cases[(INT,)] = (FLOAT, _by_loop(ufunc))
        keys[ufunc] = primitive(f"numpy_{ufunc.__name__}", cases)
    return keys


FUNCTIONS = _keys()
POWER = primitive("power_by_numpy", {(FLOAT, FLOAT): (FLOAT, power)})


def require_power(checker: Checker) -> None:
    """A rejection where the loop of `np.power` cannot be reached."""
    if not _offered(np.power):
        raise checker.reject(f"NumPy's own `power` cannot be reached in NumPy {np.__version__}")


def call(checker: Checker, ufunc: np.ufunc, expr: Any, target: Any) -> Kind:
    """The kind of a function of numbers, or a rejection; numba's own code for it is swapped for ours."""
    args = [checker.type_of(arg) for arg in expr.args]
    takes = (FLOAT, INT) if ufunc in OF_REALS or ufunc in PLAIN else (FLOAT,)
    if len(args) != ufunc.nin or any(arg not in takes for arg in args):
        raise checker.reject(f"`{ufunc.__name__}` of {' and '.join(map(words, args))}")
    if ufunc not in PLAIN and not _offered(ufunc):
        raise checker.reject(f"NumPy's own `{ufunc.__name__}` cannot be reached in NumPy {np.__version__}")
    result = BOOL if ufunc in ASKING else INT if ufunc is np.absolute and args[0] == INT else FLOAT
    if checker.type_of(target) != result:
        raise checker.reject(f"`{ufunc.__name__}` gives {words(checker.type_of(target))}")
    if ufunc not in OF_REALS and ufunc is not np.sqrt and ufunc not in ASKING:
        for arg in expr.args:
            checker.not_literal(arg)
    checker.swap(expr, FUNCTIONS[ufunc], result, *args)
    return NUMPY
