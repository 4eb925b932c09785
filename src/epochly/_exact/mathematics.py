"""`math` and the numeric builtins as primitives: the same C functions CPython calls, every odd result left to it.

Each libm function is compared with `math` on a few thousand points when this module loads; one that differs in a single bit
on this machine is not offered. It refuses `hypot`, `gamma`, `fsum` and whatever else CPython computes by its own code.
Sources: CPython's Modules/mathmodule.c, Objects/floatobject.c (`round`), ISO C 7.12.
"""

from __future__ import annotations

import builtins
import ctypes
import math
import random
import struct
from typing import Any

from llvmlite import ir

from epochly._exact.lowering import (
    BOOL,
    F64,
    FLOAT,
    I64,
    INFINITY,
    INT,
    LIBM,
    Implementation,
    Key,
    call_c,
    deopt_if,
    intrinsic,
    not_finite,
    opaque_symbol,
    primitive,
)
from epochly._exact.promotion import INTEGERS, REALS, UNSIGNED

ONE_ARGUMENT = [
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
    "tanh",
    "exp",
    "expm1",
    "log",
    "log2",
    "log10",
    "log1p",
    "asinh",
    "acosh",
    "atanh",
    "exp2",
    "cbrt",
]
TWO_ARGUMENTS = ["pow", "atan2", "fmod", "copysign"]
POINTS = 200  # of each magnitude; enough to tell one implementation of libm from another
EDGES = (0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 2.0, 3.0, 10.0, -7.0, 1e-300, 1e300, 5e-324, 709.0)


def _sample() -> list[float]:
    chooser = random.Random(20)  # noqa: S311 - fixed points, no secret
    spans = (1.0, 10.0, 1e3, 1e-8, 1e18)
    return [*EDGES, *(chooser.uniform(-span, span) for span in spans for _ in range(POINTS))]


def _bits(value: float) -> bytes:
    return struct.pack("d", value)


def _agrees(name: str, arity: int) -> bool:
    """Whether libm and `math` give the same bits wherever libm's result is finite."""
    ours, theirs = getattr(LIBM, name), getattr(math, name)
    ours.restype, ours.argtypes = ctypes.c_double, [ctypes.c_double] * arity
    points = _sample()
    others = [points[(7 * index + 3) % len(points)] for index in range(len(points))]
    for point in zip(*(points, others)[:arity], strict=False):
        result = ours(*point)
        if math.isfinite(result):
            try:
                if _bits(theirs(*point)) != _bits(result):
                    return False
            except (ValueError, OverflowError):
                return False
    return True


def _finite_from_libm(name: str) -> Implementation:
    """A result that is not finite is an error in CPython, or came from such an argument; both are its own business."""

    def lower(context: Any, builder: Any, _: Any, args: Any) -> Any:
        for arg in args[1:]:
            deopt_if(
                context, builder, not_finite(builder, arg), f"an argument of `math.{name}` is not finite"
            )
        result = call_c(builder, name, F64, *args)
        deopt_if(context, builder, not_finite(builder, result), f"`math.{name}` is not finite here")
        return result

    return lower


def _sqrt(context: Any, builder: Any, _: Any, args: Any) -> Any:
    negative = builder.not_(builder.fcmp_ordered(">=", args[0], ir.Constant(F64, 0.0)))
    deopt_if(context, builder, negative, "the square root of a negative number")
    return intrinsic(builder, "llvm.sqrt.f64", F64, args[0])


def _to_int(rounding: str) -> Implementation:
    def lower(context: Any, builder: Any, _: Any, args: Any) -> Any:
        value = call_c(builder, rounding, F64, args[0]) if rounding else args[0]
        low = builder.fcmp_ordered(">", value, ir.Constant(F64, -9.2e18))
        high = builder.fcmp_ordered("<", value, ir.Constant(F64, 9.2e18))
        deopt_if(context, builder, builder.not_(builder.and_(low, high)), "a float is no 64-bit int")
        return builder.fptosi(value, I64)

    return lower


def _same(_context: Any, _builder: Any, _signature: Any, args: Any) -> Any:
    return args[0]


def _abs_float(_context: Any, builder: Any, _: Any, args: Any) -> Any:
    return intrinsic(builder, "llvm.fabs.f64", F64, args[0])


def _chosen(sign: str, kind: Any) -> Implementation:
    """`min` and `max` keep the first unless a later one is strictly better, as CPython's loop does."""

    def lower(_context: Any, builder: Any, _: Any, args: Any) -> Any:
        ints = builder.icmp_unsigned if kind in UNSIGNED else builder.icmp_signed
        compare = ints if kind in INTEGERS else builder.fcmp_ordered
        best = args[0]
        for arg in args[1:]:
            best = builder.select(compare(sign, arg, best), arg, best)
        return best

    return lower


