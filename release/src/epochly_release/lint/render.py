"""Findings as text, JSON and SARIF. Each its own shape; none decides the exit code.

The text has `file:line` first, so that editors and terminals can jump there. Names out of a workflow are shown without
anything that could move a cursor.

Specification: OASIS SARIF 2.1.0 with errata 01.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from epochly_release.lint.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from epochly_release.lint.errors import LintError
    from epochly_release.lint.model import Finding, Rule

SCHEMA = "epochly-release/lint/v1"
_SARIF = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_BY_ID: Mapping[str, Rule] = {rule.id: rule for rule in RULES}


def render_text(findings: Sequence[Finding], unread: Sequence[LintError], paths: Sequence[str]) -> str:
    """One line a finding with its hint below, then one line that counts."""
    lines: list[str] = []
    for finding in findings:
        lines.append(shown(f"{finding.path}:{finding.line}: {finding.rule}: {finding.message}"))
        lines.append(f"    hint: {_BY_ID[finding.rule].hint}")
    counted = f"{_many(len(findings), 'finding')} in {_many(len(paths), 'workflow')}"
    if unread:
        counted += f", {_many(len(unread), 'file')} could not be read"
    lines.append(counted)
    return "\n".join(lines) + "\n"


def render_json(findings: Sequence[Finding], unread: Sequence[LintError], paths: Sequence[str]) -> str:
    """One document of the shape `epochly-release/lint/v1`."""
    return _dumped(
        {
            "schema": SCHEMA,
            "workflows": [shown(path) for path in paths],
            "findings": [
                {
                    "rule": finding.rule,
                    "path": shown(finding.path),
                    "line": finding.line,
                    "message": shown(finding.message),
                    "hint": _BY_ID[finding.rule].hint,
                }
                for finding in findings
            ],
            "unread": [
                {
                    "code": error.code,
                    "where": shown(error.where),
                    "message": shown(error.message),
                    "hint": error.hint,
                }
                for error in unread
            ],
        }
    )


def render_sarif(findings: Sequence[Finding], unread: Sequence[LintError], paths: Sequence[str]) -> str:
    """One log of one run. A file that could not be read is a notification, and the run is no success."""
    places = {rule.id: place for place, rule in enumerate(RULES)}
    run = {
        "tool": {"driver": {"name": "epochly-release lint", "rules": [_rule(rule) for rule in RULES]}},
        "invocations": [
            {
                "executionSuccessful": not unread,
                "toolExecutionNotifications": [
                    {"level": "error", "message": _plain(str(error))} for error in unread
                ],
            }
        ],
        "artifacts": [{"location": {"uri": _uri(path)}} for path in paths],
        "results": [
            {
                "ruleId": finding.rule,
                "ruleIndex": places[finding.rule],
                "level": "error",
                "message": _plain(finding.message),
                "locations": [
                    {
                        "physicalLocation": {
                            "artifactLocation": {"uri": _uri(finding.path)},
                            "region": {"startLine": finding.line},
                        }
                    }
                ],
            }
            for finding in findings
        ],
        "columnKind": "unicodeCodePoints",
    }
    return _dumped({"$schema": _SARIF, "version": "2.1.0", "runs": [run]})


FORMATS: Mapping[str, Callable[[Sequence[Finding], Sequence[LintError], Sequence[str]], str]] = {
    "text": render_text,
    "json": render_json,
    "sarif": render_sarif,
}


def explained(rule_id: str) -> str | None:
    """What a rule is about, for `--explain`; None for an id that is none."""
    rule = _BY_ID.get(rule_id)
    return f"{rule.id}\n\n{rule.why}\n\nhint: {rule.hint}\n" if rule else None


def shown(text: str) -> str:
    r"""The text with everything that does not print written as `\uXXXX`."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": _plain(rule.why.partition(". ")[0].removesuffix(".") + "."),
        "fullDescription": _plain(rule.why),
        "help": _plain(rule.hint),
        "defaultConfiguration": {"level": "error"},
        "properties": {"tags": ["security", "release"]},
    }


def _plain(text: str) -> dict[str, str]:
    """A message without placeholders (3.11.5 doubles braces) and without links (3.11.6)."""
    return {"text": shown(text).replace("{", "{{").replace("}", "}}").replace("](", "] (")}


def _uri(path: str) -> str:
    return quote(path.replace("\\", "/").encode("utf-8", "surrogateescape"), safe="/:")


def _dumped(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=True, indent=2) + "\n"


def _many(count: int, what: str) -> str:
    return f"{count or 'no'} {what}{'' if count == 1 else 's'}"
