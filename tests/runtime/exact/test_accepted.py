"""What the compiler accepts is compiled, and ends as in the interpreter: one small program a construct."""

# ruff: noqa: D103 - a program is named after the construct it shows

from __future__ import annotations

import math

import differ
import numpy as np
import pytest

SCALE = 0.5
TABLE = (2, 3, 5, 7)


def counted(n):
    s = 0
    for i in range(n):
        if i % 3 == 0:
            continue
        if i > 50:
            break
        s += i * i % 7
    else:
        s = -s
    return s


def collatz(n):
    steps = 0
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return steps


def named_in_a_condition(n):
    s = 0
    for i in range(n):
        if (k := i * i) % 3 > 0:
            s += k
    while (left := n - s) > 3:
        s += 1
    return s, left, k


def named_beside_itself(n):
    m = n + 1
    return m * ((m := n * 2) if n > 2 else 4) + m


def int_start_float_sum(a):
    s = 0
    for i in range(len(a)):
        s += a[i]
    return s


def float_start_numpy_sum(a):
    s = 0.0
    for x in a:
        s = s * 0.5 + x
    return s


def dot(a, b):
    s = 0.0
    for i in range(a.shape[0]):
        s += a[i] * b[i]
    return s


def matmul(a, b, c):
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            s = 0.0
            for k in range(a.shape[1]):
                s += a[i, k] * b[k, j]
            c[i, j] = s
    return c[0, 0]


def filled(c):
    for i in range(c.shape[0]):
        for j in range(c.shape[1]):
            for k in range(c.shape[2]):
                c[i, j, k] = i + j * k
    return c


def rows(a):
    s = 0.0
    for row in a:
        for x in row:
            s += x * SCALE
    return s


def bits(a, n):
    return (n & 255) | (a[1] ^ 3) << 2, ~n, n >> 3


def functions(x):
    y = math.sin(x) + math.cos(x) * math.exp(-x) + math.log(x + 1) + math.sqrt(x) + math.atan2(x, 2.0)
    return y + math.tanh(x) ** 1.5, math.floor(x), math.ceil(x), round(x), int(x), abs(-x), x % 0.7, x // 0.7


def choices(a, b, x, y):
    return min(a, b), max(a, b), min(x, y), max(x, y), float(a), bool(b)


def looked_up(n):
    s = 0
    for i in range(n):
        s += TABLE[i % 4]
    return s


def masked(flags, a):
    n = 0
    for i in range(flags.shape[0]):
        if flags[i] and a[i] > 0.5:
            flags[i] = False
            n += 1
    return n


def swapped(a, b):
    a, b = b, a
    x, y, _ = (a, b, a)
    return x - y


def raising(n):
    if n <= 0:
        raise ValueError("n is small")
    return n * 2


def _clamped(x, low, high):
    if x < low:
        return low
    return min(x, high)


def _wave(x):
    return math.sin(_clamped(x, -1.0, 1.0)) * SCALE


def with_helpers(a, n):
    for i in range(n):
        a[i] = _wave(i * 0.3) + _clamped(a[i] * 1.0, a[0], a[1])
    return a[n - 1]


def sieve(n):
    prime = np.ones(n, dtype=np.bool_)
    count = 0
    for i in range(2, n):
        if prime[i]:
            count += 1
            for j in range(i * i, n, i):
                prime[j] = False
    return count


def fresh(n, a):
    out = np.zeros((n, 2))
    tally = np.zeros(n, np.int64)
    like = np.zeros_like(a)
    same = a.copy()
    ramp = np.arange(n)
    for i in range(n):
        tally[i] = ramp[i] * 2
        out[i, 0] = tally[i]
        out[i, 1] = same[i] + like[i] + np.full(3, 0.5)[1]
    return out


def sliced(a, n):
    a[1:-1] = (a[:-2] + a[2:]) * 0.5
    a[n:] -= 1.0
    row = a[::2]
    return row[1] + row[-1]


