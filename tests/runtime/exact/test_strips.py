"""Loops in strips: whole ranges are run, indices stay in bounds, ints stay in 64 bits, and signals are heard.

One small program a case, hence long.
"""

from __future__ import annotations

import signal
import time

import differ
import numpy as np
import pytest

from epochly._exact import Compiled, specialise
from epochly._exact.entry import _kinds, _machine_code
from epochly._exact.facts import LEAST, MOST, computed_bounds
from epochly._exact.machine import STRIP
from epochly._exact.operators import INT_OPERATORS
from epochly._exact.pipeline import Job


def plan_of(function, *args):
    """What was decided about a function."""
    job = Job(_kinds(function, args))
    _machine_code(function, args, job)
    return job.plan


def letters_of(function, *args):
    """The checks left at each access of an element, sorted."""
    return sorted(letters for _, letters in plan_of(function, *args).reached.values())


def same(function, makes, *, machine=None):
    """The interpreter and machine code agree on all arguments; `machine` of the calls were served by the latter."""
    exact, served = differ.Exact(function), 0
    for make in makes:
        expected, found, _ = differ.both(function, make, exact)
        assert found == expected
        served += exact.served == "machine"
    assert machine is None or served == machine


def test_every_pass_of_a_long_range_is_made():
    """Around multiples of a strip, forwards and backwards, with steps."""

    def total(start, stop, step):
        s, last = 0, -1
        for i in range(start, stop, step):
            s += i ^ 3
            last = i
        return s, last

    ends = [count * STRIP + more for count in (0, 1, 2) for more in (-1, 0, 1)]
    makes = [lambda end=end: (0, end, 1) for end in ends]
    makes += [lambda end=end: (end, 0, -1) for end in ends]
    makes += [lambda end=end: (-5, 7 * end + 3, 7) for end in ends]
    same(total, makes, machine=len(makes))


def test_a_loop_without_passes_leaves_what_it_found():
    """Also where what follows is the next pass of the loop around it."""

    def primes(n):
        prime = np.ones(n, dtype=np.bool_)
        count = 0
        for i in range(2, n):
            if prime[i]:
                count += 1
                for j in range(i * i, n, i):
                    prime[j] = False
        return count

    def last(n, m):
        s, i = 5, -1
        for k in range(n):
            s += k
            for i in range(k, m):
                s ^= i
        return s, i

    same(primes, [lambda n=n: (n,) for n in (0, 1, 3, 100, 1000)], machine=5)
    same(last, [lambda n=n, m=m: (n, m) for n in (0, 1, 5) for m in (0, 2, 9)], machine=9)


def test_a_stencil_is_checked_before_the_loop_only():
    """No index of a plain stencil is checked in the loop, and a range too long for the array is an error."""

    def smooth(a, b, n):
        for i in range(1, n):
            b[i] = a[i - 1] + a[i] + a[i + 1]

    assert letters_of(smooth, np.zeros(9), np.zeros(9), 8) == ["n"] * 4
    sizes = [(9, 8), (9, 9), (9, 10), (9, 0), (0, 0), (0, 2), (1, 1), (2, 2), (9, -3)]
    same(smooth, [lambda s=size, n=n: (np.arange(1.0 * s), np.zeros(s), n) for size, n in sizes])


def test_an_array_shorter_than_the_other_is_an_error():
    """Each array is checked by its own length, in long loops on every strip."""

    def copied(a, b):
        for i in range(a.shape[0]):
            b[i] = a[i]

    assert letters_of(copied, np.zeros(3), np.zeros(3)) == ["n", "n"]
    sizes = [
        (3, 3),
        (3, 2),
        (0, 0),
        (3, 4),
        (STRIP + 5, STRIP + 5),
        (STRIP + 5, STRIP + 4),
        (2 * STRIP, STRIP),
    ]
    same(copied, [lambda n=n, m=m: (np.arange(1.0 * n), np.zeros(m)) for n, m in sizes], machine=4)


def test_negative_indices_wrap():
    """Where an index may be negative it wraps as it always did."""

    def ring(a, b, low):
        for i in range(low, len(a)):
            b[i] = a[i - 1]

    makes = [lambda low=low: (np.arange(9.0), np.zeros(9), low) for low in (0, 1, -8, -9, 9)]
    same(ring, makes, machine=4)


