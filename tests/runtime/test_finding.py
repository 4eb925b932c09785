"""Samples find hot code, and only the program's own plain functions get a wrapper."""

from __future__ import annotations

import os
import sys
import time
from threading import Thread
from threading import enumerate as threads_alive
from time import monotonic
from types import FunctionType

import numpy as np
import pytest

import epochly
from epochly._config import Config
from epochly._finder import Finder, arguments_of, functions_of, own_files, why_not_with, why_too_short
from epochly._monitor import INSIDE, SLOWEST, Hot, Sampler

MS = 1_000_000


def spin(seconds):
    """Keep a thread busy."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def spin_until(enough):
    """Keep a thread busy until it is enough, however seldom the sampler gets a turn."""
    end = monotonic() + 20
    while not enough() and monotonic() < end:
        spin(0.05)
    assert enough()


def threads_seen():
    """Of how many threads each look takes a sample, about: tests before may have left some."""
    return len(sys._current_frames())


def plain(x):
    """A function that can be found."""
    return x + 1


def long(n):
    """A function that only the compiler can judge."""
    total = 0
    for i in range(n):
        total += i
    return total


def fresh():
    """A function whose code nobody else has."""
    return FunctionType(plain.__code__.replace(co_name="fresh"), globals())


def feed(finder, world, code, samples=100):
    """Sample one code object as if it ran all the time."""
    for _ in range(samples):
        world.now += 5 * MS
        finder.add(code, code.co_firstlineno)


@pytest.fixture
def finder(world):
    """A finder for which every file is the program's."""
    return Finder(world.session, lambda _file: True)


def test_what_a_decision_needs_is_looked_up_before_the_wrapper_is_in(finder, world):
    """The program's own thread imports nothing for the first call: where its arrays lie in its heap stays as it was."""
    assert world.session._machine is None
    function = fresh()
    feed(finder, world, function.__code__)
    assert finder.sites
    assert world.session._machine is not None


def test_sampler_finds_the_busy_function_and_ends():
    """A loop that never returns to its caller is seen; afterwards no thread is left, and none was listed."""
    with epochly.monitoring_context(interval_s=0.001) as hot:
        before = threads_alive()
        spin_until(lambda: hot.samples > 100)
        assert threads_alive() == before
    samples = hot.samples
    spin(0.05)
    assert hot.samples == samples
    assert hot.by_code[spin.__code__] > hot.samples / threads_seen() / 4
    assert any(name == "spin" and share > 0.1 / threads_seen() for _file, name, _line, share in hot.lines())


def test_sampler_sees_other_threads():
    """Work outside of the main thread is found too."""
    hot = Hot()
    sampler = Sampler(hot.add, interval_s=0.001)
    worker = Thread(target=spin_until, args=(lambda: hot.by_code[spin.__code__] > 10,))
    sampler.start()
    worker.start()
    worker.join()
    sampler.stop()
    assert hot.by_code[spin.__code__] > 10


def test_sampler_may_be_started_and_stopped_twice():
    """Both are no-ops when there is nothing to do."""
    hot = Hot()
    sampler = Sampler(hot.add, interval_s=0.001)
    for _ in range(2):
        sampler.start()
        sampler.start()
        seen = hot.samples
        spin_until(lambda seen=seen: hot.samples > seen)
        sampler.stop()
        sampler.stop()
    assert not sampler.alive


def looks(sink, enough):
    """Sample this thread, at a changing pace, until `enough()`."""
    sampler = Sampler(sink, interval_s=0.001, steady=False)
    sampler.start()
    end = monotonic() + 20
    while not enough() and monotonic() < end:
        spin(0.01)
    sampler.stop()
    assert enough()
    return sampler


def test_sampler_looks_less_often_while_there_is_no_news():
    """Each sample says for how many it stands; news brings the first pace back."""
    weights, news = [], []

    def sink(code, _line, weight):
        if code.co_filename != __file__:  # another thread of the test runner's
            return False
        weights.append(weight)
        news.append(len(weights) == 60)
        return news[-1]

    looks(sink, lambda: len(weights) > 61)
    assert weights[0] == 1
    assert weights[59] == SLOWEST
    assert weights[60] == 1
    assert weights[:60] == sorted(weights[:60])


def test_sampler_survives_a_sink_that_raises():
    """Sampling ends, and says why; stopping is as good as ever."""

    def sink(*_):
        raise KeyError("lost")

    sampler = Sampler(sink, interval_s=0.001)
    sampler.start()
    end = monotonic() + 20
    while sampler.alive and monotonic() < end:
        spin(0.01)
    sampler.stop()
    sampler.stop()
    assert "KeyError" in sampler.trouble


