"""What the transactions of `scripts.py` have in common: their scene, what was asked, and rows looked up under locks.

Locks are taken in the order licence, device. A device is looked up for its caller alone: another's gives the same answer as none.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from epochly_service import core, license_keys, nonces, peppered, store
from epochly_service.encoding import new_id
from epochly_service.errors import Problem
from epochly_service.settings import REPLAY_KEPT_S

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Connection

    from epochly_service.model import Device, License, Remembered
    from epochly_service.proofs import Call, Caller
    from epochly_service.settings import Policy

ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class Stage:
    """What every script has: who calls, when, and under which secrets and policy."""

    call: Call
    caller: Caller
    now: int
    peppers: Mapping[int, bytes]
    policy: Policy
    rng: Callable[[int], bytes]

    @property
    def spent(self) -> str:
        """What is kept of the caller's nonce."""
        return nonces.spent(self.caller.nonce, self.caller.kid)

    @property
    def spent_until(self) -> int:
        """Until when."""
        return self.now + REPLAY_KEPT_S

    def new_id(self, prefix: str) -> str:
        """A fresh id."""
        return new_id(prefix, self.rng(ID_BYTES))


@dataclass(frozen=True, slots=True)
class Scene(Stage):
    """The same in a transaction."""

    conn: Connection


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What `devices`, `trial` and `transfer` say of a machine. `raw` is there only where the user opted in."""

    digest: str
    fp_version: int
    node_id: str
    client_version: str
    ik: str
    raw: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Renewal:
    """What the requests of a device say. `digest` is None where they name no fingerprint."""

    device_id: str
    ik: str
    digest: str | None = None
    reenrol: bool = False


@dataclass(frozen=True, slots=True)
class Begun(Stage):
    """A next lease that is asked for by a caller who has proved a key."""

    body: Renewal


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is to be said once it is committed: a lease of a device, or a refusal."""

    device: Device | None = None
    terms: core.Terms | None = None
    refusal: Problem | None = None


def license_of_key(scene: Scene, license_key: str) -> License:
    """The licence of a key, locked, its ended seats freed."""
    normal = license_keys.normal_form(license_key)
    # a key that cannot be one is looked for all the same: how long it takes says nothing
    macs = peppered.license_key_macs(scene.peppers, normal or "0" * license_keys.LENGTH)
    row = store.license_by_key(scene.conn, macs, lock=True)
    if row is None or normal is None:
        raise Problem("LICENSE_NOT_FOUND", "no licence has this key; look for a typing error")
    return _without_ended_seats(scene, row)


def device_of_caller(
    scene: Scene, device_id: str, *, lock: bool = False, rekeying: bool = False
) -> tuple[License, Device]:
    """A device of the caller's, locked, and its licence; the same answer for another's device and for none."""
    found = store.device_and_license(scene.conn, device_id)
    if found is not None and _is_callers(scene, found[0], rekeying=rekeying):
        seen, row = found
        if (
            lock or row.seat == "floating"
        ):  # its seats are counted here, and ended ones are freed, maybe its own
            row = _without_ended_seats(scene, store.license_of(scene.conn, seen, lock=True))
            device = store.device_by_id(scene.conn, device_id, lock=True)
        else:
            device = store.locked(scene.conn, seen)
        if device is not None and _is_callers(scene, device, rekeying=rekeying):
            return row, device
    devices_of_caller(scene)
    raise Problem("DEVICE_NOT_FOUND", "there is no such device; `epochly license devices` lists them")


def _is_callers(scene: Scene, device: Device, *, rekeying: bool) -> bool:
    return device.kid == scene.caller.kid or (rekeying and device.prev_kid == scene.caller.kid)


def devices_of_caller(scene: Scene) -> list[Device]:
    """What the caller's key is, on any licence."""
    found = store.devices_of_kid(scene.conn, scene.caller.kid)
    if not found:  # the key was known a moment ago, or as the one before a rekey
        raise Problem("KEY_UNKNOWN", "no device has this key; `epochly license activate` makes it one")
    return found


def _without_ended_seats(scene: Scene, row: License) -> License:
    return row._replace(seats_used=row.seats_used - store.reclaim_floating(scene.conn, row, scene.now))


def early_outcome(scene: Scene, row: License, device: Device, ik: str, request_hash: str) -> Outcome | None:
    """What is known before the sequence is asked for: a standing that refuses, or a request that was here before."""
    refusal = core.standing(row, device, scene.now)
    if refusal is not None:
        return Outcome(refusal=refusal)
    before = store.remembered(scene.conn, scene.caller.kid, ik, scene.now)
    return None if before is None else repeated(scene, row, device, before, request_hash)


def repeated(
    scene: Scene, row: License, device: Device | None, before: Remembered, request_hash: str
) -> Outcome:
    """What a request did when it was here before, said again if device and licence are still good for it."""
    if device is None or before.request_hash != request_hash or before.device_id != device.id:
        return Outcome(refusal=other_request())
    refusal = core.standing(row, device, scene.now)
    if refusal is not None:
        return Outcome(refusal=refusal)
    return Outcome(device=device, terms=core.Terms.from_claims(json.loads(before.lease)))


def other_request() -> Problem:
    """That an idempotency key comes with another request than before."""
    return Problem("IDEMPOTENCY_MISMATCH", "the idempotency key was used for another request")


def times(scene: Scene, device: Device, kind: str, within_s: int) -> int:
    """How often something happened to a device in the time before now."""
    return store.count_history(
        scene.conn,
        account_id=device.account_id,
        license_id=device.license_id,
        device_id=device.id,
        kind=kind,
        since=scene.now - within_s,
    )
