"""Runs a call in the interpreter and through the exact compiler, and says everything a program could tell apart.

Value, type, bits of floats, exception type and message, bytes of every array argument, identity of a returned argument, and
warnings. It refuses to call two results equal because they print alike.
"""

from __future__ import annotations

import struct
import warnings

import numpy as np

from epochly._exact import Compiled, Deopt, Rejected, specialise


def seen(value, args=()):
    """A value as far as a program can see it."""
    for position, arg in enumerate(args):
        if isinstance(arg, (np.ndarray, list)) and value is arg:
            return ("argument", position)
        if isinstance(arg, list):
            rows = [row for row, each in enumerate(arg) if isinstance(each, list) and each is value]
            if rows:
                return ("row of an argument", position, rows)
    if isinstance(value, np.ndarray):
        return ("array", str(value.dtype), value.shape, value.strides, value.tobytes(), value.flags.owndata)
    if isinstance(value, (list, tuple)):
        held = [id(item) for item in value if isinstance(item, list)]
        again = len(held) - len(set(held))  # lists that are there more than once
        return (type(value).__name__, [seen(item, args) for item in value], again)
    if isinstance(value, float):
        bits = "nan" if value != value else struct.pack("d", value)  # noqa: PLR0124 - only NaN differs from itself
        return (type(value).__name__, bits)
    return (type(value).__name__, repr(value))


def observed(call, args):
    """What one call does: result or exception, arrays afterwards, warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            outcome = ("returns", seen(call(*args), args))
        except Deopt:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it raises is what is compared
            outcome = ("raises", type(error).__name__, str(error))
    arrays = tuple(seen(arg) for arg in args if isinstance(arg, (np.ndarray, list)))
    return outcome, arrays, tuple(sorted({(each.category.__name__, str(each.message)) for each in caught}))


class Exact:
    """A function with fallback and no budget: what served the last call is in `served`."""

    def __init__(self, function):
        self.function = function
        self.compiled = []
        self.served = ""
        self.why = ""

    def __call__(self, *args):
        for compiled in self.compiled:
            try:
                result = compiled.call(*args)
            except Deopt as deopt:
                self.why = deopt.reason
                if deopt.reason.startswith("guard: "):
                    continue
                self.served = "deopt"
                return self.function(*args)
            self.served = "machine"
            return result
        found = specialise(self.function, args)
        if isinstance(found, Rejected):
            self.served, self.why = "rejected", found.reason
            return self.function(*args)
        assert isinstance(found, Compiled)
        self.compiled.append(found)
        if len(self.compiled) > 8:
            raise AssertionError(f"guards do not hold right after compiling: {self.why}")
        return self(*args)


def both(function, make, exact=None):
    """What the interpreter and the overlay do with the same fresh arguments, and which way the overlay went."""
    exact = exact or Exact(function)
    return observed(function, make()), observed(exact, make()), exact
