"""Actions and called workflows whose code can change under their name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from epochly_release.lint.model import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from epochly_release.lint.model import Workflow


_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_DIGEST = re.compile(r"docker://[^@\s]+@sha256:[0-9a-f]{64}")


def look(workflow: Workflow) -> Iterator[tuple[int, str]]:
    """Each `uses` that is not pinned by a full commit id, or a container image by its digest."""
    for job in workflow.jobs:
        for uses in (job.uses, *(step.uses for step in job.steps)):
            if uses is not None and not _fixed(uses.text.strip()):
                yield uses.line, f"`{uses.text[:100]}` can become other code under the same name"


def _fixed(uses: str) -> bool:
    if uses.startswith("./"):
        return True  # a file of the same commit
    if uses.startswith("docker://"):
        return bool(_DIGEST.fullmatch(uses))
    return bool(_COMMIT.fullmatch(uses.partition("@")[2]))


RULE = Rule(
    id="action-not-pinned",
    why=(
        "A tag or branch of an action can be moved to other code, and everybody who names it runs "
        "that code. tj-actions (2025-03) and Trivy (2026-03) were spread like this."
    ),
    hint="name the full commit id, with the version in a comment: `uses: owner/action@<40 hex> # v1.2.3`",
    look=look,
)
