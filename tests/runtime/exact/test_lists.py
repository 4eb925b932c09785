"""Lists of numbers are compiled, made in the function or passed in, and end as in the interpreter.

One small program a case, hence long.
"""

# ruff: noqa: D103, PLC1802, PLR1730 - a program is named after the construct it shows, and written as it would be

from __future__ import annotations

import copy
import math
import random

import differ
import numpy as np
import pytest

from epochly._exact import Compiled, Deopt, Rejected, specialise

NAN = float("nan")


def squares(n):
    made = [0] * n
    for i in range(n):
        made[i] = i * i
    return made


def appended(n):
    made = []
    for i in range(n):
        made.append(i * 0.5)  # noqa: PERF401 - what is tested
    return made, n


def comprehended(n):
    return [i * i for i in range(n) if i % 3]


def rows_made(n, m):
    return [[i * j * 0.5 for j in range(m)] for i in range(n)]


def popped(n):
    items = [1, 2, 3]
    for x in items:
        n += x
    while len(items) > 1:
        n += items.pop()
    return n, items[-1], items[0]


def methods(n):
    one = list(range(n))
    other = one[:]
    other.reverse()
    both = one + other
    both.insert(1, 9)
    both.pop(0)
    both.sort()
    both.extend(range(2))
    rest = both.copy()
    rest.clear()
    return both, len(rest)


def grows_in_its_own_loop(n):
    items = [n]
    for x in items:
        if len(items) < 10:
            items.append(x + 1)
    return items


def stack(n):
    waiting, count = [n], 0
    while len(waiting):
        k = waiting.pop()
        count += 1
        if k > 1:
            waiting.append(k - 1)
            waiting.append(k - 2)
    return count


def exchanged_rows(n):
    rows = [[0] * n for _ in range(2)]
    rows[0][0] = 5
    rows[0], rows[1] = rows[1], rows[0]
    return rows


def of_numpy(a):
    made = []
    for x in a:
        made.append(x * 2)  # noqa: PERF401 - what is tested
    return made


def bools(n):
    flags = [True] * n
    flags[0] = n > 3
    return flags


def folded(n):
    floats = [i * 0.1 for i in range(n)]
    ints = [i * 3 % 7 for i in range(n)]
    return (
        sum(floats), sum(ints), max(floats), min(ints),
        sum(range(n)), sum((1, 2, n)), max((n, 3)), min((0.5, n * 1.0)),
    )  # fmt: skip


def paired(n):
    items = [1.0] * n
    for i, x in enumerate(items):
        items[i] = x + i
    s = 0.0
    for x, y in zip(items, items[1:]):  # noqa: B905, RUF007 - of different lengths
        s += x * y
    return s


MADE = [
    (squares, (5,)),
    (squares, (0,)),
    (squares, (-1,)),
    (appended, (4,)),
    (comprehended, (10,)),
    (rows_made, (2, 3)),
    (popped, (3,)),
    (methods, (5,)),
    (methods, (1,)),
    (grows_in_its_own_loop, (3,)),
    (stack, (9,)),
    (exchanged_rows, (3,)),
    (of_numpy, (np.arange(3.0),)),
    (bools, (3,)),
    (folded, (5,)),
    (paired, (4,)),
]


@pytest.mark.parametrize(
    ("function", "args"), MADE, ids=[f"{n}-{each[0].__name__}" for n, each in enumerate(MADE)]
)
def test_a_list_made_in_the_function_is_compiled_and_exact(function, args):
    """The call is served by machine code, and its list is one of Python's own objects."""
    expected, found, exact = differ.both(function, lambda: args)
    assert exact.served == "machine", exact.why
    assert found == expected


def summed(items):
    return sum(items)


BIG = 1.7976931348623157e308
SUMMED = [
    [0.1] * 10,
    [1e16, 1.0, -1e16],
    [1.0, 1e100, 1.0, -1e100],
    [-0.0],
    [-0.0, -0.0],
    [1e-320, -1e-320, 5e-324],
    [BIG, BIG, -BIG],
    [BIG, -BIG, BIG, 1e292],
    [math.inf],
    [math.inf, 1.0, 0.1],
    [1.0, math.inf, -math.inf],
    [-math.inf, 1.0],
    [math.nan, 1.0],
    [1.0, math.nan],
]


@pytest.mark.parametrize("items", SUMMED, ids=repr)
def test_a_sum_of_floats_makes_up_for_rounding_where_pythons_does(monkeypatch, items):
    """From 3.12 on `sum` compensates, unless that would make a NaN of an infinity."""
    monkeypatch.setattr("epochly._exact.listed.require_pay", lambda *_: None)
    expected, found, exact = differ.both(summed, lambda: (items,))
    assert exact.served == "machine", exact.why
    assert found == expected


