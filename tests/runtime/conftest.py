"""A session with a clock that tests move, a compiler that tests write, and a list of what was said."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from epochly._compiler import Compiler
from epochly._config import Config
from epochly._machine import Machine
from epochly._session import Outside, Session

MACHINE = Machine(2, (3, 11, 7), "cpython", free_threaded=False, numba="0.68.1", numpy="2.4.6")


class Deopt(Exception):  # noqa: N818 - the name the compiler's contract gives it
    """A call that compiled code gives up."""

    @property
    def reason(self):
        """Why."""
        return self.args[0]


@dataclass
class FakeCompiler:
    """Compiles by calling `make(function)`; counts, and costs `compile_ns` of the fake clock."""

    world: World
    make: object = None
    compile_ns: int = 50_000_000
    asked: list = field(default_factory=list)

    def specialise(self, function, args):
        """A compiled value, or what `make` returned if that is a rejection."""
        self.asked.append(args)
        self.world.now += self.compile_ns
        call = function if self.make is None else self.make(function)
        if hasattr(call, "reason"):
            return call
        kinds = tuple(map(type, args))

        def guarded(*given):
            if tuple(map(type, given)) != kinds:
                raise Deopt("guard: the arguments have other types")
            if sys.gettrace() is not None:
                raise Deopt("guard: a debugger is watching")
            return call(*given)

        return SimpleNamespace(call=guarded, compile_s=0.05, cached=False, guards=("types are exactly int",))


@dataclass
class World:
    """The outside of a session."""

    now: int = 0
    said: list = field(default_factory=list)
    machine: Machine = MACHINE
    traced: bool = False
    compiler: object = None
    session: Session = None

    def works(self, nanoseconds, answer=None):
        """A function body that takes time."""
        self.now += nanoseconds
        return answer


@pytest.fixture
def world():
    """A fresh session and its outside, in mode `aggressive`."""
    world = World()
    world.compiler = FakeCompiler(world)
    world.session = Session(
        Outside(
            clock=lambda: world.now,
            say=world.said.append,
            machine=lambda: world.machine,
            compiler=lambda: Compiler(world.compiler.specialise, Deopt),
            traced=lambda: world.traced,
            monitored=lambda: False,
        ),
        Config(mode="aggressive"),
    )
    return world


@pytest.fixture
def deopt():
    """The exception with which the fake's compiled code gives a call up."""
    return Deopt


@pytest.fixture
def public(world, monkeypatch):
    """The public interface over the fake session."""
    import epochly
    from epochly import _api

    monkeypatch.setattr(_api, "_SESSIONS", [world.session])
    return epochly
