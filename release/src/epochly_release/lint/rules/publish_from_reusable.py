"""Publishing, or handing out the right to, through a reusable workflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from epochly_release.lint.model import Rule
from epochly_release.lint.shape import publishes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from epochly_release.lint.model import Workflow


def look(workflow: Workflow) -> Iterator[tuple[int, str]]:
    """Publishing in a file that others can call, and jobs that give an identity token to another file."""
    if "workflow_call" in workflow.triggers:
        for job in workflow.jobs:
            for act in publishes(job):
                yield act.line, f"job `{job.id}` publishes from a file that other workflows call"
    for job in workflow.jobs:
        if job.uses is not None and workflow.mints_tokens(job):
            yield (
                job.uses.line,
                f"job `{job.id}` gives its identity token to `{job.uses.text[:100]}`, which is not seen here",
            )


RULE = Rule(
    id="publish-from-reusable",
    why=(
        "An index looks at the file that was called when it gives the upload token, and at the file "
        "that was started when it checks the attestation. In a reusable workflow they are two files "
        "and the release fails half-way, or passes under the name of a file nobody reviewed."
    ),
    hint="publish in the file that is started, in a job with steps of its own",
    look=look,
)
