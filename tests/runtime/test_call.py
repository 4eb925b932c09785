"""The wrapper counts, times, compiles and goes back; what a call returns is always what the original says."""

from __future__ import annotations

import sys
from threading import Barrier, Thread

import pytest

from epochly._compiler import NotCompiled
from epochly._config import Config
from epochly._stats import all_stats, function_stats
from epochly._wrap import site_of, wrap

MS = 1_000_000


@pytest.fixture
def slow(world):
    """A function that takes 20 ms of the fake clock."""

    def double(x):
        return world.works(20 * MS, 2 * x)

    return double


@pytest.fixture
def compiled_in_1_ms(world):
    """Let compiled code answer in 1 ms."""
    world.compiler.make = lambda _function: lambda x: world.works(1 * MS, 2 * x)


def figures(function):
    """What was measured of a wrapped function."""
    return function_stats(site_of(function))


def test_every_call_is_counted_and_one_in_64_is_timed(world, slow):
    """Counting is exact, and an estimate of the time comes from the sample."""
    world.session.config = Config(level=0)
    made = wrap(slow, world.session)
    assert [made(i) for i in range(300)] == [2 * i for i in range(300)]
    assert figures(made).calls == 300
    assert figures(made).mean_ms == pytest.approx(20)
    assert site_of(made)._weight == 4 + 300 // 64 * 64


@pytest.mark.usefixtures("compiled_in_1_ms")
def test_hot_function_is_compiled_and_saves_what_was_measured(world, slow):
    """Saved time is calls times the measured difference, less the time it took to compile."""
    made = wrap(slow, world.session)
    assert [made(i) for i in range(1000)] == [2 * i for i in range(1000)]
    seen = figures(made)
    assert seen.status == "compiled"
    assert seen.reason == "types are exactly int"
    assert len(world.compiler.asked) == 1
    assert 900 < seen.compiled_calls < 1000
    assert seen.saved_ms == pytest.approx(seen.compiled_calls * 19 - 50, rel=0.01)


@pytest.mark.usefixtures("compiled_in_1_ms")
def test_balanced_mode_waits_until_the_time_is_worth_it(world, slow):
    """Nothing is compiled before the function has cost about what compiling costs."""
    world.session.config = Config(mode="balanced")
    made = wrap(slow, world.session)
    for i in range(15):
        made(i)
        assert world.compiler.asked == []
    for i in range(200):
        made(i)
    assert len(world.compiler.asked) == 1


@pytest.mark.usefixtures("compiled_in_1_ms")
def test_each_set_of_types_has_its_own_version(world, slow):
    """Exact types choose the version, and a bool is no int."""
    made = wrap(slow, world.session)
    for _ in range(40):
        assert [type(made(x)) for x in (1, 1.0, True)] == [int, float, int]
    assert [tuple(map(type, args)) for args in world.compiler.asked] == [(int,), (float,), (bool,)]
    assert made("ab") == "abab"


def test_keyword_arguments_and_defaults_reach_compiled_code(world):
    """A call is the same call however its arguments are written."""
    world.compiler.make = lambda _function: lambda a, b: world.works(MS, (a, b))
    made = wrap(lambda a, b=7: world.works(50 * MS, (a, b)), world.session)
    for _ in range(50):
        assert (made(1), made(b=1, a=2), made(a=3)) == ((1, 7), (2, 1), (3, 7))
    assert len(world.compiler.asked) == 1
    assert figures(made).compiled_calls > 100


def test_deopt_runs_the_original_without_a_trace(world, deopt):
    """A call that compiled code gives up raises what the original raises, and nothing is chained to it."""

    def compiled(_x):
        raise deopt("an int grew beyond 64 bits")

    def fails(x):
        raise ValueError(x)

    world.compiler.make = lambda _function: compiled
    made = wrap(fails, world.session)
    for _ in range(3):
        with pytest.raises(ValueError, match="7") as caught:
            made(7)
        assert caught.value.__context__ is None
        assert caught.value.__cause__ is None
    assert figures(made).deopts == ("an int grew beyond 64 bits",) * 3


def test_deopt_budget_ends_in_the_interpreter_for_good(world, slow, deopt):
    """After eight deopts a version is never tried again, and the reason is told."""
    tries = []

    def compiled(x):
        tries.append(x)
        raise deopt("too big")

    world.compiler.make = lambda _function: compiled
    made = wrap(slow, world.session)
    assert [made(i) for i in range(200)] == [2 * i for i in range(200)]
    assert len(tries) == 8
    assert figures(made).status == "gave up"
    assert figures(made).reason == "gave up 8 calls, the last because: too big"
    assert figures(made).compiled_calls == 0
    assert len(world.compiler.asked) == 1


def test_version_that_is_not_faster_is_put_back(world, slow):
    """Both versions are timed, and compiled code that gains nothing is dropped, with its cost on the bill."""
    world.compiler.make = lambda _function: lambda x: world.works(20 * MS, 2 * x)
    made = wrap(slow, world.session)
    assert [made(i) for i in range(500)] == [2 * i for i in range(500)]
    assert figures(made).status == "not faster"
    assert figures(made).saved_ms == pytest.approx(-50, abs=1)
    assert site_of(made).run is slow


@pytest.mark.usefixtures("compiled_in_1_ms")
def test_comparing_costs_little_of_what_was_saved(world, slow):
    """The interpreter is asked again now and then, for a small share of the time that compiled code takes."""
    made = wrap(slow, world.session)
    for i in range(20_000):
        made(i)
    (version,) = site_of(made).versions.values()
    assert len(version.trials) >= 3
    assert version.trial_ns < 0.03 * version.calls * MS


