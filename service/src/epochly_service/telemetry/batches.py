"""Reads a batch: its exact bytes in, a `Batch` or a `Problem` out; sections 1 and 2 of `docs/spec/epochly-telemetry-v1.md`.

It takes the registry's own and nothing else, or refuses the batch whole: first what is no canonical JSON, then what has a name
that is not known, then what is not of its kind. No database, no clock, no HTTP, and nothing of a batch in what it says.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from epochly_service import tokens
from epochly_service.errors import Problem
from epochly_service.telemetry.registered import ARCH, EVENTS, OS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from epochly_service.telemetry.registered import Event, Field

BODY_MAX_BYTES, EVENTS_MAX = 16_384, 200
COUNT_MAX, DAY_MAX = 10**9, 10**6
NAMES = frozenset(
    ("v", "session", "install", "day", "seq", "epochly", "python", "os", "arch", "lost", "events")
)
LOST = ("full", "pii", "old")
OF_EVENT = frozenset(("e", "v", "n"))
ID = re.compile(r"[A-Za-z0-9_-]{16}", re.ASCII)  # 12 bytes: each such text is canonical
EPOCHLY = re.compile(r"[0-9]{1,4}(\.[0-9]{1,4}){1,2}((a|b|rc|\.dev)[0-9]{1,4})?", re.ASCII)
PYTHON = re.compile(r"[0-9]{1,4}\.[0-9]{1,4}", re.ASCII)
EPOCH = dt.date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Counted:
    """One event of a batch: how often it happened with these fields, which are canonical JSON."""

    event: str
    version: int
    n: int
    fields: str


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch that is the registry's own, without the id of the process that sent it, which nobody needs.

    Attributes:
        sha256: hex, of its exact bytes.
        month: months since year 0 of the day it is about; `install` is another one in each.
        lost: events that were dropped before it: because the queue was full, the tripwire fired, they were too old.
    """

    sha256: str
    endpoint: str
    install: str
    month: int
    epochly: str
    python: str
    os: str
    arch: str
    lost: tuple[int, int, int]
    events: tuple[Counted, ...]


def read(body: bytes, endpoint: str, registry: Mapping[str, Event] = EVENTS) -> Batch:
    """The batch in a body that was sent to an endpoint.

    Raises:
        Problem: TOO_LARGE, MALFORMED, UNKNOWN_FIELD or SCHEMA.
    """
    if len(body) > BODY_MAX_BYTES:
        raise Problem("TOO_LARGE", f"a batch has at most {BODY_MAX_BYTES} bytes")
    try:
        value = tokens.parse(body)
    except tokens.TokenError as error:
        raise Problem("MALFORMED", f"the body: {error}") from error
    unknown = next(_unknown(value, endpoint, registry), None)
    if unknown is not None:
        raise Problem("UNKNOWN_FIELD", f"the registry has no such {unknown}")
    wrong = next(_wrong(value, registry), None)
    if wrong is not None:
        raise Problem("SCHEMA", f"the batch is wrong at `{wrong}`")
    day = dt.date.fromordinal(EPOCH + value["day"])
    events = tuple(
        Counted(
            event["e"],
            event["v"],
            event["n"],
            json.dumps({name: event[name] for name in event if name not in OF_EVENT}, separators=(",", ":")),
        )
        for event in value["events"]
    )
    return Batch(
        hashlib.sha256(body).hexdigest(),
        endpoint,
        value["install"],
        day.year * 12 + day.month - 1,
        value["epochly"],
        value["python"],
        value["os"],
        value["arch"],
        (value["lost"]["full"], value["lost"]["pii"], value["lost"]["old"]),
        events,
    )


def _unknown(value: dict[str, Any], endpoint: str, registry: Mapping[str, Event]) -> Iterator[str]:
    """Names that are nowhere in the registry, wherever they stand."""
    if not value.keys() <= NAMES:
        yield "member of a batch"
    if isinstance(value.get("lost"), dict) and not value["lost"].keys() <= set(LOST):
        yield "member of `lost`"
    events = value.get("events")
    for event in events if isinstance(events, list) else ():
        if not isinstance(event, dict):
            continue
        name = event.get("e")
        known = registry.get(name) if isinstance(name, str) else None
        if isinstance(name, str) and (known is None or known.endpoint != endpoint):
            yield "event at this address"
        if known is None:
            continue
        if type(event.get("v")) is int and event["v"] != known.version:
            yield "version of an event"
        if len(event) > len(OF_EVENT) + len(known.fields) or not all(
            name in known.fields or name in OF_EVENT for name in event
        ):
            yield "field of an event"


def _wrong(value: dict[str, Any], registry: Mapping[str, Event]) -> Iterator[str]:
    """The members that are missing or not of their kind; every name that is there is known."""
    if len(value) != len(NAMES):
        yield min(NAMES - value.keys())
    if type(value.get("v")) is not int or value["v"] != 1:
        yield "v"
    for name, form in (("session", ID), ("install", ID), ("epochly", EPOCHLY), ("python", PYTHON)):
        if not isinstance(value.get(name), str) or form.fullmatch(value[name]) is None:
            yield name
    for name, most in (("day", DAY_MAX), ("seq", COUNT_MAX)):
        if not _is_int(value.get(name), 0, most):
            yield name
    for name, literals in (("os", OS), ("arch", ARCH)):
        if not isinstance(value.get(name), str) or value[name] not in literals:
            yield name
    lost = value.get("lost")
    if not isinstance(lost, dict) or not all(_is_int(lost.get(name), 0, COUNT_MAX) for name in LOST):
        yield "lost"
    events = value.get("events")
    if not isinstance(events, list) or not 1 <= len(events) <= EVENTS_MAX:
        yield "events"
        return
    for event in events:
        if not _is_event(event, registry):
            yield "events"


def _is_event(event: Any, registry: Mapping[str, Event]) -> bool:
    if not isinstance(event, dict) or not isinstance(event.get("e"), str) or type(event.get("v")) is not int:
        return False
    fields = registry[event["e"]].fields
    return _is_int(event.get("n"), 1, COUNT_MAX) and all(
        name in event and _holds(field, event[name]) for name, field in fields.items()
    )


def _holds(field: Field, value: Any) -> bool:
    if field.kind == "enum":
        return type(value) is str and value in field.of
    if field.kind == "flag":
        return type(value) is bool
    return _is_int(value, field.least, field.most)


def _is_int(value: Any, least: int, most: int) -> bool:
    return type(value) is int and least <= value <= most  # True is no number
