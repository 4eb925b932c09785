"""Threads of ours around `os.fork`: they pause before it, come back in the parent, and hear in the child that they are not there.

There is one set of hooks for all of them: what brings them back waits for the fork to be over, and takes an id of `sys.monitoring` for
that, of which there may be one left. It refuses to hold a fork up for longer than each thread says itself.
"""

from __future__ import annotations

import os
import sys
from time import sleep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Pausing(Protocol):
        """A thread that can be ended and begun again."""

        def pause(self) -> bool:
            """End it for now; whether it ran."""

        def start(self) -> object:
            """Begin it again."""

        def be_a_child(self) -> None:
            """In a forked child: it does not run, and nothing that it had is ours."""


EXIT_S = 0.001  # seconds that the system takes to let a thread go that is done
_WATCHED: list[Pausing] = []
_HOOKED: list[bool] = []


def watched() -> tuple[Pausing, ...]:
    """The threads that are paused around a fork."""
    return tuple(_WATCHED)


def unwatch(thread: Pausing) -> None:
    """Leave it alone from now on."""
    if thread in _WATCHED:
        _WATCHED.remove(thread)


def watch(thread: Pausing) -> None:
    """Pause it around `os.fork`. The hooks are made once, as they cannot be taken back."""
    if thread not in _WATCHED:
        _WATCHED.append(thread)
    if _HOOKED or not hasattr(os, "register_at_fork"):
        return
    _HOOKED.append(True)
    paused: list[Pausing] = []

    def before() -> None:
        paused[:] = [each for each in watched() if each.pause()]
        if paused:
            sleep(EXIT_S)

    def start_again() -> None:
        for each in paused:
            each.start()
        paused.clear()

    def in_parent() -> None:
        # Python 3.12+ warns of a fork beside threads once these hooks have run, so ours come back a little later.
        monitoring = getattr(sys, "monitoring", None)
        if paused and monitoring is not None:
            from epochly._starts import after_this  # noqa: PLC0415 - only who forks there pays for it

            if after_this(monitoring, sys._getframe().f_back, start_again):  # noqa: SLF001 - the frame that called `os.fork`
                return
        start_again()

    def in_child() -> None:
        for each in dict.fromkeys((*paused, *watched())):
            each.be_a_child()
        paused.clear()

    os.register_at_fork(before=before, after_in_parent=in_parent, after_in_child=in_child)
