"""What differs between the settings in git and those at the forge. Pure: two lists of settings -> lines of drift.

Git is right. A setting that is only at the forge is drift as well: an environment that a workflow merely names is made
without any protection. One thing is let pass: parameters of a rule that git does not mention, because the API grows new ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from epochly_release.settings.documents import Setting


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference: which setting (`environment pypi`), and one lower-case clause."""

    subject: str
    message: str


def drift(wanted: Sequence[Setting], live: Sequence[Setting]) -> tuple[Drift, ...]:
    """Every difference, in the order of the settings in git, then what only the forge has."""
    return tuple(_drift(wanted, live))


def _drift(wanted: Sequence[Setting], live: Sequence[Setting]) -> Iterator[Drift]:
    for setting in wanted:
        subject = f"{setting.kind} {setting.name}"
        there = [one for one in live if (one.kind, one.name) == (setting.kind, setting.name)]
        if not there:
            yield Drift(subject, "is not at the forge")
        elif len(there) > 1:
            yield Drift(subject, f"is at the forge {len(there)} times")
        else:
            yield from (Drift(subject, message) for message in _differences(setting, there[0]))
    known = {(setting.kind, setting.name) for setting in wanted}
    for setting in live:
        if (setting.kind, setting.name) not in known:
            yield Drift(f"{setting.kind} {setting.name}", "is at the forge only")


def _differences(wanted: Setting, live: Setting) -> Iterator[str]:
    for name, value in wanted.values.items():
        if name not in live.values:
            yield f"`{name}` is not set, and should be {value}"
        elif live.values[name] != value:
            yield f"`{name}` is {live.values[name]}, and should be {value}"
    for name, value in live.values.items():
        if name not in wanted.values and not _new_parameter(name, wanted):
            yield f"`{name}` is {value}, and should not be there"


def _new_parameter(name: str, wanted: Setting) -> bool:
    """Whether it is a parameter that git does not mention, of a rule that it does."""
    head, rule, *rest = name.split(".")
    return head == "rules" and bool(rest) and f"rules.{rule}" in wanted.values
