"""Runs programs on hundreds of inputs each, both ways, and counts honestly: *served* is what machine code returned.

A program that is rejected is called once and counted under its reason; one that nearly always gives up is left early, since
its calls say little; an input on which the interpreter takes too long is skipped. Everything is settled by the seed but what
depends on time: which inputs are too slow. A result too large to be held twice counts as slow.
"""

from __future__ import annotations

import contextlib
import random
import re
import resource
import signal
import time
import warnings
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import psutil

from epochly._exact import Deopt, Rejected, specialise
from exact import ambient, called
from exact.comparing import ONLY_NAN, Outcome, difference
from exact.inputs import drawn, odd
from exact.program import THEMES, Program, written

MEMORY_BYTES = 4 * 2**30  # that programs may use beyond what the process has when it starts them
LARGEST_BITS = 2**24  # of an int that is held while the other side makes its own
SLOWEST_S = 0.03  # of processor time, of one call in the interpreter; slower ones are skipped
AGAIN_S = 0.002  # until it is looked at again where the signal came at a bad time
CALLS = 360  # of one program
TRIAL = 30  # calls after which a program is left that machine code hardly serves
LEAST_SHARE = 0.15
STRIPS = (
    2**16,
    3,
    2**16,
    1,
)  # passes of a loop between two looks for signals; no input is long enough for the real one
MOODS = ("mild", "mild", "mild", "wide", "wide", "wide", "wide", "close", "close")
ODD_SHARE, AMBIENT_SHARE = 0.03, 0.04


class Slow(BaseException):
    """The interpreter took too long."""


def _too_slow(_signal, frame):
    """End the program, and nothing else: what was interrupted between its lines may be a destructor."""
    file = "" if frame is None else frame.f_code.co_filename
    if file.startswith("<program") or file == called.__file__:
        raise Slow
    signal.setitimer(signal.ITIMER_VIRTUAL, AGAIN_S)


class Served:
    """A function compiled for the first arguments that its compiler takes; `way` says how the last call went."""

    def __init__(self, function):
        self.function, self.compiled, self.way, self.why = function, None, "", ""

    def prepare(self, args):
        """Compile; false, with the reason, where it is refused."""
        found = specialise(self.function, args)
        if isinstance(found, Rejected):
            self.way, self.why = "rejected", found.reason
            return False
        self.compiled = found.call
        return True

    def __call__(self, *args):
        try:
            result = self.compiled(*args)
        except Deopt as deopt:
            self.why = deopt.reason
            self.way = "guard" if deopt.reason.startswith("guard: ") else "deopt"
            return self.function(*args)
        except BaseException:
            self.way = "raised"
            raise
        self.way = "machine"
        return result


