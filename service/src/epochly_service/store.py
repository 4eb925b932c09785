"""Reads and writes rows: small functions of a connection, no decision in any of them.

It is long because all statements about licences, devices and keys are here, but for those of a next lease (`renewals.py`).
They run inside `Database.write` or `Database.read`, the same on both engines. Locks are always taken in the order licence,
device, head of the audit chain, so that no two transactions wait for each other. `lock=True` is FOR UPDATE; SQLite, where
the whole transaction is the lock, has no such clause and ignores it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, exists, func, insert, select, text, update

from epochly_service.inserting import in_place_of, on_each, unless_there
from epochly_service.model import Device, License, Remembered
from epochly_service.schema import (
    accounts,
    device_history,
    devices,
    idempotency,
    keysets,
    licenses,
    operator_sessions,
    pop_replay,
    raw_attributes,
    signing_keys,
    trials,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection


# --- accounts and licences


def insert_account(conn: Connection, *, account_id: str, name: str, at: int) -> None:
    """A new account."""
    conn.execute(insert(accounts), {"id": account_id, "name": name, "created_at": at})


def insert_license(conn: Connection, row: License) -> None:
    """A new licence of an account that is there."""
    conn.execute(insert(licenses), row._asdict())


def license_by_id(conn: Connection, license_id: str, *, lock: bool = False) -> License | None:
    """The licence with an id, or None."""
    wanted = select(licenses).where(licenses.c.id == license_id)
    return _license(conn, wanted, lock=lock)


def license_of(conn: Connection, device: Device, *, lock: bool = False) -> License:
    """The licence a device is on; a foreign key says that it is there."""
    row = conn.execute(
        _LICENSE_LOCKED if lock else _LICENSE, {"account": device.account_id, "license": device.license_id}
    ).one()
    return License(*row)


def license_by_key(conn: Connection, key_macs: Sequence[str], *, lock: bool = False) -> License | None:
    """The licence whose key has one of these MACs (one a version of the pepper), or None."""
    wanted = select(licenses).where(licenses.c.key_mac.in_(key_macs))
    return _license(conn, wanted, lock=lock)


def update_license(conn: Connection, row: License, **changes: Any) -> None:
    """Set columns of a licence; never its seats, which `take_seat` and `free_seats` count."""
    if "seats_used" in changes:
        raise ValueError("seats are taken and freed, not set")
    conn.execute(
        update(licenses)
        .where(licenses.c.account_id == row.account_id, licenses.c.id == row.id)
        .values(**changes)
    )


def delete_license(conn: Connection, row: License) -> None:
    """Forget a licence that no device is on."""
    conn.execute(delete(licenses).where(licenses.c.account_id == row.account_id, licenses.c.id == row.id))


def delete_account(conn: Connection, account_id: str) -> None:
    """Forget an account that has no licence."""
    conn.execute(delete(accounts).where(accounts.c.id == account_id))


def take_seat(conn: Connection, row: License) -> bool:
    """Take a seat if one is free; the row's own condition decides, whoever else is asking."""
    taken = conn.execute(_TAKE, {"account": row.account_id, "license": row.id})
    return taken.rowcount == 1


def free_seats(conn: Connection, row: License, count: int = 1) -> None:
    """Count seats of a licence down; the devices' `holds_seat` is the caller's to clear in the same transaction."""
    if count:
        conn.execute(_FREE, {"account": row.account_id, "license": row.id, "count": count})


def reclaim_floating(conn: Connection, row: License, now: int) -> int:
    """Free the floating seats whose lease has ended; call it with the licence locked. Returns how many."""
    if row.seat != "floating":
        return 0
    ended = conn.execute(_RECLAIM, {"account": row.account_id, "license": row.id, "now": now}).rowcount
    free_seats(conn, row, ended)
    return ended


# --- devices


def devices_of_kid(conn: Connection, kid: str) -> list[Device]:
    """Every device a key is, on whichever licence, in the order of their ids."""
    return [Device(*row) for row in conn.execute(_OF_KID, {"kid": kid})]


def devices_of_license(conn: Connection, row: License) -> list[Device]:
    """Every device of a licence, in the order of their ids."""
    found = conn.execute(
        select(devices)
        .where(devices.c.account_id == row.account_id, devices.c.license_id == row.id)
        .order_by(devices.c.id)
    )
    return [Device(*row) for row in found]


def pub_of_kid(conn: Connection, kid: str) -> str | None:
    """The public key with a kid, if it is a device or was one before its last rekey."""
    row = conn.execute(_PUB, {"kid": kid}).first()
    return None if row is None else str(row.pub if row.kid == kid else row.prev_pub)


def device_by_id(conn: Connection, device_id: str, *, lock: bool = False) -> Device | None:
    """The device with an id, or None."""
    row = conn.execute(_DEVICE_LOCKED if lock else _DEVICE, {"device": device_id}).first()
    return None if row is None else Device(*row)


def device_and_license(conn: Connection, device_id: str) -> tuple[Device, License] | None:
    """A device with its licence, neither locked, or None."""
    row = conn.execute(_DEVICE_AND_LICENSE, {"device": device_id}).first()
    if row is None:
        return None
    return Device(*row[:_DEVICE_COLUMNS]), License(*row[_DEVICE_COLUMNS:])


