"""The pure decisions, at their edges: terms of leases, standing, sequence, limits. No database is needed to ask them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epochly_service import client_versions, core, renewals
from epochly_service.core import Asked, Counted
from epochly_service.model import Device, License
from epochly_service.settings import DAY, HOUR, LOST_MAX, STRIKES_IN_S, Policy

NOW = 1_800_000_000
POLICY = Policy()
LICENSE = License(
    "acc_a", "lic_a", "1.00", "professional", "node", "active", 2, 1, NOW - DAY, NOW + 365 * DAY, 1
)
DEVICE = Device(
    account_id="acc_a",
    id="dev_a",
    license_id="lic_a",
    kid="k",
    pub="p",
    prev_kid=None,
    prev_pub=None,
    fp_mac="1.aa",
    fp_sealed="1.bb",
    fp_version=1,
    node_id="n",
    client_version="0.1.0",
    status="active",
    holds_seat=1,
    seat_until=None,
    pinned_until=None,
    lease_seq=5,
    lease_exp=NOW + HOUR,
    lease_ik="last",
    rekey_count=0,
    created_day=1,
    last_seen_day=1,
)
FRESH = DEVICE._replace(id="dev_b", kid="k2", holds_seat=0, lease_seq=0)


def asked(seq=5, ik="new", **more):
    """A request of the device."""
    return Asked(seq=seq, ik=ik, client_version="0.1.0", now=NOW, **more)


@pytest.mark.parametrize(
    ("seq", "ik", "code"),
    [
        (5, "new", None),
        (5, "last", None),
        (4, "last", None),
        (4, "new", "DEVICE_CLONED"),
        (3, "last", "DEVICE_CLONED"),
        (5 + LOST_MAX + 1, "new", "DEVICE_CLONED"),
        (2**53 - 1, "new", "DEVICE_CLONED"),
        (0, "new", "DEVICE_CLONED"),
    ],
)
def test_the_sequence_is_the_last_one_or_the_one_before_with_its_own_key(seq, ik, code):
    """Equal is normal, one below needs the last idempotency key, and what is lower or out of all proportion is two copies at work."""
    decision = core.renew(LICENSE, DEVICE, asked(seq, ik), Counted(), POLICY)
    assert (decision.refusal and decision.refusal.code) == code
    assert decision.device.status == ("contended" if code else "active")
    assert decision.notes == (("strike",) if code else ())
    assert decision.device.lease_seq == (5 if code else 6)


VECTORS = json.loads(
    (Path(__file__).parents[2] / "docs" / "spec" / "vectors" / "epochly-pop-v1.json").read_text("utf-8")
)["sequences"]


@pytest.mark.parametrize("vector", VECTORS["cases"], ids=lambda vector: vector["name"])
def test_a_sequence_is_taken_as_the_specification_says(vector):
    """Each `seq` of the shared vectors gets the lease that it should, or is told `DEVICE_CLONED`."""
    device = DEVICE._replace(lease_seq=VECTORS["held"])
    ik = DEVICE.lease_ik if vector["same_ik"] else "new"
    lately = vector["days"] is not None and vector["days"] * DAY < STRIKES_IN_S
    decision = core.renew(LICENSE, device, asked(vector["seq"], ik), Counted(strikes=int(lately)), POLICY)
    assert (decision.terms and decision.terms.seq) == vector["lease"]
    assert (decision.refusal and decision.refusal.code) == (None if vector["lease"] else "DEVICE_CLONED")


DECIDERS = {
    "renew": lambda seq, counted: core.renew(LICENSE, DEVICE, asked(seq), counted, POLICY),
    "checkout": lambda seq, counted: core.checkout(LICENSE, DEVICE, asked(seq), counted, POLICY, days=1),
    "rekey": lambda seq, counted: core.rekey(LICENSE, DEVICE, asked(seq), counted, POLICY, kid="x", pub="y"),
}


@pytest.mark.parametrize("decide", DECIDERS.values(), ids=DECIDERS)
@pytest.mark.parametrize("ahead", [1, 2, 700, LOST_MAX])
def test_a_device_that_is_ahead_is_followed_once(decide, ahead):
    """It had leases that the database has lost: it goes on above them, that counts as a strike, and the next time it is a fork."""
    decision = decide(5 + ahead, Counted())
    assert (decision.refusal, decision.lost, decision.terms.seq) == (None, ahead, 6 + ahead)
    assert (decision.device.lease_seq, decision.device.status) == (6 + ahead, "active")
    assert decision.notes == ("strike",)
    again = decide(5 + ahead, Counted(strikes=1))
    assert (again.refusal.code, again.lost, again.device.lease_seq) == ("DEVICE_CLONED", 0, 5)


def test_a_device_that_is_ahead_and_refused_for_something_else_loses_nothing_by_it():
    """Another machine, or no seat, is told as ever, and its sequence is taken over when it goes well."""
    changed = core.renew(LICENSE, DEVICE, asked(9, same_fp=False), Counted(), POLICY)
    assert (changed.refusal.code, changed.device, changed.notes) == ("FINGERPRINT_CHANGED", None, ())
    full, seatless = LICENSE._replace(seats_used=2), DEVICE._replace(holds_seat=0)
    refused = core.renew(full, seatless, asked(9), Counted(), POLICY)
    assert (refused.refusal.code, refused.device, refused.lost) == ("SEAT_LIMIT_REACHED", None, 0)


@pytest.mark.parametrize(
    ("seq", "next_one"), [(0, 6), (5, 6), (9, 10), (5 + LOST_MAX, 6 + LOST_MAX), (2**53 - 1, 6)]
)
def test_register_goes_on_above_what_the_device_had(seq, next_one):
    """With the licence key shown a device gets a lease that it takes for newer, and none from beyond all numbers."""
    decision = core.register(
        LICENSE, DEVICE, fresh=DEVICE, asked=asked(seq, same_fp=True), counted=Counted(), policy=POLICY
    )
    assert (decision.terms.seq, decision.notes, decision.lost) == (next_one, (), 0)


class TwoCopies:
    """One device whose key two machines have, and what the service has counted of it."""

    def __init__(self):
        self.device, self.strikes, self.now = DEVICE, [], NOW
        self.last_had = 0

    def renew(self, seq, number):
        """Ask as one of them; the new sequence, or None where it is told."""
        lately = sum(at > self.now - STRIKES_IN_S for at in self.strikes)
        decision = core.renew(
            LICENSE, self.device, asked(seq, f"ik {number}"), Counted(strikes=lately), POLICY
        )
        self.strikes += [self.now] * decision.notes.count("strike")
        self.device = decision.device or self.device
        return decision.terms and decision.terms.seq


@given(
    turns=st.lists(
        st.tuples(
            st.booleans(), st.sampled_from([0, 0, 1, 2, 3, 1_000, 10**5, LOST_MAX]), st.integers(0, 4 * DAY)
        ),
        min_size=1,
        max_size=40,
    )
)
def test_two_copies_that_make_numbers_up_are_told_apart_as_soon_as_two_that_do_not(turns):
    """In any 30 days the sequence passes from one copy to the other once at most, by a number that was made up or guessed; then one is told.

    A copy asks with what it holds, or with more. A guess that is exactly right passes for the other copy, here as ever.
    """
    world = TwoCopies()
    held, holder, passed_at = [5, 5], None, NOW - STRIKES_IN_S
    for number, (which, more, later_s) in enumerate(turns):
        world.now += later_s
        if more and held[which] + more == world.device.lease_seq:
            continue  # a guess that is right
        got = world.renew(held[which] + more, number)
        if got is None:
            assert world.device.status in ("contended", "disabled")
            return
        if holder not in (None, which):
            assert world.now - passed_at >= STRIKES_IN_S
            passed_at = world.now
        held[which], holder = got, which


@given(ahead=st.integers(1, LOST_MAX), first=st.integers(1, 5))
def test_an_honest_machine_is_behind_whoever_made_a_number_up(ahead, first):
    """A copy that goes ahead gets one lease; the machine that was copied is told at its next request, and so is the copy then."""
    world, held = TwoCopies(), 5
    for number in range(first):
        held = world.renew(held, number)
    copy = world.renew(held + ahead, "copy")
    assert copy == held + ahead + 1
    assert world.renew(held, "owner") is None
    assert world.device.status == "contended"


@pytest.mark.parametrize(
    ("strikes", "status"), [(0, "contended"), (1, "contended"), (2, "disabled"), (9, "disabled")]
)
def test_the_third_strike_disables(strikes, status):
    """Two strikes make a device contended, the third in the time that counts disables it, and it keeps its seat."""
    decision = core.renew(LICENSE, DEVICE, asked(3), Counted(strikes=strikes), POLICY)
    assert (decision.device.status, decision.device.holds_seat, decision.frees) == (status, 1, 0)


@pytest.mark.parametrize(
    ("device", "license_", "code"),
    [
        ({}, {}, None),
        ({"status": "contended"}, {"status": "suspended"}, "DEVICE_CLONED"),
        ({"status": "disabled"}, {"expires_at": NOW}, "DEVICE_REVOKED"),
        ({"status": "released"}, {}, "DEVICE_REVOKED"),
        ({}, {"status": "suspended", "expires_at": NOW}, "LICENSE_SUSPENDED"),
        ({}, {"expires_at": NOW}, "LICENSE_EXPIRED"),
        ({}, {"expires_at": NOW + 1}, None),
    ],
)
def test_the_device_is_asked_before_its_licence(device, license_, code):
    """Standing is told in this order, and an end is an end at its second."""
    refusal = core.standing(LICENSE._replace(**license_), DEVICE._replace(**device), NOW)
    assert (refusal and refusal.code) == code


@given(
    seat=st.sampled_from(["node", "floating"]),
    plan=st.sampled_from(["trial", "professional", "enterprise", "academic"]),
    left=st.integers(1, 400 * DAY),
    pinned=st.none() | st.integers(1, 30 * DAY),
    checks_out=st.booleans(),
)
def test_terms_are_in_order_and_end_with_the_licence(seat, plan, left, pinned, checks_out):
    """refresh_after <= exp <= grace_until <= the licence's end, and a pinned lease never ends before its pin but for that."""
    row = LICENSE._replace(seat=seat, plan=plan, expires_at=NOW + left)
    device = DEVICE._replace(pinned_until=None if pinned is None else NOW + pinned)
    terms = core.lease_terms(row, device, NOW, POLICY, checks_out=checks_out)
    assert NOW <= terms.refresh_after <= terms.exp <= terms.grace_until <= row.expires_at
    assert terms.nbf == terms.iat == NOW
    if pinned is not None:
        assert terms.exp >= min(NOW + pinned, row.expires_at)
    if plan == "trial" or seat == "floating":
        assert terms.grace_until == terms.exp
    assert list(terms.features) == sorted(terms.features)


