"""Devices: listed, released by an operator, and what the law gives a person: everything kept of one, or none of it any more."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import or_, select

from epochly_service import core, store
from epochly_service.errors import ServiceError
from epochly_service.moments import minute
from epochly_service.schema import audit, device_history, idempotency, raw_attributes

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

    from epochly_service.admin.desk import Desk
    from epochly_service.model import Device, License

EXPORT = "epochly-device-export+v1"


def listing(desk: Desk, license_id: str) -> list[Device]:
    """The devices of a licence they may see.

    Raises:
        ServiceError: there is no such licence for them.
    """
    return desk.database.read(lambda conn: store.devices_of_license(conn, desk.license(conn, license_id)))


def release(desk: Desk, device_id: str) -> tuple[License, Device]:
    """Free a device's seat, also that of a disabled one; it can register again with the licence key.

    Raises:
        ServiceError: there is no such device for them, it is released, or its seat is checked out.
    """

    def work(conn: Connection) -> tuple[License, Device]:
        row, device = desk.device(conn, device_id, lock=True)
        decision = core.release(device, desk.now)
        if decision.refusal is not None:
            raise _pinned(device)
        if decision.device is None:
            raise ServiceError("device-status", device_id, "it is released already", "its seat is free")
        store.update_device(conn, decision.device)
        store.free_seats(conn, row, decision.frees)
        _note(desk, conn, device, "release", {"status": "released", "holds_seat": 0})
        return row, decision.device

    return desk.database.write(work)


def export(desk: Desk, device_id: str) -> dict[str, Any]:
    """All that is kept of a device: what its owner may ask to see. That it was asked for goes into the audit.

    Raises:
        ServiceError: there is no such device for them.
    """

    def work(conn: Connection) -> dict[str, Any]:
        row, device = desk.device(conn, device_id)
        raw = _rows(conn, raw_attributes, device)
        trail = conn.execute(
            select(audit)
            .where(
                audit.c.account_id == row.account_id,
                or_(audit.c.object_id == device.id, audit.c.actor_kid == device.kid),
            )
            .order_by(audit.c.seq)
        )
        found = {
            "format": EXPORT,
            "exported_at": desk.now,
            "device": device._asdict(),
            "license": {"id": row.id, "plan": row.plan, "seat": row.seat},
            "history": _rows(conn, device_history, device),
            "requests": _rows(conn, idempotency, device),
            "raw_attributes": json.loads(raw[0]["attributes"]) if raw else {},
            "audit": [dict(line) for line in trail.mappings()],
        }
        _note(desk, conn, device, "device-export", {"status": device.status})
        return found

    return desk.database.write(work)


def erase(desk: Desk, device_id: str) -> License:
    """Forget a device and all that hangs on it, and free its seat.

    What stays: rows of the audit, which name it by its id and its key by a hash, that then lead nowhere, and of a trial the MAC that keeps the same
    machine from a second one.

    Raises:
        ServiceError: there is no such device for them, or its seat is checked out: its lease would go on with the seat free.
    """

    def work(conn: Connection) -> License:
        row, device = desk.device(conn, device_id, lock=True)
        if device.is_pinned(desk.now):
            raise _pinned(device)
        store.free_seats(conn, row, device.holds_seat)
        store.delete_device(conn, device)
        _note(desk, conn, device, "device-delete", {})
        return row

    return desk.database.write(work)


def _note(desk: Desk, conn: Connection, device: Device, action: str, after: dict[str, Any]) -> None:
    before = {"status": device.status, "holds_seat": device.holds_seat}
    desk.note(
        conn, account_id=device.account_id, action=action, object_id=device.id, before=before, after=after
    )


def _rows(conn: Connection, table: Table, device: Device) -> list[dict[str, Any]]:
    wanted = select(table).where(table.c.account_id == device.account_id, table.c.device_id == device.id)
    return [dict(row) for row in conn.execute(wanted).mappings()]


def _pinned(device: Device) -> ServiceError:
    assert device.pinned_until is not None
    return ServiceError(
        "seat-checked-out",
        device.id,
        f"its seat is checked out until {minute(device.pinned_until)}",
        "try again after that time",
    )
