"""What becomes of a function that is to be compiled: asked of the other process, waited for while it runs, then loaded.

Nothing here waits, and nothing here is a thread for longer than an import: each timed call of the function looks where its
errand is, and runs in the interpreter until the answer is there. Where there is no other process to ask (no cache folder,
a forked or spawned child of the program), the caller compiles as it would have before. A function that values cannot tell
stays in the interpreter: what it names is hardly ever what compiled code can use, and to find out would hold the call up. A
process that ended while it compiled is not asked again for the same function, and nor is this one: whatever ended it would
end us. It refuses to keep a call's arguments.
"""

from __future__ import annotations

import atexit
import os
import sys
from _thread import allocate_lock, start_new_thread
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol
from weakref import ref

from epochly._builder import notes
from epochly._builder.description import Untold, described, digest
from epochly._compiler import NotCompiled

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FunctionType

    from epochly._compiler import Compiled, Compiler, Rejected

MOST_DEATHS = 3  # of processes that compile; then it is not the functions
LIMIT_NS = 120_000_000_000  # for one function; the longest of 54 known kernels took 15 s
SETTLE_S = 2.0  # seconds the end of the program waits for an import of ours to finish
# Seconds a fork waits for it: a child whose parent's thread was importing waits for ever at its own first import of the same.
FORK_S = 60.0
# Each of the thousands of files an import looks for gives the interpreter lock away; a loop elsewhere gives it back after
# this many seconds, so an import beside a loop took 7 s with Python's own 0.005.
SWITCH_S = 0.0002
LOST = NotCompiled("the process was forked while numba was being imported", fix="fork a little later")
UNTOLD_FIX = "give its numbers as arguments; mode `aggressive` tries it in place"
State = Literal["new", "sent", "kept", "refused", "untold", "here"]
_WATCHED: list[ref[Errands]] = []


class Wait:
    """The answer that there is none yet."""


WAIT: Final = Wait()


class Builder(Protocol):
    """A process that compiles; see `process.Process`."""

    @property
    def gone(self) -> bool: ...
    @property
    def starting(self) -> bool: ...
    @property
    def ran(self) -> bool: ...
    def send(self, message: dict[str, Any]) -> None: ...
    def answers(self) -> list[dict[str, Any]]: ...
    def settled(self, timeout_s: float) -> bool: ...
    def close(self) -> None: ...


@dataclass(slots=True, eq=False)
class Errand:
    """One function for some types of arguments. `built_s` is what compiling it took elsewhere."""

    state: State
    told: dict[str, Any] | None = None
    digest: str = ""
    refused: NotCompiled | None = None
    asked_ns: int = 0
    built_s: float = 0.0
    patient: bool = False  # compiled here only after the patience of mode `conservative`

    @property
    def first_line(self) -> int:
        """Where the function begins, as it was told."""
        return 0 if self.told is None else int(self.told["functions"][0]["code"]["place"][1])

    @property
    def waiting(self) -> bool:
        """Whether a later look may find something."""
        return self.state in {"new", "sent", "kept"} or self.patient