def _min_or_max(name: str, sign: str) -> Key:
    cases: dict[tuple[Any, ...], tuple[Any, Implementation]] = {}
    for count in (2, 3, 4):
        for kind in REALS:
            cases[(kind,) * count] = (kind, _chosen(sign, kind))
    return primitive(name, cases)


def _chosen_tag(sign: str, *, ints: bool) -> Implementation:
    """Of two numbers and their tags, the tag of the one that `min` or `max` returns."""

    def lower(_context: Any, builder: Any, _: Any, args: Any) -> Any:
        compare = builder.icmp_signed if ints else builder.fcmp_ordered
        return builder.select(compare(sign, args[1], args[0]), args[3], args[2])

    return lower


def _tag_of(name: str, sign: str) -> Key:
    ints, floats = (INT, INT, INT, INT), (FLOAT, FLOAT, INT, INT)
    return primitive(
        f"tag_of_{name}",
        {ints: (INT, _chosen_tag(sign, ints=True)), floats: (INT, _chosen_tag(sign, ints=False))},
    )


def _class_of_float(kind: str) -> Implementation:
    def lower(_context: Any, builder: Any, _: Any, args: Any) -> Any:
        if kind == "nan":
            return builder.fcmp_unordered("uno", args[0], args[0])
        if kind == "finite":
            return builder.not_(not_finite(builder, args[0]))
        return builder.fcmp_ordered("==", intrinsic(builder, "llvm.fabs.f64", F64, args[0]), INFINITY)

    return lower


def _scaled(factor: float) -> Implementation:
    return lambda _c, builder, _s, args: builder.fmul(args[0], ir.Constant(F64, factor))


def _libm_table() -> dict[Any, Key]:
    table: dict[Any, Key] = {}
    for names, arity in ((ONE_ARGUMENT, 1), (TWO_ARGUMENTS, 2)):
        for name in names:
            if hasattr(math, name) and hasattr(LIBM, name) and _agrees(name, arity):
                opaque_symbol(name)
                cases = {(FLOAT,) * arity: (FLOAT, _finite_from_libm(name))}
                table[getattr(math, name)] = primitive(f"math_{name}", cases)
    return table


for _name in ("rint", "floor", "ceil"):
    opaque_symbol(_name)

LIBM_FUNCTIONS = _libm_table()
FLOAT_TO_FLOAT: dict[Any, Key] = LIBM_FUNCTIONS | {
    math.sqrt: primitive("math_sqrt", {(FLOAT,): (FLOAT, _sqrt)}),
    math.fabs: primitive("math_fabs", {(FLOAT,): (FLOAT, _abs_float)}),
    math.radians: primitive("math_radians", {(FLOAT,): (FLOAT, _scaled(math.pi / 180.0))}),
    math.degrees: primitive("math_degrees", {(FLOAT,): (FLOAT, _scaled(180.0 / math.pi))}),
    math.isnan: primitive("math_isnan", {(FLOAT,): (BOOL, _class_of_float("nan"))}),
    math.isinf: primitive("math_isinf", {(FLOAT,): (BOOL, _class_of_float("inf"))}),
    math.isfinite: primitive("math_isfinite", {(FLOAT,): (BOOL, _class_of_float("finite"))}),
}
FLOAT_TO_INT: dict[Any, Key] = {
    builtins.round: primitive("round", {(INT,): (INT, _same), (FLOAT,): (INT, _to_int("rint"))}),
    math.floor: primitive("math_floor", {(INT,): (INT, _same), (FLOAT,): (INT, _to_int("floor"))}),
    math.ceil: primitive("math_ceil", {(INT,): (INT, _same), (FLOAT,): (INT, _to_int("ceil"))}),
    math.trunc: primitive("math_trunc", {(INT,): (INT, _same), (FLOAT,): (INT, _to_int(""))}),
}
MIN, MAX = _min_or_max("min", "<"), _min_or_max("max", ">")
CHOSEN_TAG: dict[str, Key] = {  # by the name of the primitive that chose
    MIN.__name__: _tag_of("min", "<"),
    MAX.__name__: _tag_of("max", ">"),
}
REPLACED: dict[Any, Key] = FLOAT_TO_FLOAT | FLOAT_TO_INT | {builtins.min: MIN, builtins.max: MAX}
