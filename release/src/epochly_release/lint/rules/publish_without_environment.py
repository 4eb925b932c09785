"""Publishing outside a protected environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from epochly_release.lint.model import Rule
from epochly_release.lint.shape import publishes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from epochly_release.lint.model import Workflow


def look(workflow: Workflow) -> Iterator[tuple[int, str]]:
    """The line that publishes, in a job without `environment`."""
    for job in workflow.jobs:
        act = next(publishes(job), None)
        if act is not None and job.environment is None:
            yield act.line, f"job `{job.id}` publishes and names no environment"


RULE = Rule(
    id="publish-without-environment",
    why=(
        "Without an environment nobody has to approve, and anyone who can push a workflow to any "
        "branch can publish. In elementary-data (2026-04) one injected script published without a "
        "second person seeing it."
    ),
    hint="give the job an `environment` with required reviewers, and register the publisher with that environment",
    look=look,
)
