"""Runs one step of a release, once, and writes its start and its end into the journal.

A step is `run(plan, places, world) -> StepResult` and is safe to repeat. One that has ended under the same plan, and
whose files are still there byte for byte, is not run again. A failure is journalled with where it happened.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from epochly_release import journal as journals
from epochly_release.errors import InputError, ReleaseError
from epochly_release.steps import build, check
from epochly_release.steps.result import Places, StepResult

if TYPE_CHECKING:
    from collections.abc import Callable

    from epochly_release.plan import Plan
    from epochly_release.world import World

STEPS: dict[str, Callable[[Plan, Places, World], StepResult]] = {"check": check.run, "build": build.run}
"""In the order of a release."""

JOURNAL = "journal.jsonl"


def run_step(name: str, plan: Plan, places: Places, world: World) -> StepResult:
    """Run the step called `name`, or find it done; raises `ReleaseError`, after the journal said so."""
    path = f"{places.out}/{JOURNAL}"
    data = world.read(path) if path in world.files(places.out) else b""
    journal = journals.parse_journal(data, path)
    journals.refuse_other_plan(journal, plan.sha256(), path)
    if journal.length != len(data):  # a crash tore the last line
        world.write(path, data[: journal.length])
    ended = journal.ended(name)
    if ended is not None and _still_there(ended.files, places, world):
        world.tell(f"{name}: done before, nothing changed")
        return StepResult(ended.files, ("done before",))

    def note(event: str, last: str, files: dict[str, str] | None = None, why: str = "") -> str:
        entry = journals.Entry(name, event, world.now(), plan.sha256(), files or {}, why)
        line = journals.entry_line(entry, last)
        world.append(path, line)
        return hashlib.sha256(line).hexdigest()

    last = note("start", journal.last)
    try:
        result = STEPS[name](plan, places, world)
    except ReleaseError as error:
        try:
            note("fail", last, why=f"{error.code} `{error.where}`: {error.message}")
        except (
            InputError
        ) as again:  # a full disk takes no journal line either; the first error is the one to tell
            world.tell(f"the journal could not be written: {again}")
        raise
    note("end", last, dict(result.files))
    return result


def _still_there(files: object, places: Places, world: World) -> bool:
    assert isinstance(files, dict)
    there = world.files(places.out)
    return all(
        f"{places.out}/{name}" in there
        and hashlib.sha256(world.read(f"{places.out}/{name}")).hexdigest() == digest
        for name, digest in files.items()
    )
