"""MUST: any bytes give a value or the parser's documented error, and from it a report.

The promise itself stands in `fuzz/fuzz_*.py`, one file a parser; here Hypothesis searches where the fuzzer does not run.
"""

from __future__ import annotations

import importlib
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutations import spliced
from run import HERE, TARGETS

pytestmark = pytest.mark.filterwarnings("ignore")  # as in production: a warning is no error


@cache
def seeds(target):
    """The honest inputs of a target."""
    found = sorted((HERE / "corpus" / target).iterdir())
    assert found, f"no seeds for {target}"
    return [path.read_bytes() for path in found]


@st.composite
def spoilt(draw, target, mutate):
    """A seed with a few things changed, two seeds spliced, or just bytes."""
    known = seeds(target)
    r = draw(st.randoms(use_true_random=False))
    match draw(st.integers(0, 9)):
        case 0:
            return draw(st.binary(max_size=300))
        case 1:
            return spliced(draw(st.sampled_from(known)), draw(st.sampled_from(known)), r)
        case _:
            return mutate(draw(st.sampled_from(known)), r)


@pytest.mark.parametrize("name", TARGETS)
@given(data=st.data())
def test_target_holds_for_any_bytes(name, data):
    """Whatever a file holds, its parser answers as documented, and all that is judged from it can be shown."""
    target = importlib.import_module(f"fuzz_{name}")
    target.one_input(data.draw(spoilt(name, target.mutate)))
