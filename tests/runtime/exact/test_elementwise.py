"""Expressions on whole arrays and slices run as one loop of machine code, and end as NumPy's own would.

One small program a case, hence long.
"""

# ruff: noqa: D103, PLR0917 - a program is named after the construct it shows

from __future__ import annotations

import warnings

import differ
import numpy as np
import pytest

from epochly._exact import Compiled, Deopt, Rejected, specialise


def sweeps(p, q, u, a, b, c):
    n = p.shape[0]
    for j in range(1, n - 1):
        p[1 : n - 1, j] = -c / (a * p[1 : n - 1, j - 1] + b)
        q[1 : n - 1, j] = (u[j, : n - 2] - a * q[1 : n - 1, j - 1]) / (a * p[1 : n - 1, j - 1] + b)
    for j in range(n - 2, 0, -1):
        u[j, 1 : n - 1] = p[1 : n - 1, j] * u[j + 1, 1 : n - 1] + q[1 : n - 1, j]


def rank_one_updates(c, a, alpha):
    for i in range(a.shape[0]):
        c[i, : i + 1] *= 0.5
        for k in range(a.shape[1]):
            c[i, : i + 1] += alpha * a[i, k] * a[: i + 1, k]
    return c


def smoothed(a, b, steps):
    for _ in range(steps):
        b[1:-1, 1:-1] = 0.2 * (a[1:-1, 1:-1] + a[1:-1, :-2] + a[1:-1, 2:] + a[2:, 1:-1] + a[:-2, 1:-1])
        a[1:-1, 1:-1] = b[1:-1, 1:-1]


def smoothed_in_space(a, b):
    for _ in range(2):
        b[1:-1, 1:-1, 1:-1] = a[2:, 1:-1, 1:-1] - 2.0 * a[1:-1, 1:-1, 1:-1] + a[:-2, 1:-1, 1:-1]
        a[:, 0, :] = -b[:, 1, :]


def rows_by_rows(a):
    for i in range(1, a.shape[0] - 1):
        a[i, 1:-1] += a[i - 1, :-2] + a[i - 1, 1:-1] + a[i, 2:] + a[i + 1, 1:-1]


def polynomial(coefficients, x):
    value = np.zeros_like(x)
    for c in coefficients:
        value = value * x + c
    return value


def chosen(a, b):
    c = np.minimum(a, b)
    for _ in range(3):
        c = np.maximum(c * 2, np.abs(-b)) - np.floor(a)
    return c


def rounded(a, b):
    for i in range(2):
        b[:] = np.sqrt(np.square(a) + i) + np.ceil(a) - np.rint(a) * np.trunc(a) + np.fabs(a)
    return b


def compared(a, b, f):
    for _ in range(2):
        f[:] = (a < b) & (a != 0.5) | ~f
        f[1:] ^= np.isnan(a[1:]) | np.isfinite(b[:-1])
    return f


def wrapping(a, b):
    for _ in range(3):
        a[1:] = a[:-1] * b[1:] - 7
        a += b
        a[::2] = -a[::2] ^ 5
        a[:1] = np.abs(a[:1]) + (a[:1] & b[:1]) ** 2
    return a


def divided(a, k):
    for i in range(1, 3):
        a[:] = k / i + k * 0.5 + a
    return a


def shifted(a):
    for _ in range(2):
        a[1:] = a[:-1]
        a[:-1] = a[1:] + a[:-1]
        a[::-1] = a * 2.0


def filled(a, x):
    for i in range(3):
        a[i:] = x
        a[:i] = i
    return a


def broadcast(a, row):
    for i in range(2):
        a += row
        a[i, :] = a[:, i]
        a[:, i] -= row[i]
    return a


def temporaries(a, b):
    c = a + b
    for _ in range(2):
        c = c * a
        b[:] = c + c
        c[:1] = 7.0
    return c


def powers(a):
    for _ in range(2):
        a[1:] = a[1:] ** 2 - a[:-1] ** 2.0
    return a