def whole_arrays(a, b, x):
    c = a * x + b / 2.0 - 1
    c[0] = x
    c *= x
    return np.sqrt(c * c) + b


def swept(c, steps):
    for _ in range(steps):
        for i in range(1, c.shape[0] - 1):
            c[i, 1:-1] += c[i - 1, :-2] + c[i + 1, 2:] * 0.25
    return c


def relu(a, b):
    top = 0.0
    for i in range(len(a)):
        b[i] = max(a[i], 0.0)
        top = max(top, min(b[i], 9.5))
    return top


def circle(a, r):
    return math.pi * r * r + np.pi * a[0], r < math.inf


def compared(n, x):
    return n < x, x == 2.5, n != 3, (n < x) & (x < 9.0)


def nothing(a):
    a[0] = 1


def of_numpy(x, n):
    return x * 2 + n, n + 1, n / 4


def copies(a, b):
    c = np.copy(a)
    c[0] = 7.0
    d = np.array(b[::-1])
    d[0] = d[0] + 1
    return c, d, np.full_like(c, 2), np.full_like(c, 0.5), np.full_like(d, 2**40)


def _integers(*items):
    return np.array(items, "i8")


ACCEPTED = [
    (counted, lambda: (100,)),
    (counted, lambda: (9,)),
    (collatz, lambda: (97,)),
    (named_in_a_condition, lambda: (20,)),
    (named_beside_itself, lambda: (3,)),
    (named_beside_itself, lambda: (2,)),
    (int_start_float_sum, lambda: (np.arange(5.0),)),
    (float_start_numpy_sum, lambda: (np.arange(5.0),)),
    (dot, lambda: (np.arange(5.0), np.arange(5.0)[::-1])),
    (matmul, lambda: (np.ones((3, 4)), np.asfortranarray(np.ones((4, 2))), np.empty((3, 2)))),
    (filled, lambda: (np.empty((2, 3, 4)),)),
    (filled, lambda: (np.empty((2, 3, 4), "i8"),)),
    (rows, lambda: (np.arange(12.0).reshape(3, 4),)),
    (bits, lambda: (_integers(4, 5), 1000)),
    (functions, lambda: (1.75,)),
    (choices, lambda: (3, 4, 2.5, -0.0)),
    (looked_up, lambda: (10,)),
    (masked, lambda: (np.array([True, False, True]), np.arange(3.0))),
    (swapped, lambda: (3, 4)),
    (raising, lambda: (3,)),
    (with_helpers, lambda: (np.arange(4.0), 4)),
    (sieve, lambda: (100,)),
    (fresh, lambda: (4, np.arange(4.0))),
    (sliced, lambda: (np.arange(8.0), 6)),
    (whole_arrays, lambda: (np.arange(8.0), np.ones(8), 1.5)),
    (swept, lambda: (np.arange(25.0).reshape(5, 5), 3)),
    (relu, lambda: (np.arange(-3.0, 3.0), np.zeros(6))),
    (circle, lambda: (np.ones(1), 2.0)),
    (compared, lambda: (3, 2.5)),
    (nothing, lambda: (np.zeros(2),)),
    (copies, lambda: (np.arange(6.0).reshape(2, 3), _integers(4, 5))),
    (copies, lambda: (np.arange(6.0)[::2], _integers(4, 5, 6)[::-1])),
    (of_numpy, lambda: (np.float64(1.5), np.int64(4))),
]


@pytest.mark.parametrize(
    ("function", "make"),
    ACCEPTED,
    ids=[f"{n}-{function.__name__}" for n, (function, _) in enumerate(ACCEPTED)],
)
def test_an_accepted_construct_is_compiled_and_exact(function, make):
    """The call is served by machine code, and nothing about it differs from the interpreter."""
    expected, found, exact = differ.both(function, make)
    assert exact.served == "machine", exact.why
    assert found == expected