def test_an_access_that_a_condition_skips_is_no_error():
    """Only what every pass reaches is checked before the loop; so it is with loops that end early."""

    def guarded(a, n):
        s = 0.0
        for i in range(n):
            if i < len(a):
                s += a[i]
        return s

    def found(a, wanted, n):
        for i in range(n):
            if a[i] == wanted:
                return i
        return -1

    def either(a, b, n):
        for i in range(n):
            if a[i] > 2.0:
                b[i] = 1.0
            else:
                b[i] = 0.0

    same(guarded, [lambda n=n: (np.arange(4.0), n) for n in (1, 4, 9)], machine=3)
    same(
        found,
        [lambda w=w, n=n: (np.arange(4.0), w, n) for w, n in ((2.0, 99), (9.0, 4), (9.0, 5))],
        machine=2,
    )
    assert letters_of(either, np.zeros(4), np.zeros(4), 4) == ["n", "n", "n"]
    same(either, [lambda n=n, m=m: (np.arange(4.0), np.zeros(m), n) for n, m in ((4, 4), (4, 3), (5, 5))])


def test_extreme_ranges_touch_no_memory():
    """Indices that would leave 64 bits, and ranges at its ends, are the interpreter's."""

    def first(a, start, stop, off):
        s = 0.0
        for i in range(start, stop):
            s += a[i + off]
        return s

    ends = (LEAST, -(2**62), -(2**62) + 3, 2**62 - 3, 2**62, MOST - 3, MOST)
    makes = [
        lambda at=at, off=off: (np.arange(5.0), max(at - 3, LEAST), at, off)
        for at in ends
        for off in (0, 2, -at if at > LEAST else MOST, MOST, LEAST)
    ]
    same(first, makes)

    def squared(a, m):
        s = 0.0
        for i in range(3):
            s += a[m * m + i]
        return s

    same(squared, [lambda m=m: (np.arange(9.0), m) for m in (0, 2, 3, 2**32, 2**33, -(2**32))])


def test_counters_near_the_end_of_64_bits_are_the_interpreters():
    """A counter is added to without a check only while a strip cannot take it out of 64 bits."""

    def counted(start, n):
        s = start
        for i in range(n):
            if i & 1:
                s += 3
            else:
                s -= 1
        return s

    assert {swap.key.__name__ for swap in plan_of(counted, 0, 3).swaps} >= {
        "epochly_unchecked_add",
        "epochly_unchecked_sub",
    }
    starts = (0, 2**62, 2**62 + 1, MOST - 4, MOST, -(2**62), -(2**62) - 1, LEAST + 1, LEAST)
    same(counted, [lambda s=s, n=n: (s, n) for s in starts for n in (0, 1, 7, 3 * STRIP)])


def test_remainders_and_quotients_by_what_is_known():
    """By constants, powers of two, lengths, both signs, and zero."""

    def mixed(x, a, n):
        if n:
            return x % 8, x // 8, x % 7, x // 7, x % len(a), x // len(a), x >> 3, (x & 255) << 4
        return (
            (x & 1023) % 16,
            (x & 1023) // 16,
            (x & 1023) % 10,
            (x & 1023) / 7,
            x % 1,
            x // 1,
            (x & 7) * 5,
            0,
        )

    numbers = (0, 1, -1, 7, 8, -7, -8, -9, 1000, MOST, LEAST, LEAST + 1, -(2**31), 2**31)
    same(
        mixed,
        [lambda x=x, n=n, s=s: (x, np.zeros(s), n) for x in numbers for n in (0, 1) for s in (0, 1, 3, 8)],
    )


@pytest.mark.parametrize("function", sorted(INT_OPERATORS, key=lambda each: each.__name__))
def test_bounds_hold_every_result(function):
    """All operands of small intervals, by brute force."""
    values = range(-5, 6)
    for low in values:
        for high in range(low, 6, 2):
            for least in values:
                for most in range(least, 6, 3):
                    bottom, top = computed_bounds(function, [(low, high), (least, most)])
                    for one in range(low, high + 1):
                        for other in range(least, most + 1):
                            try:
                                result = function(one, other)
                            except (ZeroDivisionError, ValueError):
                                continue
                            assert bottom <= result <= top or type(result) is float


