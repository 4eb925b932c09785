"""Finding hot code: a thread that looks every few milliseconds at what all other threads are running.

It finds loops that never return, which counting calls cannot. Each look takes the interpreter's lock for a moment, so it looks
less often while there is nothing new, and costs a part of 1 % then. It runs only between `start` and `stop`, is no `threading.Thread` (so a program that lists its threads does not see it), pauses while the process forks,
and is gone in the child. It refuses to keep frames: a sample is a code object and a line.
"""

from __future__ import annotations

import sys
from _thread import allocate_lock, get_ident, start_new_thread
from collections import Counter

from epochly._forks import unwatch, watch, watched

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import dataclass, field
    from types import CodeType
else:
    from epochly._records import dataclass, field

INTERVAL_S = 0.005  # seconds, where the pace is steady; each look costs about 0.1 ms of a busy program's time
SLOWEST = 25  # intervals between two looks at most, while nothing new turns up
QUIET = 10  # intervals without news that make for one more between two looks: what begins later is found a tenth later
INSIDE = {"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"}  # code that is part of the function around it
STOP_S = 2.0  # seconds to wait for the thread; it only sleeps and counts


@dataclass(slots=True, eq=False)
class Hot:
    """Samples by code object and by line."""

    samples: int = 0
    by_code: Counter[CodeType] = field(default_factory=Counter)
    by_line: Counter[tuple[str, str, int]] = field(default_factory=Counter)

    def add(self, code: CodeType, line: int, weight: int = 1) -> None:
        """One sample, which stands for as many."""
        self.samples += weight
        self.by_code[code] += weight
        self.by_line[code.co_filename, code.co_qualname, line] += weight

    def lines(self, count: int = 10) -> list[tuple[str, str, int, float]]:
        """The hottest lines: file, function, line, share of all samples."""
        total = max(1, self.samples)
        return [(*place, seen / total) for place, seen in self.by_line.most_common(count)]


class Sampler:
    """Calls `sink(code, line, weight)` for the innermost function of each other thread, every `interval_s` seconds.

    With `steady=False` it looks less often, up to `SLOWEST` intervals apart, while the sink returns nothing true; `weight` is the
    intervals since the last look. `trouble` says what a sink raised, after which nothing is sampled any more.
    """

    __slots__ = ("_interval_s", "_running", "_sink", "_steady", "_wake", "trouble")

    def __init__(
        self,
        sink: Callable[[CodeType, int, int], object],
        *,
        interval_s: float = INTERVAL_S,
        steady: bool = True,
    ) -> None:
        self._sink, self._interval_s, self._steady = sink, interval_s, steady
        self.trouble = ""
        self._wake = allocate_lock()  # held while the thread may sleep; its release ends the sleep
        self._running = allocate_lock()  # held by the thread while it lives

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._running.locked()

    def start(self) -> None:
        """Start the thread; a no-op while it runs."""
        if self in watched():
            return
        self._wake.acquire()
        self._running.acquire()
        try:
            start_new_thread(self._loop, ())
        except RuntimeError:  # no more threads, or the interpreter is going down: nothing is sampled
            self._running.release()
            self._wake.release()
        else:
            watch(self)

    def stop(self) -> None:
        """End the thread and wait for it; a no-op when it does not run."""
        if self not in watched():
            return
        unwatch(self)
        if self._wake.locked():  # or the thread ended by itself
            self._wake.release()
        if self._running.acquire(timeout=STOP_S):
            self._running.release()

    def pause(self) -> bool:
        """Stop around a fork; whether it ran."""
        ran = self in watched()
        self.stop()
        return ran

    def be_a_child(self) -> None:
        """In a forked child: it was stopped, and is not started again."""

    def _loop(self) -> None:
        own, weight, quiet = get_ident(), 1, 0
        try:
            while not self._wake.acquire(timeout=self._interval_s * weight):
                news = False
                for thread, frame in sys._current_frames().items():  # noqa: SLF001 - the documented way to sample
                    if thread != own:
                        while frame.f_code.co_name in INSIDE and frame.f_back is not None:
                            frame = frame.f_back  # noqa: PLW2901 - what it is part of is what can be compiled
                        news |= bool(self._sink(frame.f_code, frame.f_lineno or 0, weight))
                del frame
                quiet = 0 if news or self._steady else quiet + weight
                weight = min(SLOWEST, 1 + quiet // QUIET)
        except Exception as error:  # noqa: BLE001 - a sink's fault must not be the program's
            self.trouble = f"sampling ended early: {type(error).__name__}: {error}"
        finally:
            if self._wake.locked():
                self._wake.release()
            self._running.release()
