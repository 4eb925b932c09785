"""A release that a pushed tag starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from epochly_release.lint.document import Table
from epochly_release.lint.model import Rule
from epochly_release.lint.shape import is_release

if TYPE_CHECKING:
    from collections.abc import Iterator

    from epochly_release.lint.model import Workflow


def look(workflow: Workflow) -> Iterator[tuple[int, str]]:
    """Triggers of a release workflow by which a new tag or release starts it."""
    if not is_release(workflow):
        return
    for name, (line, below) in workflow.triggers.items():
        if name in ("create", "release", "registry_package"):
            yield line, f"`{name}` starts a release as soon as somebody makes a tag or release"
        if name == "push":
            keys = {key.text for key in below.keys} if isinstance(below, Table) else set()
            if "tags" in keys or "tags-ignore" in keys:
                yield line, "a pushed tag starts a release"
            elif not {"branches", "branches-ignore"} & keys:
                yield line, "`push` without `branches` starts a release for pushed tags too"


RULE = Rule(
    id="tag-push-trigger",
    why=(
        "A tag is made by whoever can push, before anything was checked, and can be moved afterwards: "
        "in the Trivy case (2026-03) 76 of 77 tags were forced to other commits. A tag should say "
        "that a release was verified, not ask for one."
    ),
    hint="start with `workflow_dispatch`, and let the pipeline make the tag after verification through an App of its own",
    look=look,
)
