"""Writes everything that is made from the registry of telemetry, or with `--check` only says whether it is up to date.

From `docs/spec/telemetry-v1.toml` are made: the client's events and its copy of the schema, the service's table, the JSON Schema of a batch, and
`docs/security/telemetry-data-flow.md`.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from telemetry_registry import ENDPOINTS, ENVELOPE, Event, Field, Registry, RegistryError, expired, parsed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).resolve().parent.parent
REGISTRY = ROOT / "docs" / "spec" / "telemetry-v1.toml"


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
