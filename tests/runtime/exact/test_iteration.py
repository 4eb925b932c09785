"""Loops and names as Python writes them are compiled, and end as in the interpreter."""

# ruff: noqa: D103 - a program is named after the construct it shows

from __future__ import annotations

import math

import differ
import numpy as np
import pytest

from epochly._exact import Rejected, specialise


def after_the_loop(n):
    for i in range(n):  # noqa: B007 - read after the loop
        pass
    return i


def previous(n):
    t = 0
    while n > 0:
        if n % 2:
            t += before  # noqa: F821 - what is tested
        before = n
        n -= 1
    return t, before


def last_row(a, n):
    for i in range(n):
        row = a[i]
    return row[0]


def some_of_many(n, k):
    for i in range(n):
        if i >= k:
            last = i * 0.5
        if i > 3:
            last = last + 1.0
    return n


def both_loops(n):
    for i in range(n):
        for j in range(i):
            k = i * j
    return i, j, k


TABLE = np.arange(6.0).reshape(3, 2)
BOUND = [
    (after_the_loop, (10,), (0,)),
    (previous, (4,), (5,)),
    (last_row, (TABLE, 3), (TABLE, 0)),
    (some_of_many, (5, 2), (5, 7)),
    (both_loops, (3,), (1,)),
]


@pytest.mark.parametrize(("function", "bound", "unbound"), BOUND, ids=[each[0].__name__ for each in BOUND])
def test_a_name_that_may_be_unbound_is_compiled_and_checked_where_it_is_read(function, bound, unbound):
    """A bound name is read by machine code; an unbound one raises as in the interpreter."""
    expected, found, exact = differ.both(function, lambda: bound)
    assert exact.served == "machine", exact.why
    assert found == expected
    expected, found, exact = differ.both(function, lambda: unbound, exact)
    assert (exact.served, exact.why) == ("deopt", "a name is unbound")
    assert found == expected
    assert found[0][1] == "UnboundLocalError"


def bare(n):
    if n > 3:
        a = 1.0
    a  # noqa: B018 - raises where it is unbound
    return n


def deleted(x):
    y = x
    del y
    return y  # noqa: F821 - what is tested


@pytest.mark.parametrize("function", [bare, deleted])
def test_a_read_that_numba_forgets_is_left_to_the_interpreter(function):
    """A name that stands alone, or is deleted, may raise; numba drops the line."""
    assert isinstance(specialise(function, (1,)), Rejected)
    expected, found, _ = differ.both(function, lambda: (1,))
    assert found == expected


def returns_early(n):
    if n > 3:
        a = n
        return a  # noqa: RET504 - what is tested
    return a + 1


def copies_itself(n):
    if n > 3:
        k = k  # noqa: F821, PLW0127 - never bound
    k = n
    return k  # noqa: RET504 - what is tested


@pytest.mark.parametrize(("function", "args"), [(returns_early, (2,)), (copies_itself, (5,))])
def test_a_name_that_no_path_binds_raises_as_in_the_interpreter(function, args):
    """A read that nothing reaches is given up; the variable's memory is never looked at."""
    expected, found, exact = differ.both(function, lambda: args)
    assert exact.served in ("deopt", "rejected")
    assert found == expected
    assert found[0][1] == "UnboundLocalError"


STEPS = ((0, 1), (1, 0), (0, -1))
NAN = float("nan")
BIG = 2**63 - 1


def enumerated(a, k):
    s = 0.0
    for i, x in enumerate(a):
        s += i * x
    for i, x in enumerate(a, k):
        s += i * x
    for i, x in enumerate(a, start=2):
        s -= i * x
    return s


def zipped(a, b, n):
    s = 0.0
    for x, y, i in zip(a, b, range(3, n)):  # noqa: B905 - of different lengths
        s += x * y * i
    for i, (x, y) in enumerate(zip(a, b)):  # noqa: B905
        s += x * y + i
    return s