def narrow(a, b, k):
    for _ in range(2):
        a[:] = a * 0.1 + b
        k[1:] = k[:-1] + k[1:] * 3
        k -= 1
    return a + k


def of_numpy_scalar(a, x):
    b = a * x
    for _ in range(2):
        b = b + x
    return b


def mixed_accumulator(a, n):
    s = 0.0
    for i in range(n):
        s += a[i]
    for _ in range(2):
        a[:] = a / s
    return a


def where(a, b, f):
    for _ in range(2):
        a = np.where(f, a * 2.0, b[::-1])
        b[1:] = np.where(a[1:] > b[:-1], 0.0, b[1:])
        f = a < 0.1
    return np.where(f, 1, b)


def clip(a, k):
    for i in range(2):
        a[:] = np.clip(a, -0.25, 0.25 + i)
        k[:] = np.clip(k, i, 5)
    return np.clip(a, k, 2.0)


def outer(path, x):
    for k in range(path.shape[0]):
        path[:] = np.minimum(path[:], np.add.outer(path[:, k], path[k, :]))
        path[:] = path + np.outer(x, x * 2)[:, ::-1]
        path[:, k] -= np.multiply.outer(x, x)[k]
    return np.subtract.outer(x, x)


def gathered(starts, columns, values, x):
    y = np.zeros(starts.size - 1)
    for i in range(starts.size - 1):
        where = columns[starts[i] : starts[i + 1]]
        y[i] = values[starts[i] : starts[i + 1]] @ x[where]
        y += x[columns][0] * 0.5
    return y


def transposed(a, b):
    for _ in range(2):
        a[:] = b.T * 2.0 - a
        b.T[1:, :] = a[:-1, :]
    return a


def copied(c, d, k):
    for _ in range(2):
        c[1:] = c[:-1]
        c[::2] = d
        k[:] = k[::-1]
        c[:1] = 2.5


def widened(a, k, f, b):
    for _ in range(2):
        a[:] = k
        a[1:] = f[1:]
        k[:2] = b[:2]
        k[3:] = f[3:] > 0.0
        f[:] = b


def lifted(a, x):
    for _ in range(2):
        a[:] = a - x[:, None] * 0.5 + x[np.newaxis, ::-1]
        a += np.maximum(x[:, None], x)
    return a


def _square(n, seed=3):
    return np.random.default_rng(seed).random((n, n)) + 0.5


def _line(n, seed=4):
    return np.random.default_rng(seed).random(n) - 0.5


def _ints(*items):
    return np.array(items, np.int64)


