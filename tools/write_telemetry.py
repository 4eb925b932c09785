"""Writes everything that is made from the registry of telemetry, or with `--check` only says whether it is up to date.

From `docs/spec/telemetry-v1.toml` are made: the client's events and its copy of the schema, the service's table, the JSON Schema of a batch, and
`docs/security/telemetry-data-flow.md`. It refuses a registry with anything in it that `docs/spec/epochly-telemetry-v1.md`, section 1,
has no name for: no kind of field can hold text, and there is no way to add one here alone. It is long because so much is made here.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).resolve().parent.parent
REGISTRY = ROOT / "docs" / "spec" / "telemetry-v1.toml"
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


def client_module(registry: Registry) -> str:
    """`src/epochly/telemetry/events.py`."""
    lines = [
        '"""Everything that telemetry can say, one function an event: typed values in, a tuple of names and small numbers out.',
        "",
        "Made by `tools/write_telemetry.py` from `docs/spec/telemetry-v1.toml`: change that. It is long where the registry is. Importing it imports",
        "next to nothing, and none of its kinds holds text that somebody wrote.",
        '"""',
        "",
        "from __future__ import annotations",
        "",
        "from epochly.telemetry.kinds import Event, Field, bucket, share, small",
        "",
        "TYPE_CHECKING = False",
        "if TYPE_CHECKING:",
        "    from typing import Final, Literal",
        "",
    ]
    lines += [
        f"    {_type(name)} = Literal[{', '.join(map(_quoted, values))}]"
        for name, values in registry.enums.items()
    ]
    lines += ["", "    Fact = tuple[str | int | bool, ...]", "", "VERSION: Final = 1"]
    for name, values in registry.enums.items():
        lines.append(f"{name.upper()}: Final[tuple[{_type(name)}, ...]] = {_tuple(map(_quoted, values))}")
    lines.append("EVENTS: Final[dict[str, Event]] = {")
    for event in registry.events:
        fields = [
            f"Field({_quoted(each.name)}, {_quoted(each.kind)}, {each.least}, {each.most}, {each.enum.upper() or '()'})"
            for each in event.fields
        ]
        lines.append(
            f"    {_quoted(event.name)}: Event({event.version}, {_quoted(event.endpoint)}, {_tuple(fields)}),"
        )
    lines.append("}")
    for event in registry.events:
        arguments = ", ".join(f"{each.name}: {_annotation(each)}" for each in event.fields)
        values = ", ".join([_quoted(event.name), *map(_converted, event.fields)])
        lines += [
            "",
            "",
            f"def {event.name}(*, {arguments}) -> Fact:",
            f'    """{event.purpose}"""',
            f"    return ({values})",
        ]
    return _formatted("\n".join(lines) + "\n")


def service_module(registry: Registry) -> str:
    """`service/src/epochly_service/telemetry/registered.py`."""
    lines = [
        '"""What the service takes: every event of the registry and each field\'s bounds, as data. What is not in here is refused.',
        "",
        "Made by `tools/write_telemetry.py` from `docs/spec/telemetry-v1.toml`: change that. It is long where the registry is.",
        '"""',
        "",
        "from __future__ import annotations",
        "",
        "from typing import NamedTuple",
        "",
        "",
        "class Field(NamedTuple):",
        '    """`enum`: one of the literals `of`. `flag`: a bool. `small`, `bucket`, `share`: an int from `least` to `most`."""',
        "",
        "    kind: str",
        "    least: int",
        "    most: int",
        "    of: tuple[str, ...]",
        "",
        "",
        "class Event(NamedTuple):",
        '    """Version, the endpoint it goes to, how long it is kept in days, and all of its fields by name."""',
        "",
        "    version: int",
        "    endpoint: str",
        "    retention_days: int",
        "    fields: dict[str, Field]",
        "",
        "",
    ]
    for name, values in registry.enums.items():
        lines.append(f"{name.upper()} = {_tuple(map(_quoted, values))}")
    lines.append(f"ENDPOINTS = {_tuple(map(_quoted, ENDPOINTS))}")
    lines.append("EVENTS = {")
    for event in registry.events:
        lines.append(f"    {_quoted(event.name)}: Event(")
        lines.append(f"        {event.version}, {_quoted(event.endpoint)}, {event.retention_days}, {{")
        lines += [
            f"            {_quoted(each.name)}: Field({_quoted(each.kind)}, {each.least}, {each.most}, {each.enum.upper() or '()'}),"
            for each in event.fields
        ]
        lines.append("        },")
        lines.append("    ),")
    lines.append("}")
    return _formatted("\n".join(lines) + "\n")


