"""Judges everything before anything leaves, and holds it against what an independent builder made.

Signatures say who made a file, not that it was made from the commit; the rebuild says that. Without one the step
refuses: not compared is not equal.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from epochly_release.compare import explain
from epochly_release.errors import Refused
from epochly_release.judgement import (
    distributions,
    judge_file,
    judge_manifest,
    passed_layers,
    read_manifest,
    trust_of,
)
from epochly_release.manifest import ENVIRONMENT, SBOM_ENDING, is_distribution
from epochly_release.steps.result import StepResult

if TYPE_CHECKING:
    from epochly_release.manifest import Listed
    from epochly_release.plan import Plan
    from epochly_release.steps.result import Places
    from epochly_release.world import World


def run(plan: Plan, places: Places, world: World) -> StepResult:
    """Verify every file and signature, and compare with the rebuild; raises `Refused` at the first that fails."""
    files = read_manifest(plan, places, world)
    rebuilt = refuse_other_rebuild(files, places, world)
    return StepResult(notes=(*judge_all(plan, places, world, files), rebuilt))


def judge_all(plan: Plan, places: Places, world: World, files: dict[str, Listed]) -> tuple[str, ...]:
    """What was verified, a line each; raises `Refused`."""
    trust = trust_of(plan, places, world)
    signer = judge_manifest(plan, places, world, trust)
    notes = [f"manifest signed by {signer}"]
    names = distributions(files)
    for number, name in enumerate(names, 1):
        report = judge_file(f"{places.out}/{name}", files[name], plan, trust)
        world.tell(f"verify: {number} of {len(names)}  {name}")
        notes.append(f"verified  {name}  ({passed_layers(report)}; {len(report.signed)} signatures)")
    return tuple(notes)


def refuse_other_rebuild(files: dict[str, Listed], places: Places, world: World) -> str:
    """A line that says what agreed; raises `Refused` when anything differs, is missing, or is too much."""
    if not places.rebuilt:
        hint = "let another builder run `build` and `describe`, and give its folder with `--rebuild-from`"
        raise Refused("no-rebuild", "--rebuild-from", "was not given, so nothing was compared", hint)
    there = {os.path.basename(path): path for path in world.files(places.rebuilt)}
    mine = {name for name in files if _comparable(name)}
    theirs = {name for name in there if _comparable(name)}
    for name in sorted(mine ^ theirs):
        which = "is not in the rebuild" if name in mine else "is only in the rebuild"
        raise Refused(
            "rebuild-differs", name, which, "build both from the same commit, with the same Pythons"
        )
    for name in sorted(mine):
        rebuilt, ours = world.read(there[name]), world.read(f"{places.out}/{name}")
        if rebuilt != ours:
            lines = explain(name, ours, rebuilt) if is_distribution(name) else ()
            hint = "nothing leaves: one of the builders made something else of the commit"
            raise Refused("rebuild-differs", name, "differs from the independent rebuild", hint, lines)
    return f"{len(mine)} files equal the independent rebuild, bit for bit"


def _comparable(name: str) -> bool:
    """Wheels, sdists and their SBOMs; the records of a build differ between builders, that is what they are for."""
    return is_distribution(name) or (name.endswith(SBOM_ENDING) and name != ENVIRONMENT)
