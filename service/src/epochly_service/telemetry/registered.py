"""What the service takes: every event of the registry and each field's bounds, as data. What is not in here is refused.

Made by `tools/write_telemetry.py` from `docs/spec/telemetry-v1.toml`: change that. It is long where the registry is.
"""

from __future__ import annotations

from typing import NamedTuple


class Field(NamedTuple):
    """`enum`: one of the literals `of`. `flag`: a bool. `small`, `bucket`, `share`: an int from `least` to `most`."""

    kind: str
    least: int
    most: int
    of: tuple[str, ...]


class Event(NamedTuple):
    """Version, the endpoint it goes to, how long it is kept in days, and all of its fields by name."""

    version: int
    endpoint: str
    retention_days: int
    fields: dict[str, Field]


OS = ("linux", "darwin", "windows", "other")
ARCH = ("x86_64", "aarch64", "other")
MODE = ("monitoring", "conservative", "balanced", "aggressive")
LEVEL = ("monitor", "threading", "jit", "multi-core", "gpu")
TIER = ("community", "trial", "professional", "enterprise", "academic")
DECISION = (
    "watched",
    "hot",
    "off",
    "counted",
    "threading",
    "no_hurry",
    "too_short",
    "kind",
    "recursive",
    "no_compiler",
    "parameters",
    "compiling",
    "refused",
)
OUTCOME = ("compiled", "rejected", "not_faster", "gave_up", "differs")
ORIGIN = ("in_process", "builder", "cache")
FAULT = ("sampler", "builder", "cache", "licence", "telemetry", "compiler")
SUPPORT = ("supported", "missing", "too_old", "too_new", "unusable")
ENDPOINTS = ("metrics", "critical-events", "compatibility-reports")
EVENTS = {
    "session_start": Event(
        1,
        "metrics",
        90,
        {
            "level": Field("enum", 0, 0, LEVEL),
            "mode": Field("enum", 0, 0, MODE),
            "tier": Field("enum", 0, 0, TIER),
            "cores": Field("bucket", 0, 63, ()),
            "run": Field("flag", 0, 1, ()),
            "numba": Field("flag", 0, 1, ()),
        },
    ),
    "routing_decision": Event(
        1,
        "metrics",
        90,
        {
            "level": Field("enum", 0, 0, LEVEL),
            "why": Field("enum", 0, 0, DECISION),
        },
    ),
    "jit": Event(
        1,
        "metrics",
        90,
        {
            "outcome": Field("enum", 0, 0, OUTCOME),
            "origin": Field("enum", 0, 0, ORIGIN),
            "compile_ms": Field("bucket", 0, 63, ()),
            "speed": Field("bucket", 0, 63, ()),
            "deopts": Field("bucket", 0, 63, ()),
        },
    ),
    "worker": Event(
        1,
        "metrics",
        90,
        {
            "workers": Field("bucket", 0, 63, ()),
            "items": Field("bucket", 0, 63, ()),
            "failed": Field("flag", 0, 1, ()),
        },
    ),
    "gpu": Event(
        1,
        "metrics",
        90,
        {
            "asked": Field("flag", 0, 1, ()),
            "allowed": Field("flag", 0, 1, ()),
        },
    ),
    "allocator": Event(
        1,
        "metrics",
        90,
        {
            "cache_bytes": Field("bucket", 0, 63, ()),
            "versions": Field("bucket", 0, 63, ()),
        },
    ),
    "workload": Event(
        1,
        "metrics",
        90,
        {
            "seconds": Field("bucket", 0, 63, ()),
            "memory": Field("bucket", 0, 63, ()),
            "functions": Field("bucket", 0, 63, ()),
            "compiled": Field("share", 0, 10, ()),
            "threads": Field("bucket", 0, 63, ()),
        },
    ),
    "fault": Event(
        1,
        "critical-events",
        180,
        {
            "part": Field("enum", 0, 0, FAULT),
        },
    ),
    "differs": Event(
        1,
        "critical-events",
        180,
        {
            "level": Field("enum", 0, 0, LEVEL),
        },
    ),
    "compatibility": Event(
        1,
        "compatibility-reports",
        180,
        {
            "numba": Field("enum", 0, 0, SUPPORT),
            "numba_minor": Field("small", 0, 999, ()),
            "numpy": Field("enum", 0, 0, SUPPORT),
            "numpy_major": Field("small", 0, 99, ()),
            "numpy_minor": Field("small", 0, 99, ()),
        },
    ),
}
