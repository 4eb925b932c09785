"""The benchmark's kernels through the exact compiler: each does exactly what CPython does, and which run as machine code."""

from __future__ import annotations

import copy
import dataclasses
import functools
import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from epochly._exact import Compiled, Deopt, Rejected, specialise
from epochly._prospects import left_to_numpy

BENCHMARKS = str(Path(__file__).parents[2] / "benchmarks")
if BENCHMARKS not in sys.path:
    sys.path.append(BENCHMARKS)
KERNELS = {kernel.name: kernel for kernel in importlib.import_module("kernels").KERNELS}
YIELDING = {kernel.name: kernel for kernel in importlib.import_module("kernels").YIELDING}
outcome = importlib.import_module("kernels.outcome").outcome

# What runs as machine code today. A name may be added when the compiler learns more, and taken away only with a reason.
BY_FAMILY = {
    "integers": "collatz totient_sum totient_by_helper sieve sieve_into power_residues monte_carlo_pi random_walk",
    "floats": "mandelbrot newton_roots nbody energy kahan_sum mean_and_variance simpson",
    "stencils": "heat_1d jacobi_2d seidel_2d heat_3d life",
    "dynamic": "edit_distance common_subsequence knapsack floyd_warshall matrix_chain",
    "sorting": "bubble_sort insertion_sort shell_sort quick_sort binary_searches",
    "matrices": "matmul matmul_single lu cholesky cholesky_by_rows solve_lower spmv power_method",
    "images": "box_blur sobel histogram threshold threshold_bytes",
    "signals": "fir biquad goertzel exponential_average peaks",
    "geometry": "points_inside is_convex closest_pair haversines",
    "bits": "crc32 crc16 xorshift gray_codes",
}
ACCEPTED = {name for names in BY_FAMILY.values() for name in names.split()}
# What does not, and what it would take; a piece of the reason, so that another reason is noticed.
REJECTED = {
    "fnv1a": "beyond 64 bits",  # needs ints beyond 64 bits
}


class Overlaid:
    """A kernel behind the compiler, falling back to the interpreter; what made it fall back is in `deopts`."""

    def __init__(self, kernel):
        self.function = kernel.function
        args = kernel.make(kernel.small)
        left = left_to_numpy(kernel.function, args)
        self.made = Rejected(left[0], None, left[1]) if left else specialise(kernel.function, args)
        self.deopts = []

    def __call__(self, *args):
        if isinstance(self.made, Rejected):
            return self.function(*args)
        try:
            return self.made.call(*args)
        except Deopt as deopt:
            self.deopts.append(deopt.reason)
            return self.function(*args)


@functools.cache
def overlaid(name):
    """One compilation a kernel serves all tests."""
    return Overlaid((KERNELS | YIELDING)[name])


def differences(name, args):
    """What the overlay does differently from CPython with the same arguments."""
    kernel = (KERNELS | YIELDING)[name]
    return outcome(kernel.function, copy.deepcopy(args)).differences(
        outcome(overlaid(name), copy.deepcopy(args))
    )


