"""NumPy's functions of single numbers are compiled, and give NumPy's bits, types and warnings."""

# ruff: noqa: D103 - a program is named after what it shows

from __future__ import annotations

import differ
import numpy as np
import pytest

POINTS = [
    *(0.0, -0.0, 1.0, -1.0, 0.5, 0.3, 2.5, -2.5, 1e-9, 30.0, 700.0, 710.0, -746.0, 1e18, 1e-310, 5e-324),
    *(float("inf"), float("-inf"), float("nan")),
]


def exponentials(x):
    return np.sqrt(x), np.exp(x), np.log(x), np.log2(x), np.log10(x), np.expm1(x), np.log1p(x), np.exp2(x)


def circular(x):
    return np.sin(x), np.cos(x), np.tan(x), np.arctan(x), np.sinh(x), np.cosh(x), np.tanh(x), np.arcsinh(x)


def of_part(x):
    return np.arcsin(x), np.arccos(x), np.arctanh(x), np.arccosh(x + 2.0)


def exact_ones(x):
    return np.sqrt(x), np.abs(x), np.absolute(x)


def rounded(x):
    return np.floor(x), np.ceil(x), np.rint(x), np.trunc(x), np.square(x), np.sign(x), np.reciprocal(x)


def of_two(x, y):
    return np.minimum(x, y), np.maximum(x, y), np.arctan2(x, y), np.hypot(x, y), np.copysign(x, y)


def powers(x, y):
    return np.power(x, y)


def cholesky(a):
    a[0, 0] = np.sqrt(a[0, 0])
    for i in range(1, a.shape[0]):
        for j in range(i):
            a[i, j] -= np.dot(a[i, :j], a[j, :j])
            a[i, j] /= a[j, j]
        a[i, i] -= np.dot(a[i, :i], a[i, :i])
        a[i, i] = np.sqrt(a[i, i])


def durbin(r):
    y = np.empty_like(r)
    alpha = -r[0]
    beta = 1.0
    y[0] = -r[0]
    for k in range(1, r.shape[0]):
        beta *= 1.0 - alpha * alpha
        alpha = -(r[k] + np.dot(np.flip(r[:k]), y[:k])) / beta
        y[:k] += alpha * np.flip(y[:k])
        y[k] = alpha
    return y


def flipped(a):
    b = np.flip(a)
    if len(b) > 1:
        b[0] = 7.0
        b[1] += np.flip(b)[1]
    return np.sum(b), np.flip(b) @ a


def unused(x):
    np.log(x)
    np.sqrt(x)
    return 1


def branching(x, n):
    s = 0.0
    for _ in range(n):
        s = np.exp(s) * 0.5 if x > 0 else s + x
    return s


def _positive(size):
    a = np.random.default_rng(4).normal(size=(size, size))
    return a @ a.T + size * np.eye(size)


@pytest.mark.parametrize("function", [exponentials, circular, of_part, exact_ones, rounded, unused])
def test_functions_of_one_number(function):
    exact, served = differ.Exact(function), set()
    for point in POINTS:
        for number in (point, np.float64(point)):
            one, two, _ = differ.both(function, lambda: (number,), exact)  # noqa: B023 - called at once
            assert one == two, number
            served.add(exact.served)
            with np.errstate(all="raise"):
                one, two, _ = differ.both(function, lambda: (number,), exact)  # noqa: B023
            assert one == two, number
    assert "machine" in served, exact.why


@pytest.mark.parametrize("function", [of_two, powers])
def test_functions_of_two_numbers(function):
    exact, served = differ.Exact(function), set()
    for x in POINTS:
        for y in POINTS:
            one, two, _ = differ.both(function, lambda: (x, y), exact)  # noqa: B023
            assert one == two, (x, y)
            served.add(exact.served)
    assert "machine" in served, exact.why


@pytest.mark.parametrize(
    "number", [0, 1, -1, 5, 2**53 + 1, 2**63 - 1, -(2**63), np.int64(-3), np.int64(-(2**63))]
)
@pytest.mark.parametrize("function", [exact_ones, exponentials, circular])
def test_functions_of_ints(function, number):
    one, two, _ = differ.both(function, lambda: (number,))
    assert one == two


@pytest.mark.parametrize(
    ("function", "make"),
    [
        (exact_ones, lambda: (4,)),
        (circular, lambda: (np.int64(3),)),
        (cholesky, lambda: (_positive(25),)),
        (durbin, lambda: (np.random.default_rng(1).normal(size=30) / 40,)),
        (flipped, lambda: (np.arange(6.0),)),
        (flipped, lambda: (np.arange(6.0)[::-2],)),
        (flipped, lambda: (np.arange(0.0),)),
        (branching, lambda: (1.0, 5)),
    ],
)
def test_accepted(function, make):
    one, two, exact = differ.both(function, make)
    assert one == two
    assert exact.served == "machine", exact.why


@pytest.mark.parametrize("make", [lambda: (1.0, 0), lambda: (-1.0, 3)])
def test_a_number_that_is_numpys_on_one_path_only(make):
    exact = differ.Exact(branching)
    one, two, _ = differ.both(branching, lambda: (1.0, 5), exact)
    assert one == two
    one, two, _ = differ.both(branching, make, exact)
    assert one == two


@pytest.mark.parametrize(
    ("function", "number"), [(exact_ones, True), (exponentials, np.bool_(True)), (rounded, 3)]
)
def test_other_numbers_stay_with_numpy(function, number):
    one, two, exact = differ.both(function, lambda: (number,))
    assert one == two
    assert exact.served == "rejected"


def asked(x):
    return np.isnan(x), np.isinf(x), np.isfinite(x), 1 if np.isnan(x) else 2


def more_of_two(x, y):
    return np.fmin(x, y), np.fmax(x, y), np.fmod(x, y), np.nextafter(x, y), np.logaddexp(x, y)


def angles(x):
    return np.deg2rad(x), np.rad2deg(x), np.radians(x), np.degrees(x)


def without_nan(a):
    s = 0.0
    n = 0
    for x in a:
        if not np.isnan(x):
            s += x
            n += 1
    return s / n


@pytest.mark.parametrize("function", [asked, angles])
def test_more_functions_of_one_number(function):
    exact = differ.Exact(function)
    for number in (*POINTS, 3, *map(np.float64, POINTS)):
        if function is asked or isinstance(number, float):
            one, two, _ = differ.both(function, lambda: (number,), exact)  # noqa: B023
            assert one == two, number
            assert exact.served != "rejected", exact.why


def test_more_functions_of_two_numbers():
    exact, served = differ.Exact(more_of_two), set()
    for x in POINTS[:12]:
        for y in POINTS:
            one, two, _ = differ.both(more_of_two, lambda: (x, y), exact)  # noqa: B023
            assert one == two, (x, y)
            served.add(exact.served)
    assert "machine" in served, exact.why


def test_a_loop_that_asks():
    one, two, exact = differ.both(without_nan, lambda: (np.array([1.0, np.nan, 2.0]),))
    assert one == two
    assert exact.served == "machine", exact.why
