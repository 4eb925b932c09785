"""One job that builds and publishes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from epochly_release.lint.model import Rule
from epochly_release.lint.shape import builds, publishes, together

if TYPE_CHECKING:
    from collections.abc import Iterator

    from epochly_release.lint.model import Workflow


def look(workflow: Workflow) -> Iterator[tuple[int, str]]:
    """The line that publishes, in a job that also builds."""
    for job in workflow.jobs:
        if together(job, builds, publishes):
            for act in publishes(job):
                yield (
                    act.line,
                    f"job `{job.id}` builds what it publishes, so nothing can look at it in between",
                )


RULE = Rule(
    id="build-beside-publish",
    why=(
        "A build that publishes holds the right to publish while it runs the project's code, and "
        "nobody can compare or verify what it made before it is out. Ultralytics (2024-12) published "
        "what one poisoned job had built."
    ),
    hint="build in one job, publish in another that downloads, verifies and uploads",
    look=look,
)