def test_sums_of_random_floats_are_pythons(monkeypatch):
    """Of all magnitudes and signs, some of which cancel."""
    monkeypatch.setattr("epochly._exact.listed.require_pay", lambda *_: None)
    exact, chance = differ.Exact(summed), random.Random(12)
    for _ in range(500):
        items = [
            chance.uniform(-1, 1) * 10.0 ** chance.randint(-20, 20) for _ in range(chance.randint(1, 30))
        ]
        items += [-x for x in items[::2]]
        chance.shuffle(items)
        expected, found, _ = differ.both(summed, lambda items=items: (items,), exact)
        assert exact.served == "machine", exact.why
        assert found == expected, items


def sorted_in_place(items):
    n = len(items)
    for i in range(n):
        for j in range(n - 1 - i):
            if items[j] > items[j + 1]:
                items[j], items[j + 1] = items[j + 1], items[j]
    return items


def product(a, b, n):
    c = [[0.0] * n for _ in range(n)]
    for i in range(n):
        for j in range(n):
            s = 0.0
            for k in range(n):
                s += a[i][k] * b[k][j]
            c[i][j] = s
    return c


def shortest(d):
    n = len(d)
    for k in range(n):
        for i in range(n):
            for j in range(n):
                if d[i][k] + d[k][j] < d[i][j]:
                    d[i][j] = d[i][k] + d[k][j]


def distance(a, b):
    before = list(range(len(b) + 1))
    for i, x in enumerate(a):
        now = [i + 1]
        for j, y in enumerate(b):
            now.append(min(before[j + 1] + 1, now[j] + 1, before[j] + (x != y)))
        before = now
    return before[-1]


