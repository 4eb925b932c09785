"""What a device holds, as a file: it comes back as it was, and any other bytes are refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epochly.licensing.canonical import CanonicalError
from epochly.licensing.held import Held, Pending, args_of, body_of, digest_of, read, written

PENDING = Pending("validate", "", "ik", body_of({"device_id": "d"}), digest_of({"device_id": "d"}), "e")
HELD = Held("https://x", "dev_" + "1" * 22, "lease", "keyset", "", "e", 7, 1_800_000_000, PENDING)


@pytest.mark.parametrize("held", [HELD, Held("https://x")])
def test_what_is_held_comes_back(held):
    """With a request that waits for its answer, and without."""
    assert read(written(held)) == held


def test_a_request_that_waits_has_its_body_again():
    """Where it was noted; a body with a licence key is not."""
    assert args_of(PENDING) == {"device_id": "d"}
    for body in ("", "[]", "{", "1"):
        assert args_of(Pending("register", "", "ik", body, "", "")) is None


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"v": True},
        {"seq": "7"},
        {"latest": True},
        {"lease": 1},
        {"device_id": "dev_1"},
        {"device_id": "../" + "1" * 23},
        {"more": ""},
        {"pending": {}},
        {"pending": {**dict.fromkeys(Pending.__slots__, ""), "ik": 1}},
        {"pending": []},
    ],
)
def test_what_is_held_has_one_form(change):
    """Every member is checked."""
    with pytest.raises(CanonicalError):
        read(json.dumps(json.loads(written(HELD)) | change).encode())


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(data):
    """A damaged file gives one kind of error."""
    with pytest.raises(CanonicalError):
        read(data)
