"""Hostile names in messages: `parse/quote.py`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from epochly_verify.parse.quote import MOST, quoted


def test_quoted_shows_a_plain_name_as_it_is():
    """A name people can read is not changed, whatever its script."""
    assert quoted("demo_pkg/été.py") == "`demo_pkg/été.py`"


def test_quoted_writes_out_what_does_not_print():
    """Escape sequences, line ends and marks that reorder text are written as code points."""
    assert quoted("a\x1b[2J\n\u202eb") == "`a\\u001b[2J\\u000a\\u202eb`"


@given(st.text(max_size=400))
def test_quoted_is_short_printable_and_on_one_line(text):
    """Any name gives one bounded printable line."""
    shown = quoted(text)
    assert shown.isprintable()
    assert len(shown) <= 10 * MOST + 5
