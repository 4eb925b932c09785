"""One workflow's bytes through every rule. Pure; stops at none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from epochly_release.lint.model import Finding
from epochly_release.lint.rules import RULES
from epochly_release.lint.workflow import parse_workflow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from epochly_release.lint.model import Rule


def lint(data: bytes, path: str, rules: Sequence[Rule] = RULES) -> tuple[Finding, ...]:
    """What the rules find in a workflow file, ordered by line; each finding once.

    Raises:
        LintError: the file is no workflow, so it is not clean either.
    """
    workflow = parse_workflow(data, path)
    found = {
        Finding(rule.id, path, line, message): (line, place)
        for place, rule in enumerate(rules)
        for line, message in rule.look(workflow)
    }
    return tuple(sorted(found, key=lambda finding: (*found[finding], finding.message)))
