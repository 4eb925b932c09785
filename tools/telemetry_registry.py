"""Reads the registry of telemetry, strictly: what `docs/spec/epochly-telemetry-v1.md`, section 1, has no name for is refused.

No kind of field can hold text, and there is no way to add one in the registry alone: it would have to be added here, and in the test that
names the kinds a second time.
"""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

ENDPOINTS = ("metrics", "critical-events", "compatibility-reports")
LITERAL = re.compile(r"[a-z0-9][a-z0-9_.-]{0,31}", re.ASCII)
NAME = re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII)
UNIT = re.compile(r"[A-Za-z]{1,16}", re.ASCII)
MOST_MONTHS = 18  # from the day an event is added to the one it expires
MOST_SMALL = 1_000  # between `min` and `max`: no number can hold much of anything
MOST_DAYS = 365  # that an event is kept
TAKEN = {"e", "v", "n"}  # members that every event has
ENVELOPE = ("os", "arch")  # enums of the batch itself
OF_AN_EVENT = {
    "name": str,
    "version": int,
    "endpoint": str,
    "purpose": str,
    "owner": str,
    "link": str,
    "added": dt.date,
    "expires": dt.date,
    "retention_days": int,
    "fields": dict,
}
OF_A_FIELD = {  # kind -> its members besides `kind` and `says`; there is none for text, and this is where one would be seen
    "enum": {"of": str},
    "flag": {},
    "small": {"min": int, "max": int},
    "bucket": {"unit": str},
    "share": {},
}


class RegistryError(ValueError):
    """What is wrong with the registry, in one line that names the place."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an event: numbers from `least` to `most`, or one of the literals `of` the enum `enum`."""

    name: str
    kind: str
    says: str
    least: int = 0
    most: int = 0
    enum: str = ""
    of: tuple[str, ...] = ()
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """One event, as the registry has it."""

    name: str
    version: int
    endpoint: str
    purpose: str
    owner: str
    link: str
    added: dt.date
    expires: dt.date
    retention_days: int
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Registry:
    """All of it."""

    version: int
    enums: dict[str, tuple[str, ...]]
    events: tuple[Event, ...]


def parsed(text: str) -> Registry:
    """The registry in a text. Raises `RegistryError`."""
    try:
        whole = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RegistryError(f"not TOML: {error}") from error
    _members("the registry", whole, {"version": int, "enums": dict, "event": list})
    if whole["version"] != 1:
        raise RegistryError("`version` is not 1")
    enums = {name: _literals(name, values) for name, values in whole["enums"].items()}
    for name in ENVELOPE:
        if "other" not in enums.get(name, ()):
            raise RegistryError(f"the enum `{name}` has no `other`")
    events = tuple(_event(each, enums) for each in whole["event"])
    names = [each.name for each in events]
    if not names or len(set(names)) != len(names):
        raise RegistryError("there is no event, or one twice")
    used = {field.enum for event in events for field in event.fields} | set(ENVELOPE)
    if enums.keys() - used:
        raise RegistryError(f"no field is of the enum `{min(enums.keys() - used)}`")
    return Registry(1, enums, events)


def expired(registry: Registry, today: dt.date) -> tuple[str, ...]:
    """The events that may not be sent any more on this day."""
    return tuple(each.name for each in registry.events if each.expires <= today)


def _literals(name: str, values: object) -> tuple[str, ...]:
    if not NAME.fullmatch(name) or not isinstance(values, list) or not 2 <= len(values) <= 64:
        raise RegistryError(f"the enum `{name}` is no list of 2 to 64 literals, or has not the name of one")
    for value in values:
        if not isinstance(value, str) or not LITERAL.fullmatch(value):
            raise RegistryError(f"the enum `{name}` has {value!r}, which has not the form of a literal")
    if len(set(values)) != len(values):
        raise RegistryError(f"the enum `{name}` has a literal twice")
    return tuple(values)


def _event(entry: object, enums: Mapping[str, tuple[str, ...]]) -> Event:
    if not isinstance(entry, dict):
        raise RegistryError("an event is no table")
    name = entry.get("name")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise RegistryError(f"an event has the name {name!r}, which has not the form of one")
    where = f"the event `{name}`"
    _members(where, entry, OF_AN_EVENT)
    if entry["endpoint"] not in ENDPOINTS:
        raise RegistryError(f"{where} goes to `{entry['endpoint']}`, which is no endpoint")
    if not 1 <= entry["version"] <= 999 or not 1 <= entry["retention_days"] <= MOST_DAYS:
        raise RegistryError(
            f"{where} has a version outside 1 to 999, or is kept outside 1 to {MOST_DAYS} days"
        )
    if any(not entry[member].strip() or "\n" in entry[member] for member in ("purpose", "owner", "link")):
        raise RegistryError(f"{where} has no purpose, owner or link, or not in one line")
    if not entry["added"] < entry["expires"] <= _months_after(entry["added"], MOST_MONTHS):
        raise RegistryError(f"{where} does not expire within {MOST_MONTHS} months after it is added")
    fields = tuple(_field(where, each, of, enums) for each, of in entry["fields"].items())
    if not fields:
        raise RegistryError(f"{where} has no field")
    return Event(**{**entry, "fields": fields})


def _field(where: str, name: str, entry: object, enums: Mapping[str, tuple[str, ...]]) -> Field:
    where = f"`{name}` of {where}"
    if not NAME.fullmatch(name) or name in TAKEN or not isinstance(entry, dict):
        raise RegistryError(f"{where} has not the name of a field, or is no table")
    kind = entry.get("kind")
    if kind not in OF_A_FIELD:
        raise RegistryError(f"{where} is of the kind {kind!r}, which there is not")
    _members(where, entry, {"kind": str, "says": str, **OF_A_FIELD[kind]})
    says = entry["says"]
    if not says.strip() or not says.isprintable():
        raise RegistryError(f"{where} does not say what it is")
    if kind == "enum":
        if entry["of"] not in enums:
            raise RegistryError(f"{where} is of the enum `{entry['of']}`, which there is not")
        return Field(name, kind, says, enum=entry["of"], of=enums[entry["of"]])
    if kind == "small":
        least, most = entry["min"], entry["max"]
        if not 0 <= least < most or most - least > MOST_SMALL:
            raise RegistryError(f"{where} has more than {MOST_SMALL} between `min` and `max`, or none")
        return Field(name, kind, says, least, most)
    if kind == "bucket":
        if not UNIT.fullmatch(entry["unit"]):
            raise RegistryError(f"{where} has no unit")
        return Field(name, kind, says, 0, 63, unit=entry["unit"])
    return Field(name, kind, says, 0, 10 if kind == "share" else 1)


def _members(where: str, entry: Mapping[str, Any], known: Mapping[str, type]) -> None:
    for name in sorted(entry.keys() | known.keys()):
        if name not in known:
            raise RegistryError(f"{where} has `{name}`, which is not known")
        if name not in entry:
            raise RegistryError(f"{where} has no `{name}`")
        if type(entry[name]) is not known[name]:  # a bool is no int here, a time no date
            raise RegistryError(f"`{name}` of {where} is not of its type")


def _months_after(day: dt.date, months: int) -> dt.date:
    year, month = divmod(day.month - 1 + months, 12)
    for last in (day.day, 30, 29, 28):  # a month that is shorter ends sooner
        try:
            return dt.date(day.year + year, month + 1, min(day.day, last))
        except ValueError:
            continue
    raise AssertionError
