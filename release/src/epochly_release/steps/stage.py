"""Lays down what leaves, file by file, and makes the tag: after everything was verified, before anything is published.

The tag is made at the forge with a token that may make tags, and nothing else here has that token. One that is there
at the same commit is kept; one that is anywhere else ends the release.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from epochly_release.attestation import promised
from epochly_release.checkout import Repository
from epochly_release.errors import Refused
from epochly_release.forge import ensure_tag, forge_from_environment
from epochly_release.judgement import read_manifest
from epochly_release.manifest import MANIFEST, listed
from epochly_release.staged import STAGED, staged_of, staged_to_bytes
from epochly_release.steps.result import StepResult

if TYPE_CHECKING:
    from epochly_release.plan import Plan
    from epochly_release.steps.result import Places
    from epochly_release.world import World

_OWN = (MANIFEST, "journal.jsonl", STAGED)  # the record of how it went is no part of what is released


def run(plan: Plan, places: Places, world: World) -> StepResult:
    """Leave `staged.json` in `out` and the tag at the forge; raises `Refused` for a tag at another commit."""
    manifest = read_manifest(plan, places, world)
    signatures = promised(manifest)
    for path in world.files(places.out):
        name = os.path.basename(path)
        if name.endswith(".part"):  # a write that was killed; the file itself is whole or not there
            continue
        if name not in {*manifest, *signatures, *_OWN}:
            hint = "nothing leaves but what was described and signed: move it away"
            raise Refused("stray-file", name, "is no part of the release", hint)
    others = {name: listed(world.read(f"{places.out}/{name}")) for name in (MANIFEST, *signatures)}
    changelog = Repository(places.repository, world).show(plan.commit, plan.config.changelog)
    staged = staged_of(plan, manifest, others, changelog.decode("utf-8", "replace"))
    data = staged_to_bytes(staged, plan)
    forge = forge_from_environment(world, plan.config.repository)
    made = ensure_tag(forge, plan.tag, plan.commit)
    world.write(f"{places.out}/{STAGED}", data)
    return StepResult(
        {STAGED: listed(data).sha256},
        (
            f"tag `{plan.tag}` {'made' if made else 'is there'} at {plan.commit[:12]}",
            f"{len(staged.uploads)} files to upload, {len(staged.files)} for the release at the forge",
        ),
    )
