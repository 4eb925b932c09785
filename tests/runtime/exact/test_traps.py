"""Eighty-one small calls that plain compilers get wrong: through the exact compiler none differs from the interpreter."""

# ruff: noqa: D103 - a trap is named after what it does

from __future__ import annotations

import math

import differ
import numpy as np
import pytest

FACTOR = 3


def add(a, b):
    return a + b


def mul(a, b):
    return a * b


def factorial(n):
    r = 1
    for i in range(1, n + 1):
        r *= i
    return r


def power(a, b):
    return a**b


def cube(a):
    return a**3


def div(a, b):
    return a / b


def floordiv(a, b):
    return a // b


def mod(a, b):
    return a % b


def shl(a, b):
    return a << b


def shr(a, b):
    return a >> b


def neg(a):
    return -a


def absolute(a):
    return abs(a)


def less(a, b):
    return a < b


def equal(a, b):
    return a == b


def accumulated(n):
    s = 0
    for _ in range(n):
        s += 0.5
    return s


def loop_variable(n):
    for i in range(n):  # noqa: B007 - its last value is the point
        pass
    return i


def at(a, i):
    return a[i]


def past_the_end(a):
    return a[len(a)]


def element_by_zero(a, i):
    return a[i] / 0


def elements_multiplied(a):
    return a[0] * a[1]


def sqrt(x):
    return math.sqrt(x)


def exp(x):
    return math.exp(x)


def log(x):
    return math.log(x)


def to_int(x):
    return int(x)


def bools_added(a, b):
    return (a < b) + (b < a)


def mixed_return(a):
    if a > 0:
        return 1
    return 2.0


def global_factor(a):
    return a * FACTOR


def least(a, b):
    return min(a, b)


def squares(a, n):
    for i in range(n):
        a[i] = i * i * 1.0
    return a[0]


def scaled(a, k):
    for i in range(len(a)):
        a[i] = a[i] * k
    return a[0]


def first_times(a, k):
    return a[0] * k


def method_sum(a):
    return a.sum()


def numpy_sum(a):
    return np.sum(a)


def listed(n):
    r = []
    for i in range(n):
        r.append(i * 2)  # noqa: PERF401 - the loop is the point
    return r


def list_sum(items):
    s = 0
    for x in items:
        s += x
    return s


def invert(a):
    return ~a


def hypot(a, b):
    return math.hypot(a, b)


def rounded(x):
    return round(x)


def tripled(n):
    x = 1
    while x < n:
        x *= 3
    return x


def repeated(n):
    return "a" * n


def elements_compared(a):
    return a[0] < a[1]


def comparisons_added(a):
    return (a[0] < a[1]) + (a[1] < a[0])


def squared(a):
    return a * a


def first(a):
    return a[0]


def first_two(a):
    return a[0] + a[1]


def builtin_sum(a):
    return sum(a)


def values(*items):
    return lambda: items


def array(*items, dtype="f8", then=()):
    return lambda: (np.array(items, dtype=dtype), *then)


TRAPS = [
    (add, values(2**62, 2**62)),
    (add, values(True, True)),
    (mul, values(2**40, 2**40)),
    (factorial, values(25)),
    (power, values(2, 100)),
    (power, values(2, -1)),
    (power, values(-8.0, 1 / 3)),
    (power, values(0.0, -1.0)),
    (power, values(1e200, 2)),
    (cube, values(1.1)),
    (cube, values(0.7234)),
    (power, values(1.0000001, 7)),
    (div, values(1, 0)),
    (div, values(1.0, 0.0)),
    (div, values(2**63 - 1, 3)),
    (div, values(9007199254740993, 7)),
    (floordiv, values(-(2**63), -1)),
    (floordiv, values(-7, 2)),
    (mod, values(-7, 3)),
    (mod, values(7, -3)),
    (mod, values(-1e-20, 3.0)),
    (floordiv, values(1e300, 1e-300)),
    (shl, values(1, 70)),
    (shl, values(1, -1)),
    (shr, values(5, 100)),
    (neg, values(-(2**63))),
    (absolute, values(-(2**63))),
    (less, values(9007199254740993, 9007199254740992.0)),
    (less, values(9007199254740992.0, 9007199254740993)),
    (equal, values(9007199254740993, 9007199254740992.0)),
    (accumulated, values(0)),
    (accumulated, values(3)),
    (loop_variable, values(0)),
    (loop_variable, values(3)),
    (at, array(1, 2, 3, then=(5,))),
    (at, array(1, 2, 3, then=(-1,))),
    (past_the_end, array(1, 2, 3)),
    (element_by_zero, array(1, 2, 3, then=(1,))),
    (elements_multiplied, array(1e200, 1e200)),
    (elements_multiplied, array(2**40, 2**40, dtype="i8")),
    (sqrt, values(-1.0)),
    (sqrt, values(2)),
    (exp, values(1000.0)),
    (exp, values(1.5)),
    (log, values(0.0)),
    (log, values(2**62)),
    (to_int, values(1e30)),
    (to_int, values(math.nan)),
    (to_int, values(-3.7)),
    (bools_added, values(1, 2)),
    (mixed_return, values(1)),
    (global_factor, values(7)),
    (least, values(1, 2.0)),
    (least, values(0.0, -0.0)),
    (least, values(math.nan, 1.0)),
    (squares, array(1, 2, 3, then=(5,))),
    (squares, array(1, 2, 3, then=(3,))),
    (scaled, array(1, 2**62, 3, dtype="i8", then=(4,))),
    (first_times, array(2**30, dtype="i4", then=(4,))),
    (first_times, array(0.1, dtype="f4", then=(0.1,))),
    (method_sum, lambda: (np.full(1000, 0.1),)),
    (numpy_sum, lambda: (np.full(1000, 0.1),)),
    (listed, values(4)),
    (list_sum, values([1, 2, 3])),
    (list_sum, values([1, 2.5, 3])),
    (invert, values(True)),
    (invert, values(5)),
    (hypot, values(1.1, 2.3)),
    (rounded, values(2.5)),
    (tripled, values(2**63 - 2)),
    (repeated, values(3)),
    (elements_compared, array(1, 2)),
    (comparisons_added, array(1, 2)),
    (squared, lambda: (np.matrix([[1.0, 2.0], [3.0, 4.0]]),)),
    (first, array(1, 2)),
    (first_two, array(200, 100, dtype="u1")),
    (builtin_sum, lambda: (np.full(10, 0.1),)),
    (builtin_sum, array(200, 100, dtype="u1")),
    (add, values(math.inf, -math.inf)),
    (mod, values(5.5, 0.0)),
    (mod, values(-5.5, 2.0)),
]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::PendingDeprecationWarning")
@pytest.mark.parametrize(
    ("function", "make"), TRAPS, ids=[f"{n}-{function.__name__}" for n, (function, _) in enumerate(TRAPS)]
)
def test_a_trap_ends_as_in_the_interpreter(function, make):
    """Value, type, error, arrays and warnings are the interpreter's, whichever way the call went."""
    expected, found, _ = differ.both(function, make)
    assert found == expected


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::PendingDeprecationWarning")
def test_the_traps_are_not_all_left_to_the_interpreter():
    """Half of them and more are compiled: being exact by refusing everything would be no feat."""
    ways = [differ.both(function, make)[2].served for function, make in TRAPS]
    assert len(TRAPS) == 81
    assert ways.count("machine") >= 25
    assert ways.count("machine") + ways.count("deopt") >= 50
