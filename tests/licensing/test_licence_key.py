"""What people mistype in a licence key is seen before anybody is asked: section 10 of the specification."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from epochly.licensing import licence_key

DIGITS = st.text(licence_key.DIGITS, min_size=24, max_size=24)


def keys_with(digits):
    """What a check digit makes keys of: one of 32."""
    return [digits + check for check in licence_key.DIGITS if licence_key.normal(digits + check)]


@given(DIGITS)
def test_a_licence_key_has_one_check_digit(digits):
    """For any 24 digits one check digit is right, and no other."""
    assert len(keys_with(digits)) == 1


@given(DIGITS, st.integers(0, 24), st.sampled_from(licence_key.DIGITS))
def test_a_wrong_digit_is_found(digits, at, digit):
    """One digit that is another, wherever it is, makes it no key."""
    [key] = keys_with(digits)
    typed = key[:at] + digit + key[at + 1 :]
    assert (licence_key.normal(typed) is None) == (typed != key)


@given(DIGITS)
def test_digits_that_changed_places_are_found(digits):
    """Two digits that changed places make it no key, neighbours or not."""
    [key] = keys_with(digits)
    for one, other in combinations(range(25), 2):
        typed = key[:one] + key[other] + key[one + 1 : other] + key[one] + key[other + 1 :]
        assert (licence_key.normal(typed) is None) == (typed != key)
