"""The wrapper: counts every call of a function, times 1 in 64, and moves it to compiled code and back.

What a call returns or raises is the original's business: compiled code that gives up a call leaves it to the original,
with the same arguments. It refuses to compile twice at once, to compile where a debugger, profiler or coverage looks
on, and to keep what is not faster.
"""

from __future__ import annotations

from _thread import allocate_lock, get_ident
from itertools import count, repeat

from epochly._compiler import Compiler, NotCompiled
from epochly._config import JIT, MONITOR, THREADING
from epochly._decide import CALL_NS, PATIENCE_NS, Decision, History, decide, too_early
from epochly._dispatch import dispatcher
from epochly._facts import facts_of
from epochly._prospects import left_to_numpy, surely_refused
from epochly._trampoline import EVERY
from epochly._versions import DEOPTS, Version, faster, key_of, reading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FunctionType
    from typing import Any

    from epochly._compiler import Compiled, Rejected
    from epochly._config import Config, Mode
    from epochly._session import Session

FIRST = 4  # calls that are timed before 1 in 64 is: enough to see a slow function at once
SLOW_NS = 2_000_000  # a call that takes longer is timed each time while another process compiles: a timed one costs some 10 us
LOOK_NS = 20_000_000  # between two looks for what another process compiles; a look takes some 50 us
MOST_FRESH = 32  # calls that are all timed because of a new version beside others
MOST_BATCHES = 16  # of iterators that untimed calls took from; several only if threads were due at once
MOST_VERSIONS = 8  # sets of argument types per function; each costs a compile and some memory
WATCHED = Decision(0, "not called yet")


