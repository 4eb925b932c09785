"""From a function and arguments to something callable: checks, compiles, and binds guards, snapshot and boxing.

It refuses what the table in `check` does not list. See the package's docstring for the promise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from epochly._exact import Rejected

if TYPE_CHECKING:
    import types

    from epochly._exact import Compiled


def compiled_or_rejected(function: types.FunctionType, args: tuple[object, ...]) -> Compiled | Rejected:
    """Compile for the types of `args`, or say why not."""
    return Rejected(
        f"`{function.__name__}` with {len(args)} arguments: the compiler accepts nothing yet", None
    )
