"""A counter for batches, on stderr and only where a person is watching."""

from __future__ import annotations

import sys


class Progress:
    """A counter on stderr for batches, only where a person is watching."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._count = 0
        self._shown = total > 1 and sys.stderr.isatty()

    def step(self) -> None:
        """One more artifact is judged."""
        self._count += 1
        if self._shown:
            sys.stderr.write(f"\r{self._count}/{self._total} artifacts judged")
            sys.stderr.flush()

    def done(self) -> None:
        """Take the line away."""
        if self._shown:
            sys.stderr.write("\r" + " " * 40 + "\r")
            sys.stderr.flush()