def test_a_seat_that_was_lost_is_taken_back_or_not_there():
    """A renewal without a seat takes one where one is free, and is refused with the numbers where none is."""
    without = DEVICE._replace(holds_seat=0)
    assert core.renew(LICENSE, without, asked(), Counted(), POLICY).takes == 1
    full = LICENSE._replace(seats_used=2)
    refusal = core.renew(full, without, asked(), Counted(), POLICY).refusal
    assert (refusal.code, refusal.seats_used, refusal.seats_max) == ("SEAT_LIMIT_REACHED", 2, 2)
    for decide in (
        lambda: core.checkout(full, without, asked(), Counted(), POLICY, days=1),
        lambda: core.rekey(full, without, asked(), Counted(), POLICY, kid="x", pub="y"),
    ):
        assert decide().refusal.code == "SEAT_LIMIT_REACHED"


@pytest.mark.parametrize("days", [0, 31, -1])
def test_checkout_takes_1_to_30_days(days):
    """Anything else is a caller's mistake, which the form of the request has refused before."""
    with pytest.raises(ValueError, match="1 to 30"):
        core.checkout(LICENSE, DEVICE, asked(), Counted(), POLICY, days=days)


def test_a_checkout_never_shortens_the_one_before():
    """Who holds an older, longer lease may still be using it: the seat stays pinned until its end."""
    pinned = DEVICE._replace(pinned_until=NOW + 20 * DAY)
    decision = core.checkout(LICENSE, pinned, asked(), Counted(), POLICY, days=1)
    assert decision.device.pinned_until == decision.terms.exp == NOW + 20 * DAY


