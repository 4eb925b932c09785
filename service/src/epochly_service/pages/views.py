"""What each page shows and does: a visit in, a reply out. No cookie, no header and no HTML here."""

from __future__ import annotations

from typing import Any

from epochly_service.admin import accounts, devices, licenses, trail
from epochly_service.admin.desk import ID
from epochly_service.lens.views import hosts_page, telemetry_page
from epochly_service.pages.visiting import Go, Page, View, Visit

PAGE = 50  # licences or changes a page
OF_ONE = 10  # changes shown beside a licence or a device
DONE = {  # what a page says after a change, by the word in its address
    "suspended": "The licence is suspended. Its devices are refused when they ask next.",
    "resumed": "The licence is active again.",
    "released": "The device is released, and its seat is free.",
}


def license_list(visit: Visit) -> Page:
    """All licences they may see, with sums by plan."""
    status = visit.query.get("status", "")
    account = visit.query.get("account", "")
    after = visit.query.get("after", "")
    found = licenses.listing(
        visit.desk,
        account=account or None,
        status=status if status in {"active", "suspended"} else None,
        with_trials=visit.query.get("trials") == "1",
        after=after if ID.fullmatch(after) else "",
        limit=PAGE,
    )
    return Page(
        "licenses.html",
        "Licences",
        {
            "page": found,
            "status": status,
            "account": account,
            "trials": visit.query.get("trials") == "1",
            "totals": _by_plan(licenses.totals(visit.desk)),
            "accounts": accounts.listing(visit.desk) if visit.operator.account_id is None else [],
        },
    )


def license_page(visit: Visit) -> Page:
    """A licence with its devices and what happened to it."""
    named, found = licenses.show(visit.desk, visit.path["id"])
    return Page(
        "license.html",
        "Licence",
        {
            "named": named,
            "row": named.license,
            "devices": found,
            "trail": trail.newest(visit.desk, object_id=named.license.id, limit=OF_ONE),
        },
    )


def license_suspend_ask(visit: Visit) -> Page:
    """What suspending means, before it is done."""
    return _ask(visit, "suspend")


def license_resume_ask(visit: Visit) -> Page:
    """What resuming means, before it is done."""
    return _ask(visit, "resume")


def license_suspend(visit: Visit) -> Go:
    """Suspend a licence."""
    visit.require_changer()
    row = licenses.suspend(visit.desk, visit.path["id"])
    return Go(f"/admin/licenses/{row.id}?done=suspended")


def license_resume(visit: Visit) -> Go:
    """Resume a licence."""
    visit.require_changer()
    row = licenses.resume(visit.desk, visit.path["id"])
    return Go(f"/admin/licenses/{row.id}?done=resumed")


def device_page(visit: Visit) -> Page:
    """A device and what happened to it."""
    row, one = visit.desk.database.read(lambda conn: visit.desk.device(conn, visit.path["id"]))
    return Page(
        "device.html",
        "Device",
        {"row": row, "device": one, "trail": trail.newest(visit.desk, object_id=one.id, limit=OF_ONE)},
    )


def device_release_ask(visit: Visit) -> Page:
    """What releasing means, before it is done."""
    visit.require_changer()
    row, one = visit.desk.database.read(lambda conn: visit.desk.device(conn, visit.path["id"]))
    return Page("release.html", "Release a device", {"row": row, "device": one})


def device_release(visit: Visit) -> Go:
    """Release a device."""
    visit.require_changer()
    row, _ = devices.release(visit.desk, visit.path["id"])
    return Go(f"/admin/licenses/{row.id}?done=released")


def audit_page(visit: Visit) -> Page:
    """What changed, the newest first."""
    text = visit.query.get("before", "")
    before = int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None
    about = visit.query.get("about", "")
    rows = trail.newest(
        visit.desk, object_id=about if ID.fullmatch(about) else None, before=before, limit=PAGE + 1
    )
    return Page(
        "audit.html",
        "Audit",
        {"trail": rows[:PAGE], "older": rows[PAGE - 1].seq if len(rows) > PAGE else None, "about": about},
    )


def _ask(visit: Visit, verb: str) -> Page:
    visit.require_changer()
    visit.desk.require_all(f"license {verb}")
    named, _ = licenses.show(visit.desk, visit.path["id"])
    title = f"{verb.capitalize()} a licence"
    return Page("confirm.html", title, {"named": named, "row": named.license, "verb": verb})


def _by_plan(rows: list[tuple[str, str, int, int, int]]) -> list[dict[str, Any]]:
    plans: dict[str, dict[str, Any]] = {}
    for plan, status, count, used, there in rows:
        one = plans.setdefault(plan, {"plan": plan, "licenses": 0, "suspended": 0, "used": 0, "max": 0})
        one["licenses"] += count
        one["used"] += used
        one["max"] += there
        one["suspended"] += count if status == "suspended" else 0
    return list(plans.values())


# method, path, view: the whole of what operators can reach
ROUTES: tuple[tuple[str, str, View], ...] = (
    ("GET", "/admin/licenses", license_list),
    ("GET", "/admin/licenses/{id}", license_page),
    ("GET", "/admin/licenses/{id}/suspend", license_suspend_ask),
    ("POST", "/admin/licenses/{id}/suspend", license_suspend),
    ("GET", "/admin/licenses/{id}/resume", license_resume_ask),
    ("POST", "/admin/licenses/{id}/resume", license_resume),
    ("GET", "/admin/devices/{id}", device_page),
    ("GET", "/admin/devices/{id}/release", device_release_ask),
    ("POST", "/admin/devices/{id}/release", device_release),
    ("GET", "/admin/audit", audit_page),
    ("GET", "/admin/lens", hosts_page),
    ("GET", "/admin/telemetry", telemetry_page),
)
