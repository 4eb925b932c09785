"""Encodings of values: different values never have the same bytes, alone or in a row."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epochly._cache.encoding import DEEPEST, Undescribed, constant, sequence, text

SIMPLE = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
VALUES = st.recursive(SIMPLE, lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=8)


def test_encodings_do_not_run_into_each_other():
    """Two sequences are the same only item by item."""
    values = [
        "",
        "a",
        "b",
        "ab",
        0,
        1,
        -1,
        127,
        128,
        255,
        256,
        -128,
        2**64,
        True,
        False,
        None,
        ...,
        0.0,
        -0.0,
        1.0,
    ]
    values += [
        b"",
        b"a",
        (),
        (1,),
        ((1,),),
        frozenset(),
        frozenset({1}),
        0j,
        -0j,
        1j,
        np.int64(1),
        np.uint64(1),
    ]
    assert len({constant(value) for value in values}) == len(values)
    assert (
        len({sequence(map(text, parts)) for parts in (("ab", "c"), ("a", "bc"), ("abc",), ("abc", ""))}) == 4
    )
    assert sequence(map(text, ("a", "b"))) != sequence(map(text, ("astrb",)))
    assert constant(("a", "b")) != constant(("astrb",))


@given(VALUES, VALUES)
def test_equal_encodings_mean_equal_values(one, other):
    """Whatever two constants are, the same bytes mean the same value of the same types."""
    assert (constant(one) == constant(other)) == (shown(one) == shown(other))


def shown(value):
    """A value as text that tells all of these apart."""
    if isinstance(value, tuple):
        return f"({''.join(f'{shown(each)},' for each in value)})"
    return np.float64(value).tobytes().hex() + "f" if isinstance(value, float) else repr(value)


def test_a_constant_nested_too_deeply_is_refused():
    """Depth is bounded, whatever a program builds."""
    value = ()
    for _ in range(DEEPEST + 2):
        value = (value,)
    with pytest.raises(Undescribed):
        constant(value)