def test_rejected_function_is_left_alone_with_the_reason(world, slow):
    """What the compiler does not take runs as before, and is asked about once."""
    world.compiler.make = lambda _function: NotCompiled("`s` is int, then float", 12, "start with 0.0")
    made = wrap(slow, world.session)
    assert [made(i) for i in range(500)] == [2 * i for i in range(500)]
    seen = figures(made)
    assert (seen.status, seen.reason, seen.blocked_line) == ("rejected", "`s` is int, then float", 12)
    assert seen.fix == "start with 0.0"
    assert len(world.compiler.asked) == 1


def test_compiler_that_fails_never_breaks_the_program(world, slow):
    """An error inside numba becomes a reason, not the program's error."""

    def broken(_function):
        raise AssertionError("internals changed")

    world.compiler.make = broken
    made = wrap(slow, world.session)
    assert made(3) == 6
    assert figures(made).reason == "the compiler failed: AssertionError: internals changed"


def test_missing_compiler_is_said_once(world, slow):
    """Without numba there is one clear line, and the functions run."""
    from dataclasses import replace

    world.machine = replace(world.machine, numba=None)
    first, second = wrap(slow, world.session), wrap(slow, world.session)
    assert [first(1), first(2), second(3)] == [2, 4, 6]
    assert len(world.said) == 1
    assert world.said[0].startswith("`numba` is not installed, levels 0 and 1 work; hint: ")


@pytest.mark.usefixtures("compiled_in_1_ms")
def test_debugger_sees_python(world, slow):
    """Where a trace function is set, every call runs in the interpreter."""
    made = wrap(slow, world.session)
    for i in range(100):
        made(i)
    before, seen = figures(made).compiled_calls, []
    old = sys.gettrace()
    sys.settrace(lambda frame, *_rest: seen.append(frame.f_code.co_name))
    try:
        made(1)
    finally:
        sys.settrace(old)
    assert "double" in seen
    assert figures(made).compiled_calls == before
    world.traced = True
    made(1)


@pytest.mark.usefixtures("compiled_in_1_ms")
def test_level_of_a_context_holds_inside_it_only(public, slow):
    """`optimize_context(0)` runs in the interpreter, in this thread, until it ends."""
    made = public.optimize(slow)
    for i in range(100):
        made(i)
    before = figures(made).compiled_calls
    with public.optimize_context(level=0):
        for i in range(100):
            made(i)
        assert figures(made).compiled_calls == before
        other = Thread(target=made, args=(1,))
        other.start()
        other.join()
        assert figures(made).compiled_calls == before + 1
    made(1)
    assert figures(made).compiled_calls == before + 2


@pytest.mark.usefixtures("compiled_in_1_ms")
def test_set_level_moves_functions_down_and_up(public, slow):
    """Settings hold for functions that were decorated before."""
    made = public.optimize(slow)
    for i in range(100):
        made(i)
    public.set_level(0)
    before = figures(made).compiled_calls
    for i in range(100):
        made(i)
    assert figures(made).compiled_calls == before
    public.set_level(2)
    for i in range(100):
        made(i)
    assert figures(made).compiled_calls > before + 90


def test_recursion_is_counted_and_right(world):
    """A function that calls itself through its wrapper returns what it would, and every call is counted."""
    namespace = {}

    def fib(n):
        return n if n < 2 else namespace["fib"](n - 1) + namespace["fib"](n - 2)

    namespace["fib"] = made = wrap(fib, world.session)
    assert made(15) == 610
    assert figures(made).calls == 1973


def test_recursion_by_name_reaches_the_same_depth(world):
    """A function that calls itself by its name is left alone, as a wrapper would halve the depth."""

    def depth(n):
        return n and 1 + depth(n - 1)

    deepest = sys.getrecursionlimit() * 2 // 3
    depth = wrap(depth, world.session)
    assert depth(deepest) == deepest


@pytest.mark.usefixtures("compiled_in_1_ms")
def test_threads_count_every_call(world, slow):
    """Eight threads lose no count and no result."""
    made, results, gate = wrap(slow, world.session), [], Barrier(8)

    def work():
        gate.wait()
        results.append(sum(made(i) for i in range(2000)))

    workers = [Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert results == [2 * sum(range(2000))] * 8
    assert figures(made).calls == 16_000
    assert len(world.compiler.asked) == 1


def test_exceptions_are_the_originals(world):
    """An error of the function comes out as it is, and timed ones are counted."""

    def fails(x):
        raise KeyError(x)

    world.session.config = Config(level=0)
    made = wrap(fails, world.session)
    for i in range(3):
        with pytest.raises(KeyError, match=str(i)):
            made(i)
    assert figures(made).errors == 3


def test_functions_that_died_are_forgotten(world):
    """A function made and dropped leaves nothing behind."""
    import gc

    for _ in range(1000):
        wrap(lambda x: x, world.session)(1)
    gc.collect()
    assert all_stats(world.session) == ()


@pytest.mark.usefixtures("compiled_in_1_ms")
def test_guards_that_refuse_cost_no_budget(world, slow):
    """Calls with other types leave the version for its own types in place, however many they are."""
    made = wrap(slow, world.session)
    for _ in range(30):
        made(1)
    world.compiler.make = lambda _function: NotCompiled("no floats")
    for _ in range(300):
        assert (made(0.5), made(2)) == (1.0, 4)
    seen = figures(made)
    assert seen.status == "compiled"
    assert seen.deopts == ()
    assert seen.compiled_calls > 280
