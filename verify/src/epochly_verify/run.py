"""Evidence in, report out. Pure: runs every check, stops at none; an empty report is never verified."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from epochly_verify.checks import CHECKS
from epochly_verify.findings import catalogue
from epochly_verify.model import (
    ArtifactKind,
    ArtifactReport,
    JudgedFinding,
    Layer,
    LayerResult,
    NotRun,
    Ran,
    Report,
    Severity,
    Status,
    Verdict,
)
from epochly_verify.parse.filename import project_from_filename

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from epochly_verify.model import Evidence, Finding, Outcome
    from epochly_verify.policy import Policy

_WHEEL_ONLY = frozenset({Layer.RECORD, Layer.INSTALL})  # an sdist has no RECORD, and installing it is a build
_WHO = frozenset({Layer.SIGNATURE, Layer.IDENTITY, Layer.PROVENANCE})
_WORST_FIRST = (Verdict.REJECTED, Verdict.INCONCLUSIVE, Verdict.VERIFIED)


def judge(evidence: Evidence, policy: Policy) -> ArtifactReport:
    """Judge one artifact.

    Every finding of error severity fails its layer, whether the layer is required or not: something wrong is
    wrong. A required layer that did not run makes the verdict inconclusive.
    """
    rule = policy.rule_for(project_from_filename(evidence.filename))
    required = required_layers(evidence, policy)
    layers: list[LayerResult] = []
    judged: list[JudgedFinding] = []
    also: dict[Layer, str] = {}
    for layer, check in CHECKS:
        outcome = check(evidence, policy)
        also[layer] = f"; {outcome.also}" if outcome.also else ""
        weighed = [_weigh(finding, policy) for finding in outcome.findings]
        judged += weighed
        layers.append(_result(layer, outcome, weighed))
    # A check may report a finding that belongs to another layer (one archive walk sees much): that layer fails.
    errors = {finding.layer for finding in judged if finding.severity is Severity.ERROR}
    layers = [_failed(result, judged) if result.layer in errors else result for result in layers]
    layers = [replace(result, why=f"{result.why}{also[result.layer]}") for result in layers]
    return ArtifactReport(
        path=evidence.path,
        sha256=evidence.digests.get("sha256", ""),
        size_bytes=evidence.size_bytes,
        verdict=_verdict(layers, required),
        layers=tuple(layers),
        findings=_bounded(judged, policy.limits.findings_per_id),
        signed=evidence.signed or (),
        required=tuple(layer for layer in Layer if layer in required),
        policy=rule.origin if rule else "",
        sbom_signed=tuple(signed for sbom in evidence.sboms for signed in sbom.signed or ()),
    )


def required_layers(evidence: Evidence, policy: Policy) -> frozenset[Layer]:
    """The layers that must pass: those asked for that the kind of artifact has, and hash if digests were given."""
    rule = policy.rule_for(project_from_filename(evidence.filename))
    required = policy.require if rule is None or rule.require is None else rule.require
    if required & _WHO:  # a signature counts only with whom it is from, provenance only with who says so
        required |= {Layer.SIGNATURE, Layer.IDENTITY}
    if evidence.kind is ArtifactKind.SDIST:
        required -= _WHEEL_ONLY
    if evidence.expected_sources:
        required |= {Layer.HASH}
    return required


def summarise(artifacts: Sequence[ArtifactReport], policy: Policy) -> Report:
    """One report over artifacts in the order given; the verdict is the worst, and of nothing it is inconclusive."""
    verdicts = {artifact.verdict for artifact in artifacts} or {Verdict.INCONCLUSIVE}
    worst = next(verdict for verdict in _WORST_FIRST if verdict in verdicts)
    return Report(verdict=worst, artifacts=tuple(artifacts), severity_changes=policy.severities)


def _weigh(finding: Finding, policy: Policy) -> JudgedFinding:
    layer, kind = catalogue()[finding.id]
    usual = kind.severity
    if policy.strict and kind.strict is not None:
        usual = kind.strict
    return JudgedFinding(
        id=finding.id,
        layer=layer,
        severity=policy.severities.get(finding.id, usual),
        usual_severity=usual,
        subject=finding.subject,
        message=finding.message,
        hint=kind.hint,
    )


def _result(layer: Layer, outcome: Outcome, weighed: Sequence[JudgedFinding]) -> LayerResult:
    match outcome:
        case NotRun(why=why):
            return LayerResult(layer, Status.NOT_RUN, why)
        case Ran(why=why):
            noted = sum(finding.severity is not Severity.INFO for finding in weighed)
            if noted:
                plural = "" if noted == 1 else "s"
                why = f"{why}; {noted} warning{plural}" if why else f"{noted} warning{plural}"
            return LayerResult(layer, Status.PASSED, why)


def _failed(result: LayerResult, judged: Iterable[JudgedFinding]) -> LayerResult:
    errors = [f for f in judged if f.layer is result.layer and f.severity is Severity.ERROR]
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return LayerResult(result.layer, Status.FAILED, f"{errors[0].id}: {errors[0].subject}{more}")


def _verdict(layers: Sequence[LayerResult], required: frozenset[Layer]) -> Verdict:
    if any(result.status is Status.FAILED for result in layers):
        return Verdict.REJECTED
    passed = {result.layer for result in layers if result.status is Status.PASSED}
    return Verdict.VERIFIED if required and required <= passed else Verdict.INCONCLUSIVE


def _bounded(judged: Sequence[JudgedFinding], most: int) -> tuple[JudgedFinding, ...]:
    """At most `most` findings of one id; a last one of that id counts what was left out."""
    counts: dict[str, int] = {}
    kept: list[JudgedFinding] = []
    for finding in judged:
        counts[finding.id] = counts.get(finding.id, 0) + 1
        if counts[finding.id] <= most:
            kept.append(finding)
    for position, finding in enumerate(kept):
        left_out = counts[finding.id] - most
        if left_out > 0 and all(later.id != finding.id for later in kept[position + 1 :]):
            counted = f"{finding.message} (and {left_out} more findings of this kind, not listed)"
            kept[position] = JudgedFinding(
                finding.id,
                finding.layer,
                finding.severity,
                finding.usual_severity,
                finding.subject,
                counted,
                finding.hint,
            )
    return tuple(kept)