@dataclass(slots=True, eq=False, weakref_slot=True)
class Errands:
    """Of one process. `start` starts a builder, or gives None where there can be none."""

    compiler: Compiler
    fingerprint: str
    start: Callable[[], Builder | None]
    clock: Callable[[], int]
    is_child: Callable[[], bool]
    _builder: Builder | None = None
    _sent: dict[int, Errand] = field(default_factory=dict)
    _count: int = 0
    _deaths: int = 0
    _unable: bool = False  # no process came to life
    _failed: bool = False  # nor will this be tried again
    _lost: bool = (
        False  # the thread that imported is our parent's: whoever imports the same here waits for ever
    )
    _lock: Any = field(default_factory=allocate_lock)
    _importing: Any = field(default_factory=allocate_lock)
    _prepared: bool | None = None  # None: not begun

    @property
    def troubled(self) -> bool:
        """Whether a process that compiles ended by itself, or could not be had."""
        return self._deaths > 0 or self._unable or self._failed

    def look(
        self,
        errand: Errand | None,
        function: FunctionType,
        args: tuple[Any, ...],
        *,
        eager: bool,
        patient: bool,
    ) -> tuple[Errand, Compiled | Rejected | Wait | None]:
        """Where an errand is, begun if it is None: compiled, refused, to be waited for, or (None) to be compiled here.

        `eager` asks for compiling here at once; `patient` says that the function ran long enough for it in any case.
        """
        if self._lost:
            return Errand("refused", refused=LOST), LOST
        if errand is None:
            errand = self._begun(function, args)
        if self._failed:
            return errand, None
        if errand.refused is not None and not (eager and errand.state == "untold"):
            return errand, errand.refused
        if eager or (errand.state == "here" and (patient or not errand.patient)):
            return errand, None
        if not self._lock.acquire(blocking=False):
            return errand, WAIT
        try:
            return errand, self._step(errand, function, args)
        except Exception:  # noqa: BLE001 - a fault of ours is never the program's error
            self._failed = True
            return errand, None
        finally:
            self._lock.release()

    def remember(self, errand: Errand, made: Compiled | Rejected, function: FunctionType) -> None:
        """Note a refusal that was found here."""
        if errand.digest and getattr(made, "call", None) is None and not isinstance(made, NotCompiled):
            line = function.__code__.co_firstlineno
            notes.write_refused(self.compiler.store, errand.digest, made, line)  # type: ignore[arg-type]

    def _begun(self, function: FunctionType, args: tuple[Any, ...]) -> Errand:
        try:
            told = described(function, args)
        except (Untold, RecursionError, ValueError) as error:
            return Errand(
                "untold",
                refused=NotCompiled(str(error), fix=UNTOLD_FIX),
            )
        key = digest(told, self.fingerprint)
        note = notes.read(self.compiler.store, key, function.__code__.co_firstlineno)
        if note is None:
            return Errand("new", told, key)
        return Errand("kept" if note.refused is None else "refused", told, key, note.refused)

    def _step(
        self, errand: Errand, function: FunctionType, args: tuple[Any, ...]
    ) -> Compiled | Rejected | Wait | None:
        if errand.state == "sent":
            self._hear()
            if self._builder is None and errand.state == "sent":  # a fork ago
                errand.state = "new"
        if errand.state == "new":
            self._ask(errand)
        if errand.state == "kept":
            return self._loaded(errand, function, args)
        if errand.refused is not None:
            return errand.refused
        return None if errand.state == "here" and not errand.patient else WAIT

    def _ask(self, errand: Errand) -> None:
        if self._deaths >= MOST_DEATHS:
            errand.state = "refused"
            errand.refused = NotCompiled(
                "the process that compiles ended three times", fix="see `epochly doctor`"
            )
            return
        if self.is_child():
            errand.state = "here"
            return
        if self._builder is None:
            self._builder = self.start()
            _watch(self)
        builder = self._builder
        if builder is None or self._unable:
            errand.state = "here"
            return
        if builder.gone:
            self._bury()
            self._ask(errand)
            return
        assert errand.told is not None
        self._count += 1
        self._sent[self._count] = errand
        errand.state, errand.asked_ns = "sent", self.clock()
        builder.send({"id": self._count, **errand.told})

    def _hear(self) -> None:
        builder = self._builder
        if builder is None or builder.starting:
            return
        for answer in builder.answers():
            errand = self._sent.pop(answer.get("id", 0), None)
            if errand is not None:
                self._take(errand, answer)
        first = next(iter(self._sent.values()), None)
        if first is not None and self.clock() - first.asked_ns > LIMIT_NS:
            builder.close()
        if builder.gone:
            self._bury()

    def _take(self, errand: Errand, answer: dict[str, Any]) -> None:
        errand.state, errand.patient = "here", True
        match answer:
            case {"kept": float(seconds)}:
                errand.state, errand.patient = "kept", False
                errand.built_s = 0.0 if answer.get("found") else seconds
                notes.write_kept(self.compiler.store, errand.digest)
            case {"rejected": [str(reason), int() | None as line, str(fix)]}:
                errand.state, errand.patient = "refused", False
                errand.refused = NotCompiled(reason, line, fix)
                notes.write_refused(self.compiler.store, errand.digest, errand.refused, errand.first_line)
            case _:  # it could not be kept, or not be told: `patient`, as it takes its time here too
                pass
        errand.told = None

    def _bury(self) -> None:
        """The process ended: who was being compiled is refused, those behind it are asked again."""
        left, self._sent = list(self._sent.values()), {}
        builder, self._builder = self._builder, None
        if builder is not None and not builder.ran:
            self._unable = True
            for errand in left:
                errand.state = "here"
            return
        if not left:
            return
        self._deaths += 1
        left[0].state = "refused"
        left[0].refused = NotCompiled("the process that was compiling it ended", fix="see `epochly doctor`")
        for errand in left[1:]:
            errand.state = "new"

    def _loaded(
        self, errand: Errand, function: FunctionType, args: tuple[Any, ...]
    ) -> Compiled | Rejected | Wait | None:
        if self._prepared is None:
            self._prepare()
        if self._importing.locked():
            return WAIT
        made = None if self.compiler.load is None else self.compiler.load(function, args)
        if made is not None:
            return made
        if errand.told is not None:  # a note of an earlier process, and the entry is gone
            errand.state = "new"
            return WAIT
        errand.state, errand.patient = "here", True
        return WAIT

    def _prepare(self) -> None:
        """Import what loading takes, on a thread; some 300 ms where numba is not there yet."""
        self._prepared = True
        prepare = self.compiler.prepare
        if prepare is None:
            return
        import threading  # noqa: F401, PLC0415 - Python takes the thread that imports it first for the main one

        self._importing.acquire()

        def imports() -> None:
            before = sys.getswitchinterval()
            sys.setswitchinterval(min(before, SWITCH_S))
            try:
                prepare()
            except Exception:  # noqa: BLE001 - compiling here will say what it is, to whom it concerns
                self._failed = True
            finally:
                if sys.getswitchinterval() == min(before, SWITCH_S):
                    sys.setswitchinterval(before)
                self._importing.release()

        _watch(self)
        try:
            start_new_thread(imports, ())
        except RuntimeError:
            self._importing.release()

    def settle(self, most_s: float = SETTLE_S) -> None:
        """Let what is being started or imported finish, within bounds."""
        if self._builder is not None:
            self._builder.settled(SETTLE_S)
        if self._importing.acquire(timeout=most_s):
            self._importing.release()

    def be_a_child(self) -> None:
        """In a forked child: the process is our parent's, and threads are gone."""
        self._lost |= self._importing.locked()
        builder, self._builder, self._sent = self._builder, None, {}
        self._lock, self._importing = allocate_lock(), allocate_lock()
        if builder is not None:
            builder.close()
        self.is_child = _yes


def of_multiprocessing() -> bool:
    """Whether `multiprocessing` started this process: its parent's tree has a process that compiles already.

    While such a process imports the program's main module it does not know its parent yet; how it was started tells then.
    """
    module = sys.modules.get("multiprocessing.process")
    known = module is not None and module.parent_process() is not None
    return known or any("from multiprocessing" in word for word in sys.orig_argv)


def _yes() -> bool:
    return True


def _watch(errands: Errands) -> None:
    """Settle before a fork and before the end. Hooks are made once, as they cannot be taken back."""
    if any(each() is errands for each in _WATCHED):
        return
    first = not _WATCHED
    _WATCHED.append(ref(errands))
    if not first:
        return

    def settle(most_s: float = SETTLE_S) -> None:
        for each in _WATCHED:
            watched = each()
            if watched is not None:
                watched.settle(most_s)

    def in_child() -> None:
        for each in _WATCHED:
            watched = each()
            if watched is not None:
                watched.be_a_child()

    import logging  # noqa: F401, PLC0415 - hooks run from the last to the first: its own takes a lock that what is imported wants

    atexit.register(settle)
    os.register_at_fork(before=lambda: settle(FORK_S), after_in_child=in_child)
