"""Loops that only another thread or a signal handler can end stay where those are heard."""

# ruff: noqa: D103, ARG001 - a program is named after what it shows, and all are called alike

from __future__ import annotations

import types

import numpy as np
import pytest

from epochly._exact import Compiled, Rejected, specialise

STOP = False
LIMIT = 100
SETTINGS = types.ModuleType("settings")
SETTINGS.stop = False


def spins(a, n):
    while not STOP:
        n += 1
    return n


def spins_on_a_module(a, n):
    while True:
        if SETTINGS.stop:
            return n
        n += 1


def may_be_stopped(a, n):
    for i in range(10**12):
        if STOP:
            break
        n += i % 3
    return n


def held_in_a_variable(a, n):
    stopped = False
    while not stopped:
        stopped = STOP
        n += 1
    return n


def decided_by_a_branch(a, n):
    stopped = False
    while not stopped:
        if STOP:
            stopped = True
    return n


def beyond_a_limit(a, n):
    while n < LIMIT:
        pass
    return n


def spins_on_an_element(a, n):
    while a[n] == 0.0:
        pass
    return n


def stopped():
    return STOP


def asks(a, n):
    while not stopped():
        n += 1
    return n


def waits():
    while not STOP:
        pass


def helped(a, n):
    waits()
    return n


def closed_over():
    stop = False

    def within(a, n):
        while not stop:
            n += 1
        return n

    def bind():
        nonlocal stop
        stop = True

    return within, bind


@pytest.mark.parametrize(
    "function",
    [
        spins,
        spins_on_a_module,
        may_be_stopped,
        held_in_a_variable,
        decided_by_a_branch,
        beyond_a_limit,
        spins_on_an_element,
        asks,
        helped,
        closed_over()[0],
    ],
)
def test_a_loop_that_waits_is_rejected(function):
    """Whatever it waits for, and however it looks: a name, a module's attribute, a cell, an element; also in a helper."""
    rejected = specialise(function, (np.ones(3), 1))
    assert isinstance(rejected, Rejected)
    assert "somebody else" in rejected.reason
    assert rejected.line
    assert rejected.fix


def counts_to_a_limit(a, n):
    while n < LIMIT:
        n += 1
    return n


def looks_at_settings(a, n):
    s = 0
    for i in range(n):
        if STOP and LIMIT > 3:
            s += i
        else:
            s += 2
    return s


def until_it_is_small(a, n):
    while a[0] > 0.1:
        a[0] = a[0] * 0.5
    return n


def finds(a, n):
    i = 0
    while i < a.shape[0] and a[i] != LIMIT:
        i += 1
    return i


def in_an_outer_loop(a, n):
    s = 0
    for i in range(n):
        for j in range(n):
            if i > LIMIT:
                break
            s += j
    return s


def below(x):
    return x < LIMIT


def asks_with_an_argument(a, n):
    while below(n):
        n += 7
    return n


def converges(a, n):
    x = 1.0
    while True:
        y = x * 0.5
        if abs(y - x) < 1e-3:
            break
        x = y
    return x


@pytest.mark.parametrize(
    "function",
    [
        counts_to_a_limit,
        looks_at_settings,
        until_it_is_small,
        finds,
        in_an_outer_loop,
        asks_with_an_argument,
        converges,
    ],
)
def test_a_loop_that_ends_by_itself_is_compiled(function):
    """Names and elements that a loop looks at are no reason to refuse it."""
    compiled = specialise(function, (np.ones(3), 5))
    assert isinstance(compiled, Compiled), compiled
    assert compiled.call(np.ones(3), 5) == function(np.ones(3), 5)
