"""The registry of telemetry: strictly read, without a kind that holds text, not expired, and what everything else is made from."""

from __future__ import annotations

import datetime as dt
import importlib
import inspect
import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from epochly.telemetry import events
from epochly.telemetry.kinds import bucket, is_registered, share, small
from epochly_service.telemetry import registered

ROOT = Path(__file__).parents[2]
KINDS = {
    "enum",
    "flag",
    "small",
    "bucket",
    "share",
}  # written a second time: a new kind is a decision, made here too
NUMBERS = "float"


def loaded():
    """The tool, which is no package, with what lies beside it."""
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        return importlib.import_module("write_telemetry")
    finally:
        sys.path.pop(0)


TOOL = loaded()
TEXT = TOOL.REGISTRY.read_text("utf-8")
REGISTRY = TOOL.parsed(TEXT)


def free_strings(registry):
    """Fields that could hold what somebody wrote: of another kind, or an enum whose literals are not a closed list of plain words."""
    for event in registry.events:
        for field in event.fields:
            if (
                field.kind not in KINDS
                or (field.kind == "enum") is not bool(field.of)
                or field.most - field.least > 1_000
            ):
                yield f"{event.name}.{field.name}"
            for value in field.of:
                if not re.fullmatch(r"[a-z0-9][a-z0-9_.-]{0,31}", value, re.ASCII):
                    yield f"{event.name}.{field.name}: {value}"


def test_everything_made_is_what_the_registry_makes():
    """Client, service, schema and page differ from the registry in nothing: who changes one of them by hand is told."""
    stale = [path.name for path, text in TOOL.made(REGISTRY).items() if path.read_text("utf-8") != text]
    assert stale == []


def test_no_event_has_expired():
    """An event that nobody asked for again within 18 months is taken out."""
    assert TOOL.expired(REGISTRY, dt.datetime.now(dt.UTC).date()) == ()


def test_expiry_is_seen_on_its_day_and_not_before():
    """From the day on that the registry names, an event is expired, and the command says so."""
    first = min(each.expires for each in REGISTRY.events)
    assert TOOL.expired(REGISTRY, first - dt.timedelta(days=1)) == ()
    assert TOOL.expired(REGISTRY, first)
    assert TOOL.main(["--check", "--today", first.isoformat()]) == 1
    assert TOOL.main(["--check", "--today", (first - dt.timedelta(days=1)).isoformat()]) == 0


def test_no_field_can_hold_a_free_string():
    """Every field of every event is a listed word, yes or no, or a small number."""
    assert list(free_strings(REGISTRY)) == []


@pytest.mark.parametrize(
    "change", [{"kind": "text"}, {"of": ("Alice Smith",)}, {"kind": "small", "most": 10**9, "of": ()}]
)
def test_free_strings_sees_a_planted_field(change):
    """The walk catches a kind of text, a literal with a name in it, and a number that is large enough to hold something."""
    event = REGISTRY.events[0]
    planted = replace(event, fields=(replace(event.fields[0], **change), *event.fields[1:]))
    assert list(free_strings(replace(REGISTRY, events=(planted,))))


def test_functions_of_the_client_take_no_string():
    """What the client's functions are annotated with is a closed list of literals, a bool or a number, and never `str`."""
    for name in events.EVENTS:
        for parameter in inspect.signature(getattr(events, name)).parameters.values():
            literal = getattr(events, parameter.annotation.upper(), None)
            assert (
                parameter.annotation in {"bool", NUMBERS}
                or literal is not None
                or parameter.annotation in kinds_of_enums()
            )


def kinds_of_enums():
    """Names of the literal types that the client's module has for type checkers."""
    return set(
        re.findall(
            r"^    (\w+) = Literal\[", (ROOT / "src/epochly/telemetry/events.py").read_text(), re.MULTILINE
        )
    )


BAD = [
    ('kind = "flag"', 'kind = "text"', "is of the kind 'text'"),
    ('kind = "flag", says', 'kind = "flag", most = 9, says', "has `most`, which is not known"),
    ("retention_days = 90\n", "retention_days = 90\nsample = 1\n", "has `sample`, which is not known"),
    ("retention_days = 90\n", "", "has no `retention_days`"),
    ("retention_days = 90\n", "retention_days = true\n", "is not of its type"),
    ("retention_days = 90\n", "retention_days = 3650\n", "kept outside"),
    ("expires = 2028-05-01", "expires = 2028-05-27", "within 18 months"),
    ("expires = 2028-05-01", "expires = 2026-11-26", "within 18 months"),
    ("expires = 2028-05-01", "expires = 2028-05-01T00:00:00", "is not of its type"),
    ('name = "jit"', 'name = "Jit"', "has the name"),
    ('name = "jit"', 'name = "worker"', "one twice"),
    ('endpoint = "metrics"', 'endpoint = "elsewhere"', "is no endpoint"),
    ('purpose = "Whether compiling', 'purpose = "" # "', "purpose, owner or link"),
    ('"linux", "darwin"', '"linux", "Dar win"', "form of a literal"),
    ('"linux", "darwin"', '"linux", "linux"', "a literal twice"),
    ('of = "mode"', 'of = "moods"', "which there is not"),
    ("max = 999", "max = 9999", "more than 1000"),
    ("fields.deopts", "fields.n", "has not the name of a field"),
    ('unit = "ms"', 'unit = "free text"', "has no unit"),
    ("version = 1\n\n[enums]", "version = 2\n\n[enums]", "`version` is not 1"),
    ("[enums]", "surprise = 1\n[enums]", "has `surprise`"),
    ("[enums]", '[enums]\nunused = ["a", "b"]', "no field is of the enum `unused`"),
    ("[enums]", "[enums", "not TOML"),
]


