"""Machine code with what has to be known to call it, and the place where somebody may keep it between processes.

The compiler asks a `Shelf` before it compiles and shows it what it made. It refuses to know what a shelf is made of: files,
keys and versions are the caller's business. numba is not imported here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import types
    from collections.abc import Callable

    from epochly._exact.kinds import Kind


@dataclass(frozen=True, slots=True)
class Made:
    """One specialisation before guards are bound to it."""

    entry: Callable[..., Any]  # unboxes, runs, boxes; positional arguments
    written: tuple[int, ...]  # arguments whose memory is stored to
    returned: Kind | None
    return_type: Any  # the machine type, or its name; for a tuple, one for each item
    helpers: tuple[types.FunctionType, ...]  # functions that are part of it
    only_stored: tuple[int, ...] = ()  # those of them that are not read
    uses_flags: bool = True  # whether NumPy's warnings are told at the return
    result: Any = None  # numba's compile result; None when nothing was compiled


class Shelf(Protocol):
    """Keeps the machine code of one function for one call's argument types."""

    def find(self) -> Made | None:
        """What was kept for it, or None."""

    def settle(self, made: Made) -> bool:
        """Told once guards were read, of what was found or is to be kept.

        Returns:
            Whether all names still mean what they did before; a find is not used otherwise.
        """
