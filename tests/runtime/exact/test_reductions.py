"""Reductions of whole arrays are compiled, and end in the bits, types and warnings of NumPy's and Python's.

It is long, since every reduction is tried on every kind of array.
"""

# ruff: noqa: D103 - a program is named after what it shows

from __future__ import annotations

import differ
import numpy as np
import pytest

SIZES = (0, 1, 2, 7, 8, 9, 127, 128, 129, 1000, 9000)
STEPS = (1, 3, -1)


def by_method(a):
    return a.sum(), a.prod(), a.min(), a.max(), a.any(), a.all(), a.argmin(), a.argmax()


def by_name(a):
    return np.sum(a), np.prod(a), np.min(a), np.max(a), np.any(a), np.all(a), np.argmin(a), np.argmax(a)


def sums(a):
    return a.sum(), np.sum(a)


def mean(a):
    return a.mean() + np.mean(a)


def of_bools(a):
    return a.sum(), a.min(), a.max(), a.any(), a.all(), a.argmin(), a.argmax()


def by_python(a):
    return sum(a), min(a), max(a)


def truth_by_python(a):
    return any(a), all(a)


def in_rows(a):
    s = 0.0
    for i in range(a.shape[0]):
        s += a[i].sum() * a[i, ::-2].mean() - a[:, i].max()
    return s


def warned_before(a, b):
    x = a[0] / b[0]
    y = b.min()
    return x > y


def overflowing_before(a, b):
    x = a[0] * b[0]
    return x, a.max(), np.maximum(a[1], 0.5)


def unused(a):
    a.sum()
    return 1


def _floats(size, step=1):
    rng = np.random.default_rng(9)
    return (rng.normal(size=size * abs(step)) * 10.0 ** rng.integers(-5, 5, size=size * abs(step)))[::step]


def _ints(size, step=1):
    return np.random.default_rng(9).integers(-(2**62), 2**62, size * abs(step))[::step]


def _bools(size, step=1):
    return (np.random.default_rng(9).random(size * abs(step)) < 0.6)[::step]


def equal(function, make, exact=None):
    one, two, exact = differ.both(function, make, exact)
    assert one == two
    return exact


@pytest.mark.parametrize("function", [by_method, by_name, mean, by_python, truth_by_python])
def test_of_vectors_of_floats(function):
    exact = differ.Exact(function)
    for step in STEPS:
        for size in SIZES:
            equal(function, lambda size=size, step=step: (_floats(size, step),), exact)
            assert exact.served == ("machine" if size or function is truth_by_python else "deopt"), exact.why


@pytest.mark.parametrize("function", [by_method, by_name, truth_by_python])
def test_of_vectors_of_ints(function):
    exact = differ.Exact(function)
    for step in STEPS:
        for size in SIZES[1:]:
            equal(function, lambda size=size, step=step: (_ints(size, step),), exact)
            assert exact.served == "machine", exact.why


@pytest.mark.parametrize("function", [of_bools, truth_by_python])
def test_of_vectors_of_bools(function):
    exact = differ.Exact(function)
    for step in STEPS:
        for size in SIZES[1:]:
            equal(function, lambda size=size, step=step: (_bools(size, step),), exact)
            assert exact.served == "machine", exact.why


@pytest.mark.parametrize(
    "make",
    [
        lambda: _floats(60).reshape(6, 10),
        lambda: np.asfortranarray(_floats(60).reshape(6, 10)),
        lambda: _floats(60).reshape(3, 4, 5),
        lambda: _floats(4096).reshape(1, 4096),
        lambda: _floats(0).reshape(0, 3),
    ],
)
def test_of_whole_arrays(make):
    exact = equal(sums, lambda: (make(),))
    assert exact.served == "machine", exact.why


def test_of_rows_and_columns():
    exact = equal(in_rows, lambda: (_floats(400).reshape(20, 20),))
    assert exact.served == "machine", exact.why


@pytest.mark.parametrize("function", [by_method, sums, mean, by_python])
@pytest.mark.parametrize(
    "array",
    [
        np.array([-0.0]),
        np.array([-0.0] * 9),
        np.array([0.0, -0.0] * 20),
        np.array([-0.0, 0.0] * 20),
        np.array([1.0, np.nan, 0.0]),
        np.array([np.nan] * 9),
        np.array([np.inf, 1.0]),
        np.array([np.inf, -np.inf]),
        np.array([1e308] * 9),
        np.array([5e-324] * 9),
        np.array([]),
        np.broadcast_to(np.float64(0.1), (300,)),
    ],
    ids=str,
)
def test_edges_of_floats(function, array):
    equal(function, lambda: (array,))
    with np.errstate(all="raise"):
        equal(function, lambda: (array,))


