"""No second, independent build to compare with before anything is published."""

from __future__ import annotations

from typing import TYPE_CHECKING

from epochly_release.lint.model import Rule
from epochly_release.lint.shape import ancestors, builds, compares, publishes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from epochly_release.lint.model import Job, Workflow


def look(workflow: Workflow) -> Iterator[tuple[int, str]]:
    """The line that publishes, where the jobs before it hold no comparison of two builds."""
    comparing = {one.id for one in workflow.jobs if _compares_two(workflow, one)}
    for job in workflow.jobs:
        act = next(publishes(job), None)
        if act is None:
            continue
        before = ancestors(workflow, job)
        if not any(one.id in comparing for one in (*before, job)):
            yield (
                act.line,
                f"job `{job.id}` publishes what one builder made, and nothing compared it with a second build",
            )


def _compares_two(workflow: Workflow, job: Job) -> bool:
    """Whether the job compares, and two building jobs stand before it."""
    if next(compares(job), None) is None:
        return False
    return sum(next(builds(one), None) is not None for one in ancestors(workflow, job)) >= 2


RULE = Rule(
    id="single-builder",
    why=(
        "A poisoned cache, runner image or build tool makes a bad file with a good signature: "
        "TanStack's 84 versions (2026-05) had valid provenance. Only a second build on another "
        "machine, compared before publishing, shows it."
    ),
    hint="build in two jobs on different runners, and compare all hashes in a job that publishing needs",
    look=look,
)