def locked(conn: Connection, row: Device) -> Device | None:
    """A device that was just read, now locked; as it was, where the transaction is the lock."""
    return row if conn.dialect.name == "sqlite" else device_by_id(conn, row.id, lock=True)


def device_on_license(conn: Connection, row: License, kid: str) -> Device | None:
    """What a key is on a licence, locked, or None."""
    found = conn.execute(
        select(devices)
        .where(devices.c.account_id == row.account_id, devices.c.license_id == row.id, devices.c.kid == kid)
        .with_for_update()
    ).first()
    return None if found is None else Device(*found)


def insert_device(conn: Connection, row: Device) -> None:
    """A new device; (licence, key) is unique."""
    conn.execute(_NEW_DEVICE, row._asdict())


def update_device(conn: Connection, row: Device) -> None:
    """Write a device as it now is."""
    values = row._asdict()
    conn.execute(
        _DEVICE_NOW,
        {f"new_{name}": value for name, value in values.items() if name not in FIXED}
        | {"account": row.account_id, "device": row.id},
    )


def delete_device(conn: Connection, row: Device) -> None:
    """Forget a device, with what hangs on it; its seat is the caller's to free in the same transaction."""
    for table in (idempotency, raw_attributes, device_history):
        conn.execute(delete(table).where(table.c.account_id == row.account_id, table.c.device_id == row.id))
    conn.execute(delete(devices).where(devices.c.account_id == row.account_id, devices.c.id == row.id))


def put_raw_attributes(conn: Connection, row: Device, attributes: str, expires_at: int) -> None:
    """Keep what somebody opted in to send, in place of what they sent before."""
    mine = (raw_attributes.c.account_id == row.account_id, raw_attributes.c.device_id == row.id)
    conn.execute(delete(raw_attributes).where(*mine))
    conn.execute(
        insert(raw_attributes),
        {
            "account_id": row.account_id,
            "device_id": row.id,
            "attributes": attributes,
            "expires_at": expires_at,
        },
    )


def add_history(conn: Connection, row: Device, *, row_id: str, kind: str, at: int) -> None:
    """Note a `transfer`, `reenrol` or `strike`."""
    conn.execute(
        insert(device_history),
        {
            "account_id": row.account_id,
            "id": row_id,
            "license_id": row.license_id,
            "device_id": row.id,
            "kind": kind,
            "at": at,
        },
    )


def count_history(
    conn: Connection, *, account_id: str, license_id: str, kind: str, since: int, device_id: str | None = None
) -> int:
    """How often something happened to a licence, or to one device of it, since a time."""
    wanted = select(func.count()).where(
        device_history.c.account_id == account_id,
        device_history.c.license_id == license_id,
        device_history.c.kind == kind,
        device_history.c.at > since,
    )
    if device_id is not None:
        wanted = wanted.where(device_history.c.device_id == device_id)
    return int(conn.execute(wanted).scalar_one())


# --- single use


def insert_replay(conn: Connection, digest: str, expires_at: int) -> bool:
    """Note that a nonce was used by a key; False if it was before."""
    values = {"h": digest, "expires_at": expires_at}
    return conn.execute(_SPEND[conn.dialect.name], values).first() is not None


def remembered(conn: Connection, kid: str, ik: str, now: int) -> Remembered | None:
    """What a key did with an idempotency key, or None."""
    row = conn.execute(_REMEMBERED, {"kid": kid, "ik": ik, "now": now}).first()
    return None if row is None else Remembered(*row)


def remember(conn: Connection, row: Remembered) -> None:
    """Keep what a request did, in place of what is out of date."""
    conn.execute(_REMEMBER[conn.dialect.name], row._asdict())


def insert_trial(conn: Connection, *, fp_mac: str, account_id: str, license_id: str, at: int) -> bool:
    """Note that a fingerprint has its trial; False if it had one before. The licence has to be there."""
    values = {"fp_mac": fp_mac, "account_id": account_id, "license_id": license_id, "at": at}
    return conn.execute(_TRY[conn.dialect.name], values).first() is not None


def trial_license(conn: Connection, fp_macs: Sequence[str]) -> str | None:
    """The licence of a fingerprint's trial (one MAC a version of the pepper), or None."""
    found = conn.execute(select(trials.c.license_id).where(trials.c.fp_mac.in_(fp_macs))).scalar()
    return None if found is None else str(found)


def purge(conn: Connection, now: int) -> dict[str, int]:
    """Delete what is kept for a time only and is past it: table -> rows."""
    gone = {}
    for table in (pop_replay, idempotency, raw_attributes, operator_sessions):
        gone[table.name] = conn.execute(delete(table).where(table.c.expires_at <= now)).rowcount
    return gone


# --- keys


def insert_signing_key(conn: Connection, *, kid: str, pub: str, nbf: int, exp: int, status: str) -> None:
    """A new signing key."""
    conn.execute(insert(signing_keys), {"kid": kid, "pub": pub, "nbf": nbf, "exp": exp, "status": status})