def _weight(i, j):
    return 1.0 / ((i + j) * (i + j + 1) // 2 + i + 1)


def _weighted(i, u):
    s = 0.0
    for j, x in enumerate(u):
        s += _weight(i, j) * x
    return s


def weighted(u):
    return [_weighted(i, u) for i in range(len(u))]


def flagged(flags):
    for i in range(len(flags)):
        for j in range(i):
            flags[i] = flags[i] != flags[j]
    return flags[0]


PASSED = [
    (sorted_in_place, ([2.5, -0.0, 0.0, 1.5],)),
    (sorted_in_place, ([3, 1, 2, -(2**63), 2**63 - 1],)),
    (product, ([[1.0, 2.0], [3.0, 4.0]], [[0.5, 0.0], [NAN, 2.0]], 2)),
    (shortest, ([[0, 4, 1], [9, 0, 9], [9, 2, 0]],)),
    (distance, ([1, 2, 3, 1], [2, 3, 3])),
    (weighted, ([1.0, 0.5, 0.25],)),
    (flagged, ([True, False, True],)),
]


@pytest.mark.parametrize(
    ("function", "args"), PASSED, ids=[f"{n}-{each[0].__name__}" for n, each in enumerate(PASSED)]
)
def test_a_list_passed_in_is_compiled_and_changed_in_place(function, args):
    """Elements are read and stored as the interpreter would, and the list itself stays the object it is."""
    expected, found, exact = differ.both(function, lambda: copy.deepcopy(args))
    assert exact.served == "machine", exact.why
    assert found == expected


def test_elements_that_did_not_change_stay_the_objects_they_are():
    """Only what was stored to is replaced."""
    items = [float(n) for n in range(100, 105)]
    items[0] = 500.0
    before = list(items)
    compiled = specialise(sorted_in_place, (items,))
    assert isinstance(compiled, Compiled)
    assert compiled.call(items) is items
    assert items == sorted(before)
    same = [1.5, 2.5, 3.5]
    kept = list(same)
    compiled.call(same)
    assert all(one is other for one, other in zip(same, kept, strict=True))


def gives_up(items, n):
    for i in range(n):
        for j in range(2):
            items[i] = items[i] * 2 + j
    return items[n * n]


def test_a_call_given_up_leaves_its_lists_untouched():
    """Nothing is written back unless machine code is done."""
    items = [1, 2, 3]
    compiled = specialise(gives_up, (items, 3))
    assert isinstance(compiled, Compiled)
    with pytest.raises(Deopt):
        compiled.call(items, 3)
    assert items == [1, 2, 3]


def both_lists(a, b):
    for i in range(len(a)):
        for j in range(len(b)):
            a[i] = a[i] + b[j]
    return a[0]


def row_and_rows(rows, row):
    for i in range(len(rows)):
        for j in range(len(row)):
            rows[i][j] = rows[i][j] + row[j]


def resized(items, n):
    for i in range(n):
        for j in range(n):
            items.append(i * j)
    return len(items)


def rows_exchanged(rows):
    for i in range(len(rows)):
        for j in range(i):
            rows[i], rows[j] = rows[j], rows[i]


def a_row(rows):
    s = 0.0
    for row in rows:
        for x in row:
            s += x
    return [row for row in rows], s  # noqa: C416 - what is tested


def later_rows(rows, n):
    return rows[n:]


def rows_twice(rows, n):
    return rows + rows, n


def rows_copied(rows, n):
    return rows.copy() if n > 0 else list(rows)


def the_same_row_twice(n):
    rows = [[0] * n] * 2
    rows[0][0] = 5
    return rows


def too_far(n):
    items = [0] * n
    return items[n]


def nothing_to_sum(n):
    return sum([0.5] * n)


ONE = [1.0, 2.0]
EDGES = [
    (both_lists, (ONE, ONE)),
    (row_and_rows, ([ONE, [3.0, 4.0]], ONE)),
    (row_and_rows, ([ONE, ONE], [1.0, 2.0])),
    (resized, ([1, 2], 2)),
    (rows_exchanged, ([[1.0], [2.0]],)),
    (a_row, ([[1.0], [2.0]],)),
    (later_rows, ([[1.0], [2.0]], 1)),
    (rows_twice, ([[1.0], [2.0]], 1)),
    (rows_copied, ([[1.0], [2.0]], 1)),
    (rows_copied, ([[1.0], [2.0]], 0)),
    (the_same_row_twice, (3,)),
    (too_far, (3,)),
    (nothing_to_sum, (0,)),
]


@pytest.mark.parametrize(
    ("function", "args"), EDGES, ids=[f"{n}-{e[0].__name__}" for n, e in enumerate(EDGES)]
)
def test_what_lists_cannot_hold_apart_is_given_up(monkeypatch, function, args):
    """Lists reached in two ways, resized or exchanged: the interpreter serves the call, and nothing differs."""
    monkeypatch.setattr("epochly._exact.listed.require_pay", lambda *_: None)
    expected, found, exact = differ.both(function, lambda: copy.deepcopy(args))
    assert exact.served == "deopt", exact.why
    assert found == expected


def itself(rows, x):
    made = [x] * 2
    rows[0][0] = made[1]
    return rows


def none_of_its_rows(rows, n):
    return rows[len(rows) :], n


@pytest.mark.parametrize("function", [itself, none_of_its_rows])
def test_a_list_of_lists_is_returned_where_it_holds_no_rows_of_another(monkeypatch, function):
    """An argument itself, and a slice without rows."""
    monkeypatch.setattr("epochly._exact.listed.require_pay", lambda *_: None)
    expected, found, exact = differ.both(function, lambda: ([[1.0], [2.0]], 3.0))
    assert exact.served == "machine", exact.why
    assert found == expected


OTHERS = [
    [1, 2.0],
    [1, True],
    [2**63, 1],
    [],
    [np.float64(1.0)],
    ["a"],
    [[1, 2], [3]],
]


@pytest.mark.parametrize("items", OTHERS, ids=map(repr, OTHERS))
def test_a_list_of_other_things_is_left_to_the_interpreter(items):
    """Also where the function was compiled for a list of ints before."""
    exact = differ.Exact(sorted_in_place)
    assert exact([2, 1]) == [1, 2]
    assert exact.served == "machine", exact.why
    expected, found, _ = differ.both(sorted_in_place, lambda: (copy.deepcopy(items),), exact)
    assert exact.served in ("deopt", "rejected")
    assert found == expected


def one_pass(items):
    s = 0.0
    for x in items:
        s += x
    return s


def mixed(n):
    return [0, 0.5] * n


def of_another_type(n):
    items = [0] * n
    items[0] = 1.5
    return items


def into_itself(n):
    items = [1, 2, n]
    items[1:2] = items
    return items


def sliced_backwards(n):
    items = [1, 2, n]
    items[::-1] = [1, 2]
    return items


def extended_in_place(n):
    items = [n]
    items += [4]
    return items


def two_lists(n):
    items = [n]
    return items, items


def sorted_floats(n):
    items = [0.0, -0.0] * n
    items.sort()
    return items


def either(items, n):
    for i in range(n):
        for j in range(n):
            items[i] = j
    return items if n > 2 else [n]


@pytest.mark.parametrize(
    ("function", "args"),
    [
        (one_pass, ([1.0, 2.0],)),
        (mixed, (2,)),
        (of_another_type, (2,)),
        (into_itself, (3,)),
        (sliced_backwards, (3,)),
        (extended_in_place, (3,)),
        (two_lists, (3,)),
        (sorted_floats, (2,)),
        (either, ([1, 2, 3], 2)),
    ],
)
def test_what_is_not_proved_of_lists_is_rejected(function, args):
    """Mixed types, a list replaced by itself, results of two origins, and one cheap pass that does not pay."""
    assert isinstance(specialise(function, args), Rejected)
