"""What stands in the database for secrets: nothing that two accounts, or a database without its pepper, give away."""

from __future__ import annotations

import os

import pytest

from epochly_service.peppered import fingerprint_macs, lease_fp, license_key_macs, seal, trial_macs, unseal

PEPPERS = {1: b"a" * 32, 2: b"b" * 32}
DIGEST = "ab" * 32


def test_macs_are_newest_first_and_known_by_older_peppers():
    """New rows are made under the newest pepper, and those of an older one are still found."""
    for macs in (
        fingerprint_macs(PEPPERS, "acc_a", DIGEST),
        trial_macs(PEPPERS, DIGEST),
        license_key_macs(PEPPERS, "0" * 25),
    ):
        assert [mac.partition(".")[0] for mac in macs] == ["2", "1"]
    older = {1: PEPPERS[1]}
    assert fingerprint_macs(older, "acc_a", DIGEST)[0] == fingerprint_macs(PEPPERS, "acc_a", DIGEST)[1]


def test_one_machine_looks_like_another_in_every_account_and_table():
    """A fingerprint's MACs of two accounts, and of the trials, have nothing in common, and nor has what is sealed."""
    seen = {
        fingerprint_macs(PEPPERS, "acc_a", DIGEST)[0],
        fingerprint_macs(PEPPERS, "acc_b", DIGEST)[0],
        trial_macs(PEPPERS, DIGEST)[0],
        seal(PEPPERS, "dev_a", lease_fp(DIGEST), os.urandom),
        seal(PEPPERS, "dev_b", lease_fp(DIGEST), os.urandom),
        seal(PEPPERS, "dev_b", lease_fp(DIGEST), os.urandom),
    }
    assert len(seen) == 6


def test_what_is_sealed_opens_for_its_device_and_under_its_pepper_alone():
    """A row that was moved to another device, changed, or lost its pepper, is an error and not another fingerprint."""
    sealed = seal(PEPPERS, "dev_a", lease_fp(DIGEST), os.urandom)
    assert unseal(PEPPERS, "dev_a", sealed) == lease_fp(DIGEST)
    flipped = sealed[:-1] + ("A" if sealed[-1] != "A" else "E")
    for peppers, device, text in (
        (PEPPERS, "dev_b", sealed),
        ({1: PEPPERS[1]}, "dev_a", sealed),
        ({2: b"c" * 32}, "dev_a", sealed),
        (PEPPERS, "dev_a", flipped),
        (PEPPERS, "dev_a", ""),
    ):
        with pytest.raises(ValueError, match=r"does not open|base64url|invalid literal"):
            unseal(peppers, device, text)
