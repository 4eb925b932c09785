"""What is remembered of a function between processes: that it was refused and why, or that its machine code is kept.

A note costs no import of numba, so a program whose functions were refused once pays nothing in the next process. Its key is
that of `description`: code, names' meanings, types, versions, the processor. It refuses to be believed for more than
that: a note that says `kept` only saves asking, what is loaded has the cache's own key.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from epochly._compiler import NotCompiled

if TYPE_CHECKING:
    from epochly._compiler import Rejected

LONGEST = 2000  # characters of a reason
PASSING = ("MemoryError", "RecursionError")  # words of a reason that may not hold next time


class Keeper(Protocol):
    """A store of bytes by digest, see `epochly._cache.Store`."""

    def get(self, digest: str) -> bytes | None:
        """The payload, or None."""

    def put(self, digest: str, payload: bytes) -> bool:
        """Keep a payload."""


@dataclass(frozen=True, slots=True)
class Note:
    """`refused` with the reason, or None where machine code is kept."""

    refused: NotCompiled | None


def read(keeper: Keeper, digest: str, first_line: int) -> Note | None:
    """The note under a digest, its line told for a function that begins at `first_line`; None where there is none."""
    data = keeper.get(digest)
    if data is None:
        return None
    try:
        told = json.loads(data)
    except ValueError:
        return None
    match told:
        case {"kept": True}:
            return Note(None)
        case {"refused": [str(reason), int() | None as line, str(fix)]}:
            return Note(NotCompiled(reason, None if line is None else first_line + line, fix))
        case _:
            return None


def write_kept(keeper: Keeper, digest: str) -> None:
    """Remember that machine code is there."""
    keeper.put(digest, b'{"kept": true}')


def write_refused(keeper: Keeper, digest: str, refused: Rejected, first_line: int) -> None:
    """Remember a refusal, unless its cause may pass; lines are counted from the function's first."""
    if len(refused.reason) > LONGEST or any(word in refused.reason for word in PASSING):
        return
    line = None if refused.line is None else refused.line - first_line
    keeper.put(digest, json.dumps({"refused": [refused.reason, line, refused.fix]}).encode())
