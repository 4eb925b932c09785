"""Changes the world around one call, alike for the interpreter and for machine code, and changes it back.

Warnings that are errors or ignored, `numpy.errstate`, a global or a builtin that was rebound, a profiler that looks on. It
refuses to change what outlives the call.
"""

from __future__ import annotations

import builtins
import contextlib
import sys
import warnings

import numpy as np

from exact.called import names


def other_double(x):
    return x * 2 + 1


@contextlib.contextmanager
def rebound(space, name, value):
    """A name that means something else for the time of a call."""
    missing = object()
    before = space.get(name, missing)
    space[name] = value
    try:
        yield
    finally:
        if before is missing:
            del space[name]
        else:
            space[name] = before


@contextlib.contextmanager
def watched():
    """A profiler that does nothing but be there."""
    sys.setprofile(lambda *_: None)
    try:
        yield
    finally:
        sys.setprofile(None)


@contextlib.contextmanager
def other_code():
    """The code of `double` is replaced, the function stays the same object."""
    double = names()["double"]
    before = double.__code__
    double.__code__ = other_double.__code__
    try:
        yield
    finally:
        double.__code__ = before


@contextlib.contextmanager
def filtered(action):
    """Warnings treated in another way."""
    before = warnings.filters[:]
    warnings.simplefilter(action)
    try:
        yield
    finally:
        warnings.filters[:] = before


# Each makes a context from the names of a program; made once for the interpreter, and once more for machine code.
CHANGES = (
    lambda _: np.errstate(all="raise"),
    lambda _: np.errstate(all="ignore"),
    lambda _: np.errstate(all="warn"),
    lambda _: np.errstate(over="raise", invalid="ignore"),
    lambda _: filtered("error"),
    lambda _: filtered("ignore"),
    lambda space: rebound(space, "K", 4),
    lambda space: rebound(space, "K", 2.5),
    lambda space: rebound(space, "Q", np.float64(0.5)),
    lambda space: rebound(space, "T", (7, 8, 9)),
    lambda space: rebound(space, "double", other_double),
    lambda space: rebound(space, "range", lambda *_: [1, 2]),
    lambda space: rebound(space, "abs", lambda x: x),
    lambda _: rebound(vars(builtins), "min", max),
    lambda _: other_code(),
    lambda _: watched(),
)
