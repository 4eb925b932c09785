"""The operators' pages of Lens and of what is published of telemetry: a visit in, a page out."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from epochly_service.admin import accounts
from epochly_service.lens import rows
from epochly_service.pages.visiting import Page
from epochly_service.telemetry import ledger

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from epochly_service.pages.visiting import Visit

PAGE = 50  # hosts a page
ROOTS = 14  # days
AFTER = re.compile(r"(acc_[A-Za-z0-9_-]{22})\.([0-9a-f]{32})", re.ASCII)


def hosts_page(visit: Visit) -> Page:
    """Hosts of the accounts they may see, with what runs on them, and how many have which version."""
    desk = visit.desk
    at = AFTER.fullmatch(visit.query.get("after", ""))
    wanted = visit.query.get("account", "")

    def work(conn: Connection) -> tuple[list[rows.Host], list[tuple[str, int]]]:
        account_id = accounts.require(desk, conn, wanted) if wanted else desk.account_id
        found = rows.hosts(
            conn,
            desk.now,
            account_id=account_id,
            after=None if at is None else (at[1], at[2]),
            limit=PAGE + 1,
        )
        return found, rows.versions(conn, desk.now, account_id=account_id)

    found, versions = desk.database.read(work)
    names = {one.id: one.name for one in accounts.listing(desk)}
    last = found[PAGE - 1] if len(found) > PAGE else None
    return Page(
        "lens.html",
        "Lens",
        {
            "hosts": found[:PAGE],
            "versions": versions,
            "names": names,
            "account": wanted,
            "accounts": list(names.items()) if visit.operator.account_id is None else [],
            "after": None if last is None else f"{last.account_id}.{last.host}",
        },
    )


def telemetry_page(visit: Visit) -> Page:
    """What is published of telemetry: the charts that anybody may read, and the newest roots."""
    body, roots = visit.desk.database.read(
        lambda conn: (ledger.newest_chart(conn), ledger.newest_roots(conn, ROOTS))
    )
    published: dict[str, Any] = {"charts": []} if body is None else json.loads(body)
    events: dict[str, list[dict[str, Any]]] = {}
    for chart in published["charts"]:
        most = max(one["installs"] for one in chart["values"])
        events.setdefault(chart["event"], []).append(chart | {"most": most})
    return Page("telemetry.html", "Telemetry", {"published": published, "events": events, "roots": roots})