def update_signing_key(conn: Connection, kid: str, **changes: Any) -> None:
    """Set columns of a signing key."""
    conn.execute(update(signing_keys).where(signing_keys.c.kid == kid).values(**changes))


def all_signing_keys(conn: Connection) -> list[dict[str, Any]]:
    """Every signing key, the oldest first: kid, pub, nbf, exp, status."""
    found = conn.execute(select(signing_keys).order_by(signing_keys.c.nbf, signing_keys.c.kid))
    return [dict(row) for row in found.mappings()]


def insert_keyset(conn: Connection, *, v: int, token: str, issued: int) -> None:
    """A keyset that a root signed; `v` only ever goes up."""
    conn.execute(insert(keysets), {"v": v, "token": token, "issued": issued})


def newest_keyset(conn: Connection) -> tuple[int, str] | None:
    """(v, token) of the newest keyset, or None before the first."""
    row = conn.execute(select(keysets.c.v, keysets.c.token).order_by(keysets.c.v.desc()).limit(1)).first()
    return None if row is None else (row.v, row.token)


# --- invariants


def seat_faults(conn: Connection) -> list[str]:
    """Licences whose count of seats is not that of their devices, one line each; none, always."""
    held = (
        select(func.count())
        .where(
            devices.c.account_id == licenses.c.account_id,
            devices.c.license_id == licenses.c.id,
            devices.c.holds_seat == 1,
        )
        .scalar_subquery()
    )
    found = conn.execute(
        select(licenses.c.id, licenses.c.seats_used, held).where(licenses.c.seats_used != held)
    )
    return [f"{row[0]} counts {row[1]} seats, its devices hold {row[2]}" for row in found]


def schema_revision(conn: Connection) -> str | None:
    """Which migration the tables are of."""
    found = conn.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def is_empty(conn: Connection) -> bool:
    """Whether nothing was ever kept here."""
    return not conn.execute(select(exists(select(accounts.c.id)) | exists(select(keysets.c.v)))).scalar_one()


# --- statements that every request runs are made once

FIXED = ("account_id", "id", "license_id", "created_day")  # of a device


def in_place_of_old(made: Any) -> Any:
    """An insertion of what a request did, in place of what is out of date."""
    return in_place_of(
        made, ("account_id", "kid", "ik"), ("request_hash", "device_id", "lease", "expires_at")
    )


_TAKE = (
    update(licenses)
    .where(
        licenses.c.account_id == bindparam("account"),
        licenses.c.id == bindparam("license"),
        licenses.c.seats_used < licenses.c.seats_max,
    )
    .values(seats_used=licenses.c.seats_used + 1)
)
_FREE = (
    update(licenses)
    .where(licenses.c.account_id == bindparam("account"), licenses.c.id == bindparam("license"))
    .values(seats_used=licenses.c.seats_used - bindparam("count"))
)
_RECLAIM = (
    update(devices)
    .where(
        devices.c.account_id == bindparam("account"),
        devices.c.license_id == bindparam("license"),
        devices.c.holds_seat == 1,
        devices.c.seat_until <= bindparam("now"),
    )
    .values(holds_seat=0, pinned_until=None)
)
_LICENSE = select(licenses).where(
    licenses.c.account_id == bindparam("account"), licenses.c.id == bindparam("license")
)
_LICENSE_LOCKED = _LICENSE.with_for_update()
_DEVICE = select(devices).where(devices.c.id == bindparam("device"))
_DEVICE_LOCKED = _DEVICE.with_for_update()
_OF_KID = select(devices).where(devices.c.kid == bindparam("kid")).order_by(devices.c.id)
_DEVICE_COLUMNS = len(devices.c)
_DEVICE_AND_LICENSE = (
    select(devices, licenses)
    .join(
        licenses,
        (licenses.c.account_id == devices.c.account_id) & (licenses.c.id == devices.c.license_id),
    )
    .where(devices.c.id == bindparam("device"))
)
_PUB = (
    select(devices.c.kid, devices.c.pub, devices.c.prev_pub)
    .where((devices.c.kid == bindparam("kid")) | (devices.c.prev_kid == bindparam("kid")))
    .limit(1)
)
_NEW_DEVICE = insert(devices)
_DEVICE_NOW = (
    update(devices)
    .where(devices.c.account_id == bindparam("account"), devices.c.id == bindparam("device"))
    .values({column: bindparam(f"new_{column.name}") for column in devices.c if column.name not in FIXED})
)
_REMEMBERED = select(idempotency).where(
    idempotency.c.kid == bindparam("kid"),
    idempotency.c.ik == bindparam("ik"),
    idempotency.c.expires_at > bindparam("now"),
)
_REMEMBER = on_each(idempotency, in_place_of_old)
_TRY = on_each(trials, lambda made: unless_there(made).returning(trials.c.at))
_SPEND = on_each(pop_replay, lambda made: unless_there(made).returning(pop_replay.c.expires_at))


def _license(conn: Connection, wanted: Any, *, lock: bool) -> License | None:
    row = conn.execute(wanted.with_for_update() if lock else wanted).first()
    return None if row is None else License(*row)
