"""Operators' passwords: what is stored, and that nothing else opens it."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epochly_service.admin import passwords
from epochly_service.errors import ServiceError

QUICK = 2  # of scrypt's work; what is tested here is not how long it takes


def test_password_opens_its_own_hash_and_no_other():
    """The same password has another hash each time, and each is opened by it alone."""
    one, two = (passwords.make_hash("correct horse battery", os.urandom, n=QUICK) for _ in range(2))
    assert one != two
    assert passwords.matches("correct horse battery", one)
    assert not passwords.matches("correct horse batterx", one)
    assert "correct" not in one


def test_password_is_the_same_however_its_accents_are_typed():
    """A composed and a decomposed letter are one letter."""
    assert passwords.matches(
        "schöne grüße!", passwords.make_hash("scho\u0308ne gru\u0308ße!", os.urandom, n=QUICK)
    )


@pytest.mark.parametrize("password", ["", "short", "x" * 11, "x" * 257])
def test_password_that_is_too_short_or_long_is_refused(password):
    """Length is the only rule."""
    with pytest.raises(ServiceError, match="12 to 256"):
        passwords.make_hash(password, os.urandom)


@given(
    st.text(max_size=80)
    | st.from_regex(r"scrypt\$\d{1,6}\$\d{1,3}\$\d{1,3}\$[A-Za-z0-9_-]{0,44}\$[A-Za-z0-9_-]{0,44}")
)
def test_password_matches_no_text_that_is_no_hash(stored):
    """Whatever stands in the database, a password never matches it by mistake, and nothing fails."""
    if not stored.startswith("scrypt$32768"):
        assert passwords.matches("correct horse battery", stored) is False


def test_password_hash_of_weaker_numbers_is_outdated():
    """A hash that was made with less work is told, and today's is not."""
    assert passwords.is_outdated(passwords.make_hash("correct horse battery", os.urandom, n=QUICK))
    assert not passwords.is_outdated(passwords.make_hash("correct horse battery", os.urandom))
