"""Runs one step of a release, once, and writes its start and its end into the journal.

A step is `run(plan, places, world) -> StepResult` and is safe to repeat. One that has ended under the same plan, and
whose files are still there byte for byte, is not run again. A step that builds on another refuses to start before that
one ended, or when its files are not what it left. A failure is journalled with where it happened.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from epochly_release import journal as journals
from epochly_release.credentials import CONFIG_FILES, refuse_long_lived
from epochly_release.errors import InputError, Refused, ReleaseError
from epochly_release.steps.result import Places, StepResult

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from epochly_release.plan import Plan
    from epochly_release.world import World


@dataclass(frozen=True, slots=True)
class Step:
    """A step by name: what it does, in a few words, and the step that must have ended before it."""

    name: str
    about: str
    after: str = ""

    @property
    def run(self) -> Callable[[Plan, Places, World], StepResult]:
        """Its function; the module is loaded now, since each step has libraries of its own."""
        function: Callable[[Plan, Places, World], StepResult] = import_module(f"{__name__}.{self.name}").run
        return function


STEPS: Mapping[str, Step] = {
    step.name: step
    for step in (
        Step("check", "see whether the commit may be released"),
        Step("build", "build twice, compare, keep the files"),
        Step("describe", "write SBOMs, into the wheels too, and the manifest", "build"),
        Step("attest", "sign everything, as the release workflow", "describe"),
        Step("verify", "judge everything, and compare with a rebuild", "attest"),
        Step("stage", "lay down what leaves, and make the tag", "verify"),
        Step("publish", "upload by trusted publishing, with attestations", "stage"),
        Step("confirm", "get it back, compare, verify, write the forge's release", "publish"),
    )
}
"""In the order of a release."""

JOURNAL = "journal.jsonl"


def run_step(name: str, plan: Plan, places: Places, world: World) -> StepResult:
    """Run the step called `name`, or find it done; raises `ReleaseError`, after the journal said so."""
    step = STEPS[name]
    home = world.environ.get("HOME", "")
    beside = {os.path.basename(path) for path in world.files(home)} if home else set()
    refuse_long_lived(world.environ, [file for file in CONFIG_FILES if file in beside])
    path = f"{places.out}/{JOURNAL}"
    data = world.read(path) if path in world.files(places.out) else b""
    journal = journals.parse_journal(data, path)
    journals.refuse_other_plan(journal, plan.sha256(), path)
    if journal.length != len(data):  # a crash tore the last line
        world.write(path, data[: journal.length])
    ended = journal.ended(name)
    if ended is not None and not _changed(ended.files, places, world):
        world.tell(f"{name}: done before, nothing changed")
        return StepResult(ended.files, ("done before",))

    def note(event: str, last: str, files: dict[str, str] | None = None, why: str = "") -> str:
        entry = journals.Entry(name, event, world.now(), plan.sha256(), files or {}, why)
        line = journals.entry_line(entry, last)
        world.append(path, line)
        return hashlib.sha256(line).hexdigest()

    last = note("start", journal.last)
    try:
        _refuse_out_of_order(step, journal, places, world)
        result = step.run(plan, places, world)
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


def _refuse_out_of_order(step: Step, journal: journals.Journal, places: Places, world: World) -> None:
    """Raises `Refused` unless the step before has ended, and left what is there now."""
    if not step.after:
        return
    before = journal.ended(step.after)
    if before is None:
        message = f"cannot start: `{step.after}` has not ended here"
        raise Refused("out-of-order", step.name, message, f"run `epochly-release {step.after}` first")
    changed = _changed(before.files, places, world)
    if changed:
        message = f"is not what `{step.after}` left"
        raise Refused("changed-file", changed, message, "start over in another folder: something changed it")


def _changed(files: Mapping[str, str], places: Places, world: World) -> str:
    """The first file that is not as the journal says, or empty."""
    for name, digest in files.items():
        path = f"{places.out}/{name}"
        if path not in world.files(os.path.dirname(path)):
            return name
        if hashlib.sha256(world.read(path)).hexdigest() != digest:
            return name
    return ""
