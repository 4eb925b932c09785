"""A function that machine code serves where it can: one specialisation for each set of argument types, no budget.

It counts how each call was served, so that a test can say how much was compiled. It refuses to judge results, and to hide
an error: whatever machine code raises that is no `Deopt` reaches the caller.
"""

from __future__ import annotations

import collections
import types

import numpy as np

from epochly._exact import Deopt, Rejected, specialise

NATIVE = range(-(2**63), 2**63)
NUMBERS = (int, float, bool)


def described(arg):
    """What a specialisation depends on, as far as the type of an argument tells; `None` if none can serve it."""
    kind = type(arg)
    if kind is np.ndarray:
        flags = arg.flags
        return ("array", arg.dtype.str, arg.ndim, flags.c_contiguous, flags.f_contiguous, flags.writeable)
    if kind is int and arg not in NATIVE:
        return None
    return kind


class Served:
    """A function with its specialisations; `counts` says how its calls were served."""

    def __init__(self, function, counts=None, only_numbers=False):
        self.function = function
        self.counts = collections.Counter() if counts is None else counts
        self.only_numbers = only_numbers
        self.found = {}
        self.way = ""

    def __call__(self, *args, **keywords):
        key = None if keywords else self.key(args)
        compiled = None
        if key is not None:
            compiled = self.found.get(key)
            if compiled is None:
                compiled = self.found[key] = specialise(self.function, args)
        self.way = "interpreter"
        if compiled is not None and not isinstance(compiled, Rejected):
            try:
                result = compiled.call(*args)
            except Deopt as deopt:
                self.way = "guard" if deopt.reason.startswith("guard: ") else "deopt"
            else:
                self.way = "machine"
                self.counts["machine"] += 1
                return result
        self.counts[self.way] += 1
        return self.function(*args, **keywords)

    def key(self, args):
        """The types of a call, or `None` for one that is no business of the compiler's."""
        key = tuple(map(described, args))
        if None in key or (self.only_numbers and not all(kind in NUMBERS for kind in key)):
            return None
        return key if len(args) == self.function.__code__.co_argcount else None


def counted(functions):
    """How the calls of several served functions went, together."""
    return sum((function.counts for function in functions), collections.Counter())


def is_plain(function):
    """Whether a value is a Python function whose parameters are all positional."""
    return isinstance(function, types.FunctionType) and not function.__code__.co_kwonlyargcount
