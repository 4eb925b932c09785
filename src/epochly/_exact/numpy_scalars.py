"""Arithmetic on NumPy's scalars that are no float64 and no int64: machine code for each pair of types, made when first met.

Ints that leave their width deopt, though NumPy would go on with a warning; shifts drop bits as NumPy's do; complex division is
Smith's, in CPython's and in NumPy's own variant. Floating-point operations are pinned, so that the status flags tell every
warning. It refuses complex arithmetic where this machine's CPython or NumPy fuse multiplications. Sources: NumPy's scalar
arithmetic, CPython's Objects/complexobject.c, NEP 50.
"""

from __future__ import annotations

import operator
import random
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from llvmlite import ir

from epochly._exact import scalar_ufuncs
from epochly._exact.conversion import converted, wide
from epochly._exact.kinds import LITERAL, NP, NUMPY, PY, PYTHON, Kind, Number, words
from epochly._exact.lowering import (
    BOOL,
    F64,
    FLOAT,
    FLOAT_REGISTER,
    I1,
    INT,
    Key,
    deopt_if,
    install,
    intrinsic,
    primitive,
)
from epochly._exact.operators import FLOAT_LATER, int_power
from epochly._exact.promotion import (
    COMPARISONS,
    COMPLEX,
    COMPLEXES,
    INTEGERS,
    NARROW,
    UNSIGNED,
    WEAK,
    promoted,
)

if TYPE_CHECKING:
    from epochly._exact.check import Checker

SIGNS = {
    operator.lt: "<", operator.le: "<=", operator.gt: ">", operator.ge: ">=", operator.eq: "==", operator.ne: "!=",
}  # fmt: skip
WIDE = "an int leaves the width of NumPy's type"
OVERFLOWING = {operator.add: "add", operator.sub: "sub", operator.mul: "mul"}
BITWISE = {operator.and_: "and_", operator.or_: "or_", operator.xor: "xor"}
FLOAT_NAMES = {
    operator.add: "fadd", operator.sub: "fsub", operator.mul: "fmul", operator.truediv: "fdiv",
}  # fmt: skip


POINTS = 500  # pairs that are multiplied and divided; a fused multiplication shows in one of ten


# -- the checker's part --------------------------------------------------------------------------------------------
def binop(checker: Checker, function: Any, expr: Any, target: Any, kinds: tuple[Number, Number]) -> Kind:
    """The kind of an operation that `typed_by_numpy`; its primitive goes into the plan."""
    pair = (checker.type_of(expr.lhs), checker.type_of(expr.rhs))
    name = function.__name__
    said = f"`{name}` of {words(pair[0])} and {words(pair[1])}"
    weak = tuple(kind in WEAK and not mark.may_be_numpy for kind, mark in zip(pair, kinds, strict=True))
    found = promoted(function, *pair, (weak[0], weak[1]))
    if found is None:
        raise checker.reject(said)
    kinds = (_unmarked(kinds[0], pair[0]), _unmarked(kinds[1], pair[1]))
    if pair == (COMPLEX, FLOAT) and kinds[0] == PYTHON:
        kinds = (PYTHON, PYTHON)  # `numpy.float64` is a float, and Python's complex takes floats
    if any(mark.mixed for mark in kinds):
        raise checker.reject(f"{said}: one is Python's number on one path and NumPy's on another")
    if found.result != checker.type_of(target):
        if any(kind in WEAK and mark.may_be_numpy for kind, mark in zip(pair, kinds, strict=True)):
            checker.strong(expr.ordinal)
        raise checker.reject(said)
    if found.computed in COMPLEXES and not COMPLEX_IS_PLAIN:
        raise checker.reject("complex numbers, which this machine multiplies in a way of its own")
    numpy = any(mark.may_be_numpy for mark in kinds)
    float64 = any(kind == FLOAT and not own for kind, own in zip(pair, weak, strict=True))
    if numpy and function is operator.pow and found.computed == FLOAT and not float64:
        scalar_ufuncs.require_power(checker)
        function = np.power
    key = _operation(function, pair, found.computed, found.result, numpy)
    checker.swap(expr, key, found.result, *pair)
    if numpy and (found.computed not in INTEGERS or found.result == FLOAT) and checker.final:
        checker.plan.uses_flags = True
    return NUMPY if numpy else PYTHON


