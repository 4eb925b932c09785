"""Programs of the pyperformance suite, where it is installed: each gives the same with all of its functions watched.

The suite is no dependency; without it the tests are skipped. Its files are run from the installed package at small sizes,
with a stand-in for the module that would time them. It refuses to measure anything.
"""

# ruff: noqa: D103 - a function is named after the program it runs

from __future__ import annotations

import importlib.util
import random
import sys
import types
from array import array
from pathlib import Path

import pytest
import served

pytestmark = pytest.mark.corpus


def nbody(program, _folder):
    program.offset_momentum(program.BODIES["sun"])
    before = program.report_energy()
    program.advance(0.01, 200)
    return before, program.report_energy(), program.SYSTEM


def spectral_norm(program, _folder):
    u = [1] * 24
    for _ in range(4):
        u = program.eval_AtA_times_u(u)
    return u, [[program.eval_A(i, j) for j in range(12)] for i in range(12)]


def fannkuch(program, _folder):
    return [program.fannkuch(n) for n in range(2, 8)]


def floats(program, _folder):
    return repr(program.benchmark(2000))


def scimark(program, _folder):
    grid = program.ArrayList(12, 12)
    for y in range(12):
        grid[y, y] = 1.5 - y
    program.SOR_execute(1.25, grid, 10, program.ArrayList)
    result = array("d", [0]) * 3
    columns, rows = array("i", [0, 2, 1, 0]), array("i", [0, 1, 3, 4])
    values = array("d", [0.1, 2.5, -1.0, 3.0])
    program.SparseCompRow_matmult(3, result, values, rows, columns, array("d", [1.0, -2.0, 0.3]), 3)
    matrix = program.Random(7).RandomMatrix(program.ArrayList(9, 9))
    factors, pivot = program.ArrayList(9, 9), array("i", [0]) * 9
    program.LU(factors, matrix, pivot)
    vector = program.Random(7).RandomVector(64)
    program.FFT_transform(64, vector)
    program.FFT_inverse(64, vector)
    logs = [(program.int_log2(2**n), program.FFT_num_flops(2**n)) for n in range(1, 60)]
    return grid.data, list(result), program.MonteCarlo(2000), factors.data, list(pivot), list(vector), logs


def nqueens(program, _folder):
    return [list(program.n_queens(n)) for n in range(1, 7)]


def chaos(program, folder):
    random.seed(1)
    games = []
    runner = types.SimpleNamespace(metadata={}, bench_func=lambda _name, call, *_: games.append(call))
    settings = {"thickness": 0.25, "width": 32, "height": 32, "iterations": 400, "rng_seed": 1234}
    program.main(runner, types.SimpleNamespace(**settings, filename=None))
    games[0](32, 32, 400, str(folder / "chaos.ppm"), 1234)
    return (folder / "chaos.ppm").read_bytes()


def raytrace(program, folder):
    program.bench_raytrace(1, 16, 16, str(folder / "scene.ppm"))
    return (folder / "scene.ppm").read_bytes()


PROGRAMS = {
    "bm_nbody": nbody,
    "bm_spectral_norm": spectral_norm,
    "bm_fannkuch": fannkuch,
    "bm_float": floats,
    "bm_scimark": scimark,
    "bm_nqueens": nqueens,
    "bm_chaos": chaos,
    "bm_raytrace": raytrace,
}


def program_of(name, monkeypatch):
    """A fresh copy of a benchmark's module."""
    found = importlib.util.find_spec("pyperformance")
    assert found is not None, "run `make test-corpus`, which installs it"
    path = Path(found.submodule_search_locations[0], "data-files", "benchmarks", name, "run_benchmark.py")
    clock = types.SimpleNamespace(perf_counter=lambda: 0.0)
    monkeypatch.setitem(sys.modules, "pyperf", clock)
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def with_every_function(module, wrap, *, methods):
    """Replace the module's functions, and the plain methods of its classes."""
    made = []
    for name, value in list(vars(module).items()):
        if served.is_plain(value) and value.__module__ == module.__name__:
            made.append(wrap(value))
            setattr(module, name, made[-1])
        elif methods and isinstance(value, type) and value.__module__ == module.__name__:
            for part, method in list(vars(value).items()):
                if served.is_plain(method):
                    setattr(value, part, wrap(method))
    return made


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_gives_the_same_with_its_functions_specialised(name, tmp_path, monkeypatch):
    """Every bit of the result is the interpreter's when each function is compiled where it can be."""
    plain, exact = program_of(name, monkeypatch), program_of(name, monkeypatch)
    made = with_every_function(exact, served.Served, methods=False)
    due, found = PROGRAMS[name](plain, tmp_path), PROGRAMS[name](exact, tmp_path)
    print(name, dict(served.counted(made)))  # noqa: T201 - for `-s`
    assert repr(found) == repr(due)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_gives_the_same_with_its_functions_optimised(name, tmp_path, monkeypatch):
    """The same through the public decorator in its most eager mode, on functions and methods alike."""
    import epochly
    from epochly import _api

    monkeypatch.setattr(_api, "_SESSIONS", [])
    plain, exact = program_of(name, monkeypatch), program_of(name, monkeypatch)
    with_every_function(exact, epochly.optimize(mode="aggressive"), methods=True)
    due = PROGRAMS[name](plain, tmp_path)
    for _ in range(3):  # later calls are those that run compiled
        again = program_of(name, monkeypatch) if name == "bm_nbody" else exact
        if again is not exact:
            with_every_function(again, epochly.optimize(mode="aggressive"), methods=True)
        assert repr(PROGRAMS[name](again, tmp_path)) == repr(due)
