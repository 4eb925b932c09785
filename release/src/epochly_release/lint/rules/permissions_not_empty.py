"""Rights that are not named job by job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from epochly_release.lint.model import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from epochly_release.lint.model import Workflow


def look(workflow: Workflow) -> Iterator[tuple[int, str]]:
    """A file that does not begin with no rights at all, and jobs that ask for everything."""
    top = workflow.permissions
    if top is None:
        yield 1, "no `permissions` at the top, so every job has the repository's default rights"
    elif top.everything or top.scopes:
        yield top.line, "`permissions` at the top grants rights to every job"
    for job in workflow.jobs:
        if job.permissions is not None and job.permissions.everything:
            yield job.permissions.line, f"job `{job.id}` asks for `{job.permissions.everything}`"


RULE = Rule(
    id="permissions-not-empty",
    why=(
        "Rights at the top belong to every job, also to the one that runs tests of a stranger's "
        "change. A survey of public workflows (2026) found more than a hundred thousand repositories "
        "with more rights than any job needed."
    ),
    hint="write `permissions: {}` at the top, and in each job the rights it needs",
    look=look,
)
