"""What the way into machine code promises: exact answers whichever way a call goes, nothing leaked, no exception confused."""

from __future__ import annotations

import gc
import pickle
import signal
import sys
import threading
from pathlib import Path

import differ
import numpy as np
import pytest

import epochly
from epochly._exact import Compiled, Deopt, layout, specialise


def memory_mb():
    """What the process holds now, not what it held at most."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20


def local_then_out_of_range(n, k):
    """Allocates, then indexes out of range where `k * k` is too large."""
    t = np.zeros(n)
    for i in range(n):
        t[i] = i * 2.0
    return t[k * k]


def two_generations(n, k):
    """Holds an array of the pass before, beside that of this pass."""
    last = np.zeros(n)
    for _ in range(3):
        now = np.zeros(n)
        for i in range(n):
            now[i] = last[i] + 1.0
        last = now
    return last[k * k]


def operations(a, k):
    """Arrays that operators make."""
    b = a + a
    c = b * b
    return c[k * k]


def swapped(a, b, k):
    """Two names for two arguments, in turns."""
    for _ in range(3):
        for i in range(a.shape[0]):
            a[i] = b[i] * 0.5
        a, b = b, a
    return a[k * k]


def rows(a, k):
    """Views of an argument."""
    s = 0.0
    for i in range(a.shape[0]):
        row = a[i]
        s += row[k]
    return s


def grown(n, k):
    """A list that moves as it grows, and lists of lists."""
    row = []
    rows = [[0, 1], [2, 3]]
    for i in range(n):
        row.append(i)
        if i % 100 == 0:
            rows.append([i] * 50)
    rows.append(rows[0])
    return row[k] + len(rows)


def listed(items, rows, k):
    """Lists that are arguments, and a copy."""
    again = items[:]
    s = 0.0
    for i in range(len(again)):
        for j in range(len(rows)):
            s += again[i] * rows[j][k]
    return s


def vector():
    """A fresh argument."""
    return np.arange(1000.0)


@pytest.mark.parametrize(
    ("function", "make"),
    [
        (local_then_out_of_range, lambda: (1000, 100)),
        (two_generations, lambda: (1000, 100)),
        (operations, lambda: (vector(), 100)),
        (swapped, lambda: (vector(), vector(), 100)),
        (rows, lambda: (np.ones((10, 100)), 200)),
        (grown, lambda: (1000, 1000)),
        (listed, lambda: ([1.5] * 300, [[1.5] * 200 for _ in range(4)], 300)),
    ],
)
def test_ten_thousand_deopts_leave_nothing_behind(function, make):
    """Arrays and lists that machine code made are freed when it gives up, and it holds on to no argument."""
    compiled = specialise(function, make())
    assert isinstance(compiled, Compiled), compiled

    def deopts(count):
        for _ in range(count):
            args = make()
            before = [sys.getrefcount(arg) for arg in args]
            with pytest.raises(Deopt, match=r"IndexError|out of range"):
                compiled.call(*args)
            assert [sys.getrefcount(arg) for arg in args] == before

    deopts(500)
    before = memory_mb()
    deopts(10_000)
    assert memory_mb() - before < 8


def test_answers_leave_no_array_behind():
    """The same for calls that machine code answers: an argument, a new array, a number, a tuple."""

    def whole(a, b):
        for i in range(a.shape[0]):
            a[i] = b[i]
        return a

    def fresh(a, b):
        return a + b

    def pair(a, b):
        return a[0], b[1], 3

    def collected(a, _):
        items = []
        rows = []
        for i in range(a.shape[0]):
            items.append(i)
            if i % 100 == 0:
                rows.append([i])
                rows.append(items[:])
        return rows

    for function in (whole, fresh, pair, collected):
        compiled = specialise(function, (vector(), vector()))
        assert isinstance(compiled, Compiled), compiled
        for count in (500, 5000):
            before = memory_mb()
            for _ in range(count):
                a, b = vector(), vector()
                result = compiled.call(a, b)
                held = sys.getrefcount(a)
                assert (result is a) == (function is whole)
                del result
                assert sys.getrefcount(a) == held - (function is whole) == 2
                assert sys.getrefcount(b) == 2
        assert memory_mb() - before < 8


class Unusual(Exception):  # noqa: N818 - the exception of a program
    """Nobody else's."""


@pytest.mark.parametrize(
    "error", [ValueError, IndexError, ZeroDivisionError, MemoryError, Unusual, SystemExit]
)
@pytest.mark.parametrize("decorated", [False, True])
def test_what_a_signal_handler_raises_reaches_the_program(error, decorated):
    """Also if machine code might have raised the like: it is no deopt, and arrays are as the signal found them."""

    def fill(a, n):
        for k in range(n):
            for i in range(a.shape[0]):
                a[i] = k
        return n

    def handler(*_):
        raise error("of the handler")

    call = fill
    if decorated:
        call = epochly.optimize(level=2, mode="aggressive")(fill)
        for _ in range(100):
            call(np.zeros(100), 1000)
        (version,) = call.__epochly__.versions.values()
        assert version.status == "compiled"
    else:
        call = specialise(fill, (np.zeros(100), 10)).call
    before = signal.signal(signal.SIGALRM, handler)
    try:
        array = np.full(100, -1.0)
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(error, match="of the handler"):
            call(array, 10**9)
        assert array[0] > 100
        assert array.min() >= array.max() - 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert call(array, 3) == 3
    assert array.max() == 2


