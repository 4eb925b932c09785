"""`numpy.dot` and `@` of vectors are compiled, and end in the bits that NumPy's BLAS gives."""

# ruff: noqa: D103 - a program is named after what it shows

from __future__ import annotations

import differ
import numpy as np
import pytest

SIZES = (0, 1, 2, 3, 4, 7, 8, 9, 31, 32, 33, 100, 1000, 11000)
STEPS = (1, 2, 3, -1, -2)


def at_sign(a, b):
    return a @ b


def dot(a, b):
    return np.dot(a, b)


def method(a, b):
    return a.dot(b)


def named(a, b):
    return np.matmul(a, b)


def lu(a):
    for i in range(a.shape[0]):
        for j in range(i):
            a[i, j] -= a[i, :j] @ a[:j, j]
            a[i, j] /= a[j, j]
        for j in range(i, a.shape[0]):
            a[i, j] -= a[i, :i] @ a[:i, j]


def trmm(alpha, a, b):
    for i in range(b.shape[0]):
        for j in range(b.shape[1]):
            b[i, j] += np.dot(a[i + 1 :, i], b[i + 1 :, j])
            b[i, j] *= alpha


def backwards(a):
    s = 0.0
    for i in range(len(a)):
        s += a[:i] @ a[:i][::-1] - np.dot(a[i:][::-1], a[i:])
    return s


def hidden_by_dot(a, b):
    x = a[0] / b[0]
    y = a.dot(b)
    return x > y


def _vectors(size, step, seed=5):
    rng = np.random.default_rng(seed)
    return rng.normal(size=size * abs(step))[::step], rng.normal(size=size * 2)[::2]


def _square(size):
    rng = np.random.default_rng(3)
    return rng.normal(size=(size, size)) + size * np.eye(size)


def compiled_and_equal(function, make):
    one, two, exact = differ.both(function, make)
    assert one == two
    assert exact.served == "machine", (exact.served, exact.why)


@pytest.mark.parametrize("function", [at_sign, dot, method, named])
def test_products_of_vectors_are_numpys(function):
    exact = differ.Exact(function)
    for step in STEPS:
        for size in SIZES:
            for make in (lambda: _vectors(size, step), lambda: _vectors(size, step)[::-1]):  # noqa: B023 - called at once
                one, two, _ = differ.both(function, make, exact)
                assert one == two, (size, step)
                assert exact.served == "machine", exact.why


@pytest.mark.parametrize("function", [at_sign, dot, method, named])
@pytest.mark.parametrize(
    "make",
    [
        lambda: (np.array([-0.0]), np.array([1.0])),
        lambda: (np.array([-0.0, -0.0]), np.array([1.0, 1.0])),
        lambda: (np.array([np.nan, 1.0]), np.ones(2)),
        lambda: (np.array([np.inf, 1.0]), np.ones(2)),
        lambda: (np.full(5, 5e-324), np.full(5, 0.25)),
        lambda: (np.broadcast_to(np.float64(0.1), (9,)), np.arange(9.0)),
        lambda: (np.arange(9.0), np.broadcast_to(np.float64(0.1), (1,)).repeat(9)),
        lambda: (*(np.arange(6.0),) * 2,),
    ],
)
def test_edges_are_numpys(function, make):
    compiled_and_equal(function, make)


@pytest.mark.parametrize("function", [at_sign, dot, method, hidden_by_dot])
@pytest.mark.parametrize(
    "make",
    [
        lambda: (np.array([np.inf, 1.0]), np.zeros(2)),
        lambda: (np.full(3, 1e200), np.full(3, 1e200)),
        lambda: (np.ones(3), np.ones(4)),
        lambda: (np.ones(1), np.ones(2)),
    ],
)
def test_warnings_and_errors_are_numpys(function, make):
    one, two, _ = differ.both(function, make)
    assert one == two
    with np.errstate(all="raise"):
        one, two, _ = differ.both(function, make)
    assert one == two


