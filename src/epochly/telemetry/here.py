"""What this process is: epochly's version, whether it is a part of another, what compiled code takes on disk.

All of it is told in moments, without a library that takes long to import. It refuses to start anything.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from epochly._session import Session

MOST_CACHE_FILES = 10_000  # of compiled code whose sizes are added up


def installed_version() -> str:
    """Epochly's version by the name of its folder of metadata: reading that takes 100 ms, which the end of a program has not."""
    for folder in sys.path:
        try:
            names = os.listdir(folder or ".")
        except OSError:  # an archive, or nothing
            continue
        for name in names:
            if name.startswith("epochly-") and name.endswith(".dist-info"):
                return name[len("epochly-") : -len(".dist-info")]
    return ""


def cache_bytes(session: Session) -> int | None:
    """What compiled code takes on disk, where the folder is known already."""
    folder = getattr(getattr(session.known_compiler(), "store", None), "folder", None)
    if folder is None:
        return None
    total = 0
    try:
        with os.scandir(folder) as entries:
            for _, entry in zip(range(MOST_CACHE_FILES), entries, strict=False):
                total += entry.stat(follow_symlinks=False).st_size
    except OSError:
        return None
    return total


def is_a_part() -> bool:
    """Whether this is a sub-interpreter, whose threads are not the process's; where that cannot be told, it is.

    Python 3.12 and later refuse one question in the main interpreter alone; before, what makes interpreters tells.
    """
    import _imp  # noqa: PLC0415 - in the interpreter

    ask = getattr(_imp, "_override_multi_interp_extensions_check", None)
    if ask is not None:
        try:
            before = ask(0)
        except RuntimeError:
            return False
        ask(before)
        return True
    try:
        import _xxsubinterpreters as interpreters  # noqa: PLC0415 - Python 3.11
    except ImportError:
        return True
    return bool(interpreters.get_current() != interpreters.get_main())
