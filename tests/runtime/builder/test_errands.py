"""Errands: the program goes on while another process compiles, and whatever becomes of that one is a reason, not an error.

It is long because each way an errand can end is played through with the same stand-ins.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from epochly._builder import errands as module
from epochly._builder.description import Untold, described
from epochly._builder.errands import LIMIT_NS, MOST_DEATHS, Errands, Wait
from epochly._call import LOOK_NS
from epochly._compiler import Compiler, NotCompiled
from epochly._config import Config
from epochly._records import replace
from epochly._stats import function_stats
from epochly._wrap import site_of, wrap

MS = 1_000_000


def double(x):
    """What the functions of these tests do, told without the clock that they move."""
    return 2 * x


def told_without_clock(function, args):
    """A description of `double` in the place of the function; of one with that name, none."""
    if function.__name__ == "untold":
        raise Untold("a value of type `object`")
    told = described(double, args)
    told["functions"][0]["code"]["place"][1] = function.__code__.co_firstlineno
    return told


class MemoryStore:
    """A store without a disk."""

    def __init__(self):
        self.kept = {}

    def get(self, digest):
        return self.kept.get(digest)

    def put(self, digest, payload):
        self.kept[digest] = payload
        return True


@dataclass
class FakeBuilder:
    """A process that answers when the test says so."""

    gone: bool = False
    starting: bool = False
    ran: bool = True
    jobs: list = field(default_factory=list)
    said: list = field(default_factory=list)

    def send(self, message):
        self.jobs.append(message)

    def answers(self):
        said, self.said = self.said, []
        return said

    def answer(self, **what):
        self.said.append({"id": self.jobs[-1]["id"], **what})

    def settled(self, timeout_s):
        return timeout_s > 0

    def close(self):
        self.gone = True


@pytest.fixture
def builders():
    """Every process that was started."""
    return []


@pytest.fixture
def errands(world, builders, monkeypatch):
    """The session's errands, to processes of the test's, with a store in memory."""
    monkeypatch.setattr(module, "described", told_without_clock)
    made = FakeStoreCompiler(world)

    def start():
        builders.append(FakeBuilder())
        return builders[-1]

    errands = Errands(made.compiler, "this machine", start, lambda: world.now, lambda: False)
    world.session._errands.append(errands)
    world.session._compiler = made.compiler
    world.session.config = Config(mode="balanced")
    return SimpleNamespace(it=errands, made=made)


class FakeStoreCompiler:
    """The compiler of the fixture `world`, beside a store that `ready` functions are in."""

    def __init__(self, world):
        self.world, self.store, self.ready, self.loads = world, MemoryStore(), False, 0
        inner = world.compiler
        self.compiler = Compiler(
            inner.specialise, world.session.outside.compiler().deopt, self.store, self.load
        )

    def load(self, function, args):
        self.loads += 1
        if not self.ready:
            return None
        before, self.world.compiler.compile_ns = self.world.compiler.compile_ns, MS
        made = self.world.compiler.specialise(function, args)
        self.world.compiler.compile_ns = before
        self.world.compiler.asked.pop()
        made.cached = True
        return made


@pytest.fixture
def slow(world):
    """A watched function that takes 200 ms in the interpreter."""

    def double(x):
        return world.works(200 * MS, 2 * x)

    return lambda: wrap(double, world.session)


def called(function, times):
    """Call, and hold the results to what they have to be."""
    assert [function(i) for i in range(times)] == [2 * i for i in range(times)]


def figures(function):
    """What was measured of a wrapped function."""
    return function_stats(site_of(function))


def test_slow_call_runs_in_the_interpreter_while_another_process_compiles(world, errands, builders, slow):
    """No call waits: it is told, asked for, and interpreted until the answer is there; then loaded, not compiled."""
    function = slow()
    called(function, 2)
    assert builders == []
    called(function, 5)
    (builder,) = builders
    assert len(builder.jobs) == 1
    assert figures(function).status == "interpreted"
    assert figures(function).reason == "is being compiled in another process"
    assert world.compiler.asked == []
    world.compiler.make = lambda _function: lambda x: world.works(MS, 2 * x)
    errands.made.ready = True
    builder.answer(kept=0.7, found=False)
    before = world.now
    called(function, 10)
    assert world.now - before < 2 * 200 * MS  # one to compare with
    seen = figures(function)
    assert (seen.status, seen.compiled_calls, seen.cache_hits) == ("compiled", 9, 0)
    assert seen.built_ms == 700
    assert seen.compile_ms == 1
    assert world.compiler.asked == []


@pytest.mark.usefixtures("errands")
def test_wait_for_another_process_does_not_look_at_every_call(world, builders):
    """Slow calls are all timed, and let through between two looks; of short ones some are."""
    function = wrap(lambda x: world.works(5 * MS, 2 * x), world.session)
    called(function, 400)  # past the patience of the mode: it was sent
    (builder,) = builders
    looks = []
    builder.answers = lambda: looks.append(world.now) or []
    before = world.now
    called(function, 1_000)
    assert (world.now - before) // LOOK_NS - 2 <= len(looks) <= (world.now - before) // LOOK_NS + 1


@pytest.mark.usefixtures("errands")
def test_wait_for_another_process_times_one_short_call_in_many(world, builders):
    """To time a call costs some per cent of 0.2 ms."""
    function = wrap(lambda x: world.works(MS // 5, 2 * x), world.session)
    called(function, 10_000)
    (builder,) = builders
    clock, asked = world.session.outside.clock, []
    world.session.outside = replace(world.session.outside, clock=lambda: asked.append(function) or clock())
    called(function, 64 * 10)
    assert figures(function).reason == "is being compiled in another process"
    assert 10 <= len(asked) <= 4 * 10
    world.compiler.make = lambda _function: lambda x: world.works(MS // 50, 2 * x)
    builder.answer(kept=0.7, found=False)
    called(function, 64 * 4)
    assert figures(function).status == "compiled"


def test_refusal_of_the_other_process_is_the_reason_here_and_next_time(world, errands, builders, slow):
    """It comes with its line and fix, and the next process asks nobody."""
    function = slow()
    called(function, 4)
    line = function.__wrapped__.__code__.co_firstlineno
    builders[0].answer(rejected=["makes a cake", line + 1, "eat it"])
    called(function, 4)
    seen = figures(function)
    assert (seen.status, seen.reason, seen.blocked_line, seen.fix) == (
        "rejected",
        "makes a cake",
        line + 1,
        "eat it",
    )
    again = Errands(errands.made.compiler, "this machine", pytest.fail, lambda: world.now, lambda: False)
    world.session._errands[:] = [again]
    other = slow()
    called(other, 4)
    assert (figures(other).reason, figures(other).blocked_line) == ("makes a cake", line + 1)
    elsewhere = Errands(
        errands.made.compiler, "another", lambda: builders[0], lambda: world.now, lambda: False
    )
    world.session._errands[:] = [elsewhere]
    third = slow()
    called(third, 4)
    assert figures(third).status == "interpreted"
    assert len(builders[0].jobs) == 2


@pytest.mark.usefixtures("errands")
def test_aggressive_compiles_at_once_and_here(world, builders, slow):
    """And remembers refusals, so that the next process does not analyse the function again."""
    world.session.config = Config(mode="aggressive")
    world.compiler.make = lambda _function: SimpleNamespace(reason="no", line=None, fix="")
    called(slow(), 2)
    assert builders == []
    assert len(world.compiler.asked) == 1
    other = slow()
    called(other, 2)
    assert len(world.compiler.asked) == 1
    assert figures(other).reason == "no"


@pytest.mark.parametrize(("mode", "calls"), [("conservative", 10), ("balanced", 2)])
@pytest.mark.usefixtures("errands")
def test_conservative_asks_after_more_evidence(world, builders, slow, mode, calls):
    """2 s against 0.3 s."""
    world.session.config, function = Config(mode=mode), slow()
    called(function, calls)
    assert builders == []
    called(function, 2)
    assert len(builders) == 1


def test_process_that_ends_while_compiling_is_one_reason(world, errands, builders, slow):
    """The interpreter goes on, that function is asked for no more, and the next one gets another process."""
    function, other = slow(), slow()
    called(function, 4)
    builders[0].gone = True
    called(function, 200)
    seen = figures(function)
    assert (seen.status, seen.reason) == ("rejected", "the process that was compiling it ended")
    assert world.compiler.asked == []
    assert errands.made.store.kept == {}
    called(other, 4)
    assert len(builders) == 2
    assert len(builders[1].jobs) == 1


@pytest.mark.usefixtures("errands")
def test_processes_that_keep_ending_are_given_up(world, builders, slow):
    """Three are enough to tell that it is not the functions."""
    for _ in range(MOST_DEATHS):
        function = slow()
        called(function, 4)
        builders[-1].gone = True
        called(function, 2)
    function = slow()
    called(function, 10)
    assert len(builders) == MOST_DEATHS
    assert figures(function).reason == "the process that compiles ended three times"
    assert world.compiler.asked == []


@pytest.mark.usefixtures("errands")
def test_function_behind_the_one_that_ended_a_process_is_asked_for_again(builders, slow):
    """Only the one that was being compiled is blamed."""
    first, second = slow(), slow()
    called(first, 4)
    called(second, 4)
    assert len(builders[0].jobs) == 2
    builders[0].gone = True
    called(first, 1)
    called(second, 1)
    assert figures(first).status == "rejected"
    assert len(builders[1].jobs) == 1


@pytest.mark.usefixtures("errands")
def test_process_that_takes_for_ever_is_closed(world, builders, slow):
    """Two minutes are more than anything took that was ever compiled."""
    function = slow()
    called(function, 4)
    world.now += LIMIT_NS + 1
    called(function, 2)
    assert builders[0].gone
    assert figures(function).status == "rejected"


@pytest.mark.parametrize("why", ["no process", "never ran", "child"])
def test_without_another_process_the_caller_compiles(world, errands, builders, slow, why):
    """As it would without all this: in place, once it is hot."""
    if why == "no process":
        errands.it.start = lambda: None
    elif why == "child":
        errands.it.is_child = lambda: True
    function = slow()
    called(function, 4)
    if why == "never ran":
        builders[0].gone, builders[0].ran = True, False
        called(function, 1)
    called(function, 4)
    assert figures(function).status == "compiled"
    assert len(world.compiler.asked) == 1


@pytest.mark.usefixtures("world")
def test_forked_child_lets_the_process_go_and_compiles_itself(errands, builders, slow):
    """The answer is its parent's to wait for."""
    function = slow()
    called(function, 4)
    errands.it.be_a_child()
    assert builders[0].gone
    called(function, 4)
    assert figures(function).status == "compiled"
    assert len(builders) == 1


