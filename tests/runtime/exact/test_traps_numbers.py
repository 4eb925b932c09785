"""Numbers at the edges of their types: ints, floats, conversions, comparisons, NumPy's scalars. None differs from the interpreter.

One small program a case, hence long.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import traps

TOP, LOW = 2**63 - 1, -(2**63)
INF, NAN = math.inf, math.nan
TINY, LEAST, LARGEST = 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308
BESIDE = 2**53 + 1


class Steps(int):
    """An int with a `+` of its own."""

    def __add__(self, other):
        return "steps"


class Metres(float):
    """A float with a `*` of its own."""

    def __mul__(self, other):
        return Metres(float(self) * float(other))


INTS = traps.Traps(
    (
        "a + b",
        [(TOP, 1), (LOW, -1), (TOP, -1), (2**62, 2**62), (True, False), (True, 2), (Steps(1), 2), (2**64, 1)],
    ),
    ("a - b", [(LOW, 1), (TOP, -1), (0, LOW), (-1, LOW), (False, True)]),
    (
        "a * b",
        [
            (2**32, 2**31),
            (-(2**32), 2**31),
            (LOW, -1),
            (-1, LOW),
            (TOP, 0),
            (3037000500, 3037000500),
            (True, TOP),
        ],
    ),
    (
        "a // b",
        [(LOW, -1), (7, -2), (-7, -2), (0, -5), (TOP, LOW), (LOW, TOP), (1, 0), (LOW, 1), (True, True)],
    ),
    ("a % b", [(LOW, -1), (7, -3), (-7, -3), (-7, 3), (0, -5), (TOP, LOW), (LOW, TOP), (5, 0), (-1, 2**62)]),
    ("a / b", [(TOP, TOP), (BESIDE, 1), (1, 3), (-1, 3), (2**53, 3), (0, -5), (LOW, 2), (1, 0)]),
    (
        "a ** b",
        [
            (2, 62),
            (2, 63),
            (-2, 63),
            (3, 39),
            (3, 40),
            (0, 0),
            (0, -1),
            (2, -1),
            (-1, 10**9),
            (1, TOP),
            (10, 18),
            (10, 19),
        ],
    ),
    ("a << b", [(1, 62), (1, 63), (-1, 63), (1, 64), (0, 1000), (1, -1), (-3, 62), (2**62, 1), (True, 3)]),
    ("a >> b", [(-1, 63), (-1, 64), (TOP, 62), (LOW, 63), (LOW, 1000), (5, -1), (7, 2**40)]),
    ("a & b", [(LOW, TOP), (-1, 2**62), (True, False), (True, 3), (-2, -3)]),
    ("a | b", [(LOW, TOP), (-1, 0), (True, False), (2**62, 1)]),
    ("a ^ b", [(LOW, -1), (TOP, -1), (True, True), (5, -6)]),
    ("-a", [(LOW,), (TOP,), (0,), (True,)]),
    ("~a", [(LOW,), (TOP,), (-1,), (5,)]),
    ("+a", [(True,), (5,), (LOW,)]),
    ("abs(a)", [(LOW,), (TOP,), (True,), (-0.0,), (-NAN,), (-INF,)]),
    ("divmod(a, b)", [(7, -2), (LOW, -1), (7.5, -2.0), (1, 0)]),
    ("pow(a, b)", [(2, 10), (2, -1), (0.0, -1.0)]),
    ("a * a + b", [(3037000499, 10**9), (3037000500, 0), (-3037000500, 0)]),
    ("(a + b) - b", [(TOP, 1), (LOW, -1), (1, TOP)]),
    ("a - a", [(2**70,), (TOP,), (INF,), (0.0,)]),
    ("a * 0", [(TOP,), (INF,), (-1.0,), (NAN,), (-5,)]),
    ("a // 1", [(LOW,), (-1.5,), (2.0**60,)]),
    ("a % 1", [(LOW,), (-1.5,), (-0.0,)]),
)
FLOATS = traps.Traps(
    (
        "a + b",
        [
            (0.1, 0.2),
            (-0.0, 0.0),
            (-0.0, -0.0),
            (INF, -INF),
            (LARGEST, LARGEST),
            (1e16, 1.0),
            (NAN, 1.0),
            (TINY, TINY),
        ],
    ),
    ("a - b", [(0.0, 0.0), (-0.0, 0.0), (INF, INF), (1.0, TINY), (LEAST, TINY)]),
    ("a * b", [(1e200, 1e200), (-0.0, 5.0), (0.0, INF), (TINY, 0.5), (TINY, -0.5), (LEAST, 0.5), (NAN, 0.0)]),
    (
        "a / b",
        [
            (1.0, 0.0),
            (0.0, 0.0),
            (1.0, -0.0),
            (INF, INF),
            (1.0, INF),
            (TINY, 2.0),
            (LARGEST, 0.5),
            (1.0, 3.0),
            (-0.0, 1.0),
        ],
    ),
    (
        "a // b",
        [
            (7.5, 2.0),
            (-7.5, 2.0),
            (7.5, -2.0),
            (1.0, 0.1),
            (-0.0, 1.0),
            (0.0, -1.0),
            (1.0, INF),
            (-1.0, INF),
            (INF, 1.0),
            (1e300, 1e-300),
            (1.0, 0.0),
            (-TINY, 1.0),
        ],
    ),
    (
        "a % b",
        [
            (7.5, -2.0),
            (-7.5, 2.0),
            (-0.0, 2.0),
            (0.0, -2.0),
            (4.0, -2.0),
            (-TINY, 1.0),
            (1.0, INF),
            (-1.0, INF),
            (INF, 1.0),
            (NAN, 1.0),
            (5.0, 0.0),
            (1.0, 0.1),
            (1e300, 3.0),
        ],
    ),
    (
        "a ** b",
        [
            (2.0, 0.5),
            (-8.0, 1 / 3),
            (0.0, -1.0),
            (-0.0, -1.0),
            (-0.0, 3.0),
            (NAN, 0.0),
            (1.0, NAN),
            (-1.0, INF),
            (INF, -1.0),
            (1e200, 2.0),
            (10.0, -400.0),
            (2.0, 1024.0),
            (2.0, -1075.0),
            (0.0, 0.0),
            (-2.0, 2.0),
        ],
    ),
    ("a ** 2", [(1.1,), (1e200,), (-1e-200,), (NAN,), (INF,), (3,), (2**31,), (2**32,)]),
    ("a ** 3", [(1.1,), (0.7234,), (-0.1,), (1e103,), (2**21,)]),
    ("a ** 0.5", [(2.0,), (-0.0,), (-INF,), (TINY,), (-1.0,), (0.1,), (4,)]),
    ("a ** -1", [(3.0,), (0.0,), (0,), (5,), (INF,)]),
    ("a ** 4", [(1.1,), (0.3,), (-7,)]),
    ("2.0 ** a", [(0.5,), (1023.5,), (1024.0,), (-1080.0,), (3,), (-1,)]),
    ("2 ** a", [(0.5,), (62,), (63,), (-1,), (-2.0,)]),
    ("-a", [(0.0,), (-0.0,), (NAN,), (INF,)]),
    ("a + 0.0", [(-0.0,), (TINY,), (5,)]),
    ("a - 0.0", [(-0.0,)]),
    ("0.0 - a", [(0.0,), (-0.0,)]),
    ("a * 1.0", [(-0.0,), (NAN,), (3,)]),
    ("a * -1.0", [(0.0,), (0,), (NAN,)]),
    ("a / a", [(0.0,), (INF,), (TINY,), (3,), (BESIDE,)]),
    ("a * b + c", [(0.1, 10.0, -1.0), (1e308, 10.0, -INF), (3.0, 1 / 3, -1.0)]),  # no fused multiply-add
    ("a + b + c", [(1e16, 1.0, 1.0), (1.0, 1e16, -1e16)]),  # no reordering
    ("(a + b) - a", [(1e16, 1.0), (0.1, 0.2)]),
    ("a * b / b", [(0.1, 3.0), (1e300, 1e10)]),
    (
        "min(a, b)",
        [(0.0, -0.0), (-0.0, 0.0), (NAN, 1.0), (1.0, NAN), (1, 1.0), (1.0, 1), (True, 1), (INF, -INF)],
    ),
    ("max(a, b)", [(0.0, -0.0), (-0.0, 0.0), (NAN, 1.0), (1.0, NAN), (1, 1.0), (2, 1), (True, 1)]),
    ("min(a, b, c)", [(NAN, 1.0, 0.5), (1.0, NAN, 0.5), (1.0, 0.5, NAN), (0.0, -0.0, 0.0), (3, 2, 1)]),
    ("max(a, b, c)", [(NAN, 1.0, 2.5), (1.0, NAN, 2.5), (-0.0, 0.0, -0.0)]),
)
MATH = traps.Traps(
    ("math.sqrt(a)", [(-1.0,), (-0.0,), (TINY,), (INF,), (NAN,), (BESIDE,), (2,), (True,), (LARGEST,)]),
    ("math.exp(a)", [(709.79,), (-745.2,), (INF,), (-INF,), (NAN,), (1,), (710,)]),
    ("math.log(a)", [(0.0,), (-0.0,), (-1.0,), (TINY,), (INF,), (0,), (TOP,), (2**70,), (True,)]),
    ("math.log(a, b)", [(8.0, 2.0), (8, 2), (8.0, 1.0), (0.0, 2.0)]),
    ("math.log2(a)", [(8,), (2.0**-1074,), (0,), (TOP,), (3.0,)]),
    ("math.log10(a)", [(1000,), (1e-300,), (0.0,), (TOP,)]),
    ("math.log1p(a)", [(-1.0,), (-0.0,), (1e-20,), (-2.0,)]),
    ("math.expm1(a)", [(1e-20,), (-0.0,), (710.0,)]),
    ("math.sin(a)", [(INF,), (-0.0,), (1e22,), (3,), (NAN,)]),
    ("math.tan(a)", [(math.pi / 2,), (-0.0,), (INF,)]),
    ("math.acos(a)", [(1.0000001,), (1.0,), (NAN,)]),
    ("math.atan2(a, b)", [(0.0, -0.0), (-0.0, -0.0), (-0.0, 0.0), (INF, -INF), (1, -1)]),
    ("math.fmod(a, b)", [(-7.5, 2.0), (INF, 1.0), (1.0, INF), (1.0, 0.0), (-0.0, 1.0)]),
    ("math.copysign(a, b)", [(1.0, -0.0), (NAN, -1.0), (0, -1), (INF, -1.0)]),
    ("math.pow(a, b)", [(2, 3), (0.0, -1.0), (-8.0, 1 / 3), (1e200, 2.0), (NAN, 0.0)]),
    ("math.hypot(a, b)", [(3.0, 4.0), (INF, NAN), (1e200, 1e200), (1.1, 2.3)]),
    ("math.gamma(a)", [(5.0,), (0.0,), (-1.0,), (171.7,)]),
    ("math.floor(a)", [(-0.5,), (1e300,), (INF,), (NAN,), (5,), (2.0**62,), (2.0**63,), (-(2.0**63),)]),
    ("math.ceil(a)", [(-0.5,), (0.5,), (1e300,), (-INF,)]),
    ("math.trunc(a)", [(-0.5,), (-1.9,), (NAN,), (9.3e18,)]),
    ("math.isnan(a)", [(NAN,), (1,), (INF,)]),
    ("math.isinf(a)", [(-INF,), (NAN,), (TOP,)]),
    ("math.isfinite(a)", [(NAN,), (INF,), (LARGEST,), (0,)]),
    ("math.fabs(a)", [(-0.0,), (-5,), (NAN,), (LOW,)]),
    ("math.radians(a)", [(180.0,), (-0.0,), (90,)]),
    ("math.degrees(a)", [(math.pi,), (1e308,)]),
    ("math.gcd(a, b)", [(12, 18), (0, 0), (LOW, 2)]),
    ("math.factorial(a)", [(20,), (21,), (-1,)]),
    ("math.isqrt(a)", [(10**18,), (-1,), (BESIDE,)]),
)
CONVERSIONS = traps.Traps(
    (
        "int(a)",
        [(-0.5,), (2.0**63,), (-(2.0**63),), (INF,), (NAN,), (9.2e18,), (True,), ("12",), (Metres(2.5),)],
    ),
    (
        "round(a)",
        [
            (0.5,),
            (1.5,),
            (2.5,),
            (-0.5,),
            (INF,),
            (NAN,),
            (0.49999999999999994,),
            (5,),
            (2.0**62 + 512,),
            (4503599627370497.5,),
        ],
    ),
    ("round(a, b)", [(2.675, 2), (1e308, -308), (15, -1), (1.005, 2)]),
    ("float(a)", [(BESIDE,), (TOP,), (LOW,), (True,), (3,), ("1.5",), (2**1024,)]),
    ("bool(a)", [(NAN,), (-0.0,), (0,), (LOW,), (TINY,)]),
    ("int(float(a))", [(BESIDE,), (TOP,), (3,)]),
    ("float(int(a))", [(1e18,), (-0.0,), (1e19,)]),
    ("complex(a, b)", [(1.0, -0.0), (NAN, 0.0)]),
    (
        "a + b",
        [(1, 2.0), (BESIDE, 0.0), (TOP, 0.5), (0, -0.0), (True, 0.5), (2**1024, 1.0), (Metres(2.0), 1)],
    ),
    ("a * b", [(2, 0.1), (BESIDE, 1.0), (0, INF), (-1, 0.0), (Metres(2.0), 3.0), ("ab", 2), ([1], 2)]),
    ("a // b", [(7, 2.0), (7.0, 2), (TOP, 2.0), (0, -1.0)]),
    ("a % b", [(7, -2.0), (-7.0, 3), (BESIDE, 3.0)]),
    ("a ** b", [(2, 0.5), (2.0, 3), (-2, 0.5), (0, -1.0), (2.0, -1), (2.0, 1100)]),
)
COMPARISONS = traps.Traps(
    (
        "a < b",
        [
            (BESIDE, 2.0**53),
            (2.0**53, BESIDE),
            (NAN, NAN),
            (-0.0, 0.0),
            (TOP, 2.0**63),
            (LOW, -(2.0**63)),
            (1, True),
            (INF, TOP),
            (1, NAN),
        ],
    ),
    ("a <= b", [(2.0**53, BESIDE), (BESIDE, 2.0**53), (NAN, 1.0), (TOP, 2.0**63)]),
    (
        "a == b",
        [
            (BESIDE, 2.0**53),
            (2**53, 2.0**53),
            (NAN, NAN),
            (0.0, -0.0),
            (1, True),
            (1, 1.0),
            (TOP, 2.0**63),
            (TOP, 9.223372036854775807e18),
        ],
    ),
    ("a != b", [(NAN, NAN), (BESIDE, 2.0**53), (0, -0.0), (1, 1)]),
    ("a > b", [(BESIDE, 2.0**53), (NAN, -INF), (2.0**63, TOP)]),
    ("a >= b", [(2.0**53, BESIDE), (NAN, NAN), (True, 1)]),
    ("a < b < c", [(1, 2, 3), (1, NAN, 3), (1.0, 2, 2.0)]),
    ("(a < b) + (b < a)", [(1, 2), (2.0, 1.0), (NAN, 1.0)]),
    ("(a < b) & (b < c)", [(1, 2, 3), (1.0, 2.0, 0.0)]),
    ("a and b", [(0, 5), (2, 5), (-0.0, 1.0), (NAN, 2.0), (0, 1.5)]),
    ("a or b", [(0, 5), (-0.0, 1.0), (NAN, 2.0), (0, 0.0)]),
    ("not a", [(NAN,), (-0.0,), (0,), (LOW,)]),
    ("a if b else c", [(1, True, 2), (1, 0.0, 2), (1, NAN, 2), (1, True, 2.0), (1.0, False, 2)]),
    ("a is b", [(1, 1), (1.5, 1.5)]),
    ("a in b", [(1, (1, 2)), (NAN, (NAN,)), (1.0, (1,))]),
    ("a != a", [(NAN,), (1.0,), (INF,)]),
)
F8, I8, B1 = np.float64, np.int64, np.bool_
NUMPY = traps.Traps(
    (
        "a + b",
        [
            (F8(1.5), 2),
            (I8(TOP), 1),
            (I8(TOP), I8(1)),
            (F8(1e308), F8(1e308)),
            (I8(1), 2.5),
            (F8(0.1), 0.2),
            (B1(1), B1(1)),
            (B1(1), 1),
            (I8(1), F8(2)),
            (1, F8(2)),
            (I8(1), TOP),
            (I8(1), 2**63),
        ],
    ),
    ("a - b", [(I8(LOW), 1), (F8(INF), F8(INF)), (B1(1), B1(1)), (3, I8(5))]),
    (
        "a * b",
        [
            (I8(2**62), 2),
            (F8(0.0), F8(INF)),
            (F8(1e200), 1e200),
            (B1(1), B1(0)),
            (2, F8(1e-320)),
            (I8(LOW), -1),
        ],
    ),
    (
        "a / b",
        [
            (F8(1), 0),
            (F8(0), F8(0)),
            (I8(1), 0),
            (I8(7), 2),
            (1, F8(0)),
            (1.0, I8(0)),
            (I8(BESIDE), I8(1)),
            (I8(0), I8(0)),
        ],
    ),
    (
        "a // b",
        [(I8(-7), 2), (I8(1), 0), (F8(1), 0), (I8(LOW), -1), (F8(7.5), -2.0), (F8(INF), 1.0), (-7, I8(0))],
    ),
    ("a % b", [(I8(-7), 3), (I8(1), 0), (F8(-7.5), 2), (F8(1), 0.0), (I8(LOW), -1), (F8(INF), 2.0)]),
    (
        "a ** b",
        [
            (I8(2), 62),
            (I8(2), 63),
            (I8(2), -1),
            (F8(-8), 1 / 3),
            (F8(0), -1),
            (F8(1e200), 2),
            (2, I8(3)),
            (I8(0), I8(0)),
            (F8(1.1), 3),
        ],
    ),
    ("a << b", [(I8(1), 63), (I8(1), 64), (I8(1), -1), (1, I8(70))]),
    ("a >> b", [(I8(-1), 100), (I8(5), -1), (I8(LOW), 63)]),
    ("-a", [(I8(LOW),), (F8(0),), (B1(1),)]),
    ("~a", [(I8(5),), (B1(1),)]),
    ("abs(a)", [(I8(LOW),), (F8(-0.0),), (B1(1),), (F8(-1.5),)]),
    ("a < b", [(I8(BESIDE), 2.0**53), (F8(NAN), 1), (I8(1), F8(1)), (I8(1), TOP + 1), (I8(1), 2)]),
    ("a == b", [(I8(BESIDE), F8(2.0**53)), (F8(NAN), F8(NAN)), (I8(3), 3), (B1(1), True)]),
    ("not a", [(F8(NAN),), (I8(0),), (B1(0),)]),
    ("min(a, b)", [(F8(NAN), 1.0), (F8(1), 1.0), (1.0, F8(1)), (I8(3), 3), (F8(-0.0), 0.0)]),
    ("max(a, b)", [(F8(1), 1.0), (1.0, F8(1)), (F8(2), 1.0)]),
    ("int(a)", [(F8(-1.5),), (F8(NAN),), (I8(5),), (F8(1e30),)]),
    ("float(a)", [(F8(0.1),), (I8(BESIDE),), (B1(1),)]),
    ("round(a)", [(F8(2.5),), (I8(5),), (F8(-0.5),)]),
    ("math.sqrt(a)", [(F8(2),), (F8(-1),), (I8(4),)]),
    ("math.floor(a)", [(F8(-0.5),), (I8(3),)]),
    ("a if b else c", [(F8(1), True, 2.0), (1.0, B1(0), F8(2)), (I8(1), B1(1), 2)]),
    (
        "a",
        [
            (F8(1),),
            (I8(1),),
            (B1(1),),
            (np.float32(1),),
            (np.int8(1),),
            (np.complex128(1),),
            (np.longdouble(1),),
        ],
    ),
    ("(a, b)", [(F8(1), 1), (1, I8(1)), (B1(1), True)]),
    (
        "a * 2 + b",
        [
            (np.int8(100), 1),
            (np.uint8(200), 100),
            (np.float32(0.1), 0.1),
            (np.float32(3e38), 1.0),
            (np.int32(2**30), 1),
            (np.uint64(2**63), 1),
            (np.float16(1), 1.0),
        ],
    ),
    (
        "a + b",
        [
            (np.int8(100), np.int8(100)),
            (np.uint8(1), -1),
            (np.uint8(1), 300),
            (np.int8(1), np.uint8(255)),
            (np.uint64(1), np.int64(1)),
            (np.float32(1), np.float64(0.1)),
            (np.float32(16777216), np.int32(1)),
            (np.int16(1), 1.5),
        ],
    ),
    ("a - b", [(np.uint8(1), np.uint8(2)), (np.uint64(0), np.uint64(1)), (np.int8(-128), np.int8(1))]),
    ("a // b", [(np.int8(-128), np.int8(-1)), (np.uint8(7), np.uint8(0)), (np.uint8(7), 2)]),
    ("-a", [(np.uint8(1),), (np.int8(-128),), (np.float32(0),)]),
    ("a << b", [(np.uint8(1), 8), (np.int8(1), 7), (np.int32(1), 40)]),
    ("a / b", [(np.int8(1), np.int8(2)), (np.float32(1), 3), (np.uint8(1), 0)]),
    ("a ** b", [(np.int8(2), 7), (np.float32(1.1), 2), (np.int8(2), -1), (np.uint8(3), np.uint8(6))]),
    ("a < b", [(np.uint64(2**63), -1), (np.int8(1), 300), (np.uint8(1), -1), (np.float32(0.1), 0.1)]),
    (
        "a * b",
        [(1j, INF), (complex(INF, 0), 1j), (2j, 3), (1e200 + 0j, 1e200 + 0j), (np.complex128(1j), 2.0)],
    ),
    (
        "a / b",
        [(1j, 0), (1 + 2j, 3 - 4j), (np.complex128(1), np.complex128(0)), (1e308 + 1e308j, 1e-10 + 0j)],
    ),
    ("abs(a)", [(3 + 4j,), (complex(INF, NAN),), (1e308 + 1e308j,)]),
    ("a == b", [(1 + 0j, 1), (1j, 1j), (complex(NAN, 0), complex(NAN, 0))]),
)
TABLES = {
    "ints": INTS,
    "floats": FLOATS,
    "math": MATH,
    "conversions": CONVERSIONS,
    "comparisons": COMPARISONS,
    "numpy": NUMPY,
}
CASES = [
    pytest.param(table, *case.values, id=f"{name}-{case.id}")
    for name, table in TABLES.items()
    for case in table.cases()
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("table", "what", "call"), CASES)
def test_numbers_end_as_in_the_interpreter(table, what, call):
    """Value, type, error and warnings are the interpreter's, whichever way the call went."""
    table.ends_alike(what, call)


def test_most_of_these_calls_entered_machine_code():
    """Two in five were served and three in five at least compiled for: being exact by refusing would be no feat."""
    for name, table in TABLES.items():
        calls = table.ways.total()
        assert not calls or table.ways["machine"] + table.ways["deopt"] > 0.4 * calls, (name, table.ways)
    assert len(CASES) >= 600
