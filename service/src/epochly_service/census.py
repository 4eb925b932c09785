"""Counts for the metrics: licences, seats and devices by their kinds, never by whose they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from epochly_service.schema import device_history, devices, licenses, pop_replay

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from epochly_service.metrics import Counts


def census(conn: Connection) -> Counts:
    """Gauge -> labels -> number, as `metrics.GAUGES` has them."""
    by_status = select(licenses.c.plan, licenses.c.status, func.count()).group_by(
        licenses.c.plan, licenses.c.status
    )
    by_plan = select(
        licenses.c.plan, func.sum(licenses.c.seats_used), func.sum(licenses.c.seats_max)
    ).group_by(licenses.c.plan)
    seats = conn.execute(by_plan).all()
    states = conn.execute(select(devices.c.status, func.count()).group_by(devices.c.status)).all()
    kinds = conn.execute(select(device_history.c.kind, func.count()).group_by(device_history.c.kind)).all()
    return {
        "licenses": {(plan, status): int(count) for plan, status, count in conn.execute(by_status)},
        "seats_used": {(plan,): int(used) for plan, used, _ in seats},
        "seats_max": {(plan,): int(there) for plan, _, there in seats},
        "devices": {(status,): int(count) for status, count in states},
        "device_history": {("transfer",): 0, ("reenrol",): 0, ("strike",): 0}
        | {(kind,): int(count) for kind, count in kinds},
        "replay_rows": {(): int(conn.execute(select(func.count()).select_from(pop_replay)).scalar_one())},
    }
