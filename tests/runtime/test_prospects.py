"""What is surely refused is refused without loading the compiler, and nothing else is."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from epochly._exact.kinds import Reject
from epochly._exact.values import kind_of_argument
from epochly._prospects import left_to_numpy, surely_refused


def counts(words):
    """Makes a dict."""
    seen = {}
    for word in words:
        seen[word] = 1
    return seen


def sums(values, start):
    """Adds."""
    for value in values:
        start += value
    return start


@pytest.mark.parametrize(
    ("function", "args", "why"),
    [
        (counts, ([1],), "makes a dict"),
        (sums, ("text", 0), "`values` is of type `str`"),
        (sums, ([], object()), "`start` is of type `object`"),
        (sums, ((1, 2), 0), "`values` is of type `tuple`"),
        (sums, (["text"], 0), "`values` is a list of `str`"),
        (sums, ([[(1, 2)]], 0), "`values` is a list of `tuple`"),
    ],
)
def test_prospects_are_none_for_objects_text_and_dicts(function, args, why):
    """The reason names the argument or what the code does, and there is a hint."""
    assert surely_refused(function.__code__, args)[0] == why
    assert surely_refused(function.__code__, args)[1]


@pytest.mark.parametrize(
    "args", [([1], 0), ([[1.5]], 0.5), (np.arange(3), np.float64(1)), ([[]], True), ([], None), (3, 1j)]
)
def test_prospects_leave_numbers_and_arrays_to_the_compiler(args):
    """What may be compiled one day is never refused here."""
    assert surely_refused(sums.__code__, args) is None


VALUES = [
    1, 2**70, 1.5, 1j, True, None, "text", b"bytes", (), (1, 2), (1, "text"), range(3), slice(1), {}, set(), frozenset(), object(),
    [], [1], [1.5], [True], [1j], [[]], [[1]], [[1.5], [2.5]], [None], ["text"], [(1, 2)], [[(1, 2)]], [[[1]]], [{}], [np.float64(1)],
    np.float64(1), np.int8(1), np.arange(3), np.array(["text"]), np.array([object()]), np.datetime64("2026-01-01"), np.random.default_rng(1),
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_what_prospects_refuse_the_compiler_refuses(value):
    """They may know less, and never better."""
    told = surely_refused(sums.__code__, (value, 0))
    if told is not None:
        with pytest.raises(Reject):
            kind_of_argument(0, "values", value)


def squares(a):
    """No loop."""
    return a * a


def sums_squares(a):
    """No loop, and a helper that has one."""
    return sums(squares(a), 0.0)


def descends(a, n):
    """Recursion, which is a loop too."""
    return a if n == 0 else descends(a * 2.0, n - 1)


def test_array_expressions_without_a_loop_are_left_to_numpy():
    """Told from the bytecode, helpers included; loops, recursion and functions of numbers are not ruled out."""
    array = np.arange(3.0)
    assert "NumPy" in left_to_numpy(squares, (array,))[0]
    assert left_to_numpy(squares, (2.0,)) is None
    assert left_to_numpy(sums, (array, 0.0)) is None
    assert left_to_numpy(sums_squares, (array,)) is None
    assert left_to_numpy(descends, (array, 3)) is None


def test_array_expression_never_loads_numba():
    """A program whose hot functions are NumPy expressions does not pay for the compiler."""
    code = (
        "import epochly, sys, numpy as np\n"
        "@epochly.optimize(mode='aggressive')\n"
        "def f(a):\n    return a * a + 1.0\n"
        "a = np.arange(3.0)\n"
        "print([f(a).sum() for _ in range(100)] == [8.0] * 100, 'numba' in sys.modules, epochly.stats()[0].status)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["True", "False", "rejected"]


def test_refused_function_never_loads_numba():
    """A program whose hot functions handle text does not pay for the compiler."""
    code = (
        "import epochly, sys\n"
        "@epochly.optimize(mode='aggressive')\n"
        "def f(text):\n    return len(text)\n"
        "print([f('abc') for _ in range(100)] == [3] * 100, 'numba' in sys.modules, epochly.stats()[0].status)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["True", "False", "rejected"]
