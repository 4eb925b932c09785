"""A watched function that calls another watched function is compiled with it inside, and never with anything else."""

from __future__ import annotations

import functools

import numpy as np
import pytest

import epochly
from epochly._builder.description import described
from epochly._builder.rebuilt import function_and_arguments
from epochly._cache import cached_specialise, open_store
from epochly._cache.build import this_build
from epochly._cache.key import key_of
from epochly._exact import Compiled, Deopt, specialise
from epochly._exact.behind import behind


def plain(x):
    """What the helpers do."""
    return x * 2.0 + 1.0


@epochly.optimize(mode="conservative")
def helper(x):
    """The same, watched."""
    return x * 2.0 + 1.0


def total(n):
    """Calls the watched helper."""
    s = 0.0
    for i in range(n):
        s += helper(i * 0.5)
    return s


def total_of_plain(n):
    """Calls the plain one."""
    s = 0.0
    for i in range(n):
        s += plain(i * 0.5)
    return s


def closing(function):
    """A closure over a helper."""

    def inner(n):
        s = 0.0
        for i in range(n):
            s += function(i * 0.5)
        return s

    return inner


def test_caller_of_a_watched_helper_is_compiled():
    """As if the helper were not watched; a closure too."""
    for function in (total, closing(helper)):
        made = specialise(function, (10,))
        assert isinstance(made, Compiled), made
        assert made.call(1000) == function(1000) == total_of_plain(1000)


def test_other_code_or_defaults_of_the_wrapper_are_seen(monkeypatch):
    """What the wrapper would do then is for the interpreter to find out."""
    made = specialise(total, (10,))
    code = helper.__code__
    try:
        helper.__code__ = (lambda x: x).__code__
        with pytest.raises(Deopt, match="guard: "):
            made.call(10)
    finally:
        helper.__code__ = code
    assert made.call(10) == total(10)
    monkeypatch.setattr(helper, "__defaults__", (3.0,))
    with pytest.raises(Deopt, match="guard: "):
        made.call(10)
    assert behind(helper) is helper
    monkeypatch.undo()
    monkeypatch.setitem(globals(), "helper", plain)
    with pytest.raises(Deopt, match="guard: "):
        made.call(10)


def test_decorator_that_copies_our_attributes_is_not_taken_for_our_wrapper():
    """`functools.wraps` copies `__wrapped__` and what else is in `__dict__`; the code tells."""

    @functools.wraps(helper)
    def triples(x):
        return helper(x) * 3.0

    assert behind(triples) is triples
    assert behind(helper) is helper.__wrapped__
    made = specialise(closing(triples), (10,))
    if isinstance(made, Compiled):
        assert made.call(100) == closing(triples)(100)


def test_watched_helper_has_the_key_of_the_plain_one(tmp_path):
    """What was compiled for one is found for the other, and another process can make both again."""
    function, args = total, (10,)
    made, given = function_and_arguments(described(function, args))
    assert key_of(made, given, this_build()).digest == key_of(function, args, this_build()).digest
    store = open_store(str(tmp_path / "cache"))
    assert not cached_specialise(function, args, store).cached
    again = cached_specialise(function, args, store)
    assert again.cached
    assert again.call(100) == total(100)
    assert cached_specialise(made, given, store).cached


def test_values_through_watched_helpers_are_the_same_to_the_bit():
    """NumPy's numbers and the edges of floats too."""
    made = specialise(closing(helper), (10,))
    for n in (0, 1, 7):
        assert np.float64(made.call(n)).tobytes() == np.float64(closing(plain)(n)).tobytes()
        assert type(made.call(n)) is float
