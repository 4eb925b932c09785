"""What every request of the protocol does for a device, over both engines: sections 5 and 6 of the specification."""

from __future__ import annotations

from wire import DIGEST, URL, Device, opened

from epochly_service.settings import DAY, HOUR, MINUTE

OTHER_DIGEST = "cd" * 32


def test_register_gives_a_lease_for_72_hours_and_counts_a_seat(node):
    """A node-locked seat is good for 72 hours, refreshed after 36, with 14 days of grace, and a second request keeps it."""
    key, license_id = node.issue(plan="professional")
    device = node.enrolled(key)
    lease = device.lease
    assert (lease["iat"], lease["nbf"], lease["srv_time"]) == (node.now, node.now, node.now)
    assert (lease["exp"] - node.now, lease["refresh_after"] - node.now) == (72 * HOUR, 36 * HOUR)
    assert lease["grace_until"] - lease["exp"] == 14 * DAY
    assert (lease["lic"], lease["plan"], lease["seat"], lease["seq"]) == (
        license_id,
        "professional",
        "node",
        1,
    )
    assert lease["features"] == ["gpu", "lens", "multi-core"]
    assert node.license(license_id).seats_used == 1
    assert device.register(key.lower().replace("-", " ")).status == 201
    assert (device.seq, node.license(license_id).seats_used) == (2, 1)