@pytest.mark.usefixtures("world")
def test_forked_child_of_an_unfinished_import_compiles_nothing(errands, slow):
    """A module whose import the parent's thread had begun can never be imported in the child: it would wait for ever."""
    function = slow()
    called(function, 4)
    errands.it._importing.acquire()
    errands.it.settle(0.01)
    errands.it.be_a_child()
    called(function, 4)
    assert figures(function).status == "rejected"
    assert "forked while" in figures(function).reason


def test_what_cannot_be_kept_is_compiled_here_after_two_seconds(world, errands, builders, slow):
    """The other process found that it compiles, and could not put it into the cache."""
    assert errands
    function = slow()
    called(function, 5)
    builders[0].answer(unkept="the code holds an address of this process")
    called(function, 4)
    assert world.compiler.asked == []
    called(function, 3)
    assert len(world.compiler.asked) == 1
    assert figures(function).status == "compiled"


def test_what_cannot_be_told_stays_in_the_interpreter(world, errands, builders):
    """To find out in place would hold a call up, and hardly ever come to anything; mode `aggressive` does."""
    assert errands

    def untold(x):
        return world.works(200 * MS, 2 * x)

    function = wrap(untold, world.session)
    called(function, 20)
    assert (world.compiler.asked, builders) == ([], [])
    assert figures(function).status == "rejected"
    assert figures(function).reason == "a value of type `object`"
    eager = wrap(untold, world.session, mode="aggressive")
    called(eager, 2)
    assert figures(eager).status == "compiled"