def _unmarked(mark: Number, kind: Any) -> Number:
    """Beside a number of the type whose register it shares, a literal acts as that type's own number."""
    return Number(mark.marks - {LITERAL} or frozenset({NP if kind in NARROW else PY}))


def unary(checker: Checker, expr: Any, kind: Any) -> None:
    """`-x`, `+x` and `~x` of a narrow or complex scalar."""
    if expr.fn is operator.invert and kind not in INTEGERS:
        raise checker.reject(f"`~` of {words(kind)}")
    checker.swap(expr, _unary(expr.fn, kind), kind, kind)


# -- machine code --------------------------------------------------------------------------------------------------
@cache
def _operation(function: Any, pair: tuple[Any, Any], computed: Any, result: Any, numpy: bool) -> Key:
    def lower(context: Any, builder: Any, _: Any, args: Any) -> Any:
        if function in COMPARISONS and all(each in INTEGERS or each == BOOL for each in pair):
            room = 128 if UNSIGNED[-1] in pair else 64  # only with the widest neither type holds both
            left, right = (wide(builder, arg, kind, room) for arg, kind in zip(args, pair, strict=True))
            return builder.icmp_signed(SIGNS[function], left, right)
        left, right = (
            converted(context, builder, arg, kind, computed) for arg, kind in zip(args, pair, strict=True)
        )
        if function is np.power:
            return scalar_ufuncs.power(context, builder, None, (left, right))
        arithmetic = _Arithmetic(context, builder, computed, numpy)
        if computed in COMPLEXES:
            return arithmetic.on_complexes(function, left, right)
        if computed in INTEGERS:
            return arithmetic.on_ints(function, left, right)
        return arithmetic.on_floats(function, left, right)

    said = "numpy" if numpy else "python"
    key = primitive(f"{function.__name__}_{pair[0]}_{pair[1]}_{computed}_{said}", {pair: (result, lower)})
    install()
    return key


