"""The journal of a release: append-only JSON lines, one for each start, end and failure of a step. Pure core.

Each line names the hash of the line before it, so a line that was changed, dropped or moved is seen and refused. A
last line without its line end was torn by a crash: it is dropped, and the step it would have ended is run again. A
journal is about one plan; another plan needs another folder. It is no defence against somebody who rewrites all of it:
what leaves is verified anew.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

from epochly_release.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

EVENTS = ("start", "end", "fail")
NOTHING_BEFORE = "0" * 64


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: what happened to a step, when, under which plan.

    Attributes:
        step: name of the step.
        event: `start`, `end` or `fail`.
        at: time, RFC 3339 in UTC.
        plan: sha256 of the plan.
        files: sha256 of each file the step ended with, by name.
        why: for a failure, its code, where and message.
    """

    step: str
    event: str
    at: str
    plan: str
    files: Mapping[str, str] = field(default_factory=dict)
    why: str = ""


@dataclass(frozen=True, slots=True)
class Journal:
    """The lines so far, and the hash that the next line names."""

    entries: tuple[Entry, ...] = ()
    last: str = NOTHING_BEFORE
    length: int = 0

    def ended(self, step: str) -> Entry | None:
        """The latest end of `step`, or `None` if it never ended or was started again since."""
        for entry in reversed(self.entries):
            if entry.step == step:
                return entry if entry.event == "end" else None
        return None


def parse_journal(data: bytes, where: str) -> Journal:
    """The journal in a file; a torn last line is left out (`Journal.length` is the sound part's size in bytes)."""
    entries: list[Entry] = []
    last = NOTHING_BEFORE
    sound = data[: data.rfind(b"\n") + 1]
    for number, line in enumerate(sound.splitlines(keepends=True), 1):
        try:
            value = json.loads(line)
            before = value.pop("before")
            entry = Entry(**value)
            written = entry_line(entry, before)
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
            _refuse(where, f"line {number} is no entry")
        if before != last or written != line:
            _refuse(where, f"line {number} does not follow the line before it")
        if entries and entry.plan != entries[0].plan:
            _refuse(where, f"line {number} is about another plan")
        entries.append(entry)
        last = hashlib.sha256(line).hexdigest()
    return Journal(tuple(entries), last, len(sound))


def entry_line(entry: Entry, before: str) -> bytes:
    """The one way an entry is written, after the line whose sha256 is `before`; raises `ValueError` for a bad one."""
    if entry.event not in EVENTS or not isinstance(entry.files, dict):
        raise ValueError(f"no such event: {entry.event!r}")
    value = {
        "before": before,
        "step": entry.step,
        "event": entry.event,
        "at": entry.at,
        "plan": entry.plan,
        "files": dict(sorted(entry.files.items())),
        "why": entry.why,
    }
    return json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"


def refuse_other_plan(journal: Journal, plan: str, where: str) -> None:
    """Raises `Refused` when the journal is about another plan than the one with this sha256."""
    if journal.entries and journal.entries[0].plan != plan:
        raise Refused(
            "other-plan",
            where,
            "is the journal of another release",
            "name another folder with `--out`, or remove this one",
        )


def _refuse(where: str, message: str) -> NoReturn:
    raise Refused("journal", where, message, "it was changed by hand; start over in another folder")
