"""Types called as functions, and `abs`: `int`, `float`, `bool`, `complex` and NumPy's scalar types, on every scalar.

A value that the type cannot hold exactly is left to the interpreter. It refuses strings, and complex numbers where a real is
due. Sources: the Python library reference, NumPy's scalars reference.
"""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any

from llvmlite import ir

from epochly._exact.conversion import converted
from epochly._exact.kinds import NUMPY, PYTHON, Kind, words
from epochly._exact.lowering import (
    BOOL,
    F64,
    FLOAT,
    INT,
    Implementation,
    Key,
    call_c,
    deopt_if,
    intrinsic,
    not_finite,
    opaque_symbol,
    primitive,
)
from epochly._exact.promotion import COMPLEX, COMPLEXES, DTYPES, INTEGERS, SCALARS, SINGLE, UNSIGNED

if TYPE_CHECKING:
    from epochly._exact.check import Checker

NO_INT = "a float is no 64-bit int"
UNFIT = "an int does not fit into its type"


def _conversion(source: Any, target: Any) -> Implementation:
    return lambda context, builder, _, args: converted(context, builder, args[0], source, target)


def _rounded_float(source: Any) -> Implementation:
    """`float(int)` rounds to nearest, as the processor does."""
    return lambda _c, builder, _s, args: (builder.uitofp if source in UNSIGNED else builder.sitofp)(
        args[0], F64
    )


def _pair(context: Any, builder: Any, _: Any, args: Any) -> Any:
    made = context.make_complex(builder, COMPLEX)
    made.real, made.imag = args
    return made._getvalue()  # noqa: SLF001 - numba's structures have no other way out


def _float_cases() -> dict[tuple[Any, ...], tuple[Any, Implementation]]:
    cases: dict[tuple[Any, ...], tuple[Any, Implementation]] = {
        (kind,): (FLOAT, _rounded_float(kind)) for kind in INTEGERS
    }
    return cases | {(kind,): (FLOAT, _conversion(kind, FLOAT)) for kind in (FLOAT, SINGLE, BOOL)}


def _abs(kind: Any) -> Implementation:
    def lower(context: Any, builder: Any, _: Any, args: Any) -> Any:
        (value,) = args
        if kind in UNSIGNED:
            return value
        if kind in INTEGERS:
            zero, least = ir.Constant(value.type, 0), ir.Constant(value.type, -(2 ** (kind.bitwidth - 1)))
            deopt_if(context, builder, builder.icmp_signed("==", value, least), UNFIT)
            return builder.select(builder.icmp_signed("<", value, zero), builder.sub(zero, value), value)
        if kind == COMPLEX:
            parts = context.make_complex(builder, kind, value)
            length = call_c(builder, "hypot", F64, parts.real, parts.imag)
            deopt_if(context, builder, not_finite(builder, length), "`abs` of a complex number is not finite")
            return length
        return intrinsic(builder, "llvm.fabs.f64" if kind == FLOAT else "llvm.fabs.f32", value.type, value)

    return lower


opaque_symbol("hypot")  # what both CPython and NumPy call for `abs` of a complex number
REALS = (BOOL, *INTEGERS, SINGLE, FLOAT)
TO_PYTHON: dict[Any, tuple[Any, Key]] = {
    builtins.float: (FLOAT, primitive("float", _float_cases())),
    builtins.bool: (BOOL, primitive("bool", {(kind,): (BOOL, _conversion(kind, BOOL)) for kind in REALS})),
    builtins.int: (INT, primitive("int", {(kind,): (INT, _conversion(kind, INT)) for kind in REALS})),
    builtins.complex: (
        COMPLEX,
        primitive(
            "complex",
            {(kind,): (COMPLEX, _conversion(kind, COMPLEX)) for kind in (FLOAT, COMPLEX)}
            | {(FLOAT, FLOAT): (COMPLEX, _pair)},
        ),
    ),
}
TO_NUMPY: dict[Any, tuple[Any, Key]] = {
    dtype.type: (
        target,
        primitive(
            f"numpy_{dtype}",
            {
                (kind,): (target, _conversion(kind, target))
                for kind in SCALARS
                if kind not in COMPLEXES or target in COMPLEXES
            },
        ),
    )
    for target, dtype in DTYPES.items()
}
ABS = primitive(
    "abs", {(kind,): (FLOAT if kind == COMPLEX else kind, _abs(kind)) for kind in (*REALS[1:], COMPLEX)}
)
CONSTRUCTED: dict[Any, Any] = {key: target for target, key in (TO_PYTHON | TO_NUMPY).values()}
OF_NUMPY = {key for _, key in TO_NUMPY.values()}
REPLACED: dict[Any, Key] = {function: key for function, (_, key) in (TO_PYTHON | TO_NUMPY).items()} | {
    builtins.abs: ABS
}


def constructed(checker: Checker, key: Any, expr: Any) -> Kind | None:
    """The kind of `float(x)`, `numpy.int32(x)` and their like."""
    for var in expr.args:
        kind, what = checker.not_literal(var), checker.type_of(var)
        if kind is None:
            return None
        if what not in SCALARS or (what in COMPLEXES and CONSTRUCTED[key] not in COMPLEXES):
            raise checker.reject(f"a conversion of {words(what)}")
    if checker.final and key in OF_NUMPY:
        checker.plan.uses_flags = True
    return NUMPY if key in OF_NUMPY else PYTHON


def absolute(checker: Checker, expr: Any, target: Any) -> Kind | None:
    """The kind of `abs(x)`."""
    kind, what = checker.not_literal(expr.args[0]), checker.type_of(expr.args[0])
    expected = FLOAT if what == COMPLEX else what
    if what not in (*REALS[1:], COMPLEX) or expected != checker.type_of(target):
        raise checker.reject(f"`abs` of {words(what)}")
    return kind
