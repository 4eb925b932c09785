"""Traps as tables: an expression or a function, and the calls at which compilers go wrong.

A table is lists of (what, calls); `trapped` turns it into parameters of a test, `ends_alike` runs one both ways. Each function
is compiled once for each set of types. It refuses to say that nothing was compiled: `ways` counts how the calls went.
"""

from __future__ import annotations

import collections
import math
import re

import differ
import numpy as np
import pytest

MADE = {}


def function_of(what):
    """A function, or the function of `a`, `b`, `c`, `d` that an expression is."""
    if callable(what):
        return what
    if what not in MADE:
        parameters = sorted(set(re.findall(r"\b[abcd]\b", what)))
        MADE[what] = eval(f"lambda {', '.join(parameters)}: {what}", {"math": math, "np": np})
    return MADE[what]


class Traps:
    """A table and what came of it."""

    def __init__(self, *table):
        self.table = table
        self.ways = collections.Counter()
        self.made = {}

    def cases(self):
        """Parameters of a test: one for each call."""
        return [
            pytest.param(what, call, id=f"{getattr(what, '__name__', what)}-{number}")
            for what, calls in self.table
            for number, call in enumerate(calls)
        ]

    def ends_alike(self, what, call):
        """Run one call both ways; `call` is a tuple of values, or makes one of fresh arguments."""
        function = function_of(what)
        make = call if callable(call) else lambda: call
        types = tuple((type(arg), getattr(arg, "dtype", None)) for arg in make())
        exact = self.made.setdefault((what, types), differ.Exact(function))
        expected, found, _ = differ.both(function, make, exact)
        self.ways[exact.served] += 1
        assert found == expected, (exact.served, exact.why)


def array(*items, dtype="f8", then=()):
    """Fresh arguments: an array, and what comes after it."""
    return lambda: (np.array(items, dtype=dtype), *then)


def parameters(tables):
    """Every call of several named tables as parameters of one test: the table, what is called, the call."""
    return [
        pytest.param(table, *case.values, id=f"{name}-{case.id}")
        for name, table in tables.items()
        for case in table.cases()
    ]
