"""A report as SARIF 2.1.0, for viewers and dashboards that gather the findings of many tools.

SARIF has no word for "inconclusive", so a log without results must not be read as "verified": the verdict stands in the
run's properties, and each required layer that did not run is a notification of the tool. The members of an artifact are
logical locations, because SARIF's physical ones are files that a viewer can open.

Specification: OASIS SARIF 2.1.0 with errata 01.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from epochly_verify.findings import catalogue
from epochly_verify.model import Severity, Status
from epochly_verify.render.json_v1 import clean, dumped
from epochly_verify.render.uri import uri_from_path
from epochly_verify.render.words import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from epochly_verify.model import ArtifactReport, JudgedFinding, Report
    from epochly_verify.render import RenderOptions

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def render_sarif(report: Report, options: RenderOptions) -> str:
    """The report as one SARIF log of one run, ending in a newline."""
    rules = _rules(report)
    places = {finding_id: place for place, finding_id in enumerate(rules)}
    driver = {"name": "epochly-verify", "rules": list(rules.values())}
    if options.version:
        driver["version"] = options.version
    invocation: dict[str, Any] = {
        "executionSuccessful": all(artifact.sha256 for artifact in report.artifacts),
        "toolExecutionNotifications": _notifications(report),
    }
    if report.severity_changes:
        invocation["ruleConfigurationOverrides"] = [
            {
                "descriptor": {"id": clean(finding_id), "index": places[finding_id]},
                "configuration": {"level": _LEVELS[severity]},
            }
            for finding_id, severity in report.severity_changes.items()
        ]
    run = {
        "tool": {"driver": driver},
        "invocations": [invocation],
        "artifacts": [_artifact(artifact) for artifact in report.artifacts],
        "results": [
            _result(finding, index, artifact, places)
            for index, artifact in enumerate(report.artifacts)
            for finding in artifact.findings
        ],
        "columnKind": "unicodeCodePoints",
        "properties": {"verdict": report.verdict.value},
    }
    return dumped({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _rules(report: Report) -> Mapping[str, dict[str, Any]]:
    """A rule for each finding id that is used or whose weight the policy changed, in the order they are met."""
    rules: dict[str, dict[str, Any]] = {}
    for artifact in report.artifacts:
        for finding in artifact.findings:
            if finding.id not in rules:
                rules[finding.id] = _rule(finding.id, finding.usual_severity, finding.hint)
    for finding_id, severity in report.severity_changes.items():
        if finding_id not in rules:
            rules[finding_id] = _rule(finding_id, severity, "")
    return rules


def _rule(finding_id: str, severity: Severity, hint: str) -> dict[str, Any]:
    rule: dict[str, Any] = {"id": clean(finding_id)}
    if finding_id in catalogue():
        layer, kind = catalogue()[finding_id]
        severity, hint = kind.severity, kind.hint
        rule["shortDescription"] = _plain(_first_sentence(kind.means))
        rule["fullDescription"] = _plain(kind.means)
        rule["properties"] = {
            "layer": layer.value,
            "source": clean(kind.source),
            "tags": ["supply-chain", layer.value],
        }
    rule["defaultConfiguration"] = {"level": _LEVELS[severity]}
    if hint:
        rule["help"] = _plain(hint)
    return rule


def _artifact(artifact: ArtifactReport) -> dict[str, Any]:
    shape: dict[str, Any] = {
        "location": {"uri": uri_from_path(artifact.path)},
        "length": artifact.size_bytes,
        "roles": ["analysisTarget"],
        "properties": {"verdict": artifact.verdict.value},
    }
    if artifact.sha256:
        shape["hashes"] = {"sha-256": clean(artifact.sha256)}
    return shape


def _result(
    finding: JudgedFinding, index: int, artifact: ArtifactReport, places: Mapping[str, int]
) -> dict[str, Any]:
    location: dict[str, Any] = {"physicalLocation": _place(artifact, index)}
    if finding.subject:
        location["logicalLocations"] = [
            {"fullyQualifiedName": clean(finding.subject), "kind": finding.layer.value}
        ]
    subject = f"{finding.subject}: " if finding.subject else ""
    return {
        "ruleId": clean(finding.id),
        "ruleIndex": places[finding.id],
        "level": _LEVELS[finding.severity],
        "message": _plain(f"{subject}{finding.message}"),
        "locations": [location],
    }


def _place(artifact: ArtifactReport, index: int) -> dict[str, Any]:
    return {"artifactLocation": {"uri": uri_from_path(artifact.path), "index": index}}


def _notifications(report: Report) -> list[dict[str, Any]]:
    """What kept the tool from a full answer: files it could not read, layers that were required and did not run."""
    notes: list[dict[str, Any]] = []
    for index, artifact in enumerate(report.artifacts):
        location = {"physicalLocation": _place(artifact, index)}
        if not artifact.sha256:
            text = next((result.why for result in artifact.layers), "could not be read")
            notes.append({"level": "error", "message": _plain(text), "locations": [location]})
            continue
        for result in artifact.layers:
            if result.status is Status.NOT_RUN and result.layer in artifact.required:
                text = f"the required layer `{result.layer}` did not run: {result.why or 'no reason given'}"
                notes.append({"level": "warning", "message": _plain(text), "locations": [location]})
    return notes


def _plain(text: str) -> dict[str, str]:
    """A plain text message that holds no placeholder (3.11.5 doubles braces) and no link (3.11.6) of a hostile name."""
    safe = printable(text).replace("{", "{{").replace("}", "}}").replace("](", "] (")
    return {"text": safe or "no text"}


def _first_sentence(text: str) -> str:
    head, stop, _ = text.partition(". ")
    return head + "." if stop else text
