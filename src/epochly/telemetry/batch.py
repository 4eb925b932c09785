"""Batches: facts become the exact bytes that are sent, and such bytes are read back. Pure.

All in a batch is ASCII, ints and bools, for which Python's own JSON with sorted names is RFC 8785's form; a test holds that. It refuses to
put events of two endpoints into one, and bytes that it would not have made itself. Section 2 of `docs/spec/epochly-telemetry-v1.md`.
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64encode
from hashlib import sha256
from hmac import digest
from time import gmtime, strftime

from epochly.telemetry.events import ARCH, EVENTS, OS
from epochly.telemetry.kinds import MOST_N, is_registered

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from dataclasses import dataclass
    from typing import Any

    from epochly.telemetry.events import Fact
else:
    from epochly._records import dataclass

MOST_BYTES, MOST_EVENTS = 16_384, 200  # of a batch
ID_BYTES, SEED_BYTES = 12, 32
DAY_S = 86_400
ENDPOINTS = tuple(dict.fromkeys(event.endpoint for event in EVENTS.values()))
_VERSION = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,4}){1,2}(?:(?:a|b|rc|\.dev)[0-9]{1,4})?", re.ASCII)
_PYTHON = re.compile(r"[0-9]{1,4}\.[0-9]{1,4}", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9_-]{16}", re.ASCII)
_MEMBERS = {"v", "session", "install", "day", "seq", "epochly", "python", "os", "arch", "lost", "events"}
_LOST = ("full", "pii", "old")


class BatchError(ValueError):
    """Bytes that are no batch of this registry."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends, as far as it is told: two random ids, versions, the kind of machine."""

    session: str
    install: str
    epochly: str
    python: str
    os: str
    arch: str


def random_id(data: bytes) -> str:
    """12 bytes as text."""
    return urlsafe_b64encode(data[:ID_BYTES]).decode()


def install_id(seed: bytes, day: int) -> str:
    """The installation's id for the month of a day, which tells nothing of another month's."""
    month = strftime("%Y-%m", gmtime(day * DAY_S))
    return random_id(digest(seed, b"epochly-telemetry-install-v1\0" + month.encode(), sha256))


def version_of(text: str) -> str:
    """A version as it may be told; `0.0` for one of another form."""
    return text if _VERSION.fullmatch(text) else "0.0"


def system_of(platform: str) -> str:
    """The family of a `sys.platform`."""
    found = {"linux": "linux", "darwin": "darwin", "win32": "windows"}.get(platform, "other")
    return found if found in OS else "other"


def processor_of(machine: str) -> str:
    """The family of a processor."""
    plain = machine.lower()
    found = {"amd64": "x86_64", "arm64": "aarch64"}.get(plain, plain)
    return found if found in ARCH else "other"


def canonical(value: Any) -> bytes:
    """RFC 8785's form of a value of objects, lists, ints, bools and ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def digest_of(body: bytes) -> str:
    """SHA-256 of a batch's bytes in hex: its name everywhere else."""
    return sha256(body).hexdigest()


def as_event(fact: Fact, n: int) -> dict[str, Any]:
    """A fact as it is sent."""
    event = EVENTS[str(fact[0])]
    fields = dict(zip((field.name for field in event.fields), fact[1:], strict=True))
    return {"e": fact[0], "v": event.version, "n": n, **fields}


def batches(
    counts: Mapping[Fact, int], lost: Mapping[str, int], sender: Sender, day: int, seq: int
) -> Iterator[tuple[str, bytes]]:
    """Endpoint and bytes of each batch that it takes for all of these facts; what was lost is told in the first."""
    for endpoint in ENDPOINTS:
        waiting = [
            as_event(fact, n) for fact, n in counts.items() if EVENTS[str(fact[0])].endpoint == endpoint
        ]
        while waiting:
            head = {"v": 1, "day": day, "seq": seq, "lost": dict(lost), "events": []}
            head |= {name: getattr(sender, name) for name in Sender.__match_args__}
            room, taken = MOST_BYTES - len(canonical(head)), 0
            for event in waiting[:MOST_EVENTS]:
                room -= len(canonical(event)) + 1
                if room < 0:
                    break
                taken += 1
            yield endpoint, canonical({**head, "events": waiting[:taken]})
            waiting, seq, lost = waiting[taken:], seq + 1, dict.fromkeys(_LOST, 0)


def parsed(body: bytes) -> dict[str, Any]:
    """A batch in bytes that this could have made. Raises `BatchError`."""
    try:
        value = json.loads(body.decode("ascii"), parse_float=_no_number, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise BatchError("no JSON in ASCII") from error
    if not isinstance(value, dict) or value.keys() != _MEMBERS or canonical(value) != body:
        raise BatchError("not the members of a batch, or not in their form")
    lost, events = value["lost"], value["events"]
    good = (
        len(body) <= MOST_BYTES
        and type(value["v"]) is int
        and value["v"] == 1
        and all(
            isinstance(value[name], str) and _ID.fullmatch(value[name]) for name in ("session", "install")
        )
        and all(isinstance(value[name], str) for name in ("epochly", "python"))
        and _VERSION.fullmatch(value["epochly"]) is not None
        and _PYTHON.fullmatch(value["python"]) is not None
        and all(_count(value[name]) for name in ("day", "seq"))
        and value["os"] in OS
        and value["arch"] in ARCH
        and isinstance(lost, dict)
        and lost.keys() == set(_LOST)
        and all(map(_count, lost.values()))
        and isinstance(events, list)
        and 1 <= len(events) <= MOST_EVENTS
        and all(map(_is_event, events))
        and len({EVENTS[event["e"]].endpoint for event in events}) == 1
    )
    if not good:
        raise BatchError("a member that is not of its form")
    return value


def endpoint_of(batch: Mapping[str, Any]) -> str:
    """The endpoint that a parsed batch goes to."""
    return EVENTS[batch["events"][0]["e"]].endpoint


def scrubbed(body: bytes, fires_at: Callable[[Mapping[str, object]], str]) -> tuple[bytes | None, int]:
    """A batch without the events that give somebody away, None where none is left, and how many that were. Raises `BatchError`."""
    batch = parsed(body)
    kept = [event for event in batch["events"] if not fires_at(event)]
    dropped = sum(event["n"] for event in batch["events"]) - sum(event["n"] for event in kept)
    if not dropped:
        return body, 0
    lost = {**batch["lost"], "pii": min(MOST_N, batch["lost"]["pii"] + dropped)}
    return (canonical({**batch, "lost": lost, "events": kept}) if kept else None), dropped


def _count(value: object) -> bool:
    return type(value) is int and 0 <= value <= MOST_N


def _is_event(value: object) -> bool:
    if not isinstance(value, dict) or type(value.get("n")) is not int or not 1 <= value["n"] <= MOST_N:
        return False
    event = EVENTS.get(value["e"]) if type(value.get("e")) is str else None
    if event is None or value.keys() != {"e", "v", "n", *(field.name for field in event.fields)}:
        return False
    fact = (value["e"], *(value[field.name] for field in event.fields))
    return type(value["v"]) is int and value["v"] == event.version and is_registered(fact, EVENTS)


def _no_number(text: str) -> float:
    raise BatchError(f"a number that is no int: {len(text)} characters")