def backwards(n):
    s = 0
    for i in reversed(range(n)):
        s = s * 3 % 1000 + i
    for i in reversed(range(2, n, 3)):
        s = s * 3 % 1000 + i
    for i in reversed(range(n, -5, -2)):
        s = s * 3 % 1000 + i
    return s


def backwards_through_an_array(a):
    s = 0.0
    for x in reversed(a):
        s = s * 0.5 + x
    return s


def over_tuples(n):
    s = 0
    for x in (1, 2, 3):
        for y in (n, 4):
            s += x * y
    for x in reversed((1, 2, n)):
        s = s * 3 + x
    for dx, dy in STEPS:
        s = s * 7 + dx * n + dy
    return s


def rows_and_columns(a):
    s = 0.0
    for i, row in enumerate(a):
        for j, x in enumerate(row):
            s += x * (i - j)
    return s


def greatest_divisor(a, b):
    while b:
        a, b = b, a % b
    return a


def chained(a, b, c):
    return a < b < c, a or b, a and c, not a, (a if b else c), len(range(a, c, 2))


def least_factor(n):
    for i in range(2, n):
        if n % i == 0:
            break
    else:
        return -1
    return i


def nested_tuples(a):
    (x, y), z = (a, a + 1), a * 2
    return (x, y), (z, (x + y * z, 1.5))


def inside(x, n):
    return x in (1, 2, 3), x not in (1, n), x in range(0, 10, 3), x in range(10, -10, -3), x in (n, 2.5)


def inside_floats(x):
    return x in (1.0, 2, True), x not in (0.0, -1)


def tuples_compared(a, b):
    return (a, b) == (b, a), (a, b) < (b, a), (a, b) >= (1, 2.5), (a,) < (a, b), (a, b) != (1, 2)


def divided(a, b):
    q, r = divmod(a, b)
    return q, r, divmod(b, a), pow(a, 2)


def power_of_a_modulus(a, b, m):
    return pow(a, b, m)


def of_ints(a, b):
    return (
        math.gcd(a, b),
        math.lcm(a, b),
        math.comb(abs(a), 3),
        math.perm(abs(a), 2),
        math.isqrt(abs(a)),
        math.factorial(abs(b) % 20),
    )


def root(n):
    return math.isqrt(n)


def rectified(a, b):
    s = 0.0
    for i, x in enumerate(a):
        b[i] = max(0, x)
        s += max(0, x) * 2.0
    return s


def clamped(x):
    return max(0, min(x, 1)), max(0, min(x, 1)) + 0.5


def most_of_an_int(x):
    return max(0, x)


LOOPS = [
    (enumerated, (np.arange(5.0), 3)),
    (zipped, (np.arange(5.0), np.arange(3.0), 6)),
    (backwards, (10,)),
    (backwards, (0,)),
    (backwards_through_an_array, (np.arange(9.0)[::2],)),
    (over_tuples, (5,)),
    (rows_and_columns, (np.arange(6.0).reshape(2, 3),)),
    (greatest_divisor, (12, 18)),
    (chained, (1, 2, 3)),
    (chained, (0, 2, 0)),
    (least_factor, (7,)),
    (least_factor, (9,)),
    (nested_tuples, (3,)),
    *((inside, args) for args in [(1, 1), (9, 2), (-8, -8), (10, 10), (True, 1), (2**53, 3)]),
    *((inside_floats, (x,)) for x in (1.0, -0.0, 1, np.float64(2), np.int64(1))),
    *((tuples_compared, args) for args in [(1, 2), (2, 1), (1.0, 2), (0.0, -0.0)]),
    *((divided, args) for args in [(7, 2), (-7, 2), (7, -2), (7.5, 2), (-7.5, 2.0), (7, -2.5)]),
    *((power_of_a_modulus, args) for args in [(2, 10, -7), (-3, 5, 7), (3, 0, 1), (BIG, BIG, 3037000499)]),
    *((of_ints, args) for args in [(12, 18), (-12, 18), (0, 5), (5, 0), (0, 0), (100, 7)]),
    *((root, (n,)) for n in (0, 3, BIG, 3037000499**2, 3037000499**2 - 1, (2**31 - 1) ** 2)),
    (rectified, (np.arange(-2.0, 3.0), np.ones(5))),
    *((most_of_an_int, (x,)) for x in (0.5, np.float64(2))),
]


