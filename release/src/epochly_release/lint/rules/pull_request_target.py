"""Triggers that run foreign code with the repository's rights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from epochly_release.lint.model import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from epochly_release.lint.model import Workflow


def look(workflow: Workflow) -> Iterator[tuple[int, str]]:
    """Each trigger that hands the repository's rights to a pull request's code."""
    for name, (line, _) in workflow.triggers.items():
        if name in ("pull_request_target", "workflow_run"):
            yield line, f"`{name}` runs with the repository's rights on somebody else's change"


RULE = Rule(
    id="pull-request-target",
    why=(
        "These triggers run for a stranger's pull request with the repository's own token, secrets "
        "and cache. TanStack (2026-05) began with `pull_request_target` and a cache that a stranger "
        "could write."
    ),
    hint="use `pull_request`, which has no rights, or start by hand",
    look=look,
)
