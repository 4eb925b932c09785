"""Conversations with a service: each ends as the specification says, and nothing unsigned changes what is held."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import pytest
from fake_service import (
    ATTRIBUTES,
    BASE,
    BEGIN,
    DAY_S,
    KEY,
    NODE_S,
    SEEN,
    Licence,
    Signer,
    held,
    kid_here,
    may,
)

from epochly.licensing import licence_key
from epochly.licensing.answers import DROPS, Granted, NotReached, Refused, Released
from epochly.licensing.operations import Reply
from epochly.licensing.state import StateProblem
from epochly.net.messages import Compatibility, Listed


def test_a_licence_is_activated_and_refreshed(machine, service):
    """A nonce and a request; then one round trip each, since answers bring the next nonce along."""
    session = machine()
    assert isinstance(session.activate(KEY), Granted)
    assert service.names() == ["nonce", "register"]
    assert may(session)
    assert not may(session, "cluster")
    assert isinstance(session.refresh(), Granted)
    assert service.names()[2:] == ["validate"]
    service.now += 101  # the nonce that came along may have ended
    assert session.refresh().lease.seq == 3
    assert service.names()[3:] == ["nonce", "validate"]


def test_a_licence_key_is_sent_once_and_kept_nowhere(machine, service):
    """It is in the body of one request, in no header, path or file."""
    session = machine()
    session.activate(KEY)
    session.refresh()
    session.checkout(1)
    session.devices()
    digits = KEY.removeprefix("EPOCHLY-")
    assert [digits in request.body.decode() for request in service.requests].count(True) == 1
    for request in service.requests:
        assert digits not in (request.proof or "") + request.endpoint.target(request.device_id)
    folder = session.world.state.path
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), "rb") as file:
            assert digits.replace("-", "").encode() not in file.read().replace(b"-", b"")


def test_a_trial_is_for_thirty_days_and_one_a_machine(machine, service):
    """All features, no grace, and a second device of the same machine gets a refusal that is signed."""
    session = machine()
    assert session.trial().lease.plan == "trial"
    assert may(session, "cluster")
    other = machine("two", seen=session.world.seen())
    assert isinstance(other.trial(), Refused)
    assert other.trial().code == "TRIAL_USED"
    service.now += NODE_S
    assert not may(session)  # no grace
    service.now = BEGIN + 30 * DAY_S
    assert session.refresh() == Refused("LICENSE_EXPIRED", "because of LICENSE_EXPIRED")
    assert held(session).dropped == "LICENSE_EXPIRED"


def test_a_licence_goes_on_without_its_service_until_grace_ends(machine, service):
    """Down is no reason to stop anything before the lease and its grace have ended; then it is community."""
    session = machine()
    session.activate(KEY)
    before = held(session)
    service.down = True
    for days, allowed in ((2, True), (16, True), (16.99, True), (17, False)):
        service.now = BEGIN + int(days * DAY_S)
        assert isinstance(session.refresh(), NotReached)
        assert may(session) is allowed
    assert replace(held(session), pending=None) == before
    service.down = False
    assert isinstance(session.refresh(), Granted)
    assert may(session)


def test_another_licence_can_be_activated_in_the_place_of_one(machine, service):
    """A second licence's device is another one, though the key is the same; the first keeps its seat until it is released."""
    other = "EPOCHLY-9FTH4-BSM8N-ACAEY-Y5TXR-SMNQ5"
    service.licences[licence_key.normal(other)] = Licence("lic_" + service.random(), "academic")
    session = machine()
    session.activate(KEY)
    service.lose = 1
    assert isinstance(session.activate(other), NotReached)
    assert isinstance(session.refresh(), Granted)  # of the first, whose sequence is its own
    assert session.activate(other).lease.plan == "academic"
    assert isinstance(session.refresh(), Granted)
    assert len(session.devices().licenses) == 2