@pytest.mark.parametrize("function", [by_method, sums, by_python])
@pytest.mark.parametrize(
    "array",
    [
        np.array([2**63 - 1, 1], "i8"),
        np.array([-(2**63), -1, -(2**63)], "i8"),
        np.array([2**62, 4], "i8"),
        np.array([], "i8"),
    ],
    ids=str,
)
def test_edges_of_ints(function, array):
    equal(function, lambda: (array,))


def test_a_warning_before_a_reduction_is_not_lost():
    exact = equal(warned_before, lambda: (np.ones(4), np.zeros(4)))
    assert exact.served == "deopt"


@pytest.mark.parametrize(
    ("a", "b"), [(1e200, 1e200), (1e-200, 1e-200), (5e-324, 0.5), (np.inf, 0.0), (1.0, 2.0), (np.inf, 1.0)]
)
@pytest.mark.parametrize("rule", ["warn", "raise", "ignore"])
def test_flags_raised_before_a_loop_of_numpys_are_kept(a, b, rule):
    with np.errstate(all=rule):
        exact = equal(overflowing_before, lambda: (np.array([a, 1.0]), np.array([b, 1.0])))
    assert exact.served == "machine" or a != 1.0


def test_an_unused_reduction_still_warns():
    exact = equal(unused, lambda: (np.array([np.inf, -np.inf]),))
    assert exact.served == "deopt"
    exact = equal(unused, lambda: (np.ones(3),))
    assert exact.served == "machine"


@pytest.mark.parametrize(
    ("function", "array"),
    [
        (sums, np.ones((4, 4, 4))[::2, ::2, ::2]),
        (mean, np.arange(16).reshape(4, 4)[::2, ::2]),
        (by_python, np.ones((2, 2))),
        (by_python, np.array([True])),
    ],
)
def test_what_is_not_one_row_stays_with_numpy(function, array):
    exact = equal(function, lambda: (array,))
    assert exact.served == "rejected"
    assert " of " in exact.why


def windows(a):
    s = 0.0
    for i in range(a.shape[0] - 2):
        for j in range(a.shape[1] - 2):
            w = a[i : i + 3, j : j + 3]
            s += w.sum() - w.max() * w.mean() + w.min() + w.argmax()
            if (w[:, ::-1].any() or w.all()) and np.any(w[::2, 1:]):
                s += 1.0
    return s


def of_views(a):
    return a.sum(), a.min(), a.max(), a.any(), a.all(), a.argmin(), a.argmax()


@pytest.mark.parametrize(
    "make", [lambda: _floats(120).reshape(10, 12), lambda: _floats(120).reshape(10, 12).T]
)
def test_of_windows(make):
    exact = equal(windows, lambda: (make(),))
    assert exact.served == "machine", exact.why


@pytest.mark.parametrize(
    "make",
    [
        lambda: _floats(400).reshape(20, 20)[::2, ::3],
        lambda: _floats(400).reshape(20, 20)[::2, ::3].T,
        lambda: _floats(400).reshape(20, 20)[::-1, ::-1],
        lambda: _floats(400).reshape(20, 20)[:, ::-1],
        lambda: _floats(400).reshape(20, 20)[:1, 3:],
        lambda: _floats(400).reshape(20, 20)[3:, :1],
        lambda: np.where(_floats(400) > 0, 0.0, -0.0).reshape(20, 20)[::2, ::2],
        lambda: _floats(200 * 160).reshape(200, 160)[:, :40],
        lambda: _ints(400).reshape(20, 20)[::2, ::3],
        lambda: _ints(30000).reshape(300, 100)[:, ::2].T,
        lambda: _bools(400).reshape(20, 20)[::2, ::3],
    ],
)
def test_of_views_with_gaps(make):
    exact = equal(of_views, lambda: (make(),))
    assert exact.served == "machine", exact.why