def test_sampler_takes_a_comprehension_for_the_function_around_it():
    """Up to 3.11 it has code of its own, which no wrapper can stand in for; so has a generator expression."""

    def around(seconds):
        end = monotonic() + seconds
        while monotonic() < end:
            sum([x * x for x in range(500)])
            sum(x * x for x in range(500))

    with epochly.monitoring_context(interval_s=0.001) as hot:
        around(0.3)
    assert not any(code.co_name in INSIDE for code in hot.by_code)
    assert hot.by_code[around.__code__] > hot.samples / threads_seen() / 4


def test_finder_looks_over_the_heap_once(world, finder):
    """The search for a code's functions holds the program up, so it is made once, and not for what is only monitored."""
    looked = []
    finder.find = lambda code: looked.append(code) or functions_of(code)
    hot = fresh()
    before = hot.__code__
    feed(finder, world, before)
    assert hot.__code__ is not before
    assert looked == [before]
    world.session.config = Config(mode="monitoring")
    feed(finder, world, FunctionType(plain.__code__.replace(co_name="other"), globals()).__code__)
    assert len(looked) == 1


def test_finder_leaves_what_cannot_be_wrapped(world, finder):
    """A name that no source has, as a comprehension's parameter, is a reason and not the sampler's end."""
    plain = fresh()
    plain.__code__ = plain.__code__.replace(co_varnames=(".0",))
    feed(finder, world, plain.__code__)
    assert ".0" in finder.left[plain.__code__]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_sampler_pauses_around_a_fork():
    """A child is not sampled and can end its context at once; the parent goes on."""
    with epochly.monitoring_context(interval_s=0.001) as hot:
        child = os.fork()
        if child == 0:
            samples = hot.samples
            spin(0.05)
            os._exit(0 if hot.samples == samples else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        samples = hot.samples
        spin_until(lambda: hot.samples > samples)


def test_finder_swaps_a_hot_function_in_place(world, finder):
    """A plain function gets its wrapper without losing its identity, and loses it when the compiler refuses."""
    from epochly._compiler import NotCompiled

    plain = fresh()
    before = plain.__code__
    feed(finder, world, before)
    assert plain.__code__ is not before
    assert plain(1) == 2
    (site,) = world.session.sites()
    assert site.calls == 1
    world.compiler.make = lambda _function: NotCompiled("no")
    assert plain(1.0) == 2.0
    site.on_refusal()
    assert plain.__code__ is before


def running(value, while_it_runs):
    """A function that is hot while a call of it runs."""
    while_it_runs()
    return value


def test_what_is_surely_refused_keeps_its_code_where_that_has_a_price(world, finder, monkeypatch):
    """From 3.13 on a function whose code was swapped once is slower to call for good: its arguments are looked at before."""
    monkeypatch.setattr("epochly._finder.SWAPPED_FOR_GOOD", (3, 11))
    code = running.__code__
    running({}, lambda: feed(finder, world, code))
    assert not finder.sites
    assert running.__code__ is code
    hint = "hint: give numbers, lists of numbers and NumPy arrays"
    assert finder.left[code] == f"`value` is of type `dict`; {hint}"
    assert why_not_with(plain, (np.zeros(3),)).startswith("has no loop of its own")
    assert why_not_with(plain, (3,)) is None


def test_what_is_too_short_to_gain_keeps_its_code_there(world, finder, monkeypatch):
    """An expression that calls nothing and does not loop takes less than entering machine code; `aggressive` tries it all the same."""
    monkeypatch.setattr("epochly._finder.SWAPPED_FOR_GOOD", (3, 11))
    world.session.config = Config(level=2, mode="balanced")
    function = fresh()
    feed(finder, world, function.__code__)
    assert not finder.sites
    assert finder.left[function.__code__].endswith("calls nothing, less than compiled code could save")
    assert why_too_short(long) is None
    assert why_too_short(running) is None  # who knows what it calls
    world.session.config = Config(level=2, mode="aggressive")
    function = FunctionType(plain.__code__.replace(co_name="another"), globals())
    feed(finder, world, function.__code__)
    assert len(finder.sites) == 1


def test_what_may_be_compiled_is_swapped_there_too(world, finder, monkeypatch):
    """A hot function of which only the compiler can tell gets its wrapper, with or without a call of it that runs."""
    monkeypatch.setattr("epochly._finder.SWAPPED_FOR_GOOD", (3, 11))
    function = FunctionType(long.__code__.replace(co_name="fresh"), globals())
    code = function.__code__
    feed(finder, world, code)
    assert list(finder.sites) == [code]
    assert function.__code__ is not code


def test_arguments_are_those_of_the_innermost_call():
    """With keywords; none for a call that has let go of one, and none where nobody calls."""

    def asked(x, *more, y, deeper=0):
        kept = x, *more
        if deeper:
            return asked(-1, y=y, deeper=deeper - 1)
        found = arguments_of(asked.__code__, sys._current_frames())
        del x
        return found, arguments_of(asked.__code__, sys._current_frames()), kept

    assert asked(1, 2, 3, y="y") == ((1, "y", 0), (), (1, 2, 3))
    assert asked(1, y="y", deeper=1) == ((-1, "y", 0), (), (-1,))
    assert arguments_of(fresh().__code__, sys._current_frames()) == ()


def test_finder_is_patient(world, finder, monkeypatch):
    """In mode `balanced` nothing is touched before it has run for 300 ms."""
    monkeypatch.setattr("epochly._finder.SWAPPED_FOR_GOOD", (9, 9))  # it is a short function
    world.session.config = Config(mode="balanced")
    plain = fresh()
    before = plain.__code__
    feed(finder, world, before, samples=59)
    assert plain.__code__ is before
    feed(finder, world, before, samples=2)
    assert plain.__code__ is not before
    next(world.session.sites()).on_refusal()


def test_finder_leaves_out_what_it_cannot_swap(world, finder):
    """Recursion, widely shared code, generators and module code are told with a reason, and stay as they are."""

    def recursive(n):
        return recursive(n - 1) if n else 0

    def generator():
        yield 1

    many = [lambda x: x for _ in range(5)]
    module = compile("x = 1", "script.py", "exec")
    for code in (recursive.__code__, generator.__code__, many[0].__code__, module):
        feed(finder, world, code)
    reasons = list(finder.left.values())
    assert [reason.partition(";")[0] for reason in reasons] == [
        "may call itself, and a wrapper would halve the depth it can reach",
        "a generator is left alone",
        "5 functions share its code",
        "runs once, at module level",
    ]
    assert finder.sites == {}


def test_sample_of_a_wrapper_counts_for_its_function(world, finder):
    """A wrapper is not taken for another function of the program, and gets no wrapper of its own."""
    plain = fresh()
    before = plain.__code__
    feed(finder, world, before)
    wrapper = plain.__code__
    assert wrapper is not before
    seen = finder.hot.by_code[before]
    finder.add(wrapper, 1)
    assert plain.__code__ is wrapper
    assert finder.hot.by_code[before] == seen + 1
    assert wrapper not in finder.hot.by_code


def test_wrapper_of_a_function_that_is_too_short_is_taken_out(world, finder, monkeypatch):
    """Where compiled code could save nothing the wrapper would only cost, and other functions see the plain one."""
    monkeypatch.setattr("epochly._finder.SWAPPED_FOR_GOOD", (9, 9))  # where it is not told before
    world.session.config = Config(mode="balanced")
    plain = fresh()
    before = plain.__code__
    world.now = 10**9
    feed(finder, world, before, samples=100)
    assert plain.__code__ is not before
    (site,) = world.session.sites()
    site._spent_ns, site._weight = 400 * 10**6, 10**6  # 400 ns a call
    assert plain(1) == 2
    assert plain.__code__ is before
    assert "less than compiled code could save" in site.decision.reason
    assert world.said == []


def test_finder_gives_closures_of_one_code_a_wrapper_each(world, finder):
    """Each has cells of its own, so each is compiled by itself."""

    def make(k):
        def times(x):
            return k * x

        return times

    twins = [make(2), make(3)]
    feed(finder, world, twins[0].__code__)
    assert [each(10) for each in twins] == [20, 30]
    assert [site.calls for site in world.session.sites()] == [1, 1]
    assert len(finder.sites) == 1


def test_finder_touches_nothing_at_level_0(world, finder):
    """Monitoring is monitoring."""
    world.session.config = Config(level=0)
    feed(finder, world, plain.__code__)
    assert list(finder.left.values()) == ["only monitored"]


def test_own_files_are_those_of_the_program(tmp_path):
    """Installed packages, the standard library and text that is no file are not the program's."""
    own = own_files(str(tmp_path))
    assert own(str(tmp_path / "a" / "b.py"))
    assert not own_files(os.path.dirname(os.__file__), str(tmp_path / "site-packages"))(os.__file__)
    for other in (str(tmp_path / ".venv" / "site-packages" / "x.py"), os.__file__, "<string>", "<frozen os>"):
        assert not own(other)


def test_functions_of_finds_every_holder():
    """Functions are found however they are held."""
    made = {"deep": [lambda: 1]}
    assert functions_of(made["deep"][0].__code__) == made["deep"]
