"""The requests of section 5 as transactions: rows read under locks, `core` asked, what it decided written.

Each function runs inside one transaction that the caller opened and will commit. Refusals of a decision are committed with what
it writes; a `Problem` is raised only before anything is written, but for the freeing of seats that have ended. Locks in the order licence, device, audit chain. A repeated request is known by its
idempotency key after the locks are held, so that two that race are told apart too.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from epochly_service import audit, client_versions, core, peppered, proofs, renewals, store
from epochly_service.errors import Problem
from epochly_service.model import Device, License, Remembered
from epochly_service.scene import (
    Outcome,
    device_of_caller,
    devices_of_caller,
    early_outcome,
    license_of_key,
    other_request,
    repeated,
    times,
)
from epochly_service.settings import (
    DAY,
    IDEMPOTENCY_KEPT_S,
    RAW_KEPT_S,
    REENROLS_IN_S,
    STRIKES_IN_S,
    TRANSFERS_IN_S,
    TRIAL_S,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from epochly_service.engines import Line
    from epochly_service.proofs import Call
    from epochly_service.scene import Begun, Enrolment, Renewal, Scene, Stage


def register(scene: Scene, license_key: str, body: Enrolment) -> Outcome:
    """`POST /v1/devices`."""
    row = license_of_key(scene, license_key)
    device = store.device_on_license(scene.conn, row, scene.caller.kid)
    return _enrol(scene, row, device, body)


def trial(scene: Scene, body: Enrolment) -> Outcome:
    """`POST /v1/trial`: a licence of its own for a fingerprint's first key, and for that key again while it lasts."""
    macs = peppered.trial_macs(scene.peppers, body.digest)
    had = store.trial_license(scene.conn, macs)
    if had is None:
        if store.remembered(scene.conn, scene.caller.kid, body.ik, scene.now) is not None:
            return Outcome(refusal=other_request())  # and the machine keeps its trial
        row = License(
            account_id=scene.new_id("acc"),
            id=scene.new_id("lic"),
            key_mac=None,
            plan="trial",
            seat="node",
            status="active",
            seats_max=1,
            seats_used=0,
            created_at=scene.now,
            expires_at=scene.now + TRIAL_S,
            policy_version=scene.policy.version,
        )
        store.insert_account(scene.conn, account_id=row.account_id, name="trial", at=scene.now)
        store.insert_license(scene.conn, row)
        if store.insert_trial(
            scene.conn, fp_mac=macs[0], account_id=row.account_id, license_id=row.id, at=scene.now
        ):
            return _enrol(scene, row, None, body)
        store.delete_license(scene.conn, row)  # another request of this machine was faster
        store.delete_account(scene.conn, row.account_id)
        had = store.trial_license(scene.conn, macs)
    found = None if had is None else store.license_by_id(scene.conn, had, lock=True)
    device = None if found is None else store.device_on_license(scene.conn, found, scene.caller.kid)
    if found is None or device is None or found.expires_at <= scene.now:
        return Outcome(
            refusal=Problem(
                "TRIAL_USED", "this machine has had its trial; a licence key activates all it had"
            )
        )
    return _enrol(scene, found, device, body)


def transfer(scene: Scene, license_key: str, source_id: str, body: Enrolment) -> Outcome:
    """`POST /v1/transfer`."""
    row = license_of_key(scene, license_key)
    source = store.device_by_id(scene.conn, source_id, lock=True)
    if source is None or source.license_id != row.id:
        raise Problem("DEVICE_NOT_FOUND", "there is no such device; `epochly license devices` lists them")
    device = store.device_on_license(scene.conn, row, scene.caller.kid)
    return _enrol(scene, row, device, body, source=source)


def renew(scene: Scene, body: Renewal, days: int | None = None) -> Outcome:
    """`POST /v1/license/validate` and `/heartbeat`; with `days`, `/checkout`."""
    row, device = device_of_caller(scene, body.device_id)
    request_hash = _hash_of(scene.call)
    early = early_outcome(scene, row, device, body.ik, request_hash)
    if early is not None:
        return early
    asked, counted = _asked(scene, device, body), _counted(scene, device, body)
    if days is None:
        decision = core.renew(row, device, asked, counted, scene.policy)
    else:
        decision = core.checkout(row, device, asked, counted, scene.policy, days=days)
    return _apply(scene, row, device, decision, ik=body.ik, request_hash=request_hash)


def renew_at_once(line: Line, asked: Sequence[Begun]) -> list[Outcome | None]:
    """What `renew` does where nothing stands in the way, in two statements; None, with nothing done, where anything does."""
    said = [renewals.Looked(it.body.device_id, it.caller.kid, it.body.ik, it.spent, it.now) for it in asked]
    found, taken = [], set[object]()  # what was looked for in vain may be another's of this batch
    for it, looked, seen in zip(asked, said, renewals.look(line, said), strict=True):
        mine = {looked.spent, (looked.kid, looked.ik)}
        found.append(None if seen is None or mine & taken else _at_once(it, seen, looked.spent))
        taken |= mine
    changes = [each[0] for each in found if each is not None]
    kept = iter(renewals.change(line, changes) if changes else ())
    return [each[1] if each is not None and next(kept) else None for each in found]