def test_what_is_stored_is_neither_key_nor_fingerprint(node):
    """The database holds a licence key, a fingerprint and what leases say of it in no form that can be looked up."""
    key, license_id = node.issue()
    device = node.enrolled(key)
    row = node.device(device.device_id)
    stored = f"{row} {node.license(license_id)}"
    for secret in (key, key.replace("-", "")[7:], DIGEST, device.lease["fp"]):
        assert secret not in stored
    assert (row.created_day, row.last_seen_day) == (node.now // DAY, node.now // DAY)


def test_validate_and_heartbeat_give_the_next_lease(node):
    """Each renewal counts the sequence up, and is good from the moment it was asked for."""
    key, _ = node.issue()
    device = node.enrolled(key)
    node.now += 36 * HOUR
    assert device.validate().status == 200
    assert (device.seq, device.lease["exp"]) == (2, node.now + 72 * HOUR)
    node.now += HOUR
    assert device.heartbeat().status == 200
    assert (device.seq, device.lease["exp"]) == (3, node.now + 72 * HOUR)


def test_no_lease_outlives_its_licence(node):
    """Neither end nor grace nor refresh of any lease is after the licence's own end."""
    key, license_id = node.issue(days=1)
    device = node.enrolled(key)
    end = node.license(license_id).expires_at
    assert (device.lease["exp"], device.lease["grace_until"], device.lease["refresh_after"]) == (
        end,
        end,
        end,
    )
    assert device.checkout(30).status == 200
    assert device.lease["exp"] == end


def test_a_trial_is_one_a_machine_and_ends_after_30_days(node):
    """A trial has every feature and no grace; its own key may ask again, another one on that machine may not."""
    device = Device(node.wire)
    assert device.trial().status == 201
    assert (device.lease["plan"], device.lease["grace_until"]) == ("trial", device.lease["exp"])
    assert device.lease["features"] == ["cluster", "gpu", "lens", "multi-core"]
    node.now += DAY
    assert device.trial().status == 201
    assert device.seq == 2
    stranger = Device(node.wire)
    answer = stranger.trial()
    assert (answer.status, answer.code) == (403, "TRIAL_USED")
    assert stranger.refusal(answer)["code"] == "TRIAL_USED"
    assert Device(node.wire, digest=OTHER_DIGEST).trial().status == 201
    node.now += 29 * DAY
    assert (device.validate().code, device.trial().code) == ("LICENSE_EXPIRED", "TRIAL_USED")


def test_release_frees_the_seat_once(node):
    """A released seat is anybody's, its receipt is signed, its device is told, and a repeat is as good as once."""
    key, license_id = node.issue(seats=1)
    first, second = node.enrolled(key), Device(node.wire, digest=OTHER_DIGEST)
    refused = second.register(key)
    assert (refused.code, refused.json["seats_used"], refused.json["seats_max"]) == (
        "SEAT_LIMIT_REACHED",
        1,
        1,
    )
    assert second.refusal(refused)
    for _ in range(2):
        answer = first.release()
        keyset = node.wire.send("GET", "/v1/keyset").json["keyset"]
        receipt = opened(answer.json["receipt"], "epochly-receipt+v1", node.wire.keys(keyset))
        assert (receipt["act"], receipt["dev"], receipt["iss"]) == ("release", first.device_id, URL)
        assert (receipt["aud"], receipt["cn"]) == (first.kid, first.cn)
        assert node.license(license_id).seats_used == 0
    told = first.validate()
    assert (told.code, first.refusal(told)["code"]) == ("DEVICE_REVOKED", "DEVICE_REVOKED")
    assert second.register(key).status == 201
    assert first.register(key).code == "SEAT_LIMIT_REACHED"
    assert node.faults() == []


def test_floating_seats_are_free_again_when_their_lease_has_ended(node):
    """A floating seat lives 30 minutes from its last heartbeat; whoever asks next takes it, and its old holder waits."""
    key, license_id = node.issue(seat="floating", seats=1)
    first, second = node.enrolled(key), Device(node.wire, digest=OTHER_DIGEST)
    assert first.lease["exp"] - node.now == 30 * MINUTE
    assert first.lease["refresh_after"] - node.now == 10 * MINUTE
    assert first.lease["grace_until"] == first.lease["exp"]
    node.now += 10 * MINUTE
    assert first.heartbeat().status == 200
    node.now += 30 * MINUTE - 1
    assert second.register(key).code == "SEAT_LIMIT_REACHED"
    node.now += 1
    assert second.register(key).status == 201
    assert first.heartbeat().code == "SEAT_LIMIT_REACHED"
    assert node.license(license_id).seats_used == 1
    node.now += 31 * MINUTE
    assert first.heartbeat().status == 200
    assert (node.license(license_id).seats_used, node.faults()) == (1, [])


def test_a_checked_out_seat_is_freed_by_nobody_before_its_end(node):
    """Neither its device, nor a transfer, nor the end of a floating lease frees it; renewals keep its end."""
    for seat in ("node", "floating"):
        key, license_id = node.issue(seat=seat, seats=1)
        device, other = node.enrolled(key), Device(node.wire, digest=OTHER_DIGEST)
        assert device.checkout(3).status == 200
        end = node.now + 3 * DAY
        lease = device.lease
        assert (lease["exp"], lease["grace_until"], lease["refresh_after"]) == (
            end,
            end,
            node.now + 36 * HOUR,
        )
        assert device.checkout(1).status == 200
        assert device.lease["exp"] >= end
        node.now += DAY
        assert other.register(key).code == "SEAT_LIMIT_REACHED"
        assert other.transfer(key, device).code == "SEAT_CHECKED_OUT"
        refused = device.release()
        assert (refused.code, device.refusal(refused)["code"]) == ("SEAT_CHECKED_OUT", "SEAT_CHECKED_OUT")
        assert device.heartbeat().status == 200
        assert device.lease["exp"] >= end
        node.now = max(end, device.lease["exp"])
        if seat == "node":
            assert device.release().status == 200
        assert other.register(key).status == 201
        assert (node.license(license_id).seats_used, node.faults()) == (1, [])


def test_a_trial_cannot_be_checked_out(node):
    """What the plan does not include is refused, signed."""
    device = Device(node.wire)
    device.trial()
    answer = device.checkout(1)
    assert (answer.code, device.refusal(answer)["code"]) == ("FEATURE_NOT_ENTITLED", "FEATURE_NOT_ENTITLED")


def test_transfer_moves_a_seat_at_most_three_times_in_30_days(node):
    """The seat goes from one key to another, the first is told, and the fourth time in 30 days is refused."""
    key, license_id = node.issue(seats=1)
    holder = node.enrolled(key)
    for _ in range(3):
        taker = Device(node.wire, digest=OTHER_DIGEST)
        assert taker.transfer(key, holder).status == 201
        assert holder.validate().code == "DEVICE_REVOKED"
        holder = taker
    late = Device(node.wire)
    refused = late.transfer(key, holder)
    assert (refused.code, late.refusal(refused)["code"]) == ("TRANSFER_LIMIT", "TRANSFER_LIMIT")
    node.now += 30 * DAY
    assert late.transfer(key, holder).status == 201
    assert (node.license(license_id).seats_used, node.faults()) == (1, [])
    assert Device(node.wire).transfer(key, holder).code == "DEVICE_NOT_FOUND"


def test_a_device_that_is_there_may_take_over_another_seat(node):
    """A transfer to a device with a seat of its own leaves the licence with one seat less in use."""
    key, license_id = node.issue(seats=2)
    first, second = node.enrolled(key), node.enrolled(key, digest=OTHER_DIGEST)
    assert first.transfer(key, second).status == 201
    assert (node.license(license_id).seats_used, node.faults()) == (1, [])
    assert first.transfer(key, first).code == "DEVICE_NOT_FOUND"


def test_a_new_fingerprint_is_enrolled_three_times_in_90_days(node):
    """Another machine is refused until it asks to be enrolled anew, and that is granted three times in 90 days."""
    key, _ = node.issue()
    device = node.enrolled(key)
    for turn in range(3):
        device.digest = f"{turn:02x}" * 32
        refused = device.validate()
        assert (refused.code, device.refusal(refused)["code"]) == (
            "FINGERPRINT_CHANGED",
            "FINGERPRINT_CHANGED",
        )
        assert device.validate(reenrol=True).status == 200
        assert device.validate().status == 200
    device.digest = "ee" * 32
    assert device.validate(reenrol=True).code == "FINGERPRINT_CHANGED"
    assert device.register(key).code == "FINGERPRINT_CHANGED"
    node.now += 90 * DAY
    assert device.register(key).status == 201


def test_suspended_and_ended_licences_are_refused_signed(node):
    """What an operator or the calendar ended is told in a way that counts, and stays so for every request of a lease."""
    key, license_id = node.issue(days=30)
    device = node.enrolled(key)
    node.set_license(license_id, status="suspended")
    for answer in (device.validate(), device.checkout(1), device.register(key)):
        assert answer.code == "LICENSE_SUSPENDED"
    assert device.refusal(answer)["code"] == "LICENSE_SUSPENDED"
    node.set_license(license_id, status="active")
    assert device.validate().status == 200
    node.now += 30 * DAY
    for answer in (device.heartbeat(), device.register(key)):
        assert answer.code == "LICENSE_EXPIRED"
    assert device.release().status == 200


def test_devices_lists_the_licences_of_a_key_and_no_others(node):
    """A key sees every device of the licences it is on, and nothing of any other licence."""
    key, license_id = node.issue(seats=3)
    other_key, _ = node.issue()
    first, second = node.enrolled(key), node.enrolled(key, digest=OTHER_DIGEST)
    node.enrolled(other_key)
    [listed] = first.devices().json["licenses"]
    assert (listed["license_id"], listed["seats_used"], listed["seats_max"]) == (license_id, 2, 3)
    assert {(one["device_id"], one["this"]) for one in listed["devices"]} == {
        (first.device_id, True),
        (second.device_id, False),
    }
    second.release()
    assert second.devices().json == {"licenses": []}


def test_one_key_may_be_a_device_on_several_licences(node):
    """Each licence has its own device of a key, with its own sequence."""
    one, two = node.issue()[0], node.issue(plan="enterprise")[0]
    device = node.enrolled(one)
    first = device.device_id
    device.seq = 0
    assert device.register(two).status == 201
    assert device.device_id != first
    assert len(device.devices().json["licenses"]) == 2
    assert device.validate().status == 200
    device.device_id, device.seq = first, 1
    assert device.validate().status == 200


def test_raw_attributes_are_kept_apart_for_30_days_and_only_where_sent(node):
    """What somebody opted in to send lies in a table of its own, is replaced by what comes next, and is purged."""
    key, _ = node.issue()
    device = node.enrolled(key)
    assert node.raw_attributes() == []
    assert device.register(key, raw_attributes={"cpu": "x"}).status == 201
    assert device.register(key, raw_attributes={"cpu": "y"}).status == 201
    assert node.raw_attributes() == ['{"cpu": "y"}']
    node.now += 30 * DAY
    node.service.purge()
    assert node.raw_attributes() == []


def test_open_answers_need_no_proof(node):
    """Compatibility and keyset tell anybody what they are made for."""
    told = node.wire.send("GET", "/v1/compatibility").json
    assert (told["protocols"], told["server_time"], told["plans"]["community"]) == ([1], node.now, [])
    keyset = node.wire.send("GET", "/v1/keyset").body
    assert node.wire.send("GET", "/.well-known/epochly-keys").body == keyset
    assert node.wire.send("GET", "/readyz").json == {"status": "ready"}
    assert node.wire.send("GET", "/healthz").json == {"status": "ok"}