def test_a_copied_lease_without_its_key_is_nothing(machine):
    """A lease is for the key it names, on the machine it names, of the service it names."""
    session = machine()
    session.activate(KEY)
    copy = machine("copy", seen=session.world.seen())
    copy.world.state.write("licence.json", session.world.state.read("licence.json"))
    assert "is missing" in copy.standing().trouble
    for name in ("node_id", "install_id", "fp_local.json"):
        copy.world.state.write(name, session.world.state.read(name))
    copy.world.state.write("device.key", machine("three").world.state.read("device.key") or b"")
    assert copy.standing().lease is None
    moved = machine("one", seen=replace(SEEN, identifier="07b1c9d24e5f4a6883f0a1d2c3b4e596", attributes={}))
    assert "not the machine it was enrolled on" in moved.standing().trouble
    elsewhere = machine()
    elsewhere.world = replace(elsewhere.world, base_url="https://other.example")
    assert "another service" in elsewhere.standing().trouble
    stranger = machine()
    stranger.world = replace(stranger.world, roots=lambda: {Signer("other").kid: Signer("other").public})
    assert stranger.standing().lease is None
    assert may(session)


def test_a_machine_that_became_another_enrols_anew(machine, service):
    """The digest enrolled is sent as long as the machine is the same; a new one is sent with the service's leave."""
    session = machine()
    session.activate(KEY)
    drifted = machine("one", seen=replace(session.world.seen(), attributes=ATTRIBUTES | {"cpu-model": "Z"}))
    assert isinstance(drifted.refresh(), Granted)
    assert "reenrol" not in json.loads(service.requests[-1].body)
    moved = machine("one", seen=replace(SEEN, identifier="07b1c9d24e5f4a6883f0a1d2c3b4e596", attributes={}))
    assert not may(moved)
    answer = moved.refresh()
    assert isinstance(answer, Granted)
    sent = json.loads(service.requests[-1].body)
    assert sent["reenrol"] is True
    assert may(moved)
    assert not may(session)  # the machine it was is not the one enrolled any more


@pytest.mark.parametrize("code", sorted(DROPS))
def test_a_signed_refusal_takes_the_lease_at_once(machine, service, code):
    """Suspended, ended, revoked, cloned: no grace; the reason and the way out stay with what is held."""
    session = machine()
    session.activate(KEY)
    device = next(iter(service.devices.values()))
    if code == "LICENSE_SUSPENDED":
        service.licence.status = "suspended"
    elif code == "LICENSE_EXPIRED":
        service.licence.ends = service.now
    else:
        device.status = "contended" if code == "DEVICE_CLONED" else "disabled"
    assert session.refresh().code == code
    assert not may(session)
    assert (held(session).dropped, held(session).lease) == (code, "")
    assert "; hint: " in session.standing().trouble
    service.licence.status, service.licence.ends, device.status = "active", BEGIN + DAY_S, "active"
    assert isinstance(session.refresh(), Granted)  # with the right sequence, though the lease is gone
    assert may(session)


def test_seats_are_counted_released_and_transferred(machine):
    """The last seat is refused with numbers; released or transferred, it is another machine's."""
    one, two, three = machine(), machine("two"), machine("three")
    one.activate(KEY)
    assert two.activate(KEY) == Refused("SEAT_LIMIT_REACHED", "because of SEAT_LIMIT_REACHED", (1, 1))
    assert not may(two)
    assert held(two).pending is None  # the next attempt is another one
    assert isinstance(one.release(), Released)
    assert not may(one)
    assert held(one).lease == ""
    assert isinstance(two.activate(KEY), Granted)
    answer = three.transfer(KEY, held(two).device_id)
    assert isinstance(answer, Granted)
    assert may(three)
    assert two.refresh().code == "DEVICE_REVOKED"
    with pytest.raises(StateProblem, match=r"holds no licence of `https://licence\.example`; hint: "):
        one.checkout(3)


def test_a_checked_out_seat_is_pinned(machine, service):
    """For days without a connection; nobody frees it meanwhile, and it ends when it was to."""
    session = machine()
    session.activate(KEY)
    assert session.checkout(30).lease.exp == BEGIN + 30 * DAY_S
    assert session.release().code == "SEAT_CHECKED_OUT"
    service.down, service.now = True, BEGIN + 30 * DAY_S - 1
    assert may(session)
    service.now += 1
    assert not may(session)


def test_a_floating_seat_lives_by_heartbeats(machine, service):
    """While its lease lasts a heartbeat renews it; once that has ended, it is asked for anew."""
    service.licence.seat = "floating"
    session = machine()
    session.activate(KEY)
    service.now += 600
    assert isinstance(session.refresh(only_if_due=True), Granted)
    assert service.names()[-1] == "heartbeat"
    service.now += 3600
    assert not may(session)
    assert isinstance(session.refresh(only_if_due=True), Granted)
    assert service.names()[-1] == "validate"