def _at_once(begun: Begun, seen: renewals.Seen, spent: str) -> tuple[renewals.Change, Outcome] | None:
    device, row = seen.device, seen.license
    if seen.was_here or row.seat != "node" or device.kid != begun.caller.kid:
        return None
    if client_versions.is_too_old(begun.caller.client_version, begun.policy.min_client):
        return None
    if core.standing(row, device, begun.now) is not None:
        return None
    decision = core.renew(row, device, _asked(begun, device, begun.body), core.Counted(), begun.policy)
    after, terms = decision.device, decision.terms
    if after is None or terms is None or decision != core.Decision(device=after, terms=terms):
        return None
    done = _remembered(begun, after, terms, begun.body.ik, _hash_of(begun.call))
    return renewals.Change(device, after, done, spent, begun.spent_until), Outcome(after, terms)


def rekey(scene: Scene, body: Renewal, new_proof: str) -> Outcome:
    """`POST /v1/devices/{id}/rekey`; a repeat comes by the old key, which is good for nothing else any more."""
    new_kid, new_pub = proofs.judge_rekey(new_proof, scene.caller)
    row, device = device_of_caller(scene, body.device_id, rekeying=True)
    # the new key's proof covers the nonce, so a repeat has another body: it is the same request if it names the same key
    request_hash = _hashed(scene.call.method, scene.call.path, new_kid)
    early = early_outcome(scene, row, device, body.ik, request_hash)
    if early is not None:
        return early
    if device.kid != scene.caller.kid:
        raise Problem("KEY_UNKNOWN", "the device has another key now")
    if store.device_on_license(scene.conn, row, new_kid) is not None:
        raise Problem("MALFORMED", "the new key is a device of this licence already")
    asked, counted = _asked(scene, device, body), _counted(scene, device, body)
    decision = core.rekey(row, device, asked, counted, scene.policy, kid=new_kid, pub=new_pub)
    return _apply(scene, row, device, decision, ik=body.ik, request_hash=request_hash)


def release(scene: Scene, device_id: str) -> Outcome:
    """`DELETE /v1/devices/{id}`: allowed in any standing, but not while it is checked out."""
    row, device = device_of_caller(scene, device_id, lock=True)
    return _apply(scene, row, device, core.release(device, scene.now))


def devices(scene: Scene) -> list[dict[str, Any]]:
    """`GET /v1/devices`: the licences on which the caller's key has a seat or had one, with all their devices."""
    listed = []
    for mine in devices_of_caller(scene):
        if mine.status == "released":
            continue
        row = store.license_of(scene.conn, mine)
        listed.append(
            {
                "license_id": row.id,
                "plan": row.plan,
                "seat": row.seat,
                "seats_used": row.seats_used,
                "seats_max": row.seats_max,
                "devices": [
                    {
                        "device_id": device.id,
                        "status": device.status,
                        "created_day": device.created_day,
                        "last_seen_day": device.last_seen_day,
                        "lease_exp": device.lease_exp,
                        "this": device.id == mine.id,
                    }
                    for device in store.devices_of_license(scene.conn, row)
                ],
            }
        )
    return listed


def _asked(stage: Stage, device: Device, body: Renewal) -> core.Asked:
    same_fp, fp_mac, fp_sealed = None, "", ""
    if body.digest is not None:
        macs = peppered.fingerprint_macs(stage.peppers, device.account_id, body.digest)
        same_fp = device.fp_mac in macs
        if not same_fp:
            fp = peppered.lease_fp(body.digest)
            fp_mac, fp_sealed = macs[0], peppered.seal(stage.peppers, device.id, fp, stage.rng)
    return core.Asked(
        seq=stage.caller.seq,
        ik=body.ik,
        client_version=stage.caller.client_version,
        now=stage.now,
        same_fp=same_fp,
        reenrol=body.reenrol,
        fp_mac=fp_mac,
        fp_sealed=fp_sealed,
    )


def _counted(scene: Scene, device: Device, body: Renewal) -> core.Counted:
    return core.Counted(
        strikes=times(scene, device, "strike", STRIKES_IN_S) if scene.caller.seq != device.lease_seq else 0,
        reenrols=times(scene, device, "reenrol", REENROLS_IN_S) if body.reenrol else 0,
    )


# --- deciding and writing