ACCEPTED = [
    (sweeps, lambda: (_square(9), _square(9, 4), _square(9, 5), 0.3, 2.5, 0.25)),
    (sweeps, lambda: (np.asfortranarray(_square(9)), _square(9, 4).T, _square(9, 5), 0.3, 2.5, 0.25)),
    (rank_one_updates, lambda: (_square(6), _square(6)[:, :4], 1.5)),
    (smoothed, lambda: (_square(12), _square(12), 3)),
    (smoothed, lambda: (np.asfortranarray(_square(12)), np.asfortranarray(_square(12)), 3)),
    (smoothed_in_space, lambda: (np.arange(125.0).reshape(5, 5, 5) ** 1.5, np.ones((5, 5, 5)))),
    (rows_by_rows, lambda: (_square(7),)),
    (polynomial, lambda: (_line(5), _line(33))),
    (polynomial, lambda: (_line(5), np.zeros(0))),
    (chosen, lambda: (_line(40), _line(40, 5))),
    (rounded, lambda: (_line(40), np.zeros(40))),
    (compared, lambda: (_line(11), _line(11, 9), np.zeros(11, bool))),
    (wrapping, lambda: (_ints(1, -(2**63), 2**62, 2**63 - 1, 5), _ints(3, 2**61, -7, 2**63 - 1, 0))),
    (divided, lambda: (_line(5), _ints(1, 2, -3, 2**53 + 1, 2**63 - 1))),
    (shifted, lambda: (np.arange(9.0),)),
    (filled, lambda: (np.ones(5), 2.5)),
    (filled, lambda: (np.ones(5, np.int64), 7)),
    (broadcast, lambda: (_square(5), _line(5))),
    (broadcast, lambda: (_square(5), _line(1).repeat(5))),
    (temporaries, lambda: (_line(8), _line(8, 2))),
    (powers, lambda: (_line(8),)),
    (narrow, lambda: (_line(6).astype("f4"), _line(6, 1).astype("f4"), np.arange(6, dtype="i4") * 2**29)),
    (of_numpy_scalar, lambda: (_line(6).astype("f4"), np.float64(0.1))),
    (of_numpy_scalar, lambda: (_line(6).astype("f4"), 0.1)),
    (mixed_accumulator, lambda: (_line(6), 3)),
    (where, lambda: (_line(9), _line(9, 5), _line(9, 6) > 0.0)),
    (clip, lambda: (_line(9), np.arange(-3, 6))),
    (outer, lambda: (_square(6), _line(6))),
    (outer, lambda: (np.arange(36, dtype="i4").reshape(6, 6) * 7 % 100, np.arange(6, dtype="i4"))),
    (gathered, lambda: (_ints(0, 2, 2, 5), _ints(3, -1, 0, 2, -4), _line(5), _line(4))),
    (gathered, lambda: (_ints(0, 2, 2, 5), np.array([3, 1, 0, 2, 2], "u4"), _line(5), _line(8)[::2])),
    (transposed, lambda: (_square(5), _square(5, 8))),
    (copied, lambda: (_line(8) + 1j, _line(4) - 2j, _line(3) * 1j)),
    (
        copied,
        lambda: (
            np.frombuffer(bytearray(8 + 16 * 8))[1:].view("c16"),  # aligned for a float only
            _line(4) - 2j,
            _line(3).astype("c8"),
        ),
    ),
    (
        widened,
        lambda: (_line(6), np.arange(6, dtype="i2"), _line(6).astype("f4"), np.arange(6) % 2 == 0),
    ),
    (lifted, lambda: (_square(5), _line(5))),
]


@pytest.mark.parametrize(
    ("function", "make"), ACCEPTED, ids=[f"{n}-{each.__name__}" for n, (each, _) in enumerate(ACCEPTED)]
)
def test_an_array_expression_is_compiled_and_exact(function, make):
    """The call is served by machine code, and nothing about it differs from NumPy."""
    expected, found, exact = differ.both(function, make)
    assert exact.served == "machine", exact.why
    assert found == expected


def one_sum(a, b, c):
    for _ in range(1):
        a[:] = b + c


BASE = np.arange(40.0)
SUM = differ.Exact(one_sum)  # one compilation a layout serves all


def overlapping():
    """Targets and operands that share memory in every way: ahead, behind, backwards, woven, the same."""
    for first in (slice(4, 12), slice(11, 3, -1), slice(4, 20, 2)):
        for second in (
            slice(4, 12),
            slice(3, 11),
            slice(5, 13),
            slice(12, 4, -1),
            slice(5, 21, 2),
            slice(3, 27, 3),
        ):
            yield first, second


@pytest.mark.parametrize(("first", "second"), list(overlapping()))
def test_shared_memory_gives_what_a_temporary_would(first, second):
    """NumPy evaluates the right side first, and so it looks here."""

    def make():
        base = BASE.copy()
        return base[first], base[second], base[1:9]

    expected, found, exact = differ.both(one_sum, make, SUM)
    assert exact.served == "machine", exact.why
    assert found == expected


def test_columns_between_each_other_need_no_temporary_and_are_exact():
    """Columns of one matrix overlap in extent but not in elements."""

    def make():
        base = _square(8)
        return base[:, 2], base[:, 1], base[:, 5]

    expected, found, exact = differ.both(one_sum, make, SUM)
    assert (exact.served, found) == ("machine", expected)


