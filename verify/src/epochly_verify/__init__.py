"""Says, layer by layer, whether a wheel or sdist is what it claims to be.

    >>> from epochly_verify import Verdict, verify
    >>> verify("demo_pkg-1.0-py3-none-any.whl").verdict is Verdict.VERIFIED  # doctest: +SKIP
    False

Importing does nothing and costs nothing; names are loaded when they are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from epochly_verify.api import Trust, verify
    from epochly_verify.errors import FetchError, InputError, PolicyError, VerifyError
    from epochly_verify.gather import Wanted
    from epochly_verify.model import Finding, Layer, Report, Severity, Status, Verdict
    from epochly_verify.policy import Identity, Policy, Rule

    __version__: str

__all__ = [
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
    "__version__",
    "verify",
]

_HOMES = {
    "api": ("Trust", "verify"),
    "errors": ("FetchError", "InputError", "PolicyError", "VerifyError"),
    "gather": ("Wanted",),
    "model": ("Finding", "Layer", "Report", "Severity", "Status", "Verdict"),
    "policy": ("Identity", "Policy", "Rule"),
}


def __getattr__(name: str) -> object:
    """Load a public name, or the version from the installed metadata, on first use."""
    from importlib import import_module  # noqa: PLC0415 - a lazy import keeps start-up free

    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415 - milliseconds, only when asked for

        return version("epochly-verify")
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
