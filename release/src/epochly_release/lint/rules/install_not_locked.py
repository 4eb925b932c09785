"""An install without hashes elsewhere in a release workflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from epochly_release.lint.model import Rule
from epochly_release.lint.shape import installs, is_release

if TYPE_CHECKING:
    from collections.abc import Iterator

    from epochly_release.lint.model import Workflow


def look(workflow: Workflow) -> Iterator[tuple[int, str]]:
    """Each install without hashes in a release workflow's jobs that mint no token; those are `token-beside-install`."""
    if not is_release(workflow):
        return
    for job in workflow.jobs:
        if not workflow.mints_tokens(job):
            for act, why in installs(job):
                yield act.line, f"`{act.text}` in job `{job.id}` of a release {why}"


RULE = Rule(
    id="install-not-locked",
    why=(
        "What a build installs ends up in what it makes, so a release takes nothing that is chosen on "
        "the day. The Ultralytics wheels of 2024-12 were built from a clean tag by a build that had "
        "been given other files."
    ),
    hint="write a lock with hashes, and install it with `pip install --require-hashes -r FILE`",
    look=look,
)