def _enrol(
    scene: Scene, row: License, device: Device | None, body: Enrolment, *, source: Device | None = None
) -> Outcome:
    request_hash = _hash_of(scene.call)
    before = store.remembered(scene.conn, scene.caller.kid, body.ik, scene.now)
    if before is not None:
        return repeated(scene, row, device, before, request_hash)
    macs = peppered.fingerprint_macs(scene.peppers, row.account_id, body.digest)
    same_fp = None if device is None else device.fp_mac in macs
    fresh = _fresh(scene, row, body, scene.new_id("dev") if device is None else device.id, macs[0])
    asked = core.Asked(
        seq=scene.caller.seq,
        ik=body.ik,
        client_version=body.client_version,
        now=scene.now,
        same_fp=same_fp,
        reenrol=True,
    )
    transfers = (
        store.count_history(
            scene.conn,
            account_id=row.account_id,
            license_id=row.id,
            kind="transfer",
            since=scene.now - TRANSFERS_IN_S,
        )
        if source
        else 0
    )
    reenrols = times(scene, device, "reenrol", REENROLS_IN_S) if device and same_fp is False else 0
    counted = core.Counted(reenrols=reenrols, transfers=transfers)
    if source is None:
        decision = core.register(row, device, fresh=fresh, asked=asked, counted=counted, policy=scene.policy)
    else:
        decision = core.transfer(
            row, source, device, fresh=fresh, asked=asked, counted=counted, policy=scene.policy
        )
    return _apply(scene, row, device, decision, ik=body.ik, request_hash=request_hash, raw=body.raw)


def _fresh(scene: Scene, row: License, body: Enrolment, device_id: str, fp_mac: str) -> Device:
    fp = peppered.lease_fp(body.digest)
    return Device(
        account_id=row.account_id,
        id=device_id,
        license_id=row.id,
        kid=scene.caller.kid,
        pub=scene.caller.pub,
        prev_kid=None,
        prev_pub=None,
        fp_mac=fp_mac,
        fp_sealed=peppered.seal(scene.peppers, device_id, fp, scene.rng),
        fp_version=body.fp_version,
        node_id=body.node_id,
        client_version=body.client_version,
        status="active",
        holds_seat=0,
        seat_until=None,
        pinned_until=None,
        lease_seq=0,
        lease_exp=0,
        lease_ik=body.ik,
        rekey_count=0,
        created_day=scene.now // DAY,
        last_seen_day=scene.now // DAY,
    )


def _apply(
    scene: Scene,
    row: License,
    device: Device | None,
    decision: core.Decision,
    *,
    ik: str = "",
    request_hash: str = "",
    raw: Mapping[str, str] | None = None,
) -> Outcome:
    """Write a decision: seats, devices, history, memory, and the audit chain last, whose lock everybody needs."""
    conn = scene.conn
    if decision.other is not None:
        store.update_device(conn, decision.other)
    store.free_seats(conn, row, decision.frees)
    for _ in range(decision.takes):
        taken = store.take_seat(conn, row)
        assert taken, "the row was locked when the seats were counted"
    after = decision.device
    if after is not None:
        if device is None:
            store.insert_device(conn, after)
        else:
            store.update_device(conn, after)
        for kind in decision.notes:
            store.add_history(conn, after, row_id=scene.new_id("evt"), kind=kind, at=scene.now)
        if raw is not None and decision.refusal is None:
            store.put_raw_attributes(conn, after, json.dumps(raw, sort_keys=True), scene.now + RAW_KEPT_S)
        if decision.terms is not None:
            store.remember(conn, _remembered(scene, after, decision.terms, ik, request_hash))
        if decision.lost:
            audit.append(
                conn,
                at=scene.now,
                account_id=row.account_id,
                actor_kid=scene.caller.kid,
                action=core.ROWS_LOST,
                object_id=after.id,
                before={"lease_seq": scene.caller.seq - decision.lost},
                after={"lease_seq": scene.caller.seq},
            )
        if decision.action is not None:
            seats = row.seats_used - decision.frees + decision.takes
            audit.append(
                conn,
                at=scene.now,
                account_id=row.account_id,
                actor_kid=scene.caller.kid,
                action=decision.action,
                object_id=after.id,
                before=_said(row, device, row.seats_used),
                after=_said(row, after, seats)
                | ({} if decision.other is None else {"from_device_id": decision.other.id}),
            )
    return Outcome(after or device, decision.terms, decision.refusal)


def _said(row: License, device: Device | None, seats_used: int) -> dict[str, Any]:
    said: dict[str, Any] = {"license_id": row.id, "seats_used": seats_used}
    if device is not None:
        said |= {"status": device.status, "holds_seat": device.holds_seat, "kid": device.kid}
        if device.pinned_until is not None:
            said["pinned_until"] = device.pinned_until
    return said


def _remembered(stage: Stage, device: Device, terms: core.Terms, ik: str, request_hash: str) -> Remembered:
    return Remembered(
        account_id=device.account_id,
        kid=stage.caller.kid,
        ik=ik,
        request_hash=request_hash,
        device_id=device.id,
        lease=json.dumps(terms.claims()),
        expires_at=stage.now + IDEMPOTENCY_KEPT_S,
    )


def _hash_of(call: Call) -> str:
    return _hashed(call.method, call.path, call.body.decode())


def _hashed(*pieces: str) -> str:
    return hashlib.sha256("\n".join(pieces).encode()).hexdigest()
