"""How a name out of a hostile file is put into a message: short, on one line, with nothing invisible in it.

Control characters could move a terminal's cursor and bidirectional marks could reorder what is read, so everything
that does not print is written as its code point. It is for reading only: subjects of findings keep the exact name.
"""

from __future__ import annotations

MOST = 160  # characters; a screen line or two, and longer than the paths of real wheels


def quoted(text: str, *, most: int = MOST) -> str:
    r"""`text` between backticks, at most `most` characters of it, unprintable characters as `\uXXXX`."""
    kept = text[:most]
    if not kept.isprintable():
        kept = "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in kept)
    return f"`{kept}...`" if len(text) > most else f"`{kept}`"
