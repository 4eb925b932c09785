"""Spans are half open, section 1 of the specification: good from the first second on, no longer good at the end."""

from __future__ import annotations

import pytest
from filled import DAY, NOW, device_of, license_of

from epochly_service import core, keys, nonces
from epochly_service.encoding import b64u
from epochly_service.settings import NONCE_TTL_S, Policy


@pytest.mark.parametrize(
    ("age_s", "state"), [(0, "good"), (NONCE_TTL_S - 1, "good"), (NONCE_TTL_S, "expired")]
)
def test_a_nonce_is_no_longer_good_at_its_end(age_s, state):
    """It lives 120 seconds: in the 120th it is good, at 120 it is not; the same where a node's clock is ahead."""
    made = nonces.make({1: bytes(32)}, NOW, bytes(16))
    assert nonces.judge({1: bytes(32)}, made, NOW + age_s).value == state
    assert nonces.judge({1: bytes(32)}, made, NOW - age_s).value == state


@pytest.mark.parametrize(("at", "signs"), [(-1, False), (0, True), (DAY - 1, True), (DAY, False)])
def test_a_signing_key_signs_from_its_beginning_to_before_its_end(at, signs):
    """What it signs verifies only under the same rule, so it signs nothing outside."""
    key = keys.private_key(bytes(32))
    ring = keys.Keyring((keys.SigningKey(b64u(bytes(32)), key, NOW, NOW + DAY),), "", 1)
    assert (ring.signer(NOW + at) is not None) == signs


def test_a_licence_has_ended_at_its_end():
    """Its last lease ends with it, and a second before there is one still."""
    row = license_of(expires_at=NOW + 10)
    assert core.license_standing(row, NOW + 9) is None
    assert core.license_standing(row, NOW + 10).code == "LICENSE_EXPIRED"
    assert core.lease_terms(row, device_of(row), NOW + 9, Policy()).exp == NOW + 10


def test_a_pin_holds_to_before_its_end():
    """A checked-out seat is given back at the very second its lease ends, and not before."""
    device = device_of(license_of(), pinned_until=NOW + 10)
    assert core.release(device, NOW + 9).refusal.code == "SEAT_CHECKED_OUT"
    assert core.release(device, NOW + 10).frees == 1
    assert not device._replace(pinned_until=NOW).is_pinned(NOW)
