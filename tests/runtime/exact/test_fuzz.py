"""A small share of the differential fuzzer with fixed seeds; `fuzz/exact_jit.py` runs as long as one likes."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

PROGRAMS = 30  # about twenty seconds, nearly all of it numba compiling
MOST_S = 120


def _fuzzer():
    path = Path(__file__).parents[3] / "fuzz" / "exact_jit.py"
    spec = importlib.util.spec_from_file_location("exact_jit", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["exact_jit"] = module  # its dataclass looks itself up
    spec.loader.exec_module(module)
    return module


def test_random_programs_end_as_in_the_interpreter():
    """Thirty random programs, a dozen edge inputs each: no difference, and a good part ran as machine code."""
    tally = _fuzzer().run(20_000, MOST_S, PROGRAMS)
    assert tally.mismatches == []
    assert tally.programs == PROGRAMS
    assert tally.ways["machine"] > tally.calls * 0.2
