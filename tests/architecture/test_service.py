"""The service's own arrows: what decides reaches neither database nor HTTP nor the machine, and HTTP stays at its edge."""

from __future__ import annotations

import ast
from fnmatch import fnmatchcase

import pytest

DECIDES = {  # module -> the ones of ours it may use; nothing else of ours, and of libraries only what computes
    "errors": set(),
    "settings": set(),
    "encoding": set(),
    "model": set(),
    "license_keys": set(),
    "macs": set(),
    "nonces": {"encoding", "macs", "settings"},
    "tokens": {"encoding"},
    "peppered": {"encoding", "license_keys", "macs"},
    "core": {"errors", "model", "moments", "settings"},
    "moments": set(),
    "client_versions": set(),
    "proofs": {"encoding", "errors", "nonces", "settings", "tokens"},
    "telemetry.registered": set(),
    "telemetry.merkle": set(),
    "telemetry.batches": {"errors", "telemetry.registered", "tokens"},
    "telemetry.charts": {"telemetry.registered"},
}
COMPUTES = {
    "__future__",
    "base64",
    "binascii",
    "collections",
    "cryptography",
    "dataclasses",
    "datetime",
    "enum",
    "functools",
    "hashlib",
    "hmac",
    "json",
    "operator",
    "re",
    "rfc8785",
    "typing",
}
EDGE = {  # a library -> the modules of the service that may know it
    "fastapi": ("web", "incoming", "outgoing", "published", "pages.*", "telemetry.web", "lens.web"),
    "http.client": ("telemetry.clickhouse",),
    "uvicorn": ("serve", "protocol"),
    "alembic": ("migrating", "migrations.*"),
    "jinja2": ("pages.*",),
}


def imported(module):
    """Every absolute dotted name a module imports, wherever the statement stands."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def service_faults(module):
    """Imports of a module of the service that its place does not allow."""
    part = module.name.partition("epochly_service.")[2]
    for name in imported(module):
        library, _, rest = name.partition(".")
        if part in DECIDES:
            if library == "epochly_service" and not any(_is_below(rest, ours) for ours in DECIDES[part]):
                yield f"{module.name} decides, and imports {name}"
            if library not in COMPUTES | {"epochly_service"}:
                yield f"{module.name} decides, and imports {name}"
        for edge, keepers in EDGE.items():
            if _is_below(name, edge) and not any(fnmatchcase(part, keeper) for keeper in keepers):
                yield f"{module.name} imports {name}"


def _is_below(name, top):
    return name == top or name.startswith(f"{top}.")


def test_what_decides_in_the_service_reaches_nothing(modules):
    """Decisions, proofs and tokens are functions of values; HTTP, the server and migrations are known at their edges alone."""
    ours = [module for module in modules if module.package == "epochly_service"]
    assert set(DECIDES) <= {module.name.removeprefix("epochly_service.") for module in ours}
    faults = [fault for module in ours for fault in service_faults(module)]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("epochly_service.core", "from epochly_service import store"),
        ("epochly_service.core", "from epochly_service.store import take_seat"),
        ("epochly_service.core", "def f():\n    import sqlalchemy"),
        ("epochly_service.proofs", "import os"),
        ("epochly_service.tokens", "from epochly_service.core import Terms"),
        ("epochly_service.scripts", "from fastapi import Request"),
        ("epochly_service.pages.sessions", "import uvicorn"),
        ("epochly_service.store", "import alembic.op"),
        ("epochly_service.telemetry.batches", "from epochly_service.telemetry import ledger"),
        ("epochly_service.telemetry.merkle", "from epochly_service.telemetry.batches import read"),
        ("epochly_service.telemetry.tables", "import http.client"),
        ("epochly_service.lens.desk", "from fastapi import Request"),
    ],
)
def test_service_faults_sees_a_planted_import(plant, name, text):
    """The rule catches a decision that reaches out, and a library away from its edge."""
    assert len(list(service_faults(plant(name, text)))) == 1


def test_service_faults_lets_each_module_do_its_work(plant):
    """What is in the tables is allowed."""
    assert list(service_faults(plant("epochly_service.proofs", "from epochly_service import nonces"))) == []
    assert list(service_faults(plant("epochly_service.pages.app", "from fastapi import FastAPI"))) == []
