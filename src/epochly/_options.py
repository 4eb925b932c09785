"""The options of `epochly run` and of `%%epochly`: words in, settings out.

Pure. It refuses what it does not know, in words.
"""

from __future__ import annotations

from epochly._config import checked_level, checked_mode, checked_port
from epochly._report import FORMS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from dataclasses import dataclass, field
    from typing import Any

    from epochly._report import Form
else:
    from epochly._records import dataclass, field


class OptionError(ValueError):
    """An option that is not there, or cannot be what it was given."""


@dataclass(slots=True)
class Options:
    """`changes` are settings by name; `rest` is what came after the options."""

    changes: dict[str, Any] = field(default_factory=dict)
    form: Form = "term"
    report: bool = False
    prometheus: int = 0
    rest: list[str] = field(default_factory=list)


def options(words: list[str], command: str, known: Collection[str], *, plain_report: bool = False) -> Options:
    """Options at the front, as `--name value` or `--name=value`; with `plain_report`, `--report` has no value."""
    found, rest = Options(), list(words)
    while rest and rest[0].startswith("--"):
        name, _, value = rest.pop(0).partition("=")
        if name not in known:
            raise OptionError(f"`{command}` has no option `{name}`")
        if name == "--report" and plain_report:
            found.report = True
            continue
        value = value or (rest.pop(0) if rest else "")
        number: Any = int(value) if value.isascii() and value.isdigit() else value
        try:
            if name == "--level":
                found.changes["level"] = checked_level(number)
            elif name == "--mode":
                found.changes["mode"] = checked_mode(value)
            elif name == "--prometheus":
                found.prometheus = checked_port(number)
            else:
                found.form = next(each for each in FORMS if each == value)
        except (ValueError, StopIteration):
            raise OptionError(f"`{name}` cannot be `{value}`") from None
    found.rest = rest
    return found