def test_kept_code_of_an_earlier_process_asks_nobody(errands, builders, slow):
    """A note says that it is there; where it is gone meanwhile, the process is asked after all."""
    function = slow()
    called(function, 4)
    errands.made.ready = True
    builders[0].answer(kept=0.7, found=False)
    called(function, 2)
    assert len(errands.made.store.kept) == 1
    other = slow()
    called(other, 3)
    assert figures(other).status == "compiled"
    assert figures(other).cache_hits == 1
    errands.made.ready = False
    third = slow()
    called(third, 5)
    assert figures(third).reason == "is being compiled in another process"
    assert len(builders[0].jobs) == 2


@pytest.mark.usefixtures("world", "errands", "builders")
def test_fault_of_ours_is_not_the_programs(slow, monkeypatch):
    """Whatever breaks in here, the function is compiled as it would be without."""
    monkeypatch.setattr(FakeBuilder, "send", lambda *_: 1 / 0)
    function = slow()
    called(function, 4)
    assert figures(function).status == "compiled"


@pytest.mark.usefixtures("errands", "builders")
def test_waiting_keeps_no_argument(slow):
    """A program's objects are not kept alive by what is compiled for them."""
    function = slow()
    called(function, 4)
    (version,) = site_of(function).versions.values()
    assert version.errand.told["arguments"] == [["int"]]
    assert not isinstance(version.errand.refused, NotCompiled | Wait)
