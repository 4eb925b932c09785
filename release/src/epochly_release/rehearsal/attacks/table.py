"""The rows of the negative rehearsal as a table of plain text, one column wrapped beside the other. Pure: rows -> lines."""

from __future__ import annotations

import textwrap
from itertools import zip_longest
from typing import TYPE_CHECKING

from epochly_release.rehearsal.attacks.model import NotRefused, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from epochly_release.rehearsal.attacks.model import Row

HEADS = ("attack", "what is done", "refused by", "in its own words", "sigstore")
WIDTHS = (16, 26, 25, 30, 8)  # characters; together with the marks they fit a usual terminal
MOST_WORDS = 85  # characters of a component's own words: three lines of its column
_GAP = "  "


def table(rows: Iterable[Row], mark: Callable[[bool], str]) -> Iterator[str]:
    """The lines; `mark` makes the sign for good and bad.

    The first sign is the row's, the second its control's.
    """
    yield from _lines(HEADS, "   ")
    yield "   " + _GAP.join("-" * width for width in WIDTHS)
    before = ""
    for row in rows:
        attack = row.attack
        name = "" if attack.name == before else attack.name
        before = attack.name
        cells = (name, attack.does, str(attack.refused_by), _words(row), row.sigstore or "-")
        signs = mark(not row.fault) + mark(isinstance(row.control, NotRefused)) + " "
        yield from _lines(cells, signs)
        if row.fault:
            yield from textwrap.wrap(
                f"FAULT: {row.fault}", 110, initial_indent="   ", subsequent_indent="   "
            )


def _words(row: Row) -> str:
    """The refusal's own words, on one line and short."""
    text = " ".join(row.outcome.words.split()) if isinstance(row.outcome, Outcome) else "-"
    text = "".join(letter if letter.isprintable() else "?" for letter in text)
    return text if len(text) <= MOST_WORDS else f"{text[: MOST_WORDS - 1]}…"


def _lines(cells: Sequence[str], signs: str) -> Iterator[str]:
    wrapped = [textwrap.wrap(cell, width) or [""] for cell, width in zip(cells, WIDTHS, strict=True)]
    for number, parts in enumerate(zip_longest(*wrapped, fillvalue="")):
        line = _GAP.join(f"{part:<{width}}" for part, width in zip(parts, WIDTHS, strict=True))
        yield (signs if number == 0 else "   ") + line.rstrip()
