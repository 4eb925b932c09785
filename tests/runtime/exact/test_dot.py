"""`numpy.dot` and `@` of vectors are compiled, and end in the bits that NumPy's BLAS gives."""

# ruff: noqa: D103 - a program is named after what it shows

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest


def _beside(name):
    """A module of this folder, which is no package."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


differ = _beside("differ")
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
