"""Two versions held together bit by bit: by `check`, and by `verify_mode` in a running program."""

from __future__ import annotations

import math

import numpy as np
import pytest

from epochly._compare import difference
from epochly._stats import function_stats
from epochly._wrap import site_of

MS = 1_000_000


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (0.0, -0.0),
        (1, 1.0),
        (True, 1),
        (1.0, np.float64(1.0)),
        (math.nan, -math.nan),
        ((1, 2), [1, 2]),
        ([1, [2.0]], [1, [2]]),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        (complex(0.0, -0.0), complex(0.0, 0.0)),
        (np.zeros(2), np.zeros(3)),
        (np.zeros(2), np.zeros(2, np.float32)),
        (np.array([0.0]), np.array([-0.0])),
        (np.array([1, None]), np.array([1.0, None])),
    ],
)
def test_difference_sees_what_equality_does_not(one, other):
    """Type, sign of zero, NaN's bits, order, dtype, shape and bytes all count."""
    assert difference(one, other) is not None


@pytest.mark.parametrize(
    "value", [math.nan, -0.0, 2**70, "text", None, (1, [2.0, np.float64("nan")]), np.arange(4)[::2]]
)
def test_difference_is_none_for_the_same(value):
    """NaN is the same as itself, and so are equal arrays of other strides."""
    import copy

    assert difference(value, copy.deepcopy(value)) is None


def test_check_finds_a_difference_at_an_edge(public, world):
    """A compiled version that wraps around at 64 bits is caught, with the arguments that show it."""

    def add(a, b):
        return a + b

    world.compiler.make = lambda _function: lambda a, b: (a + b + 2**63) % 2**64 - 2**63
    report = public.check(add, [(1, 2)])
    assert report.differences
    assert any(str(2**63 - 1) in each.arguments for each in report.differences)
    assert "differ" in str(report)


def test_check_of_an_exact_version_finds_nothing(public):
    """The fake compiles to the function itself, so every call is served and equal."""

    def scaled(values, by):
        values[:] = values * by
        return float(values.sum()) if len(values) else 0.0

    report = public.check(scaled, [(np.arange(4.0), 2.0)])
    assert report.differences == ()
    assert report.served == report.calls > 10


def test_check_leaves_examples_alone_and_bounds_endless_loops(public):
    """Examples are copied, and an edge value that makes a loop endless is passed over."""

    def halve(values, step):
        x = 1.0
        while x > 0.5:
            x -= step
            values[0] = x
        return x

    values = np.ones(2)
    report = public.check(halve, [(values, 0.25)])
    assert values.tolist() == [1.0, 1.0]
    assert report.too_long
    assert report.differences == ()


def test_verify_mode_gives_up_a_version_that_differs(public, world):
    """A wrong version is found in the running program, its result never gets out, and the user is told."""

    def double(x):
        return world.works(20 * MS, 2 * x)

    world.compiler.make = lambda _function: lambda x: world.works(MS, 2 * x if x < 50 else 0)
    public.verify_mode(1.0)
    made = public.optimize(double)
    assert [made(i) for i in range(200)] == [2 * i for i in range(200)]
    assert function_stats(site_of(made)).status == "differs"
    assert "hint: please report this" in world.said[0]


def test_verify_mode_compares_array_arguments(public, world):
    """What a version writes into its arguments counts, and the interpreter's bytes stay."""

    def fill(a, x):
        value = world.works(20 * MS, x)
        for i in range(len(a)):
            a[i] = value

    def wrong(a, _x):
        a[:] = world.works(MS, -1)

    world.compiler.make = lambda _function: wrong
    public.verify_mode(1.0)
    made, array = public.optimize(fill), np.zeros(3)
    for i in range(5):
        made(array, i)
        assert array.tolist() == [i, i, i]
    assert function_stats(site_of(made)).status == "differs"


def test_verify_mode_takes_rates_only(public):
    """A rate is a share of calls."""
    with pytest.raises(ValueError, match="; hint: "):
        public.verify_mode(2)


def test_explain_tells_what_blocks_and_what_the_compiler_said(public, world):
    """Lines that no types could help are marked; with arguments, the compiler's own words stand at its line."""
    from epochly._compiler import NotCompiled

    def total(values):
        s = 0
        for value in values:
            s += value
        return s

    assert "nothing rules it out" in str(public.explain(total))
    line = total.__code__.co_firstlineno + 1
    world.compiler.make = lambda _function: NotCompiled("`s` is int, then float", line, "start with 0.0")
    text = str(public.explain(total, [1.0]))
    assert f"stays in the interpreter because of line {line}" in text
    assert "^ `s` is int, then float; hint: start with 0.0" in text
    world.compiler.make = None
    assert "compiles for these types in 50 ms, guarded by" in public.explain(total, [1.0]).verdict


def test_checking_and_explaining_refuse_what_is_no_function(public):
    """A builtin has no code to look at, and raises `TypeError` with a hint."""
    for ask in (lambda: public.explain(len), lambda: public.check(len, [1])):
        with pytest.raises(TypeError, match="`len` is no Python function; hint: "):
            ask()


def test_explain_tells_generators(public):
    """What is never compiled says so first."""

    def numbers():
        yield 1

    assert "a generator is left alone" in public.explain(numbers).verdict


def test_explain_measures_the_gain_with_arguments_and_estimates_it_without(public, world):
    """With arguments and compiled code both are timed, on copies; else kernels of its kind say."""

    def total(values):
        s = 0
        for value in values:
            s += value
        world.works(30_000_000)
        return s

    world.compiler.make = lambda _function: lambda _values: world.works(2_000_000)
    given = [1.0]
    gain = public.explain(total, given).gain
    assert gain == "15.0 times as fast with these arguments: 30 ms in the interpreter, 2 ms compiled"
    assert given == [1.0]
    assert (
        public.explain(total).gain
        == "23 to 55 times as fast, as the middle half of 11 measured loops over numbers"
    )
    assert "gain: 23 to 55" in str(public.explain(total))
    world.compiler.make = lambda _function: lambda _values: world.works(100_000_000)
    assert (
        public.explain(total, given).gain
        == "100 ms compiled; the interpreter would take too long to be timed"
    )

    def prints(values):
        for i in range(len(values)):
            input(values[i])

    assert public.explain(prints).gain.startswith(
        "an estimate once nothing blocks it: 17 to 51 times as fast"
    )
    assert public.explain(lambda x: x + 1).gain == "little: it has no loop of its own"
    world.compiler.make = lambda _function: lambda _values: world.works(2_000_000)
    watched = public.optimize(total)
    for _ in range(20):
        watched(given)
    assert "times as fast in this program" in public.explain(watched).gain


def test_explain_says_that_compiled_code_gives_these_arguments_up(public, world, deopt):
    """A gain is not told of a call that the interpreter has to make."""

    def gives_up(_values):
        raise deopt("too big")

    world.compiler.make = lambda _function: gives_up
    gain = public.explain(lambda values: values, [1.0]).gain
    assert gain == "none with these arguments: compiled code gives the call up (too big)"
