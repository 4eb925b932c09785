"""Publishing without looking at what users then get."""

from __future__ import annotations

from typing import TYPE_CHECKING

from epochly_release.lint.model import Rule
from epochly_release.lint.shape import ancestors, confirms, publishes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from epochly_release.lint.model import Workflow


def look(workflow: Workflow) -> Iterator[tuple[int, str]]:
    """The line that publishes, unless a later step or job confirms what the index hands out."""
    confirming = [one for one in workflow.jobs if next(confirms(one), None) is not None]
    confirmed = {before.id for one in confirming for before in ancestors(workflow, one)}
    for job in workflow.jobs:
        acts = list(publishes(job))
        if not acts:
            continue
        last = acts[-1]
        here = any(one.step >= last.step and one.line > last.line for one in confirms(job))
        if not here and job.id not in confirmed:
            yield last.line, f"nothing after job `{job.id}` downloads what was published and verifies it"


RULE = Rule(
    id="publish-unconfirmed",
    why=(
        "An upload can be changed, lost or joined by another file on its way to users, and nobody at "
        "the publishing end sees it. The stolen-token release of durabletask (2026-05) was found by a "
        "missing provenance that anybody could have looked for within minutes."
    ),
    hint="add a job that needs the publishing job and runs `epochly-release confirm`",
    look=look,
)
