"""A decorated function whose calls go to machine code directly: every answer, count and exception is as by the long way."""

from __future__ import annotations

import sys
import traceback

import numpy as np
import pytest

import epochly
from epochly._versions import DEOPTS


def summed(a, n):
    """Long enough for compiled code to be faster."""
    s = a
    for i in range(n):
        s += i
    return s


def picked(a, i):
    """Raises where the index is out of range."""
    s = 0.0
    for _ in range(300):
        s += a[i]
    return s


def compiled(function, *calls):
    """The decorated function, after so many calls of each sort that they go directly."""
    made = epochly.optimize(mode="aggressive")(function)
    for args in calls:
        for _ in range(200):
            made(*args)
    site = made.__epochly__
    assert [version.status for version in site.versions.values()] == ["compiled"] * len(calls)
    return made, site


def is_direct(site):
    """Whether calls go to a gate."""
    return type(site.run) is type(len)


def answered(site):
    """Calls that compiled code answered."""
    return sum(version.calls for version in site.versions.values())


def test_versions_answer_in_a_row():
    """Each exact set of types by its own machine code; others by the interpreter; all of them counted."""
    made, site = compiled(summed, (1, 500), (0.5, 500), (np.float64(0.5), 500))
    assert is_direct(site)
    before, calls = answered(site), site.calls
    for n in range(100):
        for a in (1, 0.5, np.float64(0.5), True):
            found, expected = made(a, n), summed(a, n)
            assert (type(found), found) == (type(expected), expected)
    assert site.calls == calls + 400
    assert answered(site) >= before + 280  # those timed may be the interpreter's
    assert sum(version.guarded for version in site.versions.values()) <= 120


def test_a_context_of_another_level_is_asked_at_every_call():
    """Inside it nothing runs compiled, and afterwards calls are direct again."""
    made, site = compiled(summed, (1, 500))
    before = answered(site)
    with epochly.optimize_context(level=0):
        assert not is_direct(site)
        for _ in range(100):
            assert made(1, 500) == summed(1, 500)
        with epochly.optimize_context(level=2):
            for _ in range(50):
                made(1, 500)
        inner = answered(site)
    assert before < inner <= before + 50
    assert is_direct(site)
    for _ in range(100):
        made(1, 500)
    assert answered(site) > inner + 80


def test_whoever_watches_sees_python():
    """Under a profiler and under a debugger each call runs in the interpreter, and is direct again later."""
    made, site = compiled(summed, (1, 500))
    before, seen = answered(site), []

    def hook(frame, event, _):
        if event == "call" and frame.f_code is summed.__code__:
            seen.append(event)

    for setter in (sys.setprofile, sys.settrace):
        setter(hook)
        try:
            for _ in range(5):
                assert made(1, 500) == summed(1, 500)
        finally:
            setter(None)
    assert len(seen) == 20
    assert answered(site) == before
    made(1, 500)
    made(1, 500)
    assert answered(site) > before


def test_calls_that_are_given_up_end_as_in_python():
    """The same exception from the same line, nothing of ours chained to it; after some of them the version ends."""
    array = np.ones(4)
    made, site = compiled(picked, (array, 1))
    (version,) = site.versions.values()
    for count in range(1, 30):
        with pytest.raises(IndexError) as raised:
            made(array, 99)
        assert str(raised.value) == "index 99 is out of bounds for axis 0 with size 4"
        assert raised.value.__context__ is raised.value.__cause__ is None
        assert traceback.extract_tb(raised.value.__traceback__)[-1].name == "picked"
        assert len(version.deopts) == min(count, DEOPTS)
        assert made(array, 1) == picked(array, 1)
    assert version.status == "gave up"
    assert not is_direct(site)


def test_a_name_that_is_bound_anew_is_seen():
    """By the gate, and the interpreter's answer is given; bound back, calls are compiled ones again."""
    space = {"STEP": 3}
    exec("def stepped(n):\n    s = 0\n    for i in range(n):\n        s += STEP\n    return s\n", space)
    made, site = compiled(space["stepped"], (500,))
    for step in (4, 3.5, True, 3):
        space["STEP"] = step
        found = made(500)
        assert (type(found), found) == (type(step * 500), step * 500)
    before = answered(site)
    for _ in range(10):
        made(500)
    assert answered(site) > before
