"""Squares, cubes and roots that do without libm have the bits that libm would have given, NumPy's scalars' too."""

from __future__ import annotations

import math
from fractions import Fraction

import differ
import numpy as np
import pytest

from epochly._exact import Compiled, powers, specialise

COUNT = 5_000


def raised(values, into, exponent):
    """An exponent that only run time knows."""
    for at in range(len(values)):
        into[at] = values[at] ** exponent


def squared(values, into):
    """A constant int exponent."""
    for at in range(len(values)):
        into[at] = values[at] ** 2


def cubed(values, into):
    """Another one."""
    for at in range(len(values)):
        into[at] = values[at] ** 3


def rooted(values, into):
    """A constant float exponent."""
    for at in range(len(values)):
        into[at] = values[at] ** 0.5


def _sets():
    chooser = np.random.default_rng(7)
    twos = 2.0 ** chooser.integers(-30, 30, COUNT).astype(float)
    yield chooser.standard_normal(COUNT) * 2.0 ** chooser.uniform(-45, 45, COUNT)
    yield chooser.uniform(1, 2, COUNT)
    yield np.nextafter(twos, chooser.choice([0.0, math.inf], COUNT))
    for root in (2.0, 3.0):  # results next to powers of two
        yield 2.0 ** (chooser.integers(-90, 90, COUNT) / root) * (
            1 + chooser.integers(-4, 5, COUNT) * 2.0**-52
        )


@pytest.mark.parametrize(
    ("function", "exponent"),
    [(squared, 2), (cubed, 3), (rooted, 0.5), (raised, 2.0), (raised, 3.0), (raised, 0.5), (raised, 1.5)],
)
def test_powers_have_the_bits_of_libm(function, exponent):
    """Over wide and narrow ranges and next to powers of two."""
    for values in _sets():
        signed = values if exponent in (2, 3) else np.abs(values)
        into = np.zeros(COUNT)
        extra = (exponent,) if function is raised else ()
        compiled = specialise(function, (signed, into, *extra))
        assert isinstance(compiled, Compiled)
        compiled.call(signed, into, *extra)
        right = np.array([math.pow(value, exponent) for value in signed.tolist()])
        assert into.tobytes() == right.tobytes()


def test_near_ties_are_left_to_libm():
    """Squares whose exact value is within a hundredth of a gap of the middle between two floats."""
    chooser = np.random.default_rng(11)
    near = []
    for value in chooser.uniform(1, 2, 20_000).tolist():
        exact, nearest = Fraction(value) ** 2, value * value
        if abs(exact - Fraction(nearest)) > Fraction(49, 100) * Fraction(math.ulp(nearest)):
            near.append(value)
    assert len(near) > 200
    for value in near:
        expected, found, _ = differ.both(lambda x: x**2, lambda value=value: (value,), SQUARE)
        assert found == expected


SQUARE = differ.Exact(lambda x: x**2)


def test_edges_are_the_interpreters():
    """Not a number, infinities, zeros, and what overflows or underflows; with Python's and NumPy's numbers."""
    edges = [0.0, -0.0, math.inf, -math.inf, math.nan, 1e200, -1e200, 1e-200, 1.5e-154, 5e-324, -8.0, 1.0]
    of_numpy, of_python = differ.Exact(lambda a, y: a[0] ** y), differ.Exact(lambda x, y: x**y)
    for exponent in (2, 3, 0.5, 2.0):
        for value in edges:
            for exact, first in ((of_numpy, np.array([value])), (of_python, value)):
                expected, found, _ = differ.both(
                    exact.function, lambda first=first, y=exponent: (first, y), exact
                )
                assert found == expected, (exponent, value)


def test_without_proof_it_is_libm(monkeypatch):
    """On other processors and C libraries every power is a call."""
    monkeypatch.setattr(powers, "PROVED", False)
    compiled = specialise(lambda x, y: x**y, (1.1, 2.0))
    assert isinstance(compiled, Compiled)
    assert compiled.call(1.1, 2.0) == math.pow(1.1, 2.0)
