"""What came of a command, in words: each answer says what it is, and what can be done about it.

Pure: values in, lines out, readable without colour. It refuses to show what somebody else wrote but as one printable line.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from epochly.licensing.answers import NotReached, Refused, Told, plain
from epochly.licensing.entitlement import CLOCK_SLACK_S, COMMUNITY, Entitled, entitled
from epochly.licensing.standing import TOOK, WAYS_OUT

if TYPE_CHECKING:
    from epochly.licensing.claims import Lease
    from epochly.licensing.standing import Standing
    from epochly.net.messages import Compatibility, Listed

DAY_S, HOUR_S, MINUTE_S = 86_400, 3_600, 60  # seconds
LAST = 253_402_300_799  # the last second of the year 9999, which is as far as dates go here
REPORT = "run it again; if it stays so, report it with what `epochly license status` shows"
SEATS = "`epochly license release` on a machine that has one frees it, `epochly license transfer DEVICE` takes it over"
CODES = {
    "TRIAL_USED": ("this machine has had its trial", "`epochly license activate` takes a licence key"),
    "FEATURE_NOT_ENTITLED": (
        "the licence does not include that",
        "`epochly compatibility` shows what plans hold",
    ),
    "SEAT_LIMIT_REACHED": ("all seats of the licence are taken", SEATS),
    "FINGERPRINT_CHANGED": (
        "this machine has become another one too often",
        "`epochly license release`, then activate; or ask who issued the licence",
    ),
    "IDEMPOTENCY_MISMATCH": (
        "the request was repeated with other contents",
        "run it again, as a new request",
    ),
    "TRANSFER_LIMIT": (
        "the licence was transferred too often in 30 days",
        "wait, or ask who issued the licence",
    ),
    "SEAT_CHECKED_OUT": ("the seat is checked out, so nobody frees it before its end", "wait for that"),
    "CLIENT_TOO_OLD": ("this epochly is too old for the service", "upgrade it"),
    "LICENSE_NOT_FOUND": ("no licence has this key", "compare it with the one you were given"),
    "DEVICE_NOT_FOUND": ("no such device is known there", "`epochly license devices` lists them"),
    "KEY_UNKNOWN": ("this device's key is not known there", "`epochly license activate` takes a seat"),
}
FORGET = "; `epochly license release --forget` drops what is kept here without asking"


def refusal_line(answer: Refused | Told | NotReached) -> str:
    """Why it did not come to what was asked, and the way out."""
    if isinstance(answer, NotReached):
        later = "" if answer.retry_after_s is None else f", in {duration(answer.retry_after_s)}"
        what, found, hint = answer.why.partition("; hint: ")
        way_out = hint if found else f"try again{later}; what is held here goes on until it ends"
        return f"the licence service was not reached: {what}; hint: {way_out}"
    took, way_out = TOOK.get(answer.code, ""), WAYS_OUT.get(answer.code, "")
    what, hint = CODES.get(answer.code, (took or f"the service answers {answer.code}", way_out or REPORT))
    seats = answer.seats if isinstance(answer, Refused) else None
    counted = "" if seats is None else f" ({seats[0]} of {seats[1]})"
    detail = f": {answer.detail}" if answer.detail and answer.code not in CODES and not took else ""
    by_whom = "" if isinstance(answer, Refused) else " (an answer that nobody signed)"
    return f"{what}{counted}{detail}{by_whom}; hint: {hint}"


def lease_rows(lease: Lease, now: int) -> dict[str, str]:
    """A lease for a person to read."""
    rows = {
        "plan": lease.plan,
        "features": ", ".join(lease.features) or "none",
        "seat": lease.seat,
        "licence": lease.lic,
        "device": lease.dev,
        "good until": moment(lease.exp, now),
    }
    if lease.grace_until > lease.exp:
        rows["without the service"] = moment(lease.grace_until, now)
    return rows | {"renewed from": moment(lease.refresh_after, now)}


def standing_rows(standing: Standing, now: int) -> tuple[dict[str, str], str]:
    """What this machine may do now, as rows; and a line where something is wrong with what is kept, or nothing."""
    lease = standing.lease
    if lease is None:
        return {"plan": COMMUNITY, "features": "levels 0 to 3, level 3 with up to 4 cores"}, standing.trouble
    rows = lease_rows(lease, now)
    if not lease.features:
        return rows, ""
    answer = entitled(lease, lease.features[0], now, standing.latest)
    if isinstance(answer, Entitled):
        return rows | (
            {"state": "in grace: it could not be renewed"} if answer.in_grace else {"state": "good"}
        ), ""
    ahead = standing.latest - now
    why = f"{answer.why} by {duration(ahead)}" if ahead > CLOCK_SLACK_S else answer.why
    return {"plan": COMMUNITY} | {name: value for name, value in rows.items() if name != "plan"}, (
        f"{why}; hint: {answer.way_out}"
    )


def device_lines(listed: Listed, now: int) -> list[str]:
    """Licences and their devices; the one that asks has a star."""
    lines: list[str] = []
    for each in listed.licenses:
        seats = f"{each.seats_used} of {each.seats_max} seats"
        lines.append(f"{plain(each.license_id)}  {plain(each.plan)}, {plain(each.seat)}, {seats}")
        lines += [
            f"{'*' if device.this else ' '} {plain(device.device_id)}  {plain(device.status):<9}  "
            f"seen {day(device.last_seen_day)}  lease until {moment(device.lease_exp, now)}"
            for device in each.devices
        ]
    return lines or ["no licence has this device's key"]


def compatibility_rows(found: Compatibility, version: str) -> tuple[dict[str, str], str]:
    """What the service speaks, as rows; and a line where this epochly is not among it, or nothing."""
    rows = {
        "this epochly": version,
        "oldest that is served": plain(found.min_client),
        "protocols": ", ".join(map(str, found.protocols)),
    } | {
        f"plan {plain(plan)}": ", ".join(map(plain, features)) or "none"
        for plan, features in found.plans.items()
    }
    if 1 not in found.protocols:
        return rows, "the service does not speak epochly-pop v1; hint: upgrade epochly"
    if _numbers(version) < _numbers(found.min_client):
        return rows, "this epochly is too old for the service; hint: upgrade it"
    return rows, ""


def moment(at: int, now: int) -> str:
    """A time in UTC, and how far it is."""
    if not 0 <= at <= LAST:
        return "the end of time"
    text = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"{text} (in {duration(at - now)})" if at >= now else f"{text} ({duration(now - at)} ago)"


def day(number: int) -> str:
    """A day, counted from 1970-01-01."""
    return (
        datetime.fromtimestamp(number * DAY_S, UTC).strftime("%Y-%m-%d")
        if 0 <= number <= LAST // DAY_S
        else "?"
    )


def duration(seconds: int) -> str:
    """Roughly how long."""
    whole = -(-seconds // MINUTE_S) * MINUTE_S  # a lease of three days has not two left a second later
    for unit, name in ((DAY_S, "day"), (HOUR_S, "hour"), (MINUTE_S, "minute")):
        if whole >= 2 * unit:
            return f"{whole // unit} {name}s"
    return "1 second" if seconds == 1 else f"{max(seconds, 0)} seconds"


def _numbers(version: str) -> tuple[int, ...]:
    leading: list[int] = []
    for part in version.split("."):
        if not (part.isascii() and part.isdigit() and len(part) < 10):
            break
        leading.append(int(part))
    return tuple(leading)
