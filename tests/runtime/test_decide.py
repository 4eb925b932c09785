"""The decision is a pure function, and each of its reasons is reached."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from epochly._config import Config
from epochly._decide import History, decide
from epochly._facts import facts_of
from epochly._machine import Machine

MACHINE = Machine(2, (3, 11, 7), "cpython", free_threaded=False, numba="0.68.1", numpy="2.4.6")
HOT = History(calls=100, spent_ns=2e9, mean_ns=2e7)


def plain(a, b):
    """Adds."""
    return a + b


def gen(a):
    """Yields."""
    yield a


async def coro(a):
    """Waits."""
    return a


def open_ended(*args):
    """Takes any number."""
    return args


@pytest.mark.parametrize(
    "case",
    [
        (plain, MACHINE, Config(), HOT, 2, False, "hot"),
        (plain, MACHINE, Config(level=4), HOT, 2, False, "hot"),
        (plain, MACHINE, Config(enabled=False), HOT, 0, False, "switched off"),
        (plain, MACHINE, Config(level=0), HOT, 0, False, "only counted"),
        (plain, MACHINE, Config(mode="monitoring"), HOT, 0, False, "only counted"),
        (plain, MACHINE, Config(level=1), HOT, 1, False, "compiles nothing"),
        (plain, MACHINE, Config(), History(5, 2.9e8, 2e7), 0, False, "`balanced` compiles after 300 ms"),
        (
            plain,
            MACHINE,
            Config(mode="conservative"),
            History(5, 1.9e9, 2e7),
            0,
            False,
            "after 2000 ms",
        ),
        (plain, MACHINE, Config(mode="aggressive"), History(), 2, False, "hot"),
        (plain, MACHINE, Config(), History(10**6, 4e8, 400), 0, False, "a call takes 400 ns"),
        (gen, MACHINE, Config(), HOT, 0, True, "generator"),
        (coro, MACHINE, Config(), HOT, 0, True, "coroutine"),
        (open_ended, MACHINE, Config(), HOT, 1, True, r"`\*args`"),
        (plain, replace(MACHINE, numba=None), Config(), HOT, 1, True, "`numba` is not installed"),
        (plain, replace(MACHINE, numpy=None), Config(), HOT, 1, True, "`numpy` is not installed"),
        (plain, replace(MACHINE, numba="0.69.0"), Config(), HOT, 1, True, "numba `0.69.0` is untested"),
        (plain, replace(MACHINE, numba="dev"), Config(), HOT, 1, True, "numba `dev` is untested"),
        (plain, replace(MACHINE, python=(3, 14, 0)), Config(), HOT, 1, True, "cpython 3.14.0 is untested"),
        (plain, replace(MACHINE, implementation="pypy"), Config(), HOT, 1, True, "pypy 3.11.7 is untested"),
        (plain, replace(MACHINE, free_threaded=True), Config(), HOT, 1, True, "free-threaded"),
    ],
)
def test_decide_gives_the_level_and_the_reason(case):
    """Each rule gives its level, says why, and says whether asking again can help."""
    function, machine, config, history, level, final, reason = case
    decision = decide(facts_of(function), machine, config, history)
    assert (decision.level, decision.final) == (level, final)
    assert re.search(reason, decision.reason)
