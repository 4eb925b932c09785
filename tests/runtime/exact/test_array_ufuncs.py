"""Functions of whole arrays whose bits are NumPy's own are compiled inside functions that loop, and give NumPy's bits."""

# ruff: noqa: D103 - a program is named after what it shows

from __future__ import annotations

import differ
import numpy as np
import pytest


def softmax_of_rows(a, out):
    for i in range(a.shape[0]):
        e = np.exp(a[i] - a[i].max())
        out[i] = e / e.sum()


def exponentials(a):
    b = a.copy()
    for _ in range(2):
        b = np.exp(np.sin(b)) + np.tanh(a)
    return b


def logarithm(a):
    for _ in range(1):
        np.log(a)
    return np.log1p(a) + np.cos(a)


def of_columns(a):
    s = 0.0
    for j in range(a.shape[1]):
        s += np.sum(np.cosh(a[:, j])) - np.arctan(a[::-1, j])[0]
    return s


def whole(a):
    s = 0.0
    for _ in range(2):
        s += np.sum(np.exp(a))
    return s, np.sin(a).max()


def no_loop(a):
    return np.exp(a)


def _floats(*shape):
    return np.random.default_rng(8).normal(size=shape)


@pytest.mark.parametrize(
    ("function", "make"),
    [
        (softmax_of_rows, lambda: (_floats(7, 9), np.zeros((7, 9)))),
        (softmax_of_rows, lambda: (np.asfortranarray(_floats(7, 9)), np.zeros((7, 9)))),
        (exponentials, lambda: (_floats(33),)),
        (exponentials, lambda: (_floats(60)[::2],)),
        (exponentials, lambda: (_floats(60)[::-1],)),
        (exponentials, lambda: (_floats(0),)),
        (exponentials, lambda: (np.broadcast_to(np.float64(0.3), (9,)),)),
        (logarithm, lambda: (np.abs(_floats(50)),)),
        (of_columns, lambda: (_floats(17, 5),)),
        (whole, lambda: (_floats(6, 7),)),
    ],
)
def test_compiled_and_numpys(function, make):
    one, two, exact = differ.both(function, make)
    assert one == two
    assert exact.served == "machine", exact.why


@pytest.mark.parametrize("function", [exponentials, logarithm, whole])
@pytest.mark.parametrize(
    "array",
    [
        np.array([0.0, -0.0, 1.0]),
        np.array([np.nan, 1.0]),
        np.array([np.inf, -np.inf]),
        np.array([1000.0, -1000.0]),
        np.array([-1.0, 0.5]),
        np.array([5e-324, 1e-310]),
    ],
    ids=str,
)
def test_edges(function, array):
    one, two, _ = differ.both(function, lambda: (array,))
    assert one == two
    with np.errstate(all="raise"):
        one, two, _ = differ.both(function, lambda: (array,))
    assert one == two


@pytest.mark.parametrize(
    ("function", "array"),
    [(no_loop, np.ones(3)), (whole, np.asfortranarray(_floats(3, 4))), (whole, np.arange(3))],
)
def test_others_stay_with_numpy(function, array):
    one, two, exact = differ.both(function, lambda: (array,))
    assert one == two
    assert exact.served == "rejected"