@dataclass
class Tally:
    """What a run came to."""

    programs: int = 0
    rejected: int = 0
    calls: int = 0
    slow: int = 0
    nans: int = 0  # calls whose only difference was which NaN came out
    ways: Counter = field(default_factory=Counter)
    reasons: Counter = field(default_factory=Counter)
    themes: dict = field(default_factory=lambda: {theme: Counter() for theme in THEMES})
    mismatches: list[str] = field(default_factory=list)

    @property
    def share(self):
        """Of all calls, those that machine code returned from."""
        return self.ways["machine"] / max(self.calls, 1)

    def add(self, other):
        """The counts of another run as well."""
        for name in ("programs", "rejected", "calls", "slow", "nans"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.ways += other.ways
        self.reasons += other.reasons
        self.mismatches += other.mismatches
        for theme, counts in other.themes.items():
            self.themes[theme] += counts

    def words(self):
        """The counts, the themes and the reasons as a table."""
        ways = ", ".join(f"{count} {way}" for way, count in self.ways.most_common())
        head = (
            f"{self.programs} programs ({self.rejected} rejected), {self.calls} calls ({ways}), {self.share:.1%} served "
            f"by machine code, {self.slow} left out as slow or large, {self.nans} differ in which NaN came out, "
            f"{len(self.mismatches)} mismatches"
        )
        lines = [
            head,
            *(
                f"  {theme:10} {counts['programs']:6} programs {counts['compiled']:6} compiled {counts['calls']:8} calls {counts['machine']:8} served"
                for theme, counts in self.themes.items()
            ),
            *(f"  {count:7}  {reason}" for reason, count in self.reasons.most_common(40)),
        ]
        return "\n".join(lines)


def same_reason(way, why):
    """A reason without its names and numbers."""
    return f"{way}: " + re.sub(r"Array\([^)]*\)|`[^`]+`|-?\d+", "#", why.splitlines()[0])[:110]


@dataclass
class Run:
    """One program on its way."""

    program: Program
    tally: Tally
    log: list  # of warnings
    chooser: random.Random
    served: Served
    ways: Counter = field(default_factory=Counter)

    def calls(self, most):
        """Compile, and make calls until there are enough, or few are served."""
        first = drawn(self.chooser, self.program.parameters, "mild")
        first.shared = None
        if not self.served.prepare(first.make()[0]):
            self.tally.rejected += 1
            self.tally.reasons[same_reason("rejected", self.served.why)] += 1
            return False
        for number in range(most):
            if number == TRIAL and self.ways["machine"] < LEAST_SHARE * TRIAL:
                break
            call = first
            if number:
                call = drawn(self.chooser, self.program.parameters, self.chooser.choice(MOODS))
            if self.chooser.random() < ODD_SHARE:
                call = odd(self.chooser, call)
            if self.chooser.random() < AMBIENT_SHARE:
                self.one(call, self.chooser.choice(ambient.CHANGES))
            else:
                self.one(call, None)
        return True

    def around(self, change):
        """A changed world, or the usual one."""
        return contextlib.nullcontext() if change is None else change(self.program.function.__globals__)

    def one(self, call, change):
        """One call both ways, compared."""
        signal.setitimer(signal.ITIMER_VIRTUAL, SLOWEST_S)
        try:
            with self.around(change):
                due = Outcome(self.program.function, *call.make(), self.log)
        except Slow:
            self.tally.slow += 1
            return
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        if isinstance(due.error, (MemoryError, RecursionError)):
            return
        if isinstance(due.value, int) and due.value.bit_length() > LARGEST_BITS:
            self.tally.slow += 1
            return
        with self.around(change):
            found = Outcome(self.served, *call.make(), self.log)
        self.ways[self.served.way] += 1
        if self.served.way != "machine":
            self.tally.reasons[same_reason(self.served.way, self.served.why)] += 1
        told = difference(due, found, as_bits=call.shared is not None and call.shared[2] == "bits")
        if told == ONLY_NAN:
            self.tally.nans += 1
        elif told:
            layouts = [each.layout for each in self.program.parameters]
            self.tally.mismatches.append(
                f"seed {self.program.seed}, {self.served.way}: {told}\n{self.program.text}\n"
                f"{layouts}\n{call.make()[0]} sharing {call.shared}"
            )


def one_program(seed, tally, calls=CALLS):
    """Run the program of a seed."""
    from epochly._exact import listed, machine  # they bring numba, and a mutant has to come first

    program = written(seed)
    strip, pay = machine.STRIP, listed.require_pay
    machine.STRIP = STRIPS[seed % len(STRIPS)]
    listed.require_pay = lambda *_: (
        None
    )  # whether it pays to convert lists says nothing of whether it is right
    with warnings.catch_warnings(record=True) as log:
        warnings.simplefilter("always")
        here = Run(program, tally, log, random.Random(seed * 7 + 1), Served(program.function))
        try:
            compiled = here.calls(calls)
        finally:
            machine.STRIP, listed.require_pay = strip, pay
    tally.programs += 1
    tally.ways += here.ways
    tally.calls += here.ways.total()
    for theme in program.themes:
        tally.themes[theme].update(
            programs=1, compiled=int(compiled), calls=here.ways.total(), machine=here.ways["machine"]
        )


def run(seeds, *, seconds=1e9, calls=10**12, per_program=CALLS, most_mismatches=20, tell=None):
    """Run the programs of `seeds` until time, calls, or patience with mismatches is out."""
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (psutil.Process().memory_info().vms + MEMORY_BYTES, limits[1]))
    before = signal.signal(signal.SIGVTALRM, _too_slow)
    tally, end = Tally(), time.monotonic() + seconds
    np.seterr(all="warn", under="ignore")
    try:
        for seed in seeds:
            if time.monotonic() > end or tally.calls >= calls or len(tally.mismatches) >= most_mismatches:
                break
            if tell:
                tell(seed, tally)
            one_program(seed, tally, per_program)
    finally:
        signal.signal(signal.SIGVTALRM, before)
        resource.setrlimit(resource.RLIMIT_AS, limits)
    return tally