@pytest.mark.parametrize(
    ("function", "args"), LOOPS, ids=[f"{n}-{each[0].__name__}" for n, each in enumerate(LOOPS)]
)
def test_a_loop_or_an_operation_is_compiled_and_exact(function, args):
    """The call is served by machine code, and nothing about it differs from the interpreter."""
    expected, found, exact = differ.both(function, lambda: args)
    assert exact.served == "machine", exact.why
    assert found == expected


EDGES = [
    (enumerated, (np.arange(5.0), 2**62)),
    (inside, (2**60, 2**60)),
    (inside, (BIG, 3)),
    (inside_floats, (NAN,)),
    (tuples_compared, (NAN, 1.0)),
    (tuples_compared, (2**53 + 1, 2.0)),
    *((divided, args) for args in [(1, 0), (-(2**63), -1), (0.0, -1.0), (1e308, 1e-5), (float("inf"), 1.0)]),
    *((divided, args) for args in [(np.float64(1), 2.0), (True, 2)]),
    *((power_of_a_modulus, args) for args in [(3, -1, 7), (2, 5, 0), (5, 3, 2**40), (10, 3, 3037000500)]),
    (of_ints, (-(2**63), 0)),
    (of_ints, (BIG, BIG - 1)),
    (root, (-1,)),
    *((clamped, (x,)) for x in (0.5, -0.5, 0.0, -0.0, 1.0, 2.0, NAN, np.float64(0.5), np.float64(-3))),
    *((most_of_an_int, (x,)) for x in (-0.5, 0.0, -0.0, NAN, np.float64(-3))),
]


@pytest.mark.parametrize(
    ("function", "args"), EDGES, ids=[f"{n}-{each[0].__name__}" for n, each in enumerate(EDGES)]
)
def test_an_edge_ends_as_in_the_interpreter(function, args):
    """Whoever serves it, the value, its type and what is raised are Python's."""
    expected, found, _ = differ.both(function, lambda: args)
    assert found == expected


def kept(a):
    e = enumerate(a)
    s = 0.0
    for _, x in e:
        s += x
    for _, x in e:
        s += x
    return s


def strict(a):
    s = 0.0
    for x, y in zip(a, a, strict=True):
        s += x * y
    return s


@pytest.mark.parametrize("function", [kept, strict])
def test_an_iterator_that_is_kept_is_left_to_the_interpreter(function):
    """What can be drawn from once is compiled where its loop begins, and nowhere else."""
    assert isinstance(specialise(function, (np.arange(3.0),)), Rejected)


def first_of_range(start, stop, step):
    for i in range(start, stop, step):
        if i != start + step:
            continue
        break
    else:
        i = -7
    return i


def first_of_plain_range(start, stop):
    s = 0
    for i in range(start, stop):
        s += i - start
        if s > 3:
            break
    else:
        s = -1
    return s


FAR = [2**63 - 1, 2**62, 2**62 - 1, 3, 0, -1, -(2**62) + 1, -(2**62), -(2**63)]


def test_ranges_as_wide_as_ints_go_end_as_in_the_interpreter():
    """How far their ends are apart may not fit into 64 bits."""
    two, three = differ.Exact(first_of_plain_range), differ.Exact(first_of_range)
    for start in FAR:
        for stop in FAR:
            if not 4 < abs(stop - start) < 2**60:
                expected, found, _ = differ.both(first_of_plain_range, lambda a=start, b=stop: (a, b), two)
                assert found == expected, (start, stop)
            for step in (2**62, 2**62 - 1, 2**61, -(2**61), -(2**62) + 1, -(2**62)):
                args = (start, stop, step)
                expected, found, _ = differ.both(first_of_range, lambda args=args: args, three)
                assert found == expected, args
    assert two(-(2**62) + 1, 2**62 - 1) == 6
    assert two.served == "machine", two.why
