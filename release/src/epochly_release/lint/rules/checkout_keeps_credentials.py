"""A checkout that leaves its token behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from epochly_release.lint.model import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from epochly_release.lint.model import Workflow


def look(workflow: Workflow) -> Iterator[tuple[int, str]]:
    """Each checkout without `persist-credentials: false`."""
    for job in workflow.jobs:
        for step in job.steps:
            if step.action == "actions/checkout" and step.uses is not None:
                kept = step.inputs.get("persist-credentials")
                if kept is None or kept.text != "false":
                    yield step.uses.line, f"job `{job.id}` leaves the repository's token on the runner's disk"


RULE = Rule(
    id="checkout-keeps-credentials",
    why=(
        "The token stays in a file of the checkout, where every later step and every uploaded "
        "artifact of that folder can take it along."
    ),
    hint="give `persist-credentials: false`",
    look=look,
)
