"""What telemetry answers, as OpenAPI publishes it, and the JSON Schema of what it takes, made from the registry."""

# ruff: noqa: TC001 - models read their annotations at run time
from __future__ import annotations

from functools import cache
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from epochly_service.bodies import Token
from epochly_service.telemetry.batches import COUNT_MAX, DAY_MAX, EPOCHLY, EVENTS_MAX, ID, LOST, PYTHON
from epochly_service.telemetry.registered import ARCH, ENDPOINTS, EVENTS, OS

Hex = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
Day = Annotated[int, Field(ge=0)]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class BatchReceipt(_Answer):
    """That exactly this body was taken, signed."""

    receipt: Token
    keyset: Token


class DayRoot(_Answer):
    """The head of the tree over all batches of a day, signed."""

    root: Token
    keyset: Token


class BatchProof(_Answer):
    """Where a batch is in the tree of its day, and the audit path up."""

    day: Day
    index: Annotated[int, Field(ge=0)]
    size: Annotated[int, Field(ge=1)]
    path: list[Hex]


class ChartValue(_Answer):
    """A value that enough installations reported."""

    value: str | int | bool
    installs: int
    n: int


class Chart(_Answer):
    """The values of one field of one event."""

    event: str
    field: str
    values: list[ChartValue]


class ChartsAnswer(_Answer):
    """What enough installations reported in the 28 days before today."""

    k: int
    from_day: int
    to_day: int
    charts: list[Chart]


class SchemaAnswer(BaseModel):
    """The JSON Schema of a batch."""

    model_config = ConfigDict(extra="allow")


@cache
def schema() -> dict[str, Any]:
    """The JSON Schema of a batch for any endpoint."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:epochly:telemetry:v1",
        "title": "A batch of epochly-telemetry v1",
        **_object(_members()),
        "oneOf": [
            {
                "properties": {
                    "events": {
                        "items": {"oneOf": [{"$ref": f"#/$defs/{name}"} for name in _events_of(endpoint)]}
                    }
                }
            }
            for endpoint in ENDPOINTS
        ],
        "$defs": {name: _event(name) for name in EVENTS},
    }


def schema_of(endpoint: str) -> dict[str, Any]:
    """The JSON Schema of a batch for one endpoint, in one piece, as OpenAPI publishes it."""
    members = _members()
    members["events"]["items"] = {"oneOf": [_event(name) for name in _events_of(endpoint)]}
    return {"title": "Batch", **_object(members)}


def _events_of(endpoint: str) -> list[str]:
    return [name for name, event in EVENTS.items() if event.endpoint == endpoint]


def _members() -> dict[str, Any]:
    b64u_12 = {"type": "string", "pattern": f"^{ID.pattern}$"}
    return {
        "v": {"const": 1},
        "session": b64u_12,
        "install": b64u_12,
        "day": _int(0, DAY_MAX),
        "seq": _int(0, COUNT_MAX),
        "epochly": {"type": "string", "pattern": f"^{EPOCHLY.pattern}$"},
        "python": {"type": "string", "pattern": f"^{PYTHON.pattern}$"},
        "os": {"enum": list(OS)},
        "arch": {"enum": list(ARCH)},
        "lost": _object({name: _int(0, COUNT_MAX) for name in LOST}),
        "events": {"type": "array", "minItems": 1, "maxItems": EVENTS_MAX},
    }


def _event(name: str) -> dict[str, Any]:
    event = EVENTS[name]
    members: dict[str, Any] = {
        "e": {"const": name},
        "v": {"const": event.version},
        "n": _int(1, COUNT_MAX),
    }
    for each, field in event.fields.items():
        if field.kind == "enum":
            members[each] = {"enum": list(field.of)}
        else:
            members[each] = {"type": "boolean"} if field.kind == "flag" else _int(field.least, field.most)
    return _object(members)


def _int(least: int, most: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": least, "maximum": most}


def _object(members: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": members,
        "required": list(members),
        "additionalProperties": False,
    }
