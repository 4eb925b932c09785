"""Whether the commit may be released at all: clean, one version everywhere, fresh locks, and not released before.

Writes nothing but a clean clone below the build root. Stops at the first thing that is wrong.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from epochly_release.checkout import Repository, clean_clone, refuse_dirty
from epochly_release.errors import InputError, Refused
from epochly_release.index import listed_files, normalised, simple_index, version_of
from epochly_release.locks import refuse_stale
from epochly_release.staged import headings
from epochly_release.steps.result import StepResult

if TYPE_CHECKING:
    from epochly_release.plan import Plan
    from epochly_release.steps.result import Places
    from epochly_release.world import World


def run(plan: Plan, places: Places, world: World) -> StepResult:
    """Check everything that can be known before a build; raises `Refused` at the first fault."""
    repository = Repository(places.repository, world)
    if not places.any_tree:
        refuse_dirty(repository, places.out)
    world.fresh_folder(places.build_root)
    clean_clone(repository, plan.commit, os.path.join(places.build_root, "check"), plan.epoch)
    _refuse_other_tags(repository, plan)
    refuse_other_changelog(
        repository.show(plan.commit, plan.config.changelog).decode("utf-8", "replace"),
        plan.version,
        plan.config.changelog,
    )
    for lock in plan.config.locks:
        refuse_stale(
            lock.path,
            repository.show(plan.commit, lock.path),
            lock.source,
            lambda path: repository.show(plan.commit, path),
        )
    index = simple_index(world, places.index or plan.config.index)
    for distribution in plan.distributions:
        files = listed_files(world, index, normalised(distribution.name))
        if any(version_of(file.filename) == plan.version for file in files):
            raise Refused(
                "released-before",
                f"{distribution.name} {plan.version}",
                "is on the index already",
                f"raise the version in `{plan.config.version_file}`: what is released never changes",
            )
    return StepResult(
        notes=(
            f"commit {plan.commit[:12]} comes out of a clean clone as it was committed",
            f"version {plan.version} agrees with the tag `{plan.tag}` and with `{plan.config.changelog}`",
            f"{len(plan.config.locks)} locks hold every requirement by hash and are fresh",
            f"no index entry of {plan.version} for any of {len(plan.distributions)} projects",
        )
    )


def refuse_other_changelog(text: str, version: str, where: str) -> None:
    """Raises `Refused` unless the topmost heading with a version in it names this one (Markdown or underlined)."""
    for _, found in headings(text):
        if found == version:
            return
        raise Refused(
            "changelog", where, f"begins with {found}, not with {version}", "write the release's notes"
        )
    raise Refused("changelog", where, f"has no heading for {version}", "write the release's notes")


def _refuse_other_tags(repository: Repository, plan: Plan) -> None:
    """The tag is made at the end of a release; if it is there already it is at this commit, with no rival beside it."""
    try:
        tagged = repository.commit(f"refs/tags/{plan.tag}")
    except InputError as error:
        if error.code != "commit":
            raise
        tagged = plan.commit
    if tagged != plan.commit:
        message = f"is at {tagged[:12]}, not at {plan.commit[:12]}"
        raise Refused("tag", plan.tag, message, "a tag never moves: raise the version")
    before, _, after = plan.config.tag.partition("{version}")
    for tag in repository.git("tag", "--points-at", plan.commit).decode("utf-8", "replace").split():
        looks = (
            tag.startswith(before) and tag.endswith(after) and tag[len(before) : len(before) + 1].isdigit()
        )
        if looks and tag != plan.tag:
            message = f"is at this commit, whose version is {plan.version}"
            raise Refused("tag", tag, message, f"make `{plan.config.version_file}` and the tag agree")
