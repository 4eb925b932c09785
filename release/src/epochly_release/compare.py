"""Says why two files that should be equal are not: which member, which lines. Pure: bytes -> lines of text.

A member that is text in both is shown as a unified diff, anything else as sizes and hashes: a hexdump helps nobody.
"""

from __future__ import annotations

import difflib
import hashlib
from typing import TYPE_CHECKING

from epochly_release.canonical import members
from epochly_release.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_LINES = 40  # lines shown of one member's diff: enough to see the cause
MAX_LINE = 200  # characters shown of one line


def explain(name: str, first: bytes, second: bytes) -> tuple[str, ...]:
    """Why `first` and `second`, two builds of the file called `name`, differ; empty when they are equal."""
    if first == second:
        return ()
    try:
        left = {member.name: member for member in members(name, first)}
        right = {member.name: member for member in members(name, second)}
    except Refused as error:
        return (str(error), *_binary(name, first, second))
    lines: list[str] = []
    for path in sorted({*left, *right}):
        if path not in right or path not in left:
            lines.append(f"`{path}` is only in the {'first' if path in left else 'second'} build")
            continue
        if left[path].executable != right[path].executable:
            lines.append(f"`{path}` is executable in one build only")
        if left[path].data != right[path].data:
            lines.extend(_contents(path, left[path].data, right[path].data))
    return tuple(lines) or (
        f"`{name}` has equal members: only the container differs (order, times or compression)",
    )


def _contents(path: str, first: bytes, second: bytes) -> Iterator[str]:
    try:
        old, new = first.decode("utf-8"), second.decode("utf-8")
    except UnicodeDecodeError:
        yield from _binary(path, first, second)
        return
    if "\0" in old + new:
        yield from _binary(path, first, second)
        return
    yield f"`{path}` differs:"
    diff = difflib.unified_diff(old.splitlines(), new.splitlines(), "first", "second", n=1, lineterm="")
    shown = [line for line in diff if not line.startswith(("---", "+++"))]
    if not shown:
        yield "  only in its line ends"
    for line in shown[:MAX_LINES]:
        yield f"  {ascii(line[:MAX_LINE])[1:-1]}"
    if len(shown) > MAX_LINES:
        yield f"  and {len(shown) - MAX_LINES} more lines"


def _binary(path: str, first: bytes, second: bytes) -> Iterator[str]:
    yield f"`{path}` differs:"
    for which, data in (("first", first), ("second", second)):
        yield f"  {which}: {len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}"
    at = next(
        (i for i, (a, b) in enumerate(zip(first, second, strict=False)) if a != b),
        min(len(first), len(second)),
    )
    yield f"  from byte {at} on"
