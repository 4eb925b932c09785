"""Templates into text: everything is escaped, a name that is missing is an error, and there is no other way to make HTML."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined

if TYPE_CHECKING:
    from collections.abc import Mapping

DAY = 86_400
WORDS = {  # of the audit, for people; what is not here is shown as it is
    "account-add": "account made",
    "backup": "backup taken",
    "checkout": "seat checked out",
    "contend": "copies of its key seen",
    "copy": "database copied here",
    "device-delete": "device forgotten",
    "device-export": "device's data exported",
    "disable": "device disabled",
    "keys-publish": "keyset signed anew",
    "keys-revoke": "signing key revoked",
    "keys-rotate": "signing key rotated",
    "lens-forget": "hosts forgotten",
    "lens-key-add": "Lens key made",
    "lens-key-revoke": "Lens key revoked",
    "license-extend": "licence extended",
    "license-issue": "licence issued",
    "license-resume": "licence resumed",
    "license-suspend": "licence suspended",
    "license-transfer-in": "licence moved here",
    "license-transfer-out": "licence moved away",
    "migrate": "schema changed",
    "operator-active": "operator let in again",
    "operator-add": "operator added",
    "operator-disabled": "operator let in no more",
    "operator-passwd": "password changed",
    "reenrol": "new fingerprint",
    "register": "device registered",
    "rekey": "device's key changed",
    "release": "device released",
    "restore": "backup restored",
    "sign-in": "signed in",
    "transfer": "seat transferred",
    "trial": "trial begun",
}
NAMES = {  # of what changed, where the column's name is no word
    "expires_at": "ends",
    "from_device_id": "from",
    "holds_seat": "holds a seat",
    "license_id": "licence",
    "seats_max": "seats",
    "seats_used": "used",
    "v": "keyset",
}


def render(template: str, values: Mapping[str, Any]) -> str:
    """The text of a page."""
    return _environment().get_template(template).render(**values)


def day(at: int) -> str:
    """A time as its day, UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


def minute(at: int) -> str:
    """A time as its minute, UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


def left(at: int, now: int) -> str:
    """How far away a time is, in the largest unit that says it."""
    seconds = abs(at - now)
    for unit, size in (
        ("year", 365 * DAY),
        ("month", 30 * DAY),
        ("day", DAY),
        ("hour", 3_600),
        ("minute", 60),
    ):
        if seconds >= 2 * size or (seconds >= size and unit in {"day", "hour", "minute"}):
            count = seconds // size
            text = f"{count} {unit}{'' if count == 1 else 's'}"
            return f"in {text}" if at > now else f"{text} ago"
    return "now"


def span(seconds: int) -> str:
    """A time that passed, in its largest unit."""
    for size, unit in ((DAY, "day"), (3_600, "hour"), (60, "minute")):
        count = seconds // size
        if count:
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return "less than a minute"


def told(value: object) -> str:
    """A value of a chart, for people."""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(name, before, after) of what differs; times as days, and no key, which says nothing to people."""
    names = [name for name in {**before, **after} if before.get(name) != after.get(name) and name != "kid"]
    return [
        (NAMES.get(name, name.replace("_", " ")), _value(name, before), _value(name, after)) for name in names
    ]


def _value(name: str, values: Mapping[str, Any]) -> str:
    value = values.get(name, "")
    if name.endswith(("_at", "_until")) and isinstance(value, int):
        return day(value)
    return ", ".join(str(one) for one in value) if isinstance(value, list) else str(value)


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("epochly_service.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"day": day, "minute": minute, "left": left, "span": span, "told": told}
    made.globals |= {"changes": changes, "words": WORDS, "DAY": DAY}
    return made
