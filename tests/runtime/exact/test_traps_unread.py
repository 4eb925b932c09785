"""What nobody reads is computed all the same where it may raise: beside comprehensions too, whose inlining cleans up after itself."""

# ruff: noqa: D103, F841 - a program is named after what it does; values that nobody reads are what is tested

from __future__ import annotations

import differ
import numpy as np
import pytest

from epochly._exact import Compiled, Rejected, specialise


def element(items, k):
    kept = [x for x in items if x > 0]
    unread = items[k]
    return len(kept)


def quotient(n, k):
    kept = [1.5 * x for x in range(n)]
    unread = n // k
    return len(kept)


def product(n, k):
    kept = [x for x in range(n)]  # noqa: C416 - a comprehension
    unread = k * k * k * k
    return len(kept)


def stored(n, k):
    kept = [x for x in range(n)]  # noqa: C416 - a comprehension
    unread = [0, 0]
    unread[k] = n
    return len(kept)


def of_array(a, k):
    kept = [x for x in range(k)]  # noqa: C416 - a comprehension
    a[k]
    return len(kept)


def converted(x, k):
    kept = [y for y in range(k)]  # noqa: C416 - a comprehension
    int(x)
    return len(kept)


def helped(items, k):
    return element(items, k) + 1


def without(n, k):
    unread = n // k
    n * k
    return n


@pytest.mark.parametrize(
    ("function", "good", "bad"),
    [
        (element, ([1.0, 2.0], 1), [([1.0, 2.0], 2), ([1.0], -2)]),
        (quotient, (4, 2), [(4, 0)]),
        (product, (4, 2), [(4, 2**40)]),
        (stored, (4, 1), [(4, 2), (4, -3)]),
        (of_array, (np.ones(3), 1), [(np.ones(3), 3)]),
        (converted, (1.5, 1), [(float("nan"), 1), (float("inf"), 2)]),
        (helped, ([1.0, 2.0], 1), [([1.0, 2.0], 2)]),
        (without, (4, 2), [(4, 0), (2**62, 2)]),
    ],
)
def test_what_may_raise_is_not_dropped_unread(monkeypatch, function, good, bad):
    """An index out of range, a zero divisor and their like raise as in the interpreter, read or not."""
    monkeypatch.setattr("epochly._exact.listed.require_pay", lambda *_: None)
    exact = differ.Exact(function)
    for args in (good, *bad):
        expected, found, _ = differ.both(function, lambda args=args: args, exact)
        assert found == expected, args
        if args is good:
            assert exact.served == "machine", exact.why


def test_an_array_of_a_comprehension_has_numpys_type():
    """`np.array` of an empty list is an array of floats, whatever the comprehension would have held."""

    def collected(n):
        return np.array([i * i for i in range(n)])

    compiled = specialise(collected, (3,))
    assert isinstance(compiled, Compiled | Rejected)
    exact = differ.Exact(collected)
    for n in (3, 0):
        expected, found, _ = differ.both(collected, lambda n=n: (n,), exact)
        assert found == expected