def test_a_forked_device_neither_checks_out_nor_changes_its_key():
    """Whatever gives a lease looks at the sequence first."""
    for decide in (
        lambda: core.checkout(LICENSE, DEVICE, asked(1), Counted(), POLICY, days=1),
        lambda: core.rekey(LICENSE, DEVICE, asked(1), Counted(), POLICY, kid="x", pub="y"),
    ):
        assert decide().refusal.code == "DEVICE_CLONED"


def test_register_makes_a_contended_device_active_and_no_disabled_one():
    """The licence key settles a quarrel of two copies; after the third it does not."""
    contended = DEVICE._replace(status="contended")
    decision = core.register(
        LICENSE, contended, fresh=DEVICE, asked=asked(0, same_fp=True), counted=Counted(), policy=POLICY
    )
    assert (decision.device.status, decision.takes, decision.device.lease_seq) == ("active", 0, 6)
    disabled = DEVICE._replace(status="disabled")
    refused = core.register(LICENSE, disabled, fresh=DEVICE, asked=asked(0), counted=Counted(), policy=POLICY)
    assert refused.refusal.code == "DEVICE_REVOKED"


def test_transfer_frees_what_it_takes():
    """A transfer to a new key is one seat freed and one taken, and the source has none any more."""
    decision = core.transfer(
        LICENSE, DEVICE, None, fresh=FRESH, asked=asked(0), counted=Counted(), policy=POLICY
    )
    assert (decision.frees, decision.takes, decision.other.status, decision.other.holds_seat) == (
        1,
        1,
        "released",
        0,
    )


