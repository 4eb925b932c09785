"""Helpers with defaults, keywords and cells are compiled into their caller, and what they depend on is guarded."""

from __future__ import annotations

import differ
import numpy as np
import pytest

from epochly._exact import Compiled, Deopt, Rejected, specialise


def _clamp(x, low=0.0, high=1.0):
    if x < low:
        return low
    return high if x > high else x  # noqa: FURB136 - a helper with branches


def _scaled(x, *, scale=2.0, shift=0.0):
    return x * scale + shift


def _times(x, n=None):
    if n is None:
        n = 3
    return x * n


def _positions(a, /, b, c=3):
    return a - b * c


def _made(k, m):
    def line(x, y=1):
        return x * k + m - y

    return line


_line = _made(3, 0.5)
_square = lambda v, p=2: v * v + p  # noqa: E731 - a lambda bound to a global is what is tested


def by_keywords(n):
    """Positions, keywords in any order, and defaults."""
    s = 0.0
    for i in range(n):
        s += _clamp(i * 0.3) + _clamp(i * 0.3, high=0.5) + _clamp(high=2.0, low=0.1, x=i * 0.2)
    return s


def keyword_only(x):
    """Parameters after a star."""
    return _scaled(x) + _scaled(x, shift=1.0) + _scaled(x=x, scale=3.0)


def left_out(x):
    """The idiom of a default of `None`."""
    return _times(x) + _times(x, 5) + _times(x, n=2)


def own_default(x, n=None):
    """The same of the compiled function's own."""
    if n is not None:
        return x * n
    return x * 4


def of_a_closure(x):
    """A helper that holds numbers in cells."""
    return _line(x) + _line(x, y=4)


def of_a_lambda(x):
    """A lambda bound to a global."""
    return _square(x) + _square(x, p=9)


def by_position(x):
    """Parameters before a slash."""
    return _positions(x, 2) + _positions(x, b=4, c=1)


@pytest.mark.parametrize(
    ("function", "args"),
    [
        (by_keywords, (10,)),
        (keyword_only, (1.5,)),
        (left_out, (3,)),
        (own_default, (2, None)),
        (own_default, (2, 3)),
        (of_a_closure, (2.0,)),
        (of_a_lambda, (2,)),
        (by_position, (2,)),
    ],
)
def test_a_call_of_a_helper_is_compiled_and_exact(function, args):
    """Whatever way a helper's parameters are bound, its body becomes part of the caller."""
    expected, found, exact = differ.both(function, lambda: args)
    assert exact.served == "machine", exact.why
    assert found == expected


def _once(x, y=1, *, z=2):
    return x + y * z


def calling(x):
    """Depends on both defaults."""
    return _once(x)


def test_a_default_that_changed_sends_the_call_to_the_interpreter(monkeypatch):
    """Defaults are taken when the caller is compiled, and are the same objects at each call, or it deopts."""
    found = specialise(calling, (1,))
    assert isinstance(found, Compiled)
    assert found.call(1) == 3
    with monkeypatch.context() as patch:
        patch.setattr(_once, "__defaults__", (5,))
        with pytest.raises(Deopt, match="guard"):
            found.call(1)
    with monkeypatch.context() as patch:
        patch.setitem(_once.__kwdefaults__, "z", 7)
        with pytest.raises(Deopt, match="guard"):
            found.call(1)
    with monkeypatch.context() as patch:
        patch.setattr(_once, "__kwdefaults__", {"z": 2})
        with pytest.raises(Deopt, match="guard"):
            found.call(1)
    assert found.call(1) == 3


def test_a_cell_of_a_helper_that_changed_sends_the_call_to_the_interpreter():
    """What a helper closes over is guarded as the caller's own cells are."""
    found = specialise(of_a_closure, (2.0,))
    assert isinstance(found, Compiled)
    cell = _line.__closure__[0]
    kept = cell.cell_contents
    try:
        cell.cell_contents = 4
        with pytest.raises(Deopt, match="guard: a closure cell"):
            found.call(2.0)
    finally:
        cell.cell_contents = kept


def _with_list(x, y=()):
    return x + len(y)


def _with_array(x, y=np.zeros(2)):  # noqa: B008 - what is tested
    return x + y[0]


def wrongly(x):
    """Raises a TypeError."""
    return _positions(x)


def twice(x):
    """Raises a TypeError."""
    return _once(x, 1, y=2)


def by_name(x):
    """Raises a TypeError, as the name is of a position-only parameter."""
    return _positions(a=x, b=1)


def unknown(x):
    """Raises a TypeError."""
    return _once(x, w=1)


def of_array(x):
    """Needs a default that can be written to."""
    return _with_array(x)


@pytest.mark.parametrize("function", [wrongly, twice, by_name, unknown, of_array])
def test_a_call_that_does_not_fit_is_left_to_the_interpreter(function):
    """A call that raises, or takes a default that is no number, is rejected with the helper's name."""
    found = specialise(function, (1,))
    assert isinstance(found, Rejected)
    assert "`_" in found.reason
    assert found.line is not None