class Site:
    """One function that is watched. `run` and `due` are where its trampoline sends calls."""

    __slots__ = (
        "__weakref__",
        "_base",
        "_batches",
        "_config",
        "_dues",
        "_folded",
        "_folding", "_fresh",
        "_inside",
        "_lock",
        "_seen_ns",
        "_spent_ns",
        "_steady",
        "_weight",
        "decision",
        "errors",
        "facts",
        "interpreted",
        "left",
        "level",
        "mode",
        "on_refusal",
        "original",
        "run",
        "session",
        "versions",
    )  # fmt: skip

    def __init__(
        self,
        original: FunctionType,
        session: Session,
        *,
        level: int | None = None,
        mode: Mode | None = None,
        spent_ns: int = 0,
        on_refusal: Callable[[], None] | None = None,
    ) -> None:
        self.original, self.session, self.level, self.mode = original, session, level, mode
        self.facts = facts_of(original)
        self.interpreted: Callable[..., Any] = original
        self.left = repeat(None, 0)  # one for each call until the next that is due
        self._batches, self._folded, self._dues = [self.left], 0, count()
        self.versions: dict[Any, Version] = {}
        self.decision = WATCHED
        self.errors, self._fresh = 0, 0
        self.on_refusal = on_refusal
        self._lock, self._folding = allocate_lock(), allocate_lock()
        self._inside: set[int] = set()
        self._spent_ns, self._weight = 0, 0  # of the calls seen, each timed one standing for those around it
        self._seen_ns = spent_ns
        self._base, self._config = session.config, session.effective(level, mode)
        self._steady: Callable[..., Any] | None = None
        self.run: Callable[..., Any] = self.timed
        session.add(self)

    @property
    def calls(self) -> int:
        """How often the function was called through its wrapper."""
        left = sum([batch.__length_hint__() for batch in self._batches])
        return reading(self._dues) + (EVERY - 1) * (len(self._batches) + self._folded - 1) - left

    @property
    def history(self) -> History:
        """What was measured in the interpreter, scaled from timed calls to all."""
        mean = self._spent_ns / self._weight if self._weight else 0.0
        return History(self.calls, self._seen_ns + self._spent_ns, mean)

    def settings(self) -> Config:
        """The settings that hold for this function here and now."""
        session = self.session
        if session.overrides:
            return session.effective(self.level, self.mode)
        if self._base is not session.config:
            self._base, self._config = session.config, session.effective(self.level, self.mode)
        return self._config

    def compiles(self) -> bool:
        """Whether the settings that hold here and now let this function run compiled."""
        return self.settings().compiles

    def due(self, /, *args: Any, **kwargs: Any) -> Any:
        """A call that finds nothing left: there are as many again before the next."""
        batches, self.left = self._batches, repeat(None, EVERY - 1)
        batches.append(self.left)
        next(self._dues)
        if len(batches) > MOST_BATCHES and self._folding.acquire(blocking=False):
            spent = 0
            while spent < len(batches) - 1 and not batches[spent].__length_hint__():
                spent += 1
            self._folded += spent
            del batches[:spent]
            self._folding.release()
        return self.timed(*args, **kwargs)

    def timed(self, /, *args: Any, **kwargs: Any) -> Any:
        """One of the calls that are looked at; a recursive one inside it is not."""
        thread = get_ident()
        if thread in self._inside or self.session.outside.traced():
            return self.original(*args, **kwargs)
        self._inside.add(thread)
        try:
            version = None if kwargs else self._version(args)
            if version is None or version.call is None:
                return self._interpret(args, kwargs, version)
            return self._served(version, version.call, args)
        finally:
            self._inside.discard(thread)
            if self.run is not self._steady:
                self.rearm()

    def rearm(self) -> None:
        """Choose where untimed calls go: timed while something has to be learnt, else as direct as can be."""
        live = [version for version in self.versions.values() if version.call is not None]
        asked = self.session.overrides or self.compiles()
        compiler = self.session.compiler() if live and asked else None
        self._steady = None
        early = (not self.versions or not live) and self._weight < FIRST and not self.decision.final
        awaited = not self.versions or any(version.awaited for version in self.versions.values())
        if early or (awaited and self._slow()):
            self.run = self.timed
        elif not isinstance(compiler, Compiler):
            self.run = self._steady = self.interpreted
        elif self.session.verify_every or self._learns(live):
            self.run = self.timed
        else:
            self.run = self._steady = dispatcher(self, live, compiler.deopt)

    def _learns(self, live: list[Version]) -> bool:
        """Whether every call is to be timed; of several versions, one that is seldom called holds up the others for a while only."""
        self._fresh -= 1
        return any(version.learning for version in live) and (len(live) == 1 or self._fresh > 0)

    def gave_up(self, version: Version, reason: str) -> None:
        """Count a call that compiled code left to the interpreter."""
        version.deopts.append(reason)
        if len(version.deopts) >= DEOPTS and version.call is not None:
            version.end("gave up", f"gave up {DEOPTS} calls, the last because: {reason}")
            self._back()

    def _version(self, args: tuple[Any, ...]) -> Version | None:
        """The version for these arguments, compiled if it is time to; None where there is to be none."""
        if self.decision.final or not self.compiles() or (not self.versions and self._cold()):
            return None
        if not self.facts.simple_parameters:
            self._ready()
            return None
        key = key_of(args)
        if key is None:
            return None
        version = self.versions.get(key)
        if version is None:
            if len(self.versions) >= MOST_VERSIONS:
                return None
            version = self.versions.setdefault(key, Version(key))
        if version.status == "watched" and self._may_look(version) and self._ready():
            self._make(version, args)
        return version

    def _may_look(self, version: Version) -> bool:
        """Whether it is time to ask for compiled code, which costs as much as a short call."""
        if version.errand is None:
            return True
        now = self.session.outside.clock()
        if now < version.next_look_ns:
            return False
        version.next_look_ns = now + LOOK_NS
        return True

    def _slow(self) -> bool:
        """Whether calls take so long that to time each one costs nothing, and something may come of it."""
        return self.history.mean_ns > SLOW_NS and not self.decision.final and self.compiles()

    def _cold(self) -> bool:
        """Whether it is plain without further thought that it is too early; almost every timed call ends here."""
        mode, spent = self.settings().mode, self._spent_ns
        brief = 0 < spent < CALL_NS * self._weight and mode != "aggressive" and self.on_refusal is None
        return brief or self._seen_ns + spent < PATIENCE_NS.get(mode, 0)

    def _ready(self) -> bool:
        config, history = self.settings(), self.history
        early = too_early(config, history)
        self.decision = early or decide(self.facts, self.session.machine(), config, history)
        if early is not None and self.on_refusal is not None and 0 < history.mean_ns < CALL_NS:
            # the wrapper would only cost
            self.decision = Decision(MONITOR, early.reason, final=True, code=early.code)
        if self.decision.final:
            self._back(say=self.decision.level >= THREADING and self.facts.simple_parameters)
        return self.decision.level >= JIT and not self.session.outside.monitored()

    def _make(self, version: Version, args: tuple[Any, ...]) -> None:
        refused = self._refused(args) if version.errand is None else None  # asked once, not while waiting
        if refused is not None:
            self._take(version, refused, 0)
            return
        if not self._lock.acquire(blocking=False):
            return  # another thread is compiling, and this call does not wait for it
        try:
            compiler, clock = self.session.compiler(), self.session.outside.clock
            if not isinstance(compiler, Compiler):
                self.decision = Decision(THREADING, compiler, final=True, code="no_compiler")
                self._back(say=True)
                return
            start = clock()
            self.session.compiling += 1
            try:
                made = self._made(compiler, version, args)
            finally:
                self.session.compiling -= 1
            if made is not None:
                if self._weight:
                    version.before.append(self._spent_ns // self._weight)
                self._take(version, made, clock() - start)
        finally:
            self._lock.release()

    def _refused(self, args: tuple[Any, ...]) -> NotCompiled | None:
        """What can be told without types and without numba, in well under a millisecond."""
        told = surely_refused(self.original.__code__, args) or left_to_numpy(self.original, args)
        if told is not None:
            return NotCompiled(told[0], fix=told[1])
        from epochly._exact.refusals import refused as without_types  # noqa: PLC0415 - only a hot function pays for it

        refusal = without_types(self.original)
        return None if refusal is None else NotCompiled(*refusal)

    def _made(
        self, compiler: Compiler, version: Version, args: tuple[Any, ...]
    ) -> Compiled | Rejected | None:
        """What came of compiling, here or in another process; None while that one is at it."""
        errands = self.session.errands()
        if errands is None:
            return compiler.attempt(self.original, args)
        from epochly._builder.errands import Wait  # noqa: PLC0415 - the session has loaded it by now

        eager = self.settings().mode == "aggressive"
        patient = self._seen_ns + self._spent_ns >= PATIENCE_NS["conservative"]
        version.errand, found = errands.look(
            version.errand, self.original, args, eager=eager, patient=patient
        )
        if isinstance(found, Wait):
            self.decision = Decision(MONITOR, "is being compiled in another process", code="compiling")
            return None
        if found is None:
            found = compiler.attempt(self.original, args)
            errands.remember(version.errand, found, self.original)
        return found

    def _take(self, version: Version, made: Compiled | Rejected, spent_ns: int) -> None:
        version.take(made, spent_ns)
        self._steady, self._fresh = None, MOST_FRESH  # where calls go was chosen without it
        if version.call is None:
            self.decision = Decision(MONITOR, version.reason, code="refused")
            self._back()

    def _back(self, *, say: bool = False) -> None:
        """Something ended; where nothing compiled is left, whoever put the wrapper in may take it out again."""
        self._steady = None
        if say:
            self.session.say_once(self.decision.reason)
        if self.on_refusal is not None and not any(each.call for each in self.versions.values()):
            self.on_refusal()
        self.rearm()

    def _interpret(self, args: tuple[Any, ...], kwargs: dict[str, Any], version: Version | None) -> Any:
        clock = self.session.outside.clock
        start = clock()
        try:
            return self.interpreted(*args, **kwargs)
        except BaseException:
            self.errors += 1
            raise
        finally:
            took = clock() - start
            if version is not None and version.call is not None:
                version.trials.append(took)
                version.trial_ns += took
                self._judge(version)
            else:
                weight = 1 if self._steady is None else EVERY
                self._weight += weight
                self._spent_ns += weight * took

    def _served(self, version: Version, call: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        """A timed call of a compiled version: by the interpreter for comparison, or by compiled code."""
        session, compiler, every = self.session, self.session.compiler(), self.session.verify_every
        assert isinstance(compiler, Compiler)
        if every and next(version.shadows) % every == 0:
            from epochly._shadow import shadow  # noqa: PLC0415 - only verify mode pays for it

            return shadow(self.original, version, args, compiler.deopt, session.outside.say)
        due = version.due
        if due and version.wants_trial:
            return self._interpret(args, {}, version)
        clock = session.outside.clock
        next(version.served)
        start = clock()
        try:
            result = call(*args)
        except compiler.deopt as error:
            reason = str(getattr(error, "reason", error))
        else:
            version.samples.append(clock() - start)
            if due:
                self._judge(version)
            return result
        self.gave_up(version, reason)
        return self.original(*args)

    def _judge(self, version: Version) -> None:
        if version.call is not None and faster(version.samples, version.trials) is False:
            version.end("not faster", "compiled code was not faster than the interpreter")
            self._back()
