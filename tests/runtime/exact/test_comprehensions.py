"""Comprehensions are compiled on every Python, and their variables are their own: from 3.12 on they run within the function (PEP 709)."""

# ruff: noqa: C416, D103, F821, F841, RET504 - programs as people write them, and worse

from __future__ import annotations

import sys

import differ
import numpy as np
import pytest

from epochly._exact import Rejected, refusals, specialise


def name_of_a_loop(n, k):
    total = 0
    for x in range(k):
        items = [x + 1 for x in range(n)]
        total += items[-1] * x
    return total + x


def value_from_before(n):
    x = 0.5
    items = [x * x for x in range(n)]
    return items, x


def within_a_loop(n, k):
    x = -1
    for _ in range(k):
        x += len([x for x in range(n) if x % 2])
    return x


def onto_its_own_name(n):
    x = [x * 2 for x in range(n)]
    return x


def again_onto_its_own_name(n):
    x = [x * 2 for x in range(n)]
    x = [x - 1 for x in x]
    return x


def nested_of_one_name(n):
    return [len([x for x in range(x)]) for x in range(n)]


def rows(n, m):
    x = n
    table = [[x * y for x in range(m)] for y in range(n)]
    return table, x


def two_loops(n):
    return [i * j for i in range(n) for j in range(i) if j != 1]


def two_of_them(n):
    return [i for i in range(n)], len([i * 0.5 for i in range(n)])


def either(n, flag):
    i = n
    items = [i + 1 for i in range(n)] if flag else [i - 1 for i in range(n)]
    return items, i


def in_a_condition(n):
    i = 7
    if len([i for i in range(n) if i > 2]) > 2:
        i += 1
    return i


def walrus(n):
    last = -1
    items = [last := i * 2 for i in range(n)]
    return items, last


def in_a_while(n):
    i = 0
    while i < n:
        if sum([i for i in range(3)]) != 3:
            break
        i += 1
    return i


def of_an_array(a):
    v = a[0]
    items = [v * 2.0 for v in a]
    return len(items), v


def helper(n, i):
    items = [i * i for i in range(n)]
    return items[n - 1] + i


def helped(n):
    i = 3
    return helper(n, i) + helper(n, n) + i


def maybe_bound(n, flag):
    if flag:
        i = 1.5
    items = [i * i for i in range(n)]
    return len(items) + i


def bound_later(n):
    total = 0
    for turn in range(n):
        if turn:
            total += i
        total += len([i for i in range(turn)])
        i = turn
    return total


COMPILED = [
    (name_of_a_loop, [(4, 3), (1, 1)]),
    (value_from_before, [(4,), (0,)]),
    (within_a_loop, [(5, 4), (0, 1), (3, 0)]),
    (onto_its_own_name, [(4,)]),
    (again_onto_its_own_name, [(4,)]),
    (nested_of_one_name, [(5,)]),
    (rows, [(3, 4), (0, 2)]),
    (two_loops, [(5,)]),
    (two_of_them, [(4,)]),
    (either, [(4, True), (4, False)]),
    (in_a_condition, [(9,), (2,)]),
    pytest.param(
        walrus,
        [(4,)],
        marks=pytest.mark.skipif(
            sys.version_info < (3, 12), reason="the comprehension is a function of its own, and `last` a cell"
        ),
    ),
    (in_a_while, [(4,)]),
    (of_an_array, [(np.arange(5.0),)]),
    (helped, [(4,)]),
    (maybe_bound, [(3, True)]),
    (bound_later, [(4,), (0,)]),
]


@pytest.mark.parametrize(("function", "calls"), COMPILED)
def test_a_comprehension_is_compiled_and_exact(monkeypatch, function, calls):
    """Its variable leaves one of the same name as it was."""
    monkeypatch.setattr("epochly._exact.listed.require_pay", lambda *_: None)
    exact = differ.Exact(function)
    for args in calls:
        expected, found, _ = differ.both(function, lambda args=args: args, exact)
        assert found == expected, args
        assert exact.served == "machine", exact.why


def unbound_inside(n):
    y = [1, 2]
    return [y for x in range(n) for y in y]


def unbound_after(n):
    items = [i for i in range(n)]
    return i


def unbound_in_a_helper(n):
    return unbound_after(n) + 1


def out_of_range(n):
    i = 1
    items = [[1, 2][i] for i in range(n)]
    return i


@pytest.mark.parametrize(
    ("function", "args"),
    [
        (maybe_bound, (3, False)),
        (unbound_inside, (2,)),
        (unbound_after, (2,)),
        (unbound_in_a_helper, (2,)),
        (out_of_range, (3,)),
        (bound_later, (2,)),
    ],
)
def test_what_is_unbound_raises_as_in_the_interpreter(function, args):
    """The variable of a comprehension is unbound outside of it, and one of the same name is unbound inside."""
    expected, found, _ = differ.both(function, lambda: args, differ.Exact(function))
    assert found == expected


def tried(n, k):
    total = 0
    for i in range(n):
        try:
            total += i // k
        except ZeroDivisionError:
            break
    return total


def at_last(n):
    try:
        n += 1
    finally:
        n += 2
    return n


def opened(n):
    with open("/dev/null") as file:
        return n


def trying_helper(n):
    return tried(n, 2)


@pytest.mark.parametrize(
    ("function", "args", "said", "line"),
    [
        (tried, (4, 2), "a `try` block", 3),
        (at_last, (4,), "a `try` block", 1),
        (opened, (4,), "a `with` block", 1),
        (trying_helper, (4,), "a `try` block", None),
    ],
)
def test_what_handles_exceptions_is_refused_in_words_before_types_are(function, args, said, line):
    """On every Python alike, without numba."""
    refusal = refusals.refused(function)
    assert refusal.reason == said
    made = specialise(function, args)
    assert isinstance(made, Rejected)
    assert made.reason == said
    if line is not None:
        assert made.line == function.__code__.co_firstlineno + line
