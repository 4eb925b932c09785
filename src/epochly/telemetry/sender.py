"""The one thread: it sleeps, and now and then collects and sends. The program never waits for it, at a fork and at its end neither.

It is no `threading.Thread`, so a program that lists its threads does not see it, and pauses around `os.fork`: the child has none. It refuses to
live in a child, and to raise.
"""

from __future__ import annotations

import os
from _thread import allocate_lock, start_new_thread
from time import monotonic

from epochly._forks import watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

FORK_S = 0.05  # seconds that a fork waits for the thread, which only sleeps, but while it sends
END_S = 1.0  # that a thread takes to end once it has heard that it is to
LONGEST_S = 3_600.0  # between two looks


class Sender:
    """Calls each of `tasks` when it is due. A task gives the seconds until it is due again, or None for never."""

    __slots__ = ("_abandoned", "_asked", "_clock", "_due", "_owner", "_running", "_tasks", "_wake", "trouble")

    def __init__(
        self,
        tasks: list[tuple[float, Callable[[], float | None]]],
        abandoned: Callable[[], None],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._tasks, self._abandoned, self._clock = [task for _, task in tasks], abandoned, clock
        self._due: list[float | None] = [clock() + seconds for seconds, _ in tasks]
        self._owner = os.getpid()
        self._wake, self._running = allocate_lock(), allocate_lock()
        self._asked = False  # to end
        self.trouble = ""

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._running.locked()

    def start(self) -> bool:
        """Start the thread, or let one go on that was asked to end and has not yet; False where there can be none."""
        if os.getpid() != self._owner or (self.alive and not self._asked):
            return False
        if self.alive:
            if self._wake.acquire(blocking=False):  # it has not heard of it
                self._asked = False
                return True
            if not self._running.acquire(timeout=END_S):
                return False
            self._running.release()
        self._asked = False
        self._wake, self._running = allocate_lock(), allocate_lock()
        self._wake.acquire()
        self._running.acquire()
        try:
            start_new_thread(self._loop, (self._wake, self._running))
        except RuntimeError:  # no more threads, or the interpreter is going down
            self._running.release()
            return False
        watch(self)
        return True

    def stop(self, most_s: float) -> bool:
        """Ask the thread to end, and wait for that so long; whether it did."""
        if not self.alive:
            return True
        if not self._asked:
            self._asked = True
            self._wake.release()
        ended = self._running.acquire(timeout=most_s)
        if ended:
            self._running.release()
        return ended

    def pause(self) -> bool:
        """Ask it to end around a fork, which does not wait for one that sends; whether it ran."""
        ran = self.alive
        self.stop(FORK_S)
        return ran

    def step(self) -> float | None:
        """Do what is due; the seconds until something is again, or None for never."""
        for index, task in enumerate(self._tasks):
            due = self._due[index]
            if due is not None and due <= self._clock():
                try:
                    wait = task()
                except Exception as error:  # noqa: BLE001 - a fault of ours must not be the program's
                    self.trouble = f"{type(error).__name__}"
                    wait = LONGEST_S
                self._due[index] = None if wait is None else self._clock() + min(max(wait, 1.0), LONGEST_S)
        left = [due for due in self._due if due is not None]
        return max(0.0, min(left) - self._clock()) if left else None

    def be_a_child(self) -> None:
        """In a forked child: there is no thread, and nothing to do."""
        self._wake, self._running = allocate_lock(), allocate_lock()
        self._tasks, self._due = [], []
        self._abandoned()

    def _loop(self, wake: Any, running: Any) -> None:
        try:
            left = [due for due in self._due if due is not None]
            wait: float | None = max(0.0, min(left) - self._clock()) if left else None
            while wait is not None and not wake.acquire(timeout=wait):
                wait = self.step()
        finally:
            running.release()
