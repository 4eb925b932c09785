"""Uploads what was staged, by trusted publishing, with its attestations; judged once more right before it leaves.

What the index has already is not sent again, if it is the very file; if it is another one the release ends. So a try
that broke in the middle is simply repeated.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from epochly_release.errors import Refused
from epochly_release.index import listed_files, normalised, simple_index
from epochly_release.judgement import read_manifest
from epochly_release.manifest import listed
from epochly_release.staged import STAGED, parse_staged
from epochly_release.steps.result import StepResult
from epochly_release.steps.verify import judge_all
from epochly_release.uploading import default_upload_url, upload

if TYPE_CHECKING:
    from epochly_release.plan import Plan
    from epochly_release.staged import Staged
    from epochly_release.steps.result import Places
    from epochly_release.world import World


def run(plan: Plan, places: Places, world: World) -> StepResult:
    """Publish every staged file; raises `Refused` when the index, or our own judge, does not take one."""
    staged = staged_files(plan, places, world)
    judge_all(plan, places, world, read_manifest(plan, places, world))
    there = _published(plan, places, world, staged)
    todo = {name: attestations for name, attestations in staged.uploads.items() if name not in there}
    client = "nothing"
    if todo:
        url = places.upload_url or plan.config.upload_url or default_upload_url()
        scratch = os.path.join(places.build_root, "uploading")
        world.fresh_folder(places.build_root)
        world.fresh_folder(scratch)
        world.tell(f"publish: {len(todo)} files with {sum(map(len, todo.values()))} attestations")
        client = upload(world, url, places.out, todo, scratch)
    before = f", {len(there)} were there before" if there else ""
    return StepResult(notes=(f"{len(todo)} files uploaded by {client}, with their attestations{before}",))


def staged_files(plan: Plan, places: Places, world: World) -> Staged:
    """What was staged, once every file is there as it was; raises `Refused`."""
    path = f"{places.out}/{STAGED}"
    staged = parse_staged(world.read(path), path, plan)
    for name, wanted in staged.files.items():
        if listed(world.read(f"{places.out}/{name}")) != wanted:
            raise Refused(
                "changed-file", name, "is not the file that was staged", "run `verify` and `stage` again"
            )
    return staged


def _published(plan: Plan, places: Places, world: World, staged: Staged) -> set[str]:
    """Those of the files that the index has already, byte for byte."""
    index = simple_index(world, places.index or plan.config.index)
    there = set()
    for distribution in plan.distributions:
        for file in listed_files(world, index, normalised(distribution.name)):
            wanted = staged.files.get(file.filename)
            if wanted is None or file.filename not in staged.uploads:
                continue
            if file.sha256 != wanted.sha256:
                message = f"is on the index already, with sha256 {file.sha256[:16] or 'unknown'}…"
                raise Refused(
                    "file-exists", file.filename, message, "raise the version: a file never changes"
                )
            there.add(file.filename)
    return there