@pytest.mark.parametrize(
    ("version", "least", "old"),
    [
        ("0.1.0", "0.0.0", False),
        ("rubbish", "0.0.0", False),
        ("0.1.9", "0.2.0", True),
        ("0.2.0", "0.2.0", False),
        ("0.2.0.dev1", "0.2.0", False),
        ("0.10", "0.9.1", False),
        ("0.2", "0.2.0", False),
        ("0.0", "0.2.0", True),
        ("1", "0.9.1", False),
        ("rubbish", "0.2.0", True),
        ("", "0.2.0", True),
        ("9" * 5_000, "0.2.0", True),
    ],
)
def test_is_too_old_compares_numbers(version, least, old):
    """Versions are compared number by number, and what cannot be read is old where anything is."""
    assert client_versions.is_too_old(version, least) is old


def test_nothing_changes_where_a_release_is_repeated():
    """A device without a seat that is released again is left as it is."""
    assert core.release(DEVICE._replace(status="released", holds_seat=0), NOW) == core.Decision()


def decided():
    """Every kind of decision that writes a device which is there: name, the row before, the row after."""
    new_fp = asked(same_fp=False, reenrol=True, fp_mac="1.cc", fp_sealed="1.dd")
    more = {"counted": Counted(), "policy": POLICY}
    back = core.register(LICENSE, DEVICE._replace(status="contended"), fresh=FRESH, asked=asked(), **more)
    given = core.transfer(LICENSE, DEVICE, None, fresh=FRESH, asked=asked(same_fp=None), **more)
    yield "renew", DEVICE, core.renew(LICENSE, DEVICE, asked(), Counted(), POLICY).device
    yield "reenrol", DEVICE, core.renew(LICENSE, DEVICE, new_fp, Counted(), POLICY).device
    yield "fork", DEVICE, core.renew(LICENSE, DEVICE, asked(2), Counted(), POLICY).device
    yield "checkout", DEVICE, core.checkout(LICENSE, DEVICE, asked(), Counted(), POLICY, days=3).device
    yield "rekey", DEVICE, core.rekey(LICENSE, DEVICE, asked(), Counted(), POLICY, kid="k9", pub="p9").device
    yield "register", DEVICE, back.device
    yield "transfer", DEVICE, given.other
    yield "release", DEVICE, core.release(DEVICE, NOW).device


@pytest.mark.parametrize(("name", "before", "after"), list(decided()))
def test_every_change_of_a_device_shows_in_its_state_or_its_sequence(name, before, after):
    """A next lease that is had at once looks at these columns alone to see whether somebody else was faster."""
    assert any(getattr(before, column) != getattr(after, column) for column in renewals.CHANGES), name
