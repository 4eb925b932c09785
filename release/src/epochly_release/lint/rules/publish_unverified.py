"""Publishing what nothing verified."""

from __future__ import annotations

from typing import TYPE_CHECKING

from epochly_release.lint.model import Rule
from epochly_release.lint.shape import ancestors, forced, publishes, verifies

if TYPE_CHECKING:
    from collections.abc import Iterator

    from epochly_release.lint.model import Workflow


def look(workflow: Workflow) -> Iterator[tuple[int, str]]:
    """The line that publishes, unless verifying came before it and stops the job when it fails."""
    for job in workflow.jobs:
        act = next(publishes(job), None)
        if act is None:
            continue
        if forced(job.condition):
            yield (
                act.line,
                f"job `{job.id}` publishes even when a job before it failed (`if: {job.condition[:60]}`)",
            )
            continue
        here = any(one.step <= act.step and one.line < act.line for one in verifies(job))
        if not here and not any(next(verifies(one), None) for one in ancestors(workflow, job)):
            yield (
                act.line,
                f"nothing that could stop job `{job.id}` verifies the files before they are published",
            )


RULE = Rule(
    id="publish-unverified",
    why=(
        "Signing that succeeds proves nothing about what was signed: a client can report success with "
        "a certificate for another key, and a file can change between signing and upload. After "
        "publishing it is too late, an index never lets a file be replaced."
    ),
    hint="run `epochly-verify` or `epochly-release verify` on all files before, without `continue-on-error`, `if` or `|| true`",
    look=look,
)