class Interrupted(BaseException):
    """What a signal handler raises here."""


def deep(outer, inner):
    """Few passes outside, many inside."""
    s = 0
    for _ in range(outer):
        for i in range(inner):
            s ^= i * 3
    return s


def shallow(outer, inner):
    """Many passes outside, few inside, and a loop in between whose passes are few."""
    s = 0
    for i in range(inner):
        for j in range(outer):
            for k in range(j):
                s ^= i * k
    return s


def waiting(_, inner):
    """A `while` alone."""
    n = inner
    s = 0
    while n > 0:
        n -= 1
        s ^= n
    return s


def waiting_inside(outer, inner):
    """A `while` in a `for`."""
    s = 0
    for _ in range(outer):
        n = inner
        while n > 0:
            n -= 1
            s ^= n
    return s


def over_array(outer, inner):
    """A `for` over an array, in a long loop."""
    a = np.ones(3, dtype=np.int64)
    s = 0
    for i in range(inner):
        for x in a:
            s ^= i * outer + int(x)
    return s


@pytest.mark.parametrize("function", [deep, shallow, waiting, waiting_inside, over_array])
def test_signals_are_heard_in_every_form_of_loop(function):
    """A handler runs soon, and what it raises comes out."""

    def handler(*_):
        raise Interrupted

    compiled = specialise(function, (3, 10))
    assert isinstance(compiled, Compiled)
    assert compiled.call(3, 10) == function(3, 10)
    before = signal.signal(signal.SIGALRM, handler)
    try:
        start = time.monotonic()
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with pytest.raises(Interrupted):
            compiled.call(3, 10**12)
        assert time.monotonic() - start < 5
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_what_is_masked_may_wrap():
    """Only low bits are looked at, so any size of intermediate is served; with NumPy's ints it would warn, and is not."""

    def hashed(x, y, n):
        h = x
        for i in range(n):
            h = (h * 1103515245 + y - i) % 2147483648
            h = ((h ^ (y << 13)) * 31 | x) & 0xFFFFFFFF
        return h

    def leaked(x, y, n):
        z = x * y + n
        h = z & 255
        return h, z

    def shifted(x, y, n):
        return (x << y) & 255, (x * x) % 6, (x * y) & -8, n

    def of_array(a, y, n):
        return (a[0] * y + n) & 255

    numbers = (0, 1, -1, 2**31, 2**62, MOST, LEAST, 0x1234567890ABCDEF, -(2**40) - 7)
    makes = [lambda x=x, y=y: (x, y, 5) for x in numbers for y in numbers]
    same(hashed, makes, machine=len(makes))
    for function in (leaked, shifted):
        same(function, [lambda x=x, y=y: (x, y, 1) for x in numbers for y in (*numbers, 3)])
    same(of_array, [lambda x=x, y=y: (np.array([x]), y, 1) for x in numbers for y in numbers])


def test_remainders_that_wrap_an_index():
    """What is in range already takes the short way; the rest, zero and the ends of 64 bits do not."""

    def ring(a, x, n):
        return a[(x + n) % a.shape[0]], x % n if n > 0 else 0

    numbers = (0, 1, -1, 6, 7, -7, -8, 2**40, MOST, LEAST)
    same(
        ring,
        [
            lambda x=x, n=n, s=s: (np.arange(1.0 * s), x, n)
            for x in numbers
            for n in numbers
            for s in (0, 1, 7)
        ],
    )


def test_small_unsigned_numbers_compare_with_ints():
    """Every width of NumPy's ints with Python's, at both ends."""

    def compared(a, b, x):
        return a[0] < x, a[0] == x, a[0] > b[0], a[0] != b[0]

    kinds = (np.uint8, np.int8, np.uint32, np.int64, np.uint64)
    for one in kinds:
        for other in kinds:
            ends = [
                (np.iinfo(one).min, np.iinfo(other).max),
                (np.iinfo(one).max, np.iinfo(other).min),
                (1, 1),
            ]
            same(
                compared,
                [
                    lambda a=a, b=b, x=x, one=one, other=other: (np.array([a], one), np.array([b], other), x)
                    for a, b in ends
                    for x in (0, 1, 255, -1, MOST, LEAST)
                ],
            )
