"""Whether a request of a privacy class may leave at all, under the user's own settings: one pure function.

Blocked is blocked: no name is looked up, no socket made, nothing kept to be sent later. It refuses to guess in our favour:
a setting that keeps things back and cannot be read is on, one that lets things go and cannot be read is off.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from epochly._config import yes_or_no

if TYPE_CHECKING:
    from collections.abc import Mapping

OFFLINE = "EPOCHLY_OFFLINE_MODE"
DISABLE_TELEMETRY = "EPOCHLY_DISABLE_TELEMETRY"
TELEMETRY = "EPOCHLY_TELEMETRY"
DO_NOT_TRACK = "DO_NOT_TRACK"  # donottrack.sh and others; not ours, and honoured
OPT_IN = "EPOCHLY_TELEMETRY_OPT_IN"


class PrivacyClass(StrEnum):
    """What a request is about, which says who may stop it."""

    LICENSE = "license"  # the user asked for it, by activating a licence
    TELEMETRY = "telemetry"  # how epochly fares, about nobody
    LENS = "lens"  # the same for the account that asked for it


@dataclass(frozen=True, slots=True)
class Allowed:
    """The request may leave."""


@dataclass(frozen=True, slots=True)
class Blocked:
    """The request may not leave; `reason` is one line that names the variable."""

    reason: str


def allowed(cls: PrivacyClass, environ: Mapping[str, str]) -> Allowed | Blocked:
    """Whether a request of this class may leave under these variables.

    Offline mode stops everything, each telemetry opt-out telemetry and Lens. Lens needs its opt-in besides. A value is read
    without blanks around it and in any case; an empty one is 0.
    """
    for name in (OFFLINE,) if cls is PrivacyClass.LICENSE else (OFFLINE, DISABLE_TELEMETRY, DO_NOT_TRACK):
        if name in environ and yes_or_no(environ[name]) is not False:
            return Blocked(_because(name, environ[name]))
    if cls is PrivacyClass.LICENSE:
        return Allowed()
    if TELEMETRY in environ and yes_or_no(environ[TELEMETRY]) is not True:
        return Blocked(_because(TELEMETRY, environ[TELEMETRY]))
    if cls is PrivacyClass.LENS and yes_or_no(environ.get(OPT_IN, "")) is not True:
        return Blocked(f"`{OPT_IN}` is not set to 1")
    return Allowed()


def _because(name: str, value: str) -> str:
    if yes_or_no(value) is None:
        return f"`{name}` cannot be read, so nothing is sent; hint: give 1 or 0"
    return f"`{name}` is set to {'1' if yes_or_no(value) else '0'}"
