"""`x**2`, `x**3` and `x**0.5` without libm, where its `pow` is proved to give these very bits.

The nearest float `p` and the exact rest `e` of the power are found with fused multiply-add. glibc states that the error of its
`pow` is at most 0.511 ulp and what its logarithm adds, which for results from 2**-64 to 2**64 is below 0.0021 ulp. So where
`abs(e)` is below 0.484 ulp the next float on either side is more than 0.516 ulp away from the power, `pow` cannot return it,
and the answer is `p`. At a power of two the gap below is half as wide, so the width is taken just below `p`. All else, one call
in thirty, is left to libm. It refuses processors without fused multiply-add and C libraries other than glibc from 2.28 on.
Sources: the comment on errors in glibc's sysdeps/ieee754/dbl-64/e_pow.c; Dekker 1971 and Boldo and Daumas 2003 on exact rests.
"""

from __future__ import annotations

import ctypes
import math
import platform
import random
from typing import Any

import llvmlite.binding
from llvmlite import ir
from numba.core import config

from epochly._exact.lowering import F64, I64, LIBM, call_c, intrinsic, opaque_symbol

OLDEST = (2, 28)  # of glibc; its `pow` is another one since
CERTAIN = 0.484  # of the gap between floats
LOWEST, HIGHEST = 959 << 52, 1087 << 52  # the bits of 2**-64 and 2**64
SIGN_AWAY, EXPONENT = 2**63 - 1, 0x7FF << 52
EXPONENTS = (2.0, 3.0, 0.5)
POINTS = 400  # for each exponent, near which a wrong claim would show


def _float(value: float) -> Any:
    return ir.Constant(F64, value)


def _int(value: int) -> Any:
    return ir.Constant(I64, value)


def _fused(builder: Any, one: Any, other: Any, added: Any) -> Any:
    return intrinsic(builder, "llvm.fma.f64", F64, one, other, added)


def _square(builder: Any, x: Any) -> tuple[Any, Any]:
    nearest = builder.fmul(x, x)
    return nearest, _fused(builder, x, x, builder.fneg(nearest))


def _cube(builder: Any, x: Any) -> tuple[Any, Any]:
    """`(square + rest) * x` to twice the digits, then made a nearest float and its rest again."""
    square, rest = _square(builder, x)
    product = builder.fmul(square, x)
    rest = _fused(builder, rest, x, _fused(builder, square, x, builder.fneg(product)))
    nearest = builder.fadd(product, rest)
    return nearest, builder.fsub(rest, builder.fsub(nearest, product))


def _root(builder: Any, x: Any) -> tuple[Any, Any]:
    """Correctly rounded by IEEE 754; its rest is `(x - root**2) / (2 * root)` and a part in 2**50 of that."""
    nearest = intrinsic(builder, "llvm.sqrt.f64", F64, x)
    short = _fused(builder, builder.fneg(nearest), nearest, x)
    return nearest, builder.fdiv(short, builder.fadd(nearest, nearest))


def _certain(builder: Any, nearest: Any, rest: Any) -> Any:
    """Whether no other float is within the error of `pow`; false for anything not finite."""
    bits = builder.and_(builder.bitcast(nearest, I64), _int(SIGN_AWAY))
    in_range = builder.icmp_unsigned("<", builder.sub(bits, _int(LOWEST)), _int(HIGHEST - LOWEST))
    below = builder.and_(builder.sub(bits, _int(1)), _int(EXPONENT))
    most = builder.fmul(builder.bitcast(below, F64), _float(CERTAIN * 2.0**-52))
    size = intrinsic(builder, "llvm.fabs.f64", F64, rest)
    return builder.and_(in_range, builder.fcmp_ordered("<", size, most))


def power(builder: Any, x: Any, y: Any) -> Any:
    """The bits of libm's `pow`; LLVM drops what a constant exponent does not need."""
    if not PROVED:
        return call_c(builder, "pow", F64, x, y)
    end, libm = builder.append_basic_block("power.end"), builder.append_basic_block("power.libm")
    found = []
    for exponent, how in zip(EXPONENTS, (_square, _cube, _root), strict=True):
        here, other = (builder.append_basic_block(f"power.{name}") for name in ("short", "other"))
        builder.cbranch(builder.fcmp_ordered("==", y, _float(exponent)), here, other)
        builder.position_at_end(here)
        nearest, rest = how(builder, x)
        found.append((nearest, builder.block))
        builder.cbranch(_certain(builder, nearest, rest), end, libm).set_weights([30, 1])
        builder.position_at_end(other)
    builder.branch(libm)
    builder.position_at_end(libm)
    found.append((call_c(builder, "pow", F64, x, y), libm))
    builder.branch(end)
    builder.position_at_end(end)
    result = builder.phi(F64)
    for value, block in found:
        result.add_incoming(value, block)
    return result


def _hardware_fuses() -> bool:
    """Whether machine code made here may use the instruction; without it the rest would be a slow call."""
    if config.CPU_NAME or config.CPU_FEATURES:
        return False
    if platform.machine() in {"aarch64", "arm64"}:
        return True
    return bool(llvmlite.binding.get_host_cpu_features().get("fma", False))


def _library_is_known() -> bool:
    name, version = platform.libc_ver()
    parts = version.split(".")
    known = name == "glibc" and len(parts) >= 2 and all(part.isdigit() for part in parts[:2])
    return known and (int(parts[0]), int(parts[1])) >= OLDEST


def _library_agrees() -> bool:
    """Try the claim on squares and roots that can be judged without fused multiply-add, by integers."""
    function = LIBM.pow
    function.restype, function.argtypes = ctypes.c_double, [ctypes.c_double] * 2
    chooser = random.Random(53)  # noqa: S311 - fixed points, no secret
    for _ in range(POINTS):
        x = chooser.uniform(1.0, 2.0) * 2.0 ** chooser.randint(-20, 20)
        top, bottom = x.as_integer_ratio()
        for power_of in (2, 3):
            nearest = top**power_of / bottom**power_of  # correctly rounded, as every quotient of ints
            up, down = nearest.as_integer_ratio()
            gap = math.ulp(math.nextafter(nearest, 0.0))
            rest = abs((up * bottom**power_of - down * top**power_of) / (down * bottom**power_of))
            if rest < CERTAIN * gap and function(x, float(power_of)) != nearest:
                return False
        if function(x * x, 0.5) != x and x * x / x == x and (x * x).as_integer_ratio() == (top**2, bottom**2):
            return False
    return True


opaque_symbol("pow")
PROVED = _hardware_fuses() and _library_is_known() and _library_agrees()
