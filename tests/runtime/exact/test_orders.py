"""Array expressions lie in memory as NumPy lays them out, as far as a program can tell: by a sum's last bit, or strides."""

# ruff: noqa: D103 - a program is named after what it does

from __future__ import annotations

import differ
import numpy as np
import pytest

from epochly._exact import Rejected

RANDOM = np.random.default_rng(7).random((83, 85))


def summed(a, v):
    for i in range(len(v)):
        v[i] = v[i] * 1.5
    return (a * 1.1).sum()


def mean_of_turned(a, v):
    for i in range(len(v)):
        v[i] = v[i] * 1.5
    return np.mean(a.T * 1.1 + a.T)


def beside_a_row(a, v):
    for i in range(len(v)):
        v[i] = v[i] * 1.5
    c = a.T + a[0]
    return c.sum(), c[1:].sum(), c.T.sum()


def made_beside_a_row(a, v):
    for i in range(len(v)):
        v[i] = v[i] * 1.5
    return a.T + a[0]


def used_twice(a, v):
    for i in range(len(v)):
        v[i] = v[i] * 1.5
    c = a * 1.1
    d = c + c
    return d, c.sum()


def chosen(a, v):
    for i in range(len(v)):
        v[i] = v[i] * 1.5
    return np.where(a.T > 0.5, a[0], a[1])


def symmetric(a, v):
    for i in range(len(v)):
        v[i] = v[i] * 1.5
    c = (a + a.T) / 2.0
    return c, c.std()


def multiplied(a, v):
    for i in range(len(v)):
        v[i] = v[i] * 1.5
    c = a.T - a[0]
    return c @ c, c[0] @ v


def looped(a, v):
    c = a.T + v
    s = 0.0
    for row in c:
        s += np.sum(row) + row @ v
    return s


def flagged(a, v):
    for i in range(len(v)):
        v[i] = v[i] * 1.5
    return (a[0] < a.T) == (a > 0.2)


def stored(a, v):
    a[:] = a.T * 2.0 + v
    a[1:] += a.T[1:] - v


def first_or_turned(a, v):
    c = a * 1.0
    for i in range(len(v)):
        if v[i] > 1.5:
            c = a.T + a[0]
    return c.sum()


LAYOUTS = {
    "C": lambda a: a[:40, :40].copy(),
    "F": lambda a: a[:40, :40].copy("F"),
    "part of rows": lambda a: a[:80:2, 1:41],
    "part of columns": lambda a: a.T[:80:2, 1:41],
    "part of columns, apart": lambda a: a[:40, :80:2].T,
    "backwards": lambda a: a[:40, :40].copy()[::-1, ::-1],
    "the same row": lambda a: np.broadcast_to(a[0, :40], (40, 40)),
}
PROGRAMS = [
    summed, mean_of_turned, beside_a_row, made_beside_a_row, used_twice, chosen, symmetric, multiplied, looped, flagged,
    stored, first_or_turned,
]  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("function", PROGRAMS)
def test_the_order_in_memory_is_numpys(function, layout):
    """Value, bits and strides, whatever order the operands lie in."""
    expected, found, _ = differ.both(
        function, lambda: (LAYOUTS[layout](RANDOM.copy()), np.linspace(0.0, 3.0, 40))
    )
    assert found == expected


SHAPES = [(1, 5), (5, 1), (1, 1), (5, 5), (0, 5), (5, 0)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_an_axis_of_one_element_tells_nothing(shape):
    """Where an operand is broadcast, the others tell; where none does, it is C's order."""

    def beside(a, b):
        s = 0.0
        for i in range(len(b)):
            s += b[i, 0]
        return a.T + b, b + a.T, s

    exact = differ.Exact(beside)
    for b in (np.asfortranarray(RANDOM[:5, :5]), RANDOM[:5, :5], RANDOM[:5, :1], RANDOM[:1, :5]):
        expected, found, _ = differ.both(
            beside, lambda b=b: (RANDOM[:5, :5][: shape[1], : shape[0]], b), exact
        )
        assert found == expected


def sums_of_parts(a, b):
    s = 0.0
    for i in range(3):
        s += (a[1:, 1:] * b[:-1, :-1] - a[:-1, 1:]).sum() + i
    return s, a[1:, :-1] + b[1:, 1:]


def in_three(a, b):
    c = a[1:] + b[:-1, :, ::-1]
    for i in range(3):
        c = c * 2.0 + b[0] + i
    return c, c.sum()


@pytest.mark.parametrize(
    ("function", "shape"), [(sums_of_parts, (30, 40)), (in_three, (5, 6, 7))], ids=["two", "three"]
)
def test_parts_of_arrays_in_cs_order_are_compiled(function, shape):
    """As stencils have them."""
    one, other = np.random.default_rng(3).random((2, *shape))
    expected, found, exact = differ.both(function, lambda: (one, other))
    assert exact.served == "machine", exact.why
    assert found == expected


@pytest.mark.parametrize("axes", [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)], ids=str)
def test_any_order_of_three_axes_ends_as_numpys(axes):
    """Compiled or given up."""
    made = np.random.default_rng(3).random((6, 7, 8)).transpose(axes)
    cut = made[::2, 1:, 1:]

    def program(a, b):
        s = 0.0
        for i in range(3):
            s += (a * 1.1 + a).sum() + i
        return a * b[0, 0, 0], s, a + b, b[:, :, :1] + a

    exact = differ.Exact(program)
    for args in (
        (cut, cut),
        (made, made),
        (cut, np.ascontiguousarray(cut)),
        (np.ascontiguousarray(cut), cut),
    ):
        expected, found, _ = differ.both(program, lambda args=args: args, exact)
        assert found == expected
        assert not isinstance(exact.served, Rejected)
