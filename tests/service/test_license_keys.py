"""Licence keys, section 10 of the specification: made and read as its vectors say, and mistakes in typing found."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path

import pytest

from epochly_service import license_keys

FILE = Path(__file__).parents[2] / "docs" / "spec" / "vectors" / "epochly-pop-v1.json"
VECTORS = json.loads(FILE.read_text("utf-8"))["license_keys"]
KEYS = [vector["normal"] for vector in VECTORS["made"]]


def test_a_license_key_is_made_and_read_as_the_specification_says():
    """The same random bytes give the same key, however it is typed it is read, and its MAC is the vector's."""
    for vector in VECTORS["made"]:
        assert license_keys.make(bytes.fromhex(vector["random_hex"])) == vector["shown"]
        assert license_keys.normal_form(vector["shown"]) == vector["normal"]
    for vector in VECTORS["typed"]:
        assert license_keys.normal_form(vector["typed"]) == vector["normal"], vector["name"]
    for vector in VECTORS["bad"]:
        assert license_keys.normal_form(vector["typed"]) is None, vector["reason"]
    made = VECTORS["mac"]
    assert license_keys.mac(bytes.fromhex(made["pepper_hex"]), made["normal"]) == made["mac"]


@pytest.mark.parametrize("key", KEYS)
def test_a_license_key_with_one_wrong_digit_is_none(key):
    """Each of 31 wrong digits at each of 25 places is found."""
    for at, right in enumerate(key):
        for digit in license_keys.DIGITS:
            text = key[:at] + digit + key[at + 1 :]
            assert (license_keys.normal_form(text) is None) == (digit != right)


@pytest.mark.parametrize("key", KEYS)
def test_a_license_key_with_two_digits_swapped_is_none(key):
    """Digits that changed places are found, neighbours or not."""
    for one, other in combinations(range(license_keys.LENGTH), 2):
        digits = list(key)
        digits[one], digits[other] = digits[other], digits[one]
        text = "".join(digits)
        assert (license_keys.normal_form(text) is None) == (text != key)