def test_a_signal_handler_may_call_compiled_code():
    """The same function, within itself: both calls are exact, whether they are answered, given up, or raise inside."""

    def scaled(a, n, at):
        for _ in range(n):
            for i in range(a.shape[0]):
                a[i] = a[i] + 1.0
        return a[at]

    compiled = specialise(scaled, (np.zeros(50), 1, 0))
    seen = []

    def handler(*_):
        other = np.zeros(50)
        seen.append(compiled.call(other, 7, 1))
        with pytest.raises(Deopt):
            compiled.call(other, 7, 50)
        seen.append(other.max())

    before = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
        while len(seen) <= 2:  # a quick machine may end a call before its signal comes
            array = np.zeros(50)
            assert compiled.call(array, 3_000_000, 0) == 3_000_000
            with pytest.raises(Deopt):
                compiled.call(array, 3_000_000, 50)
            assert array.min() == array.max() == 3_000_000
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert set(seen) == {7.0}


def test_threads_may_share_a_gate():
    """Calls of several threads at once do not disturb one another."""

    def total(a, n):
        t = np.zeros(n)
        for i in range(n):
            t[i] = a[i] * 2.0
            a[i] = t[i]
        s = 0.0
        for i in range(n):
            s += t[i]
        return s

    compiled = specialise(total, (np.ones(10), 10))
    wrong = []

    def work():
        for n in range(300):
            array = np.ones(100)
            if compiled.call(array, 100) != 200.0 or array.sum() != 200.0:
                wrong.append(n)
            array = np.ones(100)
            try:
                compiled.call(array, 101)
            except Deopt:
                if array.sum() != 100.0:
                    wrong.append(n)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_same_dtype_may_be_another_object():
    """An unpickled array is taken by the gate itself; one of another dtype with the same letters is not."""

    def first(a):
        return a[0]

    compiled = specialise(first, (np.ones(3),))
    stranger = pickle.loads(pickle.dumps(np.ones(3)))
    refused = []
    direct = compiled.dispatcher.joined(lambda *args: refused.append(args), None)
    assert direct(np.ones(3)) == direct(stranger) == 1.0
    assert refused == []
    for other in (np.ones(3, ">f8"), np.ones(3, "f4"), np.ones(3, "i8"), np.ones((3, 1)), np.ones(6)[::2]):
        direct(other)
    assert len(refused) == 5
    assert compiled.dispatcher.answered == 2


def test_numpys_scalars_come_back_as_themselves():
    """Every bit and the exact type of an element, through the gate and around it."""

    def first(a):
        return a[0]

    def lesser(a):
        return a[0] < a[1]

    for values in (
        [0.1, -0.0],
        [float("nan"), 1.0],
        [float("inf"), 5e-324],
        [-1, 2],
        [2**63 - 1, 0],
        [-(2**63), 0],
        [True, False],
    ):
        for function in (first, lesser):
            expected, found, exact = differ.both(function, lambda values=values: (np.array(values),))
            assert found == expected
            assert exact.served in ("machine", "rejected")


def test_a_gate_is_collected_with_its_function():
    """Nothing of the process holds on to a specialisation."""

    def one(a):
        return a[0]

    compiled = specialise(one, (np.ones(2),))
    watched = compiled.dispatcher.watched
    assert gc.is_tracked(compiled.call)
    held = sys.getrefcount(watched)
    table = compiled.dispatcher.table
    compiled.dispatcher.joined(one, one)(np.ones(2))
    gc.collect()
    assert sys.getrefcount(watched) == held
    del compiled
    gc.collect()
    assert sys.getrefcount(watched) < held
    assert sys.getrefcount(table) == 2


def test_objects_look_as_the_gate_takes_for_granted():
    """Where they did not, nothing would be compiled."""
    assert layout.AS_EXPECTED


def test_another_layout_of_objects_is_refused(monkeypatch):
    """A build that no test has run with compiles nothing."""
    monkeypatch.setattr(layout, "AS_EXPECTED", False)
    rejected = specialise(vector, ())
    assert "laid out" in rejected.reason


def test_a_shadowed_name_that_hashes_oddly_is_seen():
    """A key of another type in the globals may compare as it likes, or raise; the call goes to the interpreter then."""

    class Key:
        def __hash__(self):
            return hash("FACTOR")

        def __eq__(self, other):
            if not calm:
                raise RuntimeError("compared")
            return False

    calm = True
    space = {"FACTOR": 3}
    exec("def by_factor(n):\n    return n * FACTOR\n", space)
    compiled = specialise(space["by_factor"], (7,))
    assert compiled.call(7) == 21
    del space["FACTOR"]
    space[Key()] = 1
    space["FACTOR"] = 3
    calm = False
    with pytest.raises((RuntimeError, Deopt)):
        compiled.call(7)


def test_globals_of_another_kind_are_refused():
    """A dictionary with `__missing__` answers names as it likes."""

    class Odd(dict):
        def __missing__(self, key):
            return 3

    space = Odd()
    exec("def by_factor(n):\n    return n * FACTOR\n", space)
    assert not isinstance(specialise(space["by_factor"], (7,)), Compiled)