def odd_arguments(args):
    """The arguments with each number replaced, and each array emptied, cut, spoiled by strange values, or used twice."""
    for position, arg in enumerate(args):
        if not isinstance(arg, np.ndarray):
            for number in (0, True, 2.5, np.nan, np.float64(0.5), np.int64(3)):
                yield (*args[:position], number, *args[position + 1 :])
            continue
        others = [arg[:0], arg[:1], arg[:-1]]
        for value in spoilers(arg.dtype):
            if arg.dtype != np.bool_:
                spoiled = arg.copy()
                spoiled.flat[:: max(1, arg.size // 3)] = value
                others.append(spoiled)
        others += [each for each in args if isinstance(each, np.ndarray) and each is not arg]
        for other in others:
            yield (*args[:position], other, *args[position + 1 :])


def spoilers(dtype):
    """Values at the edges of a type."""
    if dtype.kind == "f":
        return np.nan, np.inf, -0.0, np.finfo(dtype).max
    return () if dtype == np.bool_ else (np.iinfo(dtype).min, np.iinfo(dtype).max)


def test_tables_name_every_kernel_once():
    """No kernel is left out of the tables, and none stands in both."""
    assert set(KERNELS) == ACCEPTED | set(REJECTED)
    assert not ACCEPTED & set(REJECTED)
    assert len(KERNELS) >= 24
    assert len(YIELDING) >= 10


@pytest.mark.parametrize("name", KERNELS)
def test_kernel_does_exactly_what_cpython_does(name):
    """Value, type, array bytes and warnings are CPython's, from machine code for those in the table and only for them."""
    kernel, ours = KERNELS[name], overlaid(name)
    assert isinstance(ours.made, Compiled) == (name in ACCEPTED), getattr(ours.made, "reason", "compiled")
    assert differences(name, kernel.make(kernel.small)) == []
    if sys.gettrace() is None:
        assert ours.deopts == []
    if name in REJECTED:
        assert REJECTED[name] in ours.made.reason


@pytest.mark.parametrize("name", sorted(ACCEPTED))
def test_kernel_is_exact_on_odd_arguments(name):
    """Empty, cut, spoiled and shared arrays give what CPython gives: its values, its exceptions, its warnings."""
    kernel = KERNELS[name]
    found = [differences(name, args) for args in odd_arguments(kernel.make(kernel.small))]
    assert not any(found)


@pytest.mark.parametrize("name", YIELDING)
def test_expression_is_left_alone(name):
    """What NumPy does well already stays NumPy's, and asking changes nothing; a loop over array expressions is fused."""
    kernel = YIELDING[name]
    assert isinstance(overlaid(name).made, Rejected) == (name != "horner")
    assert differences(name, kernel.make(kernel.small)) == []


def test_outcome_tells_apart_what_a_program_can():
    """The comparison itself sees types, signs of zero, copies, exceptions and warnings."""
    array = np.zeros(2)
    values = (1, 1.0, True, np.float64(1.0), np.float32(1.0), 0.0, -0.0, None, (1,), [1], array.copy())
    seen = [outcome(lambda _, value=value: value, (array,)).result for value in (*values, array)]
    assert len(set(seen)) == len(seen)

    def stores(a):
        a[0] = 1.0

    def warns(a):
        np.float64(1.0) / a[0]

    plain = outcome(lambda a: None, (np.zeros(2),))  # noqa: ARG005 - stands for a function that does nothing
    for other in (stores, warns, lambda a: a[2]):
        assert plain.differences(outcome(other, (np.zeros(2),)))


def test_benchmark_shows_a_wrong_result_and_does_not_praise_its_speed():
    """A kernel with other bits is counted as wrong, has no ratio, and is left out of the means."""
    bench = importlib.import_module("exact_tables")
    sides = {
        "CPython": bench.Found((1.0,), "same"),
        "epochly": bench.Found((0.01,), "same"),
        "njit": bench.Found((0.02,), "OTHER"),
    }
    good = bench.Row("good", "demo", 0.1, sides)
    wrong = dataclasses.replace(good, kernel="wrong", sides=sides | {"epochly": bench.Found((), "OTHER")})
    said = bench.summary([good, wrong], [])
    njit = said["sides"]["njit"]
    assert (said["wrong"], njit["OTHER"], said["gain_accepted"]) == (1, 2, pytest.approx(100.0))
    assert njit["ours_over_it"] == pytest.approx(2.0)
    lines = [line.split() for line in bench.table([good, wrong]).splitlines()[2:]]
    assert [[line[0], line[3], line[-1]] for line in lines] == [
        ["good", "100.0", "2.00"],
        ["wrong", "-!", "-"],
    ]


def test_benchmark_takes_its_own_json():
    """What was kept as JSON comes back as the rows it was made of."""
    bench = importlib.import_module("exact_tables")
    row = bench.Row("good", "demo", 0.1, {"epochly": bench.Found((0.5, 0.25), "same", "", 0.1)})
    assert bench.rows_from(json.loads(json.dumps([dataclasses.asdict(row)]))) == [row]


@pytest.mark.parametrize(
    ("walls", "verdict"),
    [
        ((1.010, 1.011, 1.012), "within"),
        ((0.96, 1.04, 1.0), "within, as far as can be told"),
        ((1.05, 1.051, 1.052), "OUTSIDE"),
        ((0.98, 1.10, 1.06), "outside, may be noise"),
        ((0.5, 0.51, 0.5), "faster"),
    ],
)
def test_benchmark_of_yielding_tells_noise_from_a_loss(walls, verdict):
    """A program is outside the goal only where the whole interval is; where it reaches over the goal, that is said."""
    bench = importlib.import_module("must_yield")
    assert bench.Yielded("demo", walls, walls, walls, 0.0, 0).verdict == verdict


def test_benchmark_of_yielding_finds_the_report_behind_what_the_program_said():
    """A program may write braces to stderr; the report is what starts with one on a line of its own."""
    bench = importlib.import_module("must_yield")
    report = json.dumps({"functions": [{"status": "compiled"}, {"status": "rejected"}]}, indent=2)
    assert [bench._compiled(f"{said}{report}\n") for said in ("", "{'thickness': 0.25}\n")] == [1, 1]


def test_benchmark_tells_another_type_from_other_numbers():
    """A `float` for a `numpy.float64` is another type; another last bit, and another sign of zero, are other numbers."""
    right, typed, other, zero, minus = (
        outcome(lambda value=value: value, ())
        for value in (np.float64(0.1), 0.1, np.nextafter(0.1, 1), 0.0, -0.0)
    )
    assert right != typed
    assert right.plainly == typed.plainly
    assert right.plainly != other.plainly
    assert zero.plainly != minus.plainly
