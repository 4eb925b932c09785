"""Copies of array arguments, so that a call which machine code gives up looks as if it never began; and when none is needed.

A buffer is kept and reused: a fresh copy of 64 MB costs 40 ms, one into a warm buffer 7 ms. Arrays without gaps are copied by
`gate`, into the buffers that are kept here; the others here. It refuses to keep huge buffers.

An argument W needs no copy where the function only stores to it (`effects`) and no other array argument shares its memory.
After a deopt the interpreter runs the call from the start, and:

1. Its inputs are those that machine code had. What W held is no input, since nothing reads it, by W or by any other name;
   other arrays that were stored to are put back; numbers do not change.
2. So it stores into W what machine code stored, in the same order, and goes on where machine code stopped. Every byte that
   machine code changed is stored again, with the value that Python means.
3. This needs the interpreter to come as far as machine code did. Machine code stops at or before the point where Python
   raises: at an index, an overflow, a division, a conversion, an allocation, each checked where it stands, and a check is
   not moved over a store, which whoever has the array could see. An assignment to a slice is checked before its first
   element. A read-only array never enters: `mutable` is in its type, and in the gate.
4. One thing is looked at later than where it happened: NumPy's warnings, told by the processor's flags at the return.
   Python may stop at the first of them, if a filter makes it an error, if `numpy.errstate` raises or calls somebody, or if
   telling of it raises (somebody replaced `warnings.showwarning`, or `sys.stderr` is closed). Then W would keep stores that
   Python never came to. So where a function uses flags, a copy is taken unless `calm` finds that none of this can be.
5. An exception of a signal handler (Ctrl-C) leaves machine code with arrays as they are, and nothing is run again.

Not held by this: a Ctrl-C, another thread or a weak reference's callback that looks into W while the interpreter runs the
call again, after a deopt, may see elements it has not come to yet. They hold what the function will store there, or, if it
stores twice into one element, has stored there before. Whoever looks into an array that is being filled cannot tell.
"""

from __future__ import annotations

import io
import sys
import types
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

LARGEST_KEPT_BYTES = 256 * 2**20  # larger ones go back to the system after the call
LEAST_BYTES = (
    2**16
)  # of a buffer; memory that is never touched takes no room, and so much is copied without asking
PEACEFUL = {"ignore", "warn"}
SHOWING = ("showwarning", "_showwarnmsg", "formatwarning", "_formatwarnmsg", "_formatwarnmsg_impl")
SHOW = "_showwarnmsg_impl"


def calm() -> bool:
    """Whether a warning of NumPy's, here and now, is sure to do no more than to be shown, or recorded, or ignored."""
    if not PEACEFUL.issuperset(np.geterr().values()) or sys.version_info >= (3, 14):
        return False  # from 3.14 on, filters may belong to a context
    for action, message, category, module, line in warnings.filters:
        if action == "error":
            return False
        if (message, category, module, line) == (None, Warning, None, 0):
            break  # it takes all; those behind it never speak
    if not all(map(_is_pythons_own, SHOWING)):
        return False
    show: Any = getattr(warnings, SHOW, None)
    if type(getattr(show, "__self__", None)) is list:  # `catch_warnings(record=True)`
        return type(show) is type([].append) and show.__name__ == "append"
    return _is_pythons_own(SHOW) and _takes_anything(getattr(sys, "stderr", None))


def _is_pythons_own(name: str) -> bool:
    """Whether nobody replaced a function of `warnings`."""
    found: Any = getattr(warnings, name, None)
    return (
        type(found) is types.FunctionType
        and found.__globals__ is warnings.__dict__
        and found.__name__ == name
    )


def _takes_anything(stream: Any) -> bool:
    """Whether writing to it, which we never do, raises at most `OSError`, which `warnings` handles."""
    if stream is None:
        return True
    return (
        type(stream) is io.TextIOWrapper
        and not stream.closed
        and stream.errors == "backslashreplace"
        and type(stream.buffer) in (io.BufferedWriter, io.FileIO)
        and type(getattr(stream.buffer, "raw", stream.buffer)) is io.FileIO
    )


class Snapshots:
    """The arrays that one specialisation stores to, and the buffers for those without gaps.

    `positions` are those arguments; `only_stored` those of them that are not read; `uses_flags` as in the plan.
    """

    __slots__ = ("buffers", "only_stored", "positions", "replaced", "uses_flags")

    def __init__(self, positions: Sequence[int], only_stored: Sequence[int], *, uses_flags: bool) -> None:
        self.positions, self.only_stored, self.uses_flags = (
            tuple(positions),
            frozenset(only_stored),
            uses_flags,
        )
        self.buffers = {position: np.empty(LEAST_BYTES, "u1") for position in positions}
        self.replaced: list[Any] = []

    def taken(self, args: tuple[Any, ...]) -> dict[int, Any]:
        """Copies of the arrays the function may store into and that need one."""
        return {at: args[at].copy("K") for at in self.positions if not self._spared(at, args)}

    def _spared(self, position: int, args: tuple[Any, ...]) -> bool:
        if position not in self.only_stored or (self.uses_flags and not calm()):
            return False
        others = (each for at, each in enumerate(args) if at != position and isinstance(each, np.ndarray))
        return not any(np.may_share_memory(args[position], other) for other in others)

    def grown(self, args: tuple[Any, ...]) -> dict[int, Any]:
        """New buffers where an array was too large for its own; to be asked only while no call uses any of them.

        One that is replaced lives on until the next time: a call may have begun since, and is over by then.
        """
        made = {}
        for position in self.positions:
            size, old = args[position].nbytes, self.buffers[position]
            if old.nbytes < size <= LARGEST_KEPT_BYTES and args[position].flags.forc:
                made[position] = np.empty(size + size // 8, "u1")
        if made:
            self.replaced = [self.buffers[position] for position in made]
            self.buffers |= made
        return made

    @staticmethod
    def restore(args: tuple[Any, ...], copies: dict[int, Any]) -> None:
        """Undo every store."""
        for position, copy in copies.items():
            if args[position].flags.writeable:
                args[position][...] = copy
