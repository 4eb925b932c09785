"""A job that can mint an identity token, and installs what nobody fixed beforehand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from epochly_release.lint.model import Rule
from epochly_release.lint.shape import installs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from epochly_release.lint.model import Workflow


def look(workflow: Workflow) -> Iterator[tuple[int, str]]:
    """Each install without hashes in a job that holds `id-token: write`."""
    for job in workflow.jobs:
        if workflow.mints_tokens(job):
            for act, why in installs(job):
                yield act.line, f"job `{job.id}` can mint an identity token, and `{act.text}` {why}"


RULE = Rule(
    id="token-beside-install",
    why=(
        "An install runs code of whoever published last. LiteLLM and Telnyx (2026-03) lost their "
        "publishing rights to a scanner that was installed without a lock; in a job that can mint a "
        "token, one bad release of any dependency is enough."
    ),
    hint="install from a lock with `pip install --require-hashes -r FILE` in this job, and nothing else",
    look=look,
)