@pytest.mark.parametrize(
    "shapes",
    [
        ((4,), (4,), (5,)),
        ((4,), (3,), (1,)),
        ((1,), (4,), (4,)),
        ((0,), (1,), (0,)),
        ((4,), (1,), (1,)),
        ((4,), (0,), (4,)),
    ],
)
def test_shapes_that_do_not_fit_raise_numpys_own_error(shapes):
    """The interpreter raises it, with its own words; what fits by broadcasting does not deopt."""
    expected, found, _ = differ.both(one_sum, lambda: tuple(np.ones(shape) for shape in shapes))
    assert found == expected


SPECIAL = [np.nan, np.inf, -np.inf, -0.0, 0.0, 1e308, 5e-324, -1.0]


@pytest.mark.parametrize("special", SPECIAL)
@pytest.mark.parametrize(
    ("function", "count"),
    [(polynomial, 2), (chosen, 2), (rounded, 2), (shifted, 1), (powers, 1), (of_numpy_scalar, 1)],
)
def test_special_floats_give_numpys_bits_and_warnings(function, count, special):
    """Infinities, NaN, zeros of either sign, the largest and the smallest floats."""

    def make():
        arrays = [_line(9, seed) for seed in range(count)]
        for array in arrays:
            array[::4] = special
        return (*arrays, 0.5) if function is of_numpy_scalar else tuple(arrays)

    expected, found, _ = differ.both(function, make)
    assert found == expected


@pytest.mark.parametrize("columns", [_ints(4), _ints(-5), _ints(0, 2**63 - 1), _ints(-(2**63)), _ints()])
@pytest.mark.parametrize("size", [4, 0])
def test_a_gather_out_of_range_raises_numpys_own_error(columns, size):
    """Every index is checked, the negative ones from the end, in an empty vector too."""
    expected, found, _ = differ.both(
        gathered, lambda: (_ints(0, columns.size), columns, np.ones(columns.size), np.ones(size))
    )
    assert found == expected


@pytest.mark.parametrize("special", SPECIAL)
@pytest.mark.parametrize("function", [where, clip, outer])
def test_special_floats_are_chosen_as_numpy_chooses(function, special):
    """The sign of a zero and NaN, out of `where`, `clip` and `minimum`."""

    def make():
        a, b = _line(8), _line(8, 2)
        a[::3] = b[::2] = special
        square = _square(8)
        square[::3] = special
        return {where: (a, b, a > b), clip: (a, _ints(*range(8))), outer: (square, b)}[function]

    expected, found, _ = differ.both(function, make)
    assert found == expected


def warns_nowhere(a, b):
    for _ in range(1):
        a[:] = np.sqrt(b) + a


def test_a_warning_about_what_goes_nowhere_is_kept():
    """`sqrt` of one negative number warns, even where it is then broadcast to no element at all."""
    expected, found, exact = differ.both(warns_nowhere, lambda: (np.zeros(0), np.array([-1.0])))
    assert found == expected
    assert expected[2]
    assert exact.served == "deopt"


def scalar_feeds(a, b, n):
    for _ in range(1):
        x = b[0] / b[1]
        a[:n] = a[:n] * x


def test_a_scalars_warning_is_kept_where_no_element_uses_it():
    """A division of NumPy's scalars by zero warns although the slice it goes into is empty."""
    expected, found, _ = differ.both(scalar_feeds, lambda: (np.ones(3), np.array([1.0, 0.0]), 0))
    assert found == expected
    assert expected[2]


def test_a_read_only_target_is_left_to_numpy():
    """NumPy raises for it."""

    def make():
        a = np.ones(4)
        a.flags.writeable = False
        return a, np.ones(4), np.ones(4)

    expected, found, _ = differ.both(one_sum, make)
    assert found == expected