def test_a_clock_that_is_set_back_allows_nothing_until_the_service_is_asked(machine):
    """The latest time known is kept; the service's own time puts a clock right that had run ahead."""
    clock = [BEGIN]
    session = machine(clock=lambda: clock[0])
    session.activate(KEY)
    clock[0] = BEGIN + 30 * 3600
    session.note_time()
    clock[0] = BEGIN + 1000
    assert not may(session)
    assert isinstance(session.refresh(), Granted)
    assert may(session)


def test_two_processes_refresh_a_lease_once(machine, service):
    """Who comes second finds it fresh, since the folder is locked from reading to keeping."""
    session = machine()
    session.activate(KEY)
    service.now += NODE_S // 2
    other = machine()
    assert isinstance(session.refresh(only_if_due=True), Granted)
    assert other.refresh(only_if_due=True) is None
    assert service.names().count("validate") == 1


def test_raw_attributes_are_sent_only_when_asked_for(machine, service):
    """Without the setting there is one digest and nothing else of the machine; with it, no name and no address."""
    machine().activate(KEY)
    plain = json.loads(service.requests[-1].body)
    assert set(plain) == {"license_key", "fp", "node_id", "client_version", "ik"}
    service.licence.seats_max = 5
    machine("two", environ={"EPOCHLY_SEND_RAW_FINGERPRINT": "1"}).activate(KEY)
    raw = json.loads(service.requests[-1].body)["raw_attributes"]
    assert raw == ATTRIBUTES | {"os": "linux", "arch": "x86_64"}
    machine("three", environ={"EPOCHLY_SEND_RAW_FINGERPRINT": "maybe"}).activate(KEY)
    assert "raw_attributes" not in json.loads(service.requests[-1].body)


def test_a_new_key_takes_the_old_one_s_place(machine):
    """The new key is kept before it is sent; stopped at any point, one of the two is right and found."""
    session = machine()
    session.activate(KEY)
    old = kid_here(session)
    assert isinstance(session.rekey(), Granted)
    assert kid_here(session) != old
    assert may(session)
    state = session.world.state
    key = state.read("device.key")
    session.rekey()
    state.write("device.key.next", state.read("device.key"))  # stopped between keeping the lease and the key
    state.write("device.key", key)
    assert may(session)
    assert isinstance(session.refresh(), Granted)
    assert state.read("device.key.next") is None
    assert may(session)


def test_a_new_key_that_is_refused_is_forgotten(machine, service):
    """The old one goes on, or nothing does; no key lies about that nobody uses."""
    session = machine()
    session.activate(KEY)
    old = kid_here(session)
    service.licence.status = "suspended"
    assert session.rekey().code == "LICENSE_SUSPENDED"
    assert session.world.state.read("device.key.next") is None
    assert kid_here(session) == old


def test_lists_and_compatibility_are_for_people_to_read(machine, service):
    """They are not signed, so they are shown and change nothing; the second needs no key, and makes none."""
    session = machine()
    assert isinstance(session.compatibility(), Compatibility)
    assert not os.path.exists(session.world.state.path)
    session.activate(KEY)
    listed = session.devices()
    assert isinstance(listed, Listed)
    assert [device.this for device in listed.licenses[0].devices] == [True]
    service.instead = lambda _q, _r: Reply(200, b'{"licenses":[{"license_id":1}]}')
    assert isinstance(session.devices(), NotReached)
    assert isinstance(session.compatibility(), NotReached)


def test_a_pinned_url_and_sequence_are_in_every_proof(machine, service):
    """Each request is bound to its method, address, body and place in the sequence."""
    from epochly.licensing import tokens

    session = machine()
    session.activate(KEY)
    session.refresh()
    session.checkout(2)
    proofs = [
        tokens.parsed_canonical(tokens.parts(request.proof, 4096)[0])
        for request in service.requests
        if request.proof
    ]
    assert [proof["seq"] for proof in proofs] == [0, 1, 2]
    assert [("pub" in proof) for proof in proofs] == [True, False, False]
    assert all(proof["htu"].startswith(BASE + "/v1/") for proof in proofs)
    assert len({proof["nonce"] for proof in proofs}) == len({proof["cn"] for proof in proofs}) == 3