@pytest.mark.parametrize(
    "make",
    [
        lambda: _floats(200 * 160).reshape(200, 160)[:, :80],  # larger than the buffer of NumPy's iterator
        lambda: np.broadcast_to(_floats(30), (20, 30)),
        lambda: np.lib.stride_tricks.sliding_window_view(_floats(30), 9),
        lambda: np.empty((0, 9))[:, ::2],
    ],
)
def test_views_whose_order_is_not_known_are_given_up(make):
    exact = equal(of_views, lambda: (make(),))
    assert exact.served == "deopt"


def test_an_unusual_buffer_is_noticed():
    before = np.getbufsize()
    exact = differ.Exact(of_views)
    equal(of_views, lambda: (_floats(400).reshape(20, 20)[::2, ::3],), exact)
    assert exact.served == "machine"
    np.setbufsize(16)
    try:
        equal(of_views, lambda: (_floats(400).reshape(20, 20)[::2, ::3],), exact)
        assert exact.served == "deopt"
    finally:
        np.setbufsize(before)


def spread(a):
    return a.std(), np.std(a), a.var(), np.var(a)


def means(a):
    return a.mean(), np.mean(a)


def length(a):
    return np.linalg.norm(a)


def so_far(a):
    return np.cumsum(a)


def product_so_far(a):
    return a.cumprod()


def moving_average(a, n):
    c = np.cumsum(a)
    s = 0.0
    for i in range(n, len(a)):
        s += (c[i] - c[i - n]) / n
    return s


def standardised(x):
    for j in range(x.shape[1]):
        m = x[:, j].mean()
        s = x[:, j].std()
        for i in range(x.shape[0]):
            x[i, j] = (x[i, j] - m) / s


def by_axis(a):
    return a.sum(axis=0)


@pytest.mark.parametrize("function", [spread, length, so_far, product_so_far])
def test_more_of_vectors_of_floats(function):
    known = {}
    for step in STEPS[:2] if function is length else STEPS:
        for size in SIZES:
            exact = known.setdefault((step == 1, size < 2), differ.Exact(function))
            equal(function, lambda size=size, step=step: (_floats(size, step) / 1e3,), exact)
            assert exact.served == ("machine" if size or function is not spread else "deopt"), exact.why


@pytest.mark.parametrize("function", [spread, length, so_far, product_so_far, means])
@pytest.mark.parametrize(
    "array",
    [
        np.array([-0.0, -0.0]),
        np.array([1.0, np.nan]),
        np.array([np.inf, 1.0]),
        np.array([np.inf, -np.inf]),
        np.array([1e200] * 9),
        np.array([1e308] * 9),
        np.array([5e-324] * 9),
        np.arange(4.0)[::-1],
        np.arange(12.0).reshape(3, 4),
        np.asfortranarray(np.arange(12.0).reshape(3, 4)),
        np.arange(48.0).reshape(6, 8)[::2, ::2],
        np.broadcast_to(np.float64(0.1), (40,)),
    ],
    ids=str,
)
def test_edges_of_more(function, array):
    equal(function, lambda: (array,))
    with np.errstate(all="raise"):
        equal(function, lambda: (array,))


@pytest.mark.parametrize(
    ("function", "array"),
    [
        (means, _ints(5000)),
        (means, _ints(5000, -1)),
        (means, _bools(777)),
        (means, _ints(60).reshape(6, 10)),
        (so_far, _ints(500)),
        (product_so_far, _ints(500, 3)),
        (so_far, np.array([2**63 - 1, 1], "i8")),
    ],
)
def test_more_of_whole_numbers(function, array):
    exact = equal(function, lambda: (array,))
    assert exact.served == "machine", exact.why


def test_a_mean_of_more_ints_than_the_buffer_holds_is_given_up():
    exact = equal(means, lambda: (_ints(9000),))
    assert exact.served == "deopt"


@pytest.mark.parametrize(
    ("function", "make"),
    [
        (moving_average, lambda: (_floats(60), 5)),
        (standardised, lambda: (_floats(60).reshape(12, 5),)),
    ],
)
def test_programs(function, make):
    exact = equal(function, make)
    assert exact.served == "machine", exact.why


def test_an_axis_stays_with_numpy():
    exact = equal(by_axis, lambda: (np.ones((2, 3)),))
    assert exact.served == "rejected"
    assert exact.why == "`sum` with an axis or another option"
