"""A job that can mint an identity token, and builds, tests or runs the project's files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from epochly_release.lint.model import Rule
from epochly_release.lint.shape import runs_project_code

if TYPE_CHECKING:
    from collections.abc import Iterator

    from epochly_release.lint.model import Workflow


def look(workflow: Workflow) -> Iterator[tuple[int, str]]:
    """Each command that runs project code in a job that holds `id-token: write`."""
    for job in workflow.jobs:
        if workflow.mints_tokens(job):
            seen: set[int] = set()
            for act, what in runs_project_code(job):
                if act.line not in seen:
                    seen.add(act.line)
                    yield act.line, f"job `{job.id}` can mint an identity token and {what}: `{act.text}`"


RULE = Rule(
    id="token-beside-build",
    why=(
        "Whatever runs in a job with `id-token: write` can ask for the token and publish in the "
        "project's name. In the TanStack case (2026-05) code that came in with a build read the token "
        "out of the runner's memory: 84 malicious versions went out with valid provenance, and every "
        "signature check passed."
    ),
    hint="build and test in jobs without `id-token`; hand files over as artifacts with their hashes",
    look=look,
)