@dataclass(frozen=True, slots=True)
class _Arithmetic:
    """Where operations on two operands of one type are written."""

    context: Any
    builder: Any
    kind: Any
    numpy: bool

    def pin(self, value: Any) -> Any:
        """A float of either width; NumPy's is computed here and now (see `lowering.pinned`)."""
        if not self.numpy:
            return value
        kind = ir.FunctionType(value.type, [value.type])
        return self.builder.asm(kind, "", f"={FLOAT_REGISTER},0", [value], side_effect=True)

    def deopt_if(self, condition: Any, why: str) -> None:
        """See `lowering.deopt_if`."""
        deopt_if(self.context, self.builder, condition, why)

    def on_floats(self, function: Any, left: Any, right: Any) -> Any:
        builder = self.builder
        if function in COMPARISONS:
            compare = builder.fcmp_unordered if function is operator.ne else builder.fcmp_ordered
            return compare(SIGNS[function], left, right)
        if function in FLOAT_LATER:
            return FLOAT_LATER[function](self.context, builder, None, (left, right))
        if function is operator.truediv:
            zero = builder.fcmp_ordered("==", right, ir.Constant(right.type, 0.0))
            self.deopt_if(zero, "division by zero")
        return self.pin(getattr(builder, FLOAT_NAMES[function])(left, right))

    def on_ints(self, function: Any, left: Any, right: Any) -> Any:
        builder, bits, unsigned = self.builder, self.kind.bitwidth, self.kind in UNSIGNED
        if function in OVERFLOWING:
            name = f"llvm.{'u' if unsigned else 's'}{OVERFLOWING[function]}.with.overflow.i{bits}"
            both = intrinsic(builder, name, ir.LiteralStructType([left.type, I1]), left, right)
            self.deopt_if(builder.extract_value(both, 1), WIDE)
            return builder.extract_value(both, 0)
        if function in BITWISE:
            return getattr(builder, BITWISE[function])(left, right)
        if function in (operator.lshift, operator.rshift):
            outside = builder.icmp_unsigned(">=", right, ir.Constant(right.type, bits))
            self.deopt_if(outside, "a shift count is out of range")
            if function is operator.lshift:
                return builder.shl(left, right)
            return builder.lshr(left, right) if unsigned else builder.ashr(left, right)
        if function is operator.pow:  # in 64 bits, by the checked power of ints; then it has to fit
            wider = [wide(builder, each, self.kind, 64) for each in (left, right)]
            power = int_power(self.context, builder, None, wider)
            return converted(self.context, builder, power, INT, self.kind)
        return self.division(function, left, right)

    def division(self, function: Any, left: Any, right: Any) -> Any:
        """`//` and `%` of ints."""
        builder, zero = self.builder, ir.Constant(left.type, 0)
        self.deopt_if(builder.icmp_signed("==", right, zero), "division by zero")
        if self.kind in UNSIGNED:
            return builder.udiv(left, right) if function is operator.floordiv else builder.urem(left, right)
        least = builder.icmp_signed("==", left, ir.Constant(left.type, -(2 ** (self.kind.bitwidth - 1))))
        minus_one = builder.icmp_signed("==", right, ir.Constant(left.type, -1))
        self.deopt_if(builder.and_(least, minus_one), WIDE)
        quotient, remainder = builder.sdiv(left, right), builder.srem(left, right)
        signs_differ = builder.icmp_signed("<", builder.xor(remainder, right), zero)
        lower = builder.and_(builder.icmp_signed("!=", remainder, zero), signs_differ)
        if function is operator.floordiv:
            return builder.sub(quotient, builder.zext(lower, left.type))
        return builder.add(remainder, builder.select(lower, right, zero))

    def on_complexes(self, function: Any, left: Any, right: Any) -> Any:
        builder, pin = self.builder, self.pin
        a, b = (self.context.make_complex(builder, self.kind, each) for each in (left, right))
        if function in COMPARISONS:
            real = builder.fcmp_ordered("==", a.real, b.real)
            same = builder.and_(real, builder.fcmp_ordered("==", a.imag, b.imag))
            return same if function is operator.eq else builder.not_(same)
        made = self.context.make_complex(builder, self.kind)
        if function in (operator.add, operator.sub):
            operation = builder.fadd if function is operator.add else builder.fsub
            made.real, made.imag = pin(operation(a.real, b.real)), pin(operation(a.imag, b.imag))
        elif function is operator.mul:
            straight = pin(builder.fmul(a.real, b.real)), pin(builder.fmul(a.imag, b.imag))
            crossed = pin(builder.fmul(a.real, b.imag)), pin(builder.fmul(a.imag, b.real))
            made.real, made.imag = pin(builder.fsub(*straight)), pin(builder.fadd(*crossed))
        else:
            made.real, made.imag = self.quotient(a, b)
        return made._getvalue()  # noqa: SLF001 - numba's structures have no other way out

    def quotient(self, a: Any, b: Any) -> tuple[Any, Any]:
        """Smith's division by the larger part; NumPy multiplies by a reciprocal where CPython divides."""
        builder, pin, part = self.builder, self.pin, b.real.type
        name = "llvm.fabs.f64" if part == F64 else "llvm.fabs.f32"
        real, imag = (intrinsic(builder, name, part, each) for each in (b.real, b.imag))
        zero = ir.Constant(part, 0.0)
        some = builder.or_(builder.fcmp_ordered(">", real, zero), builder.fcmp_ordered(">", imag, zero))
        self.deopt_if(builder.not_(some), "division by zero")
        self.deopt_if(builder.fcmp_unordered("uno", real, imag), "a division by a number that is none")
        by_real = builder.fcmp_ordered(">=", real, imag)
        large, small = builder.select(by_real, b.real, b.imag), builder.select(by_real, b.imag, b.real)
        first, second = builder.select(by_real, a.real, a.imag), builder.select(by_real, a.imag, a.real)
        ratio = pin(builder.fdiv(small, large))
        scale = pin(builder.fadd(large, pin(builder.fmul(small, ratio))))
        upper = pin(builder.fadd(first, pin(builder.fmul(second, ratio))))
        product = pin(builder.fmul(first, ratio))
        lower = builder.select(by_real, builder.fsub(second, product), builder.fsub(product, second))
        if not self.numpy:
            return builder.fdiv(upper, scale), builder.fdiv(lower, scale)
        reciprocal = pin(builder.fdiv(ir.Constant(part, 1.0), scale))
        return pin(builder.fmul(upper, reciprocal)), pin(builder.fmul(pin(lower), reciprocal))


