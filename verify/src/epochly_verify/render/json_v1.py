r"""A report as JSON, `epochly-verify/report/v1`: the shape of `docs/spec/report-v1.schema.json`.

The shape is a promise to readers: it is made here field by field and does not follow the model. The text is ASCII.
Where a name holds a lone surrogate (a byte of a path that is no text), it stands as the six characters `\udcff`,
because strict parsers refuse the JSON escape for it.
"""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import UTC
from typing import TYPE_CHECKING, Any

from epochly_verify.model import Claims

if TYPE_CHECKING:
    from datetime import datetime

    from epochly_verify.model import ArtifactReport, JudgedFinding, Report, Signed
    from epochly_verify.render import RenderOptions

SCHEMA = "epochly-verify/report/v1"
_CLAIMS = tuple(field.name for field in fields(Claims))


def render_json(report: Report, options: RenderOptions) -> str:
    """The report as one JSON document, ending in a newline."""
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "verdict": report.verdict.value,
        "tool": {"name": "epochly-verify", "version": options.version},
        "artifacts": [_artifact(artifact) for artifact in report.artifacts],
        "severity_changes": {clean(name): new.value for name, new in report.severity_changes.items()},
    }
    return dumped(document, indent=2)


def dumped(document: dict[str, Any], indent: int | None = None) -> str:
    """JSON in ASCII with a newline at its end."""
    separators = (",", ":") if indent is None else None
    return (
        json.dumps(document, ensure_ascii=True, allow_nan=False, indent=indent, separators=separators) + "\n"
    )


def clean(text: str) -> str:
    r"""The text with each lone surrogate written out as `\udcff`; everything else as it is."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def rfc3339(time: datetime) -> str:
    """`2024-03-05T14:22:01Z`."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _artifact(artifact: ArtifactReport) -> dict[str, Any]:
    return {
        "path": clean(artifact.path),
        "sha256": clean(artifact.sha256),
        "size_bytes": artifact.size_bytes,
        "verdict": artifact.verdict.value,
        "required": [layer.value for layer in artifact.required],
        "policy": clean(artifact.policy),
        "layers": [
            {"id": result.layer.value, "status": result.status.value, "why": clean(result.why)}
            for result in artifact.layers
        ],
        "findings": [_finding(finding) for finding in artifact.findings],
        "evidence": [_evidence(signed) for signed in artifact.signed],
    }


def _finding(finding: JudgedFinding) -> dict[str, Any]:
    shape = {
        "id": clean(finding.id),
        "layer": finding.layer.value,
        "severity": finding.severity.value,
        "subject": clean(finding.subject),
        "message": clean(finding.message),
        "hint": clean(finding.hint),
    }
    if finding.usual_severity is not finding.severity:
        shape["usual_severity"] = finding.usual_severity.value
    return shape


def _evidence(signed: Signed) -> dict[str, Any]:
    """One piece of evidence. What it claims stands there only when it is authentic: nothing else may be relied on."""
    shape: dict[str, Any] = {
        "origin": clean(signed.origin),
        "kind": signed.kind.value,
        "authentic": signed.authentic,
        "problems": [clean(problem.id) for problem in signed.problems],
        "notes": [clean(note.id) for note in signed.notes],
    }
    if signed.evidence_sha256:
        shape["sha256"] = clean(signed.evidence_sha256)
    if not signed.authentic:
        return shape
    if signed.claims is not None:
        claims = signed.claims
        shape["signer"] = {name: clean(value) for name in _CLAIMS if (value := getattr(claims, name))}
    if signed.key_id:
        shape["key_id"] = clean(signed.key_id)
    shape["times"] = [rfc3339(time) for time in signed.times]
    if signed.log:
        shape["log"] = clean(signed.log)
    if signed.log_index is not None:
        shape["log_index"] = signed.log_index
    if signed.statement is not None:
        shape["predicate_type"] = clean(signed.statement.predicate_type)
        shape["subjects"] = [
            {
                "name": clean(subject.name),
                "digests": {clean(name): clean(value) for name, value in subject.digests.items()},
            }
            for subject in signed.statement.subjects
        ]
    return shape
