"""The two kinds of bad news, each one line that names the thing and gives a hint.

`RefusedError`: what was asked for cannot rightly be done (exit 1). `InputError`: a file or option cannot be read as what
it should be (exit 2). Misuse from Python is `ValueError`; anything else is our own bug and surfaces.
"""

from __future__ import annotations

_MOST = 160  # characters of a foreign name in a message; a screen line or two


class SbomError(Exception):
    """Something kept us from writing or comparing an SBOM.

    Attributes:
        where: the file, member or option concerned.
        message: one lower-case clause that says what is wrong.
        hint: what the reader can do about it.
    """

    def __init__(self, where: str, message: str, hint: str) -> None:
        super().__init__(f"{quoted(where)}: {message}; hint: {hint}")
        self.where = where
        self.message = message
        self.hint = hint


class InputError(SbomError):
    """A file or option cannot be read as what it should be."""


class RefusedError(SbomError):
    """What was asked for would give a wrong result, or could not be written."""


def quoted(text: str) -> str:
    r"""`text` between backticks: short, on one line, what does not print as `\uXXXX`."""
    kept = "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text[:_MOST])
    return f"`{kept}...`" if len(text) > _MOST else f"`{kept}`"
