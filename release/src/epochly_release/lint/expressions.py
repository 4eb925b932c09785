"""The `${{ ... }}` parts of a text, found in one pass over it.

Specification: GitHub's expression syntax; what an expression gives is put into a script before a shell reads it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def expressions(text: str) -> Iterator[tuple[int, int, str]]:
    """Each expression: (start, end, what stands between the braces). One that never closes reaches to the end."""
    at = text.find("${{")
    while at >= 0:
        close = text.find("}}", at)
        end = len(text) if close < 0 else close + 2
        yield at, end, text[at + 3 : end if close < 0 else close].strip()
        at = text.find("${{", end)


def without_expressions(text: str) -> str:
    """The text with a word in place of each expression, and as many lines as before."""
    kept, last = [], 0
    for start, end, _ in expressions(text):
        kept += [text[last:start], "EXPRESSION", "\\\n" * text.count("\n", start, end)]
        last = end
    return "".join([*kept, text[last:]])