@cache
def _unary(function: Any, kind: Any) -> Key:
    def lower(context: Any, builder: Any, _: Any, args: Any) -> Any:
        (value,) = args
        if function is operator.pos:
            return value
        if kind in COMPLEXES:
            made = context.make_complex(builder, kind, value)
            made.real, made.imag = builder.fneg(made.real), builder.fneg(made.imag)
            return made._getvalue()  # noqa: SLF001 - numba's structures have no other way out
        if kind not in INTEGERS:
            return builder.fneg(value)
        if function is operator.invert:
            return builder.not_(value)
        odd = 0 if kind in UNSIGNED else -(2 ** (kind.bitwidth - 1))
        sign = "!=" if kind in UNSIGNED else "=="
        deopt_if(context, builder, builder.icmp_signed(sign, value, ir.Constant(value.type, odd)), WIDE)
        return builder.sub(ir.Constant(value.type, 0), value)

    key = primitive(f"{function.__name__}_{kind}", {(kind,): (kind, lower)})
    install()
    return key


# -- does this machine multiply complex numbers as written here? ---------------------------------------------------
def _bits(value: complex) -> tuple[str, str]:
    return value.real.hex(), value.imag.hex()


def _product(a: complex, b: complex) -> complex:
    return complex(a.real * b.real - a.imag * b.imag, a.real * b.imag + a.imag * b.real)


def _divided(a: complex, b: complex, *, numpy: bool) -> complex:
    swap = abs(b.real) < abs(b.imag)
    large, small = (b.imag, b.real) if swap else (b.real, b.imag)
    first, second = (a.imag, a.real) if swap else (a.real, a.imag)
    ratio = small / large
    scale, upper = large + small * ratio, first + second * ratio
    lower = first * ratio - second if swap else second - first * ratio
    if numpy:
        return complex(upper * (1.0 / scale), lower * (1.0 / scale))
    return complex(upper / scale, lower / scale)


def _is_plain() -> bool:
    chooser = random.Random(14)  # noqa: S311 - fixed points, no secret
    points = [complex(chooser.uniform(-9, 9), chooser.uniform(-9, 9)) for _ in range(POINTS)]
    with np.errstate(all="ignore"):
        for a, b in pairwise(points):
            if _bits(a * b) != _bits(_product(a, b)) or _bits(a / b) != _bits(_divided(a, b, numpy=False)):
                return False
            one, two = np.complex128(a), np.complex128(b)
            if _bits(complex(one * two)) != _bits(_product(a, b)):
                return False
            if _bits(complex(one / two)) != _bits(_divided(a, b, numpy=True)):
                return False
        odd = complex(float("inf"), float("nan"))  # a Python that knows reals multiplies them by themselves
        return _bits(2.0 * odd) == _bits(_product(complex(2.0), odd))


COMPLEX_IS_PLAIN = _is_plain()
