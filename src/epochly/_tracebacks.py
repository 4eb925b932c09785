"""Tracebacks without our frames, so that a failing program tells about itself only.

It refuses to touch anything else of an exception: its type, arguments, notes and chain stay.
"""

from __future__ import annotations

import os
from types import CodeType, TracebackType

from epochly._call import Site

OURS = os.path.dirname(os.path.abspath(__file__)) + os.sep
STARTERS = frozenset({"<frozen runpy>", "<frozen importlib._bootstrap>"})
LONGEST = 100  # exceptions in a chain


def ours(code: CodeType) -> bool:
    """Whether a code object is ours: a file of this package, or a trampoline that stands in a function of the program."""
    return code.co_filename.startswith(OURS) or any(isinstance(each, Site) for each in code.co_consts)


def without_us(error: BaseException) -> None:
    """Take our frames out of the traceback of an exception and of those it is chained to."""
    left: list[BaseException] = [error]
    seen: set[int] = set()
    while left and len(seen) < LONGEST:
        each = left.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        each.__traceback__ = _shortened(each.__traceback__)
        left.extend(other for other in (each.__cause__, each.__context__) if other is not None)


def _shortened(traceback: TracebackType | None) -> TracebackType | None:
    entries: list[TracebackType] = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        starting = not entries and code.co_filename in STARTERS
        if not starting and not ours(code):
            entries.append(traceback)
        traceback = traceback.tb_next
    made: TracebackType | None = None
    for entry in reversed(entries):
        made = TracebackType(made, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    return made
