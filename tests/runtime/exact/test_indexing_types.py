"""Indices, bounds of slices and ranges of any of NumPy's ints; a dtype taken from an array; arrays of up to six dimensions."""

# ruff: noqa: D103 - a program is named after what it does

from __future__ import annotations

import differ
import numpy as np
import pytest


def row_sums(starts, values):
    out = np.empty(starts.size - 1, values.dtype)
    for i in range(starts.size - 1):
        part = values[starts[i] : starts[i + 1]]
        s = 0.0
        for j in range(part.size):
            s += part[j]
        out[i] = s
    return out


def picked(indices, values):
    s = 0.0
    for i in range(len(indices)):
        s += values[indices[i]]
    return s


def counted(a):
    n = 0
    for _ in range(a[0]):
        n += 1
    return n


def six(a):
    s = 0
    for i in range(a.shape[-1]):
        s += a[0, i % 2, 1, -1, 0, i]
    return s


@pytest.mark.parametrize("kind", ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32"])
@pytest.mark.parametrize("function", [row_sums, picked, counted])
def test_ints_of_every_width_index(function, kind):
    """What Python does with such an index or bound, from machine code."""
    values = np.arange(9) / 4
    makers = {
        row_sums: [lambda: (np.array([0, 2, 2, 9], kind), values)],
        picked: [lambda: (np.array([0, 8, 3], kind), values), lambda: (np.array([3, 9], kind), values)],
        counted: [lambda: (np.array([5], kind),)],
    }
    exact = differ.Exact(function)
    for make in makers[function]:
        due = differ.observed(function, make())
        assert differ.observed(exact, make()) == due
        assert exact.served == ("deopt" if due[0][0] == "raises" else "machine")


def test_six_dimensions():
    """As many as the compiler takes, in either order of memory."""
    exact = differ.Exact(six)
    for order in "CF":
        args = (np.asarray(np.arange(2.0 * 2 * 2 * 2 * 1 * 3).reshape(2, 2, 2, 2, 1, 3), order=order),)
        assert differ.observed(six, args) == differ.observed(exact, args)
        assert exact.served == "machine"
