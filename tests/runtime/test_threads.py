"""`threads` gives what the loop would have given."""

from __future__ import annotations

import decimal
import threading
import time

import pytest

import epochly
from epochly._levels.threading import in_order


def test_threads_keep_the_order_and_run_at_once():
    """Results come in the order of the items, and items that wait for each other can both finish."""
    gate = threading.Barrier(4, timeout=30)

    def meet(x):
        gate.wait()
        time.sleep(0.01 * (4 - x))
        return x

    assert in_order(meet, range(4), workers=4) == [0, 1, 2, 3]


def test_threads_raise_the_first_exception_of_the_loop():
    """Not the first in time but the first in order, and before an error of the items that come after."""

    def fail(x):
        time.sleep(0.02 if x == 1 else 0)
        if x:
            raise ValueError(x)
        return x

    def items():
        yield from (0, 1, 2)
        raise KeyError

    with pytest.raises(ValueError, match="1"):
        in_order(fail, items(), workers=4)


def test_threads_raise_what_the_items_raise():
    """An iterable that breaks breaks the call, after its items were worked on."""
    seen = []

    def items():
        yield 1
        raise KeyError("no more")

    with pytest.raises(KeyError, match="no more"):
        in_order(seen.append, items(), workers=2)
    assert seen == [1]


def test_threads_see_the_callers_context():
    """Decimal's precision, a context variable, is the caller's, so results are the loop's to the last digit."""
    with decimal.localcontext() as context:
        context.prec = 5
        assert in_order(lambda x: decimal.Decimal(1) / x, [3], workers=2) == [decimal.Decimal("0.33333")]


def test_threads_at_level_0_are_the_loop(public, world):
    """Level 0 starts no thread."""
    world.session.change(level=0)
    assert public.threads(lambda _x: threading.current_thread(), [1]) == [threading.main_thread()]
    world.session.change(level=1)
    assert public.threads(lambda _x: threading.current_thread(), [1]) != [threading.main_thread()]


def test_io_marks_and_leaves_the_function():
    """The marker returns the very function."""

    def read():
        return 1

    assert epochly.io(read) is read
    assert read.__epochly_io__
