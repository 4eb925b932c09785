"""The audit as operators read it: the newest first, a page at a time, of their own account."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import or_, select

from epochly_service.schema import audit

if TYPE_CHECKING:
    from epochly_service.admin.desk import Desk


@dataclass(frozen=True, slots=True)
class Row:
    """One change."""

    seq: int
    at: int
    actor: str
    action: str
    object_id: str
    before: dict[str, Any]
    after: dict[str, Any]


def newest(
    desk: Desk, *, object_id: str | None = None, before: int | None = None, limit: int = 50
) -> list[Row]:
    """Rows they may see, the newest first, below the row `before`."""
    wanted = select(audit).order_by(audit.c.seq.desc()).limit(limit)
    if desk.account_id is not None:
        wanted = wanted.where(audit.c.account_id == desk.account_id)
    if object_id is not None:
        wanted = wanted.where(or_(audit.c.object_id == object_id, audit.c.actor_kid == object_id))
    if before is not None:
        wanted = wanted.where(audit.c.seq < before)
    rows = desk.database.read(lambda conn: conn.execute(wanted).all())
    return [
        Row(
            row.seq,
            row.at,
            row.actor_kid,
            row.action,
            row.object_id,
            json.loads(row.before),
            json.loads(row.after),
        )
        for row in rows
    ]
