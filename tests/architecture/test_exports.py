"""What a package offers: the public names, counted here so that none comes or goes unseen."""

from __future__ import annotations

from importlib import import_module
from types import SimpleNamespace

import pytest

EXPORTED = {
    "epochly": {
        "check",
        "configure",
        "explain",
        "get_metrics",
        "get_status",
        "io",
        "monitoring_context",
        "optimize",
        "optimize_context",
        "set_level",
        "stats",
        "threads",
        "verify_mode",
    },
    "epochly_verify": {
        "FetchError",
        "Finding",
        "Identity",
        "InputError",
        "Layer",
        "Policy",
        "PolicyError",
        "Report",
        "Rule",
        "Severity",
        "Status",
        "Trust",
        "Verdict",
        "VerifyError",
        "Wanted",
        "verify",
    },
    "epochly_sbom": set(),
    "epochly_release": set(),
    "epochly_service": set(),
}


def export_faults(package, expected):
    """What is wrong with the names a package offers in `__all__`, besides its version."""
    offered = set(getattr(package, "__all__", ())) - {"__version__"}
    yield from (f"{name} is offered, but not in the table" for name in sorted(offered - expected))
    yield from (f"{name} is in the table, but not offered" for name in sorted(expected - offered))
    for name in sorted(offered):
        value = getattr(package, name, None)
        if value is None:
            yield f"{name} is offered, but is not there"
        elif not (value.__doc__ or "").strip():
            yield f"{name} has no docstring"


@pytest.mark.parametrize("package", EXPORTED)
def test_a_package_offers_the_names_in_the_table(package):
    """A public name is a promise; adding or dropping one is a decision, and is made here too."""
    faults = list(export_faults(import_module(package), EXPORTED[package]))
    assert not faults, "\n".join(faults)


def test_export_faults_sees_planted_faults():
    """The rule catches a new name, a lost one, one that is not there and one without docstring."""
    silent = SimpleNamespace(__doc__=None)
    package = SimpleNamespace(__all__=["__version__", "new", "absent", "silent"], new=print, silent=silent)
    assert list(export_faults(package, {"absent", "silent", "lost"})) == [
        "new is offered, but not in the table",
        "lost is in the table, but not offered",
        "absent is offered, but is not there",
        "silent has no docstring",
    ]