def test_a_target_that_overlaps_itself_is_left_to_numpy():
    """A sliding window is written as NumPy writes it."""

    def make():
        windows = np.lib.stride_tricks.as_strided(np.zeros(6), (4, 3), (8, 8))
        return windows, np.arange(12.0).reshape(4, 3), np.ones((4, 3))

    expected, found, exact = differ.both(one_sum, make, SUM)
    assert found == expected
    assert exact.served == "deopt"


def test_errors_as_numpy_was_told_are_kept():
    """`errstate` and warnings as errors hold; the arrays look as NumPy leaves them."""

    def raises(function, *args):
        with warnings.catch_warnings(), np.errstate(all="raise"):
            return function(*args)

    def make():
        return np.ones(4), np.ones(4), np.array([1.0, np.inf, 1e308, -np.inf])

    def overflowing(a, b, c):
        for _ in range(1):
            a[1:] = b[1:] - 1.0
            a[:] = (c + c) * b

    compiled = differ.Exact(overflowing)
    for call in (overflowing, compiled):
        args = make()
        with pytest.raises(FloatingPointError, match="overflow"):
            raises(call, *args)
        assert args[0].tolist() == [1.0, 0.0, 0.0, 0.0]


def into_narrow(k, n):
    for _ in range(1):
        k[:] = k + n


@pytest.mark.parametrize("n", [100, 127, 128, -128, -129, 2**40])
def test_a_python_int_that_does_not_fit_raises_as_numpy_does(n):
    """NEP 50: Python's int takes the array's type, or there is an OverflowError."""
    expected, found, _ = differ.both(into_narrow, lambda: (np.arange(5, dtype=np.int8), n))
    assert found == expected


def narrowed(k, a):
    for _ in range(2):
        k[:] = a * 2.0


@pytest.mark.parametrize(
    ("function", "args", "why"),
    [
        (narrowed, (np.ones(3, np.int64), np.ones(3)), "stored into an array of int64"),
    ],
)
def test_what_numpy_computes_in_its_own_way_is_refused_in_words(function, args, why):
    """With the line, and no word of numba's."""
    made = specialise(function, args)
    assert isinstance(made, Rejected)
    assert why in made.reason
    assert made.line is not None


def test_memory_of_temporaries_is_given_back():
    """Ten thousand expressions that need fresh memory leave nothing behind."""
    import resource

    compiled = specialise(one_sum, (np.zeros(4), np.zeros(4), np.zeros(4)))
    assert isinstance(compiled, Compiled)
    base = np.ones(50_001)

    def rounds(count):
        for _ in range(count):
            compiled.call(base[1:], base[:-1], base[1:])

    rounds(10)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rounds(300)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000


def test_deopt_leaves_the_arrays_as_they_were():
    """What was stored before giving up is undone."""
    args = (np.ones(4), np.ones(4), np.array([1.0, 2.0, np.inf, -np.inf]))
    compiled = specialise(one_sum, (np.ones(4), np.ones(4), np.ones(4)))
    args[1][2] = -np.inf
    with pytest.raises(Deopt):
        compiled.call(*args)
    assert args[0].tolist() == [1.0] * 4


def factors(a):
    q, r = np.zeros_like(a), np.zeros((a.shape[1], a.shape[1]))
    for k in range(a.shape[1]):
        r[k, k] = np.sqrt(np.dot(a[:, k], a[:, k]))
        q[:, k] = a[:, k] / r[k, k]
    return q, a, r, 1.5, r[0, 0]


def one_array_twice(a):
    b = a * 2.0
    for _ in range(2):
        b += 1.0
    return b, b


@pytest.mark.parametrize("function", [factors, one_array_twice])
def test_several_arrays_are_returned(function):
    """New arrays, arguments and numbers in one tuple; one array named twice comes out as one array."""
    expected, found, exact = differ.both(function, lambda: (_square(5),))
    assert (exact.served, found) == ("machine", expected)
    one, *_, other = exact(_square(5))
    assert (one is other) == (function is one_array_twice)