@pytest.mark.parametrize(("old", "new", "told"), BAD)
def test_another_registry_is_refused(old, new, told):
    """A member too many, one too few, one of another type or form: one line that names the place. A field of a kind of text is one of them."""
    assert old in TEXT
    with pytest.raises(TOOL.RegistryError, match=re.escape(told)) as refused:
        TOOL.parsed(TEXT.replace(old, new, 1))
    assert "\n" not in str(refused.value)


def test_client_and_service_know_the_same_events():
    """Each event has the same version, endpoint, fields and bounds at both ends, though they share no code."""
    assert list(events.EVENTS) == list(registered.EVENTS)
    for name, event in events.EVENTS.items():
        other = registered.EVENTS[name]
        assert (event.version, event.endpoint) == (other.version, other.endpoint)
        assert {each.name: (each.kind, each.least, each.most, each.of) for each in event.fields} == {
            field: tuple(bounds) for field, bounds in other.fields.items()
        }


def test_schema_is_closed():
    """No object of the JSON Schema takes a member that it does not name, and no string is without a pattern or a list."""
    whole = json.loads((ROOT / "docs/spec/telemetry-v1.schema.json").read_text("utf-8"))

    def walk(node):
        if isinstance(node, dict):
            if node.get("type") == "object":
                assert node["additionalProperties"] is False
                assert set(node["required"]) == set(node["properties"])
            assert node.get("type") != "string" or "pattern" in node
            for each in node.values():
                walk(each)
        elif isinstance(node, list):
            for each in node:
                walk(each)

    walk(whole)


def test_a_fact_is_what_the_registry_has_or_none():
    """What a function of the client makes is registered; a word that is not listed, a number too large or a bool for a number is not."""
    fact = events.session_start(
        level="jit", mode="balanced", tier="community", cores=12, run=False, numba=True
    )
    assert fact == ("session_start", "jit", "balanced", "community", 4, False, True)
    assert is_registered(fact, events.EVENTS)
    for place, value in (
        (0, "session"),
        (1, "alice"),
        (4, 64),
        (4, True),
        (4, "4"),
        (5, 0),
        (1, None),
        (0, None),
    ):
        changed = list(fact)
        changed[place] = value
        assert not is_registered(tuple(changed), events.EVENTS)
    assert not is_registered((*fact, 1), events.EVENTS)
    assert not is_registered((), events.EVENTS)


@pytest.mark.parametrize(
    ("count", "digits"),
    [(0, 0), (1, 1), (2, 2), (3, 2), (4, 3), (7, 3), (8, 4), (0.9, 0), (-5, 0), (2**62, 63), (2**63, 63), (10**400, 63), (float("inf"), 63), (float("nan"), 0)],
)  # fmt: skip
def test_a_bucket_is_the_number_of_binary_digits(count, digits):
    """Whatever was counted becomes a number from 0 to 63, and never an error."""
    assert bucket(count) == digits


def test_shares_and_small_numbers_stay_within_their_bounds():
    """Tenths are rounded down; what lies outside ends at the nearest bound, what is no number at the lower one."""
    assert [share(part) for part in (0, 0.09, 0.1, 0.999, 1, 1.5, -1, float("nan"))] == [
        0,
        0,
        1,
        9,
        10,
        0,
        0,
        0,
    ]
    assert [small(number, 2, 9) for number in (1, 2, 5.9, 9, 10, float("nan"))] == [2, 2, 5, 9, 9, 2]


def test_importing_the_events_brings_nothing_heavy():
    """A program that counts something has not asked for `dataclasses`, `json`, `enum` or the like."""
    import subprocess

    probe = "import sys; before = set(sys.modules); import epochly.telemetry.events; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", probe], check=True, capture_output=True, text=True)
    heavy = {"dataclasses", "json", "enum", "re", "typing", "inspect", "hashlib", "os.path", "threading"}
    assert not set(done.stdout.split()) & heavy
