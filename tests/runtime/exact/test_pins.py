"""No warning is lost with an operation whose result is not needed, whatever LLVM makes of the loop."""

from __future__ import annotations

import differ
import numpy as np
import pytest

from epochly._exact.entry import _kinds, _machine_code
from epochly._exact.pipeline import Job


def inner_product(a, b, out):
    """Carried to a store."""
    for i in range(a.shape[0]):
        total = 0.0
        for k in range(b.shape[0]):
            total += a[i] * b[k]
        out[i] = total


def carried(a, b, out):
    """Carried to the result."""
    s = a[0]
    for i in range(a.shape[0]):
        s = s * b[i]
    out[0] = 1.0
    return s


def pair(a, b, out):
    """Carried to a result of two."""
    s, t = a[0], b[0]
    for i in range(a.shape[0]):
        s = s + a[i] * b[i]
        t = t * a[i]
    out[0] = 1.0
    return s, t


def reset(a, b, out):
    """Carried, and thrown away on some passes."""
    s = a[0]
    for i in range(a.shape[0]):
        s = s + a[i] * b[i]
        if i % 2 == 1:
            s = a[0]
    out[0] = s


def sometimes(a, b, out):
    """Used on one way only."""
    for i in range(a.shape[0]):
        x = a[i] * b[i]
        if b[i] > 1e300:
            out[i] = 0.5
        else:
            out[i] = x


def thrown_away(a, b, out):
    """The last pass alone is used."""
    x = a[0]
    for i in range(a.shape[0]):
        x = a[i] * b[i]
    out[0] = x


def overwritten(a, b, out):
    """Stored, and stored over by a loop that LLVM unrolls as well."""
    for i in range(2):
        out[i] = a[i] * b[i]
    for i in range(2):
        out[i] = 1.0


def left_early(a, b, out):
    """A loop that may end before its range does."""
    s = 0.0
    for i in range(a.shape[0]):
        s = a[i] * b[i]
        if b[i] == 2.0:
            return 1.0
    out[0] = s
    return s


def carried_past(a, b, out):
    """Carried through one loop, and used after another only if it runs."""
    s = a[0]
    for i in range(a.shape[0]):
        s = s * b[i]
    for _ in range(1 if b[1] == 1.0 else 0):
        out[0] = s
        s = b[0]
    return b[0]


EVERY = [
    inner_product,
    carried,
    pair,
    reset,
    sometimes,
    thrown_away,
    overwritten,
    left_early,
    carried_past,
]


@pytest.mark.parametrize("function", EVERY)
def test_warnings_are_all_there(function):
    """At each place of the arrays a product that overflows, is invalid, or underflows; with filters and as errors."""
    exact = differ.Exact(function)
    for at in range(4):
        for one, other in (
            (1e200, 1e200),
            (1e301, 1e301),
            (np.inf, 0.0),
            (1e-200, 1e-200),
            (1.0, 2.0),
            (3.0, 0.0),
        ):

            def make(at=at, one=one, other=other):
                a, b = np.ones(4), np.ones(4)
                a[at], b[at] = one, other
                return a, b, np.zeros(4)

            expected, found, _ = differ.both(function, make, exact)
            assert found == expected
            with np.errstate(all="raise"):
                expected, found, _ = differ.both(function, make, exact)
            assert found == expected


def test_a_sum_of_products_needs_no_pin():
    """Neither the product nor the sum of an inner product is pinned, and a value that is thrown away is."""

    def pinned(function):
        args = np.ones(4), np.ones(4), np.zeros(4)
        job = Job(_kinds(function, args))
        _machine_code(function, args, job)
        return [swap.key.__name__ for swap in job.plan.swaps if swap.key.__name__.endswith("_numpy")]

    assert pinned(inner_product) == []
    assert pinned(carried) == []
    assert pinned(thrown_away) == ["epochly_fmul_numpy"]
    assert pinned(sometimes) == ["epochly_fmul_numpy"]
