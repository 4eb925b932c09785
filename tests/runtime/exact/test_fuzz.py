"""CI's share of the differential fuzzer: 200,000 calls with fixed seeds, some with today's, and proof that it would notice.

`fuzz/exact_jit.py` runs as long as one likes; what it has come to is in `fuzz/README.md`. It refuses to count as served what
gave up. About three minutes on one core, half of it numba compiling; the classes let two cores share it.
"""

from __future__ import annotations

import datetime as dt
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

FUZZ = Path(__file__).parents[3] / "fuzz"
sys.path.insert(0, str(FUZZ))
running = importlib.import_module("exact.running")
comparing = importlib.import_module("exact.comparing")

CALLS = 50_000  # of each of four shares
PER_PROGRAM = 300
LEAST_SHARE = 0.4  # of the calls; about 0.75 are
TODAY_PROGRAMS = 25
MUTANTS = {  # what is broken, and within how many programs it has to be found; the others in `exact.mutants` take longer
    "ints wrap": 40,
    "NumPy never warns": 60,
    "an int start is forgotten": 150,
    "no bounds": 60,
    "no undo": 150,
    "Python's numbers for NumPy's": 60,
    "the remainder has C's sign": 120,
}
RARE = {"an int start is forgotten", "no undo", "the remainder has C's sign"}  # found late: `make test-slow`


def held(first):
    """Assert that a share of the calls, from a seed on, has no difference."""
    tally = running.run(range(first, first + 10**6), calls=CALLS, per_program=PER_PROGRAM)
    print(f"seeds from {first}:", tally.words())  # noqa: T201 - for `-s`
    assert tally.mismatches == []
    assert tally.calls >= CALLS
    assert tally.share >= LEAST_SHARE
    for theme, counts in tally.themes.items():
        assert counts["machine"] or counts["programs"] < 5, (
            f"no program of `{theme}` was served: {tally.reasons}"
        )


class TestFirstHalf:
    """A class is what one worker runs."""

    @pytest.mark.parametrize("first", [1_000_000, 2_000_000])
    def test_random_programs_end_as_in_the_interpreter(self, first):
        """Fifty thousand calls of random programs: no difference, and two in five at least were served."""
        held(first)


class TestSecondHalf:
    """A class is what one worker runs."""

    @pytest.mark.parametrize("first", [3_000_000, 4_000_000])
    def test_random_programs_end_as_in_the_interpreter(self, first):
        """Fifty thousand calls of random programs: no difference, and two in five at least were served."""
        held(first)

    def test_random_programs_of_today_end_as_in_the_interpreter(self):
        """Programs that nobody has run before, of a seed that is the day's."""
        first = dt.datetime.now(dt.UTC).date().toordinal() * 1000
        tally = running.run(range(first, first + TODAY_PROGRAMS), per_program=PER_PROGRAM)
        assert tally.mismatches == [], f"seeds from {first}"


def found_within(mutant, programs):
    """Assert that a compiler broken on purpose is found out, by a difference or by a crash."""
    command = [
        sys.executable, str(FUZZ / "exact_jit.py"), "--mutant", mutant, "--programs", str(programs),
        "--seed", "60000", "--per-program", "60",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1 or done.returncode < 0, (
        f"{mutant}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    )


class TestMutants:
    """A check that cannot fail is no check."""

    def test_ints_too_long_to_print_are_told_apart(self):
        """Python refuses to print them, and a difference must not end as that refusal."""
        long, longer, none = (
            comparing.Outcome(call, [], [], [])
            for call in (lambda: 1 << 20_000, lambda: 1 << 30_000, lambda: None)
        )
        assert "20001 bits" in comparing.difference(long, longer)
        assert "20001 bits" in comparing.difference(long, none)
        assert comparing.difference(long, long) == ""

    @pytest.mark.parametrize(
        "mutant",
        [pytest.param(mutant, marks=pytest.mark.slow) if mutant in RARE else mutant for mutant in MUTANTS],
    )
    def test_a_broken_compiler_is_found(self, mutant):
        """With one check taken out of the compiler, a difference turns up within so many programs."""
        found_within(mutant, MUTANTS[mutant])
