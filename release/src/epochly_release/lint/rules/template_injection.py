"""Text of a stranger or a caller put into a script."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from epochly_release.lint.expressions import expressions
from epochly_release.lint.model import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from epochly_release.lint.model import Step, Value, Workflow


_WRITTEN_BY_OTHERS = re.compile(
    r"\bgithub\s*(?:\.\s*|\[\s*['\"])(?:event(?!_name|_path)|head_ref|base_ref|ref_name|ref\b|actor|triggering_actor)[\w.\-]*"
    r"|\binputs\b[\w.\-\[\]'\"]*"
    r"|\b(?:needs|steps)\s*[.\[][\w.\-\[\]'\"]*outputs[\w.\-]*"
    r"|\benv\s*[.\[][\w.\-]*|\bmatrix\s*[.\[][\w.\-]*|\btojson\s*\(\s*github\b",
    re.IGNORECASE,
)


def look(workflow: Workflow) -> Iterator[tuple[int, str]]:
    """Each expression in a script that puts in what others write."""
    for job in workflow.jobs:
        for step in job.steps:
            for script in _scripts(step):
                for start, _, inner in expressions(script.text):
                    found = _WRITTEN_BY_OTHERS.search(inner)
                    if found:
                        line = script.line_of(script.text.count("\n", 0, start))
                        yield line, f"`{found[0]}` is put into a script, and its text can be a command"


def _scripts(step: Step) -> Iterator[Value]:
    """What a step hands to a shell or an interpreter."""
    if step.run is not None:
        yield step.run
    if step.action == "actions/github-script" and "script" in step.inputs:
        yield step.inputs["script"]


RULE = Rule(
    id="template-injection",
    why=(
        "An expression is put into the script before the shell reads it, so a branch name, a title or "
        "an input can be a command. Ultralytics (2024-12) and elementary-data (2026-04) were entered "
        "through one line like this."
    ),
    hint="put the value into `env:` and use it as a quoted shell variable",
    look=look,
)
