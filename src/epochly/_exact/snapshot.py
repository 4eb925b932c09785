"""Copies of array arguments, so that a call which machine code gives up looks as if it never began.

Buffers are kept and reused: a fresh copy of 64 MB costs 40 ms, one into a warm buffer 7 ms. It refuses to keep many buffers, or huge ones.
"""

from __future__ import annotations

from typing import Any

MOST_KEPT = 4  # buffers; calls at the same time beyond that copy into fresh memory
LARGEST_KEPT_BYTES = 256 * 2**20  # larger ones go back to the system after the call


class Snapshots:
    """The buffers of one specialisation. Lists pop and append in one step, so threads may share it."""

    __slots__ = ("free", "positions")

    def __init__(self, positions: tuple[int, ...]) -> None:
        self.positions = positions
        self.free: list[list[Any]] = []

    def taken(self, args: tuple[Any, ...]) -> list[Any]:
        """Copies of the arrays the function may store into."""
        try:
            buffers = self.free.pop()
        except IndexError:
            return [args[position].copy() for position in self.positions]
        for index, position in enumerate(self.positions):
            source, buffer = args[position], buffers[index]
            if source.shape == buffer.shape:
                buffer[...] = source
            else:
                buffers[index] = source.copy()
        return buffers

    def restore(self, args: tuple[Any, ...], buffers: list[Any]) -> None:
        """Undo every store."""
        for position, buffer in zip(self.positions, buffers, strict=True):
            if args[position].flags.writeable:
                args[position][...] = buffer

    def give_back(self, buffers: list[Any]) -> None:
        """Let the next call use the buffers."""
        for buffer in buffers:
            if buffer.nbytes > LARGEST_KEPT_BYTES:
                return
        if len(self.free) < MOST_KEPT:
            self.free.append(buffers)