def schema(registry: Registry) -> str:
    """`docs/spec/telemetry-v1.schema.json`: the JSON Schema of a batch."""
    b64u_12 = {"type": "string", "pattern": "^[A-Za-z0-9_-]{16}$"}
    count = {"type": "integer", "minimum": 0, "maximum": 10**9}
    members: dict[str, Any] = {
        "v": {"const": 1},
        "session": b64u_12,
        "install": b64u_12,
        "day": {"type": "integer", "minimum": 0, "maximum": 10**6},
        "seq": count,
        "epochly": {
            "type": "string",
            "pattern": r"^[0-9]{1,4}(\.[0-9]{1,4}){1,2}((a|b|rc|\.dev)[0-9]{1,4})?$",
        },
        "python": {"type": "string", "pattern": r"^[0-9]{1,4}\.[0-9]{1,4}$"},
        **{name: {"enum": list(registry.enums[name])} for name in ENVELOPE},
        "lost": _object({"full": count, "pii": count, "old": count}),
        "events": {"type": "array", "minItems": 1, "maxItems": 200},
    }
    together = [
        {
            "properties": {
                "events": {
                    "items": {
                        "oneOf": [
                            {"$ref": f"#/$defs/{each.name}"}
                            for each in registry.events
                            if each.endpoint == endpoint
                        ]
                    }
                }
            }
        }
        for endpoint in ENDPOINTS
    ]
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:epochly:telemetry:v1",
        "title": "A batch of epochly-telemetry v1",
        **_object(members),
        "oneOf": together,
        "$defs": {each.name: _event_schema(each) for each in registry.events},
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _event_schema(event: Event) -> dict[str, Any]:
    members: dict[str, Any] = {
        "e": {"const": event.name},
        "v": {"const": event.version},
        "n": {"type": "integer", "minimum": 1, "maximum": 10**9},
    }
    for each in event.fields:
        if each.kind == "enum":
            form: dict[str, Any] = {"enum": list(each.of)}
        elif each.kind == "flag":
            form = {"type": "boolean"}
        else:
            form = {"type": "integer", "minimum": each.least, "maximum": each.most}
        members[each.name] = {**form, "description": _said(each)}
    return {"description": event.purpose, **_object(members)}


def _object(members: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(members),
        "required": list(members),
        "additionalProperties": False,
    }


def page(registry: Registry) -> str:
    """`docs/security/telemetry-data-flow.md`."""
    top = (ROOT / "tools" / "telemetry_page.md").read_text("utf-8")
    parts = [top.rstrip("\n"), ""]
    parts += ["| event | goes to | what for | ends |", "|---|---|---|---|"]
    parts += [
        f"| [`{each.name}`](#{each.name}) | `{each.endpoint}` | {each.purpose} | {each.expires} |"
        for each in registry.events
    ]
    for event in registry.events:
        parts += [
            "",
            f"### {event.name}",
            "",
            event.purpose,
            "",
            (
                f"Owner: {event.owner}. Version {event.version}, to `{event.endpoint}`. Added {event.added}, not sent from {event.expires} on, "
                f"kept {event.retention_days} days."
            ),
            "",
            "| field | what it is | what it can be |",
            "|---|---|---|",
        ]
        parts += [f"| `{each.name}` | {each.says} | {_can_be(each)} |" for each in event.fields]
    return "\n".join(parts) + "\n"


def _can_be(field: Field) -> str:
    if field.kind == "enum":
        return ", ".join(f"`{value}`" for value in field.of)
    if field.kind == "flag":
        return "yes or no"
    if field.kind == "share":
        return "tenths, 0 to 10"
    if field.kind == "bucket":
        return f"the number of binary digits of the {field.unit}, 0 to 63"
    return f"{field.least} to {field.most}"


def _said(field: Field) -> str:
    return f"{field.says} ({field.unit}, number of binary digits)" if field.unit else field.says


def _annotation(field: Field) -> str:
    return _type(field.enum) if field.kind == "enum" else "bool" if field.kind == "flag" else "float"


def _converted(field: Field) -> str:
    if field.kind in {"bucket", "share"}:
        return f"{field.kind}({field.name})"
    return f"small({field.name}, {field.least}, {field.most})" if field.kind == "small" else field.name


def _type(enum: str) -> str:
    return "".join(part.capitalize() for part in enum.split("_"))


def _quoted(text: str) -> str:
    return json.dumps(text)


def _tuple(values: Any) -> str:
    values = list(values)
    return f"({values[0]},)" if len(values) == 1 else f"({', '.join(values)})"


def _formatted(text: str) -> str:
    """As the house's formatter has it, so that nothing made here differs from what `make lint` asks for."""
    import subprocess  # noqa: PLC0415 - only these two are Python

    done = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--config", str(ROOT / "pyproject.toml"), "-"],
        input=text,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    return done.stdout


def made(registry: Registry) -> dict[Path, str]:
    """Every file that is made, by its place."""
    return {
        ROOT / "src/epochly/telemetry/events.py": client_module(registry),
        ROOT / "service/src/epochly_service/telemetry/registered.py": service_module(registry),
        ROOT / "docs/spec/telemetry-v1.schema.json": schema(registry),
        ROOT / "src/epochly/telemetry/schema.json": schema(registry),
        ROOT / "docs/security/telemetry-data-flow.md": page(registry),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check; 1 when something is not what the registry makes, or has expired."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--check", action="store_true", help="write nothing, fail when something is out of date"
    )
    parser.add_argument("--today", type=dt.date.fromisoformat, default=None, help="the day to ask expiry of")
    asked = parser.parse_args(arguments)
    try:
        registry = parsed(REGISTRY.read_text("utf-8"))
    except RegistryError as error:
        print(f"{REGISTRY.name}: {error}", file=sys.stderr)
        return 1
    bad = 0
    for name in expired(registry, asked.today) if asked.today else ():
        print(f"`{name}` has expired; hint: take it out, or say why it is needed longer", file=sys.stderr)
        bad = 1
    for path, text in made(registry).items():
        if path.exists() and path.read_text("utf-8") == text:
            continue
        if asked.check:
            print(f"{path.relative_to(ROOT)} is out of date; run `make docs`", file=sys.stderr)
            bad = 1
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
    return bad


if __name__ == "__main__":
    raise SystemExit(main())