@pytest.mark.parametrize(
    ("function", "make"),
    [
        (lu, lambda: (_square(40),)),
        (lu, lambda: (np.asfortranarray(_square(40)),)),
        (lu, lambda: (np.empty((0, 0)),)),
        (trmm, lambda: (1.5, _square(30), _square(30)[:, :20].copy())),
        (backwards, lambda: (np.random.default_rng(2).normal(size=50),)),
    ],
)
def test_kernels_of_slices_are_compiled(function, make):
    compiled_and_equal(function, make)


@pytest.mark.parametrize(
    "make",
    [
        lambda: (np.ones(3), np.arange(3)),
        lambda: (np.arange(3), np.arange(3)),
        lambda: (np.ones((2, 3)), np.ones(3)),
    ],
)
def test_other_products_stay_with_numpy(make):
    one, two, exact = differ.both(at_sign, make)
    assert one == two
    assert exact.served == "rejected"
    assert "`@` of" in exact.why


def matrix_at(a, b):
    for _ in range(2):
        a[0]
    return a @ b


def matrix_dot(a, b):
    for _ in range(2):
        a[0]
    return np.dot(a, b)


def power_iteration(a, x, n):
    s = 0.0
    for _ in range(n):
        y = a @ x
        s = np.sqrt(y @ y)
        for i in range(len(x)):
            x[i] = y[i] / s
    return s


def covariance(data, c):
    for i in range(c.shape[0]):
        row = data[:, i] @ data[:, i:]
        for j in range(i, c.shape[0]):
            c[i, j] = row[j - i] / 3.0
            c[j, i] = c[i, j]
    return c


def _matrices(left, inner, right):
    rng = np.random.default_rng(left + 10 * inner + 100 * right)
    one, other = rng.normal(size=(left, inner)), rng.normal(size=(inner, right))
    yield one, other
    yield np.asfortranarray(one), other
    yield one, other[:, 0].copy()
    yield one[0].copy(), other
    yield one, one.T
    yield one.T, one
    yield rng.normal(size=(left, 2 * inner))[:, ::2], other[::-1, ::-1]
    yield one[::-1], other[:, 0]


@pytest.mark.parametrize("function", [matrix_at, matrix_dot])
def test_products_of_matrices_are_numpys(function):
    known, served = {}, set()
    for left, inner, right in (
        (2, 3, 4),
        (1, 5, 1),
        (1, 1, 1),
        (40, 33, 17),
        (5, 0, 3),
        (3, 1, 70),
        (64, 64, 64),
    ):
        for args in _matrices(left, inner, right) if inner else [(np.ones((left, 0)), np.ones((0, right)))]:
            key = tuple((arg.ndim, arg.flags.num) for arg in args)
            exact = known.setdefault(key, differ.Exact(function))
            one, two, _ = differ.both(function, lambda: args, exact)  # noqa: B023 - called at once
            assert one == two, (left, inner, right, [arg.strides for arg in args])
            served.add(exact.served)
            assert exact.served == "machine" or function is matrix_dot, exact.why
    assert "machine" in served


@pytest.mark.parametrize(
    ("function", "make"),
    [
        (power_iteration, lambda: (_square(12), np.ones(12), 7)),
        (covariance, lambda: (_square(9), np.zeros((9, 9)))),
        (matrix_at, lambda: (np.full((2, 2), -0.0), np.ones(2))),
        (matrix_at, lambda: (np.array([[np.nan, 1.0]]), np.ones(2))),
    ],
)
def test_programs_with_matrices_are_compiled(function, make):
    compiled_and_equal(function, make)


@pytest.mark.parametrize("function", [matrix_at, matrix_dot])
@pytest.mark.parametrize(
    "make",
    [
        lambda: (np.full((2, 2), np.inf), np.zeros(2)),
        lambda: (np.full((3, 3), 1e200), np.full((3, 3), 1e200)),
        lambda: (np.ones((3, 3)), np.ones((4, 3))),
        lambda: (np.ones(3), np.ones((4, 3))),
    ],
)
def test_warnings_and_errors_of_matrices_are_numpys(function, make):
    one, two, exact = differ.both(function, make)
    assert one == two
    assert exact.served == "deopt"
