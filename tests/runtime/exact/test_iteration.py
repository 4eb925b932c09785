"""Loops and names as Python writes them are compiled, and end as in the interpreter."""

# ruff: noqa: D103 - a program is named after the construct it shows

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from epochly._exact import Rejected, specialise


def _beside(name):
    """A module of this folder, which is no package."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


differ = _beside("differ")


def after_the_loop(n):
    for i in range(n):  # noqa: B007 - read after the loop
        pass
    return i


def previous(n):
    t = 0
    while n > 0:
        if n % 2:
            t += before  # noqa: F821 - what is tested
        before = n
        n -= 1
    return t, before


def last_row(a, n):
    for i in range(n):
        row = a[i]
    return row[0]


def some_of_many(n, k):
    for i in range(n):
        if i >= k:
            last = i * 0.5
        if i > 3:
            last = last + 1.0
    return n


def both_loops(n):
    for i in range(n):
        for j in range(i):
            k = i * j
    return i, j, k


TABLE = np.arange(6.0).reshape(3, 2)
BOUND = [
    (after_the_loop, (10,), (0,)),
    (previous, (4,), (5,)),
    (last_row, (TABLE, 3), (TABLE, 0)),
    (some_of_many, (5, 2), (5, 7)),
    (both_loops, (3,), (1,)),
]


@pytest.mark.parametrize(("function", "bound", "unbound"), BOUND, ids=[each[0].__name__ for each in BOUND])
def test_a_name_that_may_be_unbound_is_compiled_and_checked_where_it_is_read(function, bound, unbound):
    """A bound name is read by machine code; an unbound one raises as in the interpreter."""
    expected, found, exact = differ.both(function, lambda: bound)
    assert exact.served == "machine", exact.why
    assert found == expected
    expected, found, exact = differ.both(function, lambda: unbound, exact)
    assert (exact.served, exact.why) == ("deopt", "a name is unbound")
    assert found == expected
    assert found[0][1] == "UnboundLocalError"


def bare(n):
    if n > 3:
        a = 1.0
    a  # noqa: B018 - raises where it is unbound
    return n


def deleted(x):
    y = x
    del y
    return y  # noqa: F821 - what is tested


@pytest.mark.parametrize("function", [bare, deleted])
def test_a_read_that_numba_forgets_is_left_to_the_interpreter(function):
    """A name that stands alone, or is deleted, may raise; numba drops the line."""
    assert isinstance(specialise(function, (1,)), Rejected)
    expected, found, _ = differ.both(function, lambda: (1,))
    assert found == expected


def returns_early(n):
    if n > 3:
        a = n
        return a  # noqa: RET504 - what is tested
    return a + 1


def copies_itself(n):
    if n > 3:
        k = k  # noqa: F821, PLW0127 - never bound
    k = n
    return k  # noqa: RET504 - what is tested


@pytest.mark.parametrize(("function", "args"), [(returns_early, (2,)), (copies_itself, (5,))])
def test_a_name_that_no_path_binds_raises_as_in_the_interpreter(function, args):
    """A read that nothing reaches is given up; the variable's memory is never looked at."""
    expected, found, exact = differ.both(function, lambda: args)
    assert exact.served in ("deopt", "rejected")
    assert found == expected
    assert found[0][1] == "UnboundLocalError"
