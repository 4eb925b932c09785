"""A cache in a release workflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from epochly_release.lint.model import Rule
from epochly_release.lint.shape import is_release

if TYPE_CHECKING:
    from collections.abc import Iterator

    from epochly_release.lint.model import Step, Workflow


_CACHES = (
    "actions/cache",
    "swatinem/rust-cache",
    "actions/cache/",
    "hendrikmuhs/ccache-action",
    "mozilla-actions/sccache-action",
)
_ON_BY_DEFAULT = {  # action -> the input that switches its cache off
    "astral-sh/setup-uv": "enable-cache",
    "actions/setup-go": "cache",
    "actions/setup-node": "package-manager-cache",
}
_INPUTS = (
    "cache",
    "cache-from",
    "cache-to",
    "enable-cache",
    "cache-dependency-path",
    "package-manager-cache",
)


def look(workflow: Workflow) -> Iterator[tuple[int, str]]:
    """Each action in a release workflow that restores a cache, or may by default."""
    if not is_release(workflow):
        return
    for job in workflow.jobs:
        for step in job.steps:
            why = _cached(step)
            if why and step.uses is not None:
                yield step.uses.line, f"`{step.action}` in job `{job.id}` {why}"


def _cached(step: Step) -> str:
    """Why the step restores a cache; empty where it does not."""
    if step.action.rstrip("/") in _CACHES or step.action.startswith("actions/cache/"):
        return "restores a cache"
    given = next(
        (name for name in _INPUTS if name in step.inputs and step.inputs[name].text not in ("", "false")), ""
    )
    if given:
        return f"restores a cache (`{given}`)"
    switch = _ON_BY_DEFAULT.get(step.action)
    if switch and (switch not in step.inputs or step.inputs[switch].text != "false"):
        return f"restores a cache unless `{switch}: false` is given"
    return ""


RULE = Rule(
    id="cache-in-release",
    why=(
        "A cache is written by other runs, with fewer rights and less review, and what it holds goes "
        "into the release. Ultralytics (2024-12) and TanStack (2026-05) shipped files that came out "
        "of a poisoned cache."
    ),
    hint="leave caches out of release workflows; switch off those that are on by default",
    look=look,
)
