"""Decides: values in, a `Decision` out. No database, no clock, no HTTP, no signature.

A decision says what is to be written and what is to be answered; a refusal may write too (a device that became contended).
Sections 5 and 6 of `docs/spec/epochly-pop-v1.md`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from epochly_service.errors import Problem
from epochly_service.moments import minute
from epochly_service.settings import (
    CHECKOUT_DAYS_MAX,
    DAY,
    LOST_MAX,
    REENROLS_MAX,
    STRIKES_MAX,
    TRANSFERS_MAX,
    Policy,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from epochly_service.model import Device, License

FEATURES: dict[str, tuple[str, ...]] = {  # section 6
    "community": (),
    "trial": ("cluster", "gpu", "lens", "multi-core"),
    "professional": ("gpu", "lens", "multi-core"),
    "enterprise": ("cluster", "gpu", "lens", "multi-core"),
    "academic": ("gpu", "multi-core"),
}
CLONED = "use floating seats or one EPOCHLY_NODE_ID a machine; `epochly license activate` makes this device active again"
ROWS_LOST = "rows-lost"  # the action of the audit chain where `Decision.lost` is not 0
DISABLED = "the device was disabled: copies of its key came back; release it, then activate"


class Terms(NamedTuple):
    """What a lease says, but for what is new at each signature. Times are Unix seconds."""

    lic: str
    dev: str
    plan: str
    features: tuple[str, ...]
    seat: str
    iat: int
    nbf: int
    exp: int
    grace_until: int
    refresh_after: int
    seq: int
    pol: int

    def claims(self) -> dict[str, Any]:
        """As a lease has them."""
        return {**self._asdict(), "features": list(self.features)}

    @classmethod
    def from_claims(cls, claims: Mapping[str, Any]) -> Terms:
        """What `claims` gave."""
        return cls(**{**claims, "features": tuple(claims["features"])})


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done.

    Attributes:
        refusal: what the client is told instead of a lease.
        device: the device's row as it is to be; None: as it is.
        other: the row of a device that gives its seat to this one.
        frees, takes: seats, counted in this order.
        notes: what the history counts.
        action: what the audit chain says; None for renewals.
        terms: the lease to sign.
        lost: leases that the device had and the database does not know of, which the audit chain says too.
    """

    refusal: Problem | None = None
    device: Device | None = None
    other: Device | None = None
    frees: int = 0
    takes: int = 0
    notes: tuple[str, ...] = ()
    action: str | None = None
    terms: Terms | None = None
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request for a lease brings along. `same_fp` is None where it names no fingerprint."""

    seq: int
    ik: str
    client_version: str
    now: int
    same_fp: bool | None = None
    reenrol: bool = False
    fp_mac: str = ""
    fp_sealed: str = ""


@dataclass(frozen=True, slots=True)
class Counted:
    """What the history says of the times that limits look at."""

    strikes: int = 0
    reenrols: int = 0
    transfers: int = 0


def standing(row: License, device: Device | None, now: int) -> Problem | None:
    """Whether device and licence may go on at all, in this order."""
    if device is not None:
        if device.status == "contended":
            return Problem("DEVICE_CLONED", f"two copies of this device's key are in use; {CLONED}")
        if device.status == "disabled":
            return Problem("DEVICE_REVOKED", DISABLED)
        if device.status == "released":
            return Problem(
                "DEVICE_REVOKED", "the device was released; `epochly license activate` takes a seat"
            )
    return license_standing(row, now)


def license_standing(row: License, now: int) -> Problem | None:
    """Whether a licence is good."""
    if row.status == "suspended":
        return Problem("LICENSE_SUSPENDED", "the licence is suspended; its owner can say why")
    if row.expires_at <= now:
        return Problem("LICENSE_EXPIRED", "the licence has ended; renew it to go on")
    return None


def renew(row: License, device: Device, asked: Asked, counted: Counted, policy: Policy) -> Decision:
    """A next lease for a device that is in good standing: `validate` and `heartbeat`. Seats as of now, ended ones freed."""
    forked = _forked(device, asked, counted)
    if forked is not None:
        return forked
    before, device = device, _caught_up(device, asked)
    notes: tuple[str, ...] = ()
    if asked.same_fp is False:
        if not asked.reenrol or counted.reenrols >= REENROLS_MAX:
            return Decision(refusal=_changed(asked))
        device = device._replace(fp_mac=asked.fp_mac, fp_sealed=asked.fp_sealed)
        notes = ("reenrol",)
    takes = 0 if device.holds_seat else 1
    if takes and row.seats_used >= row.seats_max:
        return Decision(refusal=_full(row))
    action = "reenrol" if notes else None
    return _since(before, _leased(row, device, asked, policy, takes=takes, notes=notes, action=action), asked)


def checkout(
    row: License, device: Device, asked: Asked, counted: Counted, policy: Policy, *, days: int
) -> Decision:
    """A lease for days offline, whose seat nobody frees before it ends."""
    if not 1 <= days <= CHECKOUT_DAYS_MAX:
        raise ValueError(f"days are 1 to {CHECKOUT_DAYS_MAX}, not {days}")
    forked = _forked(device, asked, counted)
    if forked is not None:
        return forked
    if row.plan == "trial":
        return Decision(
            refusal=Problem("FEATURE_NOT_ENTITLED", "a trial cannot be checked out; a licence can")
        )
    takes = 0 if device.holds_seat else 1
    if takes and row.seats_used >= row.seats_max:
        return Decision(refusal=_full(row))
    until = max(min(asked.now + days * DAY, row.expires_at), device.pinned_until or 0)
    before, device = device, _caught_up(device, asked)._replace(pinned_until=until)
    leased = _leased(row, device, asked, policy, takes=takes, action="checkout", checks_out=True)
    return _since(before, leased, asked)


def rekey(
    row: License, device: Device, asked: Asked, counted: Counted, policy: Policy, *, kid: str, pub: str
) -> Decision:
    """The same device with a new key; the old one is good for nothing but a repeat of this request."""
    forked = _forked(device, asked, counted)
    if forked is not None:
        return forked
    takes = 0 if device.holds_seat else 1
    if takes and row.seats_used >= row.seats_max:
        return Decision(refusal=_full(row))
    renamed = _caught_up(device, asked)._replace(kid=kid, pub=pub, rekey_count=device.rekey_count + 1)
    decision = _since(device, _leased(row, renamed, asked, policy, takes=takes, action="rekey"), asked)
    assert decision.device is not None
    return replace(decision, device=decision.device._replace(prev_kid=device.kid, prev_pub=device.pub))


def register(
    row: License, device: Device | None, *, fresh: Device, asked: Asked, counted: Counted, policy: Policy
) -> Decision:
    """A seat for a key on a licence; a key that is there already keeps its seat. `fresh` is its row if it is new."""
    refusal = license_standing(row, asked.now) or _may_enrol(device, asked, counted)
    if refusal is not None:
        return Decision(refusal=refusal)
    enrolled, notes = _enrolled(device, fresh, asked)
    takes = 0 if enrolled.holds_seat else 1
    if takes and row.seats_used >= row.seats_max:
        return Decision(refusal=_full(row))
    return _leased(row, enrolled, asked, policy, takes=takes, notes=notes, action="register")


def transfer(
    row: License,
    source: Device,
    device: Device | None,
    *,
    fresh: Device,
    asked: Asked,
    counted: Counted,
    policy: Policy,
) -> Decision:
    """The seat of `source` goes to another key of the same licence."""
    refusal = license_standing(row, asked.now) or _may_enrol(device, asked, counted)
    if refusal is not None:
        return Decision(refusal=refusal)
    if source.status == "released" or not source.holds_seat or source.kid == fresh.kid:
        return Decision(
            refusal=Problem(
                "DEVICE_NOT_FOUND", "that device has no seat to give; `epochly license activate` takes one"
            )
        )
    if source.is_pinned(asked.now):
        return Decision(refusal=_pinned(source))
    if counted.transfers >= TRANSFERS_MAX:
        return Decision(
            refusal=Problem("TRANSFER_LIMIT", f"at most {TRANSFERS_MAX} transfers of a licence in 30 days")
        )
    enrolled, notes = _enrolled(device, fresh, asked)
    decision = _leased(
        row,
        enrolled,
        asked,
        policy,
        takes=0 if enrolled.holds_seat else 1,
        notes=(*notes, "transfer"),
        action="transfer",
    )
    return replace(decision, frees=1, other=_released(source))


def release(device: Device, now: int) -> Decision:
    """The device gives its seat back. Its sequence is not asked for: it ends here, whichever copy says so."""
    if device.is_pinned(now):
        return Decision(refusal=_pinned(device))
    if device.status == "released":
        return Decision()  # once more is as good as once
    return Decision(device=_released(device), frees=device.holds_seat, action="release")


def lease_terms(row: License, device: Device, now: int, policy: Policy, *, checks_out: bool = False) -> Terms:
    """The next lease a device gets now; while it is checked out, none ends before the pin."""
    if row.seat == "floating":
        term = policy.floating
    else:
        term = policy.node_trial if row.plan == "trial" else policy.node
    exp, refresh, grace = now + term.exp_s, now + term.refresh_s, now + term.exp_s + term.grace_s
    if device.pinned_until is not None and (checks_out or device.pinned_until > exp):
        exp = grace = device.pinned_until
        refresh = now + (exp - now) // 2
    exp = min(exp, row.expires_at)  # no lease outlives its licence
    return Terms(
        lic=row.id,
        dev=device.id,
        plan=row.plan,
        features=FEATURES[row.plan],
        seat=row.seat,
        iat=now,
        nbf=now,
        exp=exp,
        grace_until=min(grace, row.expires_at),
        refresh_after=min(refresh, exp),
        seq=device.lease_seq + 1,
        pol=row.policy_version,
    )


def _forked(device: Device, asked: Asked, counted: Counted) -> Decision | None:
    if asked.seq == device.lease_seq:
        return None
    if asked.seq == device.lease_seq - 1 and asked.ik == device.lease_ik:
        return None  # the answer was lost so long ago that it is not remembered: a next lease will do
    if _is_ahead(device, asked) and not counted.strikes:
        return None  # leases were given that are not known here any more: a backup was restored
    disabled = counted.strikes + 1 >= STRIKES_MAX
    return Decision(
        refusal=Problem("DEVICE_CLONED", f"two copies of this device's key are in use; {CLONED}"),
        device=device._replace(status="disabled" if disabled else "contended"),
        notes=("strike",),
        action="disable" if disabled else "contend",
    )


def _is_ahead(device: Device, asked: Asked) -> bool:
    """Whether the device had leases that the database does not know of, or somebody made the number up.

    It is taken over once in the time of strikes and counts as one, so that two copies which make numbers up are told apart no later
    than two that do not: the one that asks next is behind.
    """
    return 0 < asked.seq - device.lease_seq <= LOST_MAX


def _caught_up(device: Device, asked: Asked) -> Device:
    return device._replace(lease_seq=asked.seq) if _is_ahead(device, asked) else device


def _since(before: Device, decision: Decision, asked: Asked) -> Decision:
    """The decision with what was lost, which counts as a strike."""
    if not _is_ahead(before, asked):
        return decision
    return replace(decision, notes=(*decision.notes, "strike"), lost=asked.seq - before.lease_seq)


def _may_enrol(device: Device | None, asked: Asked, counted: Counted) -> Problem | None:
    if device is None:
        return None
    if device.status == "disabled":
        return Problem("DEVICE_REVOKED", DISABLED)
    if asked.same_fp is False and counted.reenrols >= REENROLS_MAX:
        return _changed(asked)
    return None


def _enrolled(device: Device | None, fresh: Device, asked: Asked) -> tuple[Device, tuple[str, ...]]:
    if device is None:
        return fresh, ()
    back = _caught_up(device, asked)._replace(  # with the licence key shown, whatever the device says it had
        status="active",
        fp_mac=fresh.fp_mac,
        fp_sealed=fresh.fp_sealed,
        node_id=fresh.node_id,
    )
    return back, ("reenrol",) if asked.same_fp is False else ()


def _released(device: Device) -> Device:
    return device._replace(status="released", holds_seat=0, seat_until=None, pinned_until=None)


def _leased(
    row: License,
    device: Device,
    asked: Asked,
    policy: Policy,
    *,
    takes: int,
    notes: tuple[str, ...] = (),
    action: str | None = None,
    checks_out: bool = False,
) -> Decision:
    if device.pinned_until is not None and device.pinned_until <= asked.now:
        device = device._replace(pinned_until=None)
    terms = lease_terms(row, device, asked.now, policy, checks_out=checks_out)
    device = device._replace(
        lease_seq=terms.seq,
        holds_seat=1,
        seat_until=terms.exp if row.seat == "floating" else None,
        lease_exp=terms.exp,
        lease_ik=asked.ik,
        prev_kid=None,
        prev_pub=None,
        client_version=asked.client_version,
        last_seen_day=asked.now // DAY,
    )
    return Decision(device=device, takes=takes, notes=notes, action=action, terms=terms)


def _full(row: License) -> Problem:
    return Problem(
        "SEAT_LIMIT_REACHED",
        "release or transfer a device (`epochly license devices`), or get more seats",
        seats_used=row.seats_used,
        seats_max=row.seats_max,
    )


def _pinned(device: Device) -> Problem:
    assert device.pinned_until is not None
    return Problem("SEAT_CHECKED_OUT", f"the seat is checked out until {minute(device.pinned_until)}")


def _changed(asked: Asked) -> Problem:
    if asked.reenrol:
        return Problem(
            "FINGERPRINT_CHANGED", f"at most {REENROLS_MAX} new fingerprints of a device in 90 days"
        )
    return Problem(
        "FINGERPRINT_CHANGED", "this is not the machine that was enrolled; ask for a new enrolment"
    )
