"""What is published of events: a value is told only if enough installations reported it, and nothing is told that says more.

An installation's id is another one each month, and the days that are looked at touch two months: so installations are counted
within each month, and the larger count is what is told. Otherwise ten installations would pass for twenty. A sum over all
values, the number of values left out, or a count below the bound is nowhere in it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from epochly_service.telemetry.registered import EVENTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from epochly_service.telemetry.registered import Event

K = 20  # installations
DAYS = 28


@dataclass(frozen=True, slots=True)
class Tally:
    """How many installations of one month reported a value of a field, and how often it happened. `value` is JSON."""

    event: str
    field: str
    value: str
    month: int
    installs: int
    n: int


def published(
    tallies: Iterable[Tally], today: int, *, k: int = K, registry: Mapping[str, Event] = EVENTS
) -> dict[str, Any]:
    """The body of `GET /v1/telemetry/charts`, from the counts of the 28 days before `today`."""
    installs: dict[tuple[str, str, str], int] = defaultdict(int)
    happened: dict[tuple[str, str, str], int] = defaultdict(int)
    for one in tallies:
        if one.event in registry and one.field in registry[one.event].fields:
            key = (one.event, one.field, one.value)
            installs[key] = max(installs[key], one.installs)
            happened[key] += one.n
    charts: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for key in sorted(installs, key=lambda key: (key[:2], len(key[2]), key[2])):
        if installs[key] >= k:
            event, field, value = key
            charts[event, field].append(
                {"value": json.loads(value), "installs": installs[key], "n": happened[key]}
            )
    return {
        "k": k,
        "from_day": today - DAYS,
        "to_day": today - 1,
        "charts": [
            {"event": event, "field": field, "values": values} for (event, field), values in charts.items()
        ],
    }
