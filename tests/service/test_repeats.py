"""Requests that come again, and keys that are used twice: idempotency, rekey and the sequence of leases."""

from __future__ import annotations

import os

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from wire import Device, b64u, ik, opened

from epochly_service.settings import DAY, HOUR


def test_rekey_replaces_the_key_and_forgets_the_old_one(node):
    """After a rekey the new key has the device and its seat, and the old one is unknown, here and on every node."""
    key, license_id = node.issue()
    old = node.enrolled(key)
    new = Device(node.wire)
    assert old.rekeyed(new).status == 200
    assert (new.device_id, new.seq, node.device(new.device_id).rekey_count) == (old.device_id, 2, 1)
    assert old.validate().code == "KEY_UNKNOWN"
    other_node = node.wired(node.another())
    old.wire = other_node
    assert old.validate().code == "KEY_UNKNOWN"
    assert new.validate().status == 200
    assert (node.license(license_id).seats_used, node.faults()) == (1, [])


def test_a_rekey_whose_answer_was_lost_can_be_repeated(node):
    """The old key is still good for the same rekey, and only until the new key has been used."""
    key, _ = node.issue()
    old, again = node.enrolled(key), ik()
    new = Device(node.wire)
    assert old.rekeyed(new, again=again).status == 200
    new.seq = old.seq
    assert old.rekeyed(new, again=again).status == 200
    assert new.seq == 2
    assert old.rekeyed(Device(node.wire), again=again).code == "IDEMPOTENCY_MISMATCH"
    assert old.rekeyed(Device(node.wire)).code == "KEY_UNKNOWN"
    assert old.release().code == "KEY_UNKNOWN"
    assert new.heartbeat().status == 200
    assert old.rekeyed(new, again=again).code == "KEY_UNKNOWN"


def test_what_enrolled_a_key_gives_nothing_once_the_key_was_changed(node):
    """The request that took the seat, repeated by the old key, gives no lease; asked anew, the old key is a device like any other."""
    key, license_id = node.issue(seats=1)
    old, again = Device(node.wire), ik()
    assert old.register(key, ik=again).status == 201
    assert old.rekeyed(Device(node.wire)).status == 200
    refused = old.register(key, ik=again)
    assert (refused.code, refused.status) == ("IDEMPOTENCY_MISMATCH", 409)
    assert old.register(key).code == "SEAT_LIMIT_REACHED"
    node.set_license(license_id, seats_max=2)
    first = old.device_id
    assert old.register(key).status == 201
    assert old.device_id != first
    assert (node.license(license_id).seats_used, node.faults()) == (2, [])


def test_a_rekey_needs_the_new_keys_own_word(node):
    """The new key's proof has to be its own, for this old key and this nonce; a key on the licence already is no new one."""
    key, _ = node.issue()
    old, new = node.enrolled(key), Device(node.wire)
    stranger = Ed25519PrivateKey.generate()
    assert old.rekeyed(new, proof_key=stranger).code == "PROOF_INVALID"
    assert old.rekeyed(new, old=b64u(os.urandom(32))).code == "PROOF_MISMATCH"
    assert old.rekeyed(old).code == "PROOF_MISMATCH"
    assert old.rekeyed(node.enrolled(key)).code == "MALFORMED"
    assert old.validate().status == 200


def test_a_repeated_request_has_one_effect_and_a_fresh_signature(node):
    """The same idempotency key gives the same lease for a new nonce; another body under it is refused, signed."""
    key, license_id = node.issue()
    device, again = Device(node.wire), ik()
    assert device.register(key, ik=again).status == 201
    first = device.lease
    assert device.register(key, ik=again).status == 201
    assert {name for name in first if first[name] != device.lease[name]} == {"cn", "jti"}
    assert node.license(license_id).seats_used == 1
    refused = device.register(key, ik=again, node_id="00000000-0000-4000-8000-000000000000")
    assert (refused.code, device.refusal(refused)["code"]) == ("IDEMPOTENCY_MISMATCH", "IDEMPOTENCY_MISMATCH")
    again = ik()
    for _ in range(3):
        device.seq = first["seq"]
        assert device.validate(ik=again).status == 200
        assert device.seq == 2
    assert device.heartbeat(ik=again).code == "IDEMPOTENCY_MISMATCH"


def test_a_lost_answer_is_no_clone_even_days_later(node):
    """The sequence before the last one, with the last one's idempotency key, is its owner who heard nothing."""
    key, _ = node.issue()
    device, again = node.enrolled(key), ik()
    before = device.seq
    assert device.validate(ik=again).status == 200
    device.seq = before
    node.now += 2 * DAY
    assert device.validate(ik=again).status == 200
    assert device.heartbeat().status == 200


def test_a_forked_sequence_is_told_to_both_copies_and_disables_at_the_third_time(node):
    """Two copies of a key get DEVICE_CLONED until the licence key is shown again; the third time they get nothing any more."""
    key, license_id = node.issue()
    device = node.enrolled(key)
    copy = Device(node.wire, key=device.key)
    for strike in range(3):
        copy.device_id, copy.seq = device.device_id, device.seq
        assert device.validate().status == 200
        refused = copy.validate()
        assert (refused.code, copy.refusal(refused)["code"]) == ("DEVICE_CLONED", "DEVICE_CLONED")
        assert node.device(device.device_id).status == ("contended" if strike < 2 else "disabled")
        if strike < 2:
            assert device.heartbeat().code == "DEVICE_CLONED"
            assert device.register(key).status == 201
            node.now += DAY
    assert (device.validate().code, device.register(key).code) == ("DEVICE_REVOKED", "DEVICE_REVOKED")
    assert node.license(license_id).seats_used == 1
    assert device.release().status == 200
    assert device.register(key).status == 201
    assert node.faults() == []


def test_strikes_are_forgotten_after_30_days(node):
    """A third fork long after the first two makes a device contended, not disabled."""
    key, _ = node.issue()
    device = node.enrolled(key)
    for _ in range(3):
        device.seq -= 1
        assert device.heartbeat().code == "DEVICE_CLONED"
        assert device.register(key).status == 201
        node.now += 16 * DAY


def test_leases_signed_before_a_rotation_are_signed_again_by_a_key_of_their_time(node):
    """A repeat after a rotation verifies under a key that was good at the lease's `iat`; new leases are by the new key."""
    key, _ = node.issue()
    device, again = Device(node.wire), ik()
    assert device.register(key, ik=again).status == 201
    node.now += HOUR
    newest = node.rotate()
    assert device.register(key, ik=again).status == 201
    claims = opened(node.wire.send("GET", "/v1/keyset").json["keyset"], "epochly-keyset+v1", node.roots())
    assert (claims["v"], len(claims["keys"])) == (2, 2)
    by_kid = {one["kid"]: one for one in claims["keys"]}
    assert by_kid[newest]["status"] == "active"
    assert by_kid[newest]["nbf"] > device.lease["iat"]
    assert by_kid[device.signer]["nbf"] <= device.lease["iat"]
    assert device.validate().status == 200
    assert device.signer == newest
