"""Judgements as SLSA verification summaries: in-toto statements, one artifact a line.

They are *unsigned*. A summary is worth something to others only after whoever ran the judge signed it (DSSE, payload
type `application/vnd.in-toto+json`) and they trust that signer for this verifier id.

`verificationResult` is `PASSED` for `verified` alone; `inconclusive` is `FAILED`, because a summary has no third word.
`verifiedLevels` is `SLSA_BUILD_LEVEL_2` only when the provenance layer passed and every authentic SLSA provenance was
signed on a runner hosted by GitHub: level 2 asks that the hosted platform itself makes and signs the provenance. Level 3
asks for isolation between builds that a certificate does not show, so it is never claimed. Everything else that passed
is `SLSA_BUILD_LEVEL_0`, which promises nothing about the build.

Specifications: SLSA 1.1 "Verification summary attestation", in-toto Statement v1, purl (`pkg:pypi`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from packaging.utils import parse_sdist_filename, parse_wheel_filename

from epochly_verify.model import Layer, Status, Verdict
from epochly_verify.render.json_v1 import clean, dumped, rfc3339
from epochly_verify.render.uri import percent_encoded
from epochly_verify.render.words import GITHUB_ISSUER

if TYPE_CHECKING:
    from epochly_verify.model import ArtifactReport, Report, Signed
    from epochly_verify.render import RenderOptions

PREDICATE_TYPE = "https://slsa.dev/verification_summary/v1"
VERIFIER_ID = "urn:epochly-verify:verifier"
POLICY_URI = "urn:epochly-verify:policy:"
_SLSA_PROVENANCE = "https://slsa.dev/provenance/v1"


def render_vsa(report: Report, options: RenderOptions) -> str:
    """One statement a line, each ending in a newline; an artifact whose digest is unknown has none.

    Raises:
        ValueError: `options.now` is missing, or has no time zone.
    """
    if options.now is None or options.now.tzinfo is None:
        raise ValueError(
            "a verification summary says when it was made: `now` must be a time with a time zone"
        )
    verified = rfc3339(options.now)
    return "".join(dumped(_statement(one, options, verified)) for one in report.artifacts if one.sha256)


def _statement(artifact: ArtifactReport, options: RenderOptions, verified: str) -> dict[str, Any]:
    filename = artifact.path.rpartition("/")[2]
    predicate: dict[str, Any] = {
        "verifier": {"id": VERIFIER_ID},
        "timeVerified": verified,
        "resourceUri": _resource_uri(filename),
        "policy": _policy(artifact, options),
        "verificationResult": "PASSED" if artifact.verdict is Verdict.VERIFIED else "FAILED",
        "verifiedLevels": [_level(artifact)],
        "slsaVersion": "1.1",
    }
    if options.version:
        predicate["verifier"]["version"] = {"epochly-verify": options.version}
    inputs = _input_attestations((*artifact.signed, *artifact.sbom_signed))
    if inputs:
        predicate["inputAttestations"] = inputs
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": clean(filename), "digest": {"sha256": clean(artifact.sha256)}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": predicate,
    }


def _resource_uri(filename: str) -> str:
    """The package URL of the file; a name that no index accepts is a generic package of that name."""
    encoded = percent_encoded(filename)
    try:
        if filename.endswith(".whl"):
            project, version = parse_wheel_filename(filename)[:2]
        else:
            project, version = parse_sdist_filename(filename)
    except ValueError:  # what `packaging` raises for a bad name is one
        return f"pkg:generic/{encoded}"
    return f"pkg:pypi/{percent_encoded(project)}@{percent_encoded(str(version))}?file_name={encoded}"


def _policy(artifact: ArtifactReport, options: RenderOptions) -> dict[str, Any]:
    """What was asked for. The layers that had to pass are part of it: `PASSED` means no more than they do."""
    policy: dict[str, Any] = {"uri": POLICY_URI + (percent_encoded(artifact.policy) or "none")}
    if options.policy_sha256:
        policy["digest"] = {"sha256": clean(options.policy_sha256)}
    policy["annotations"] = {"required": [layer.value for layer in artifact.required]}
    return policy


def _level(artifact: ArtifactReport) -> str:
    if artifact.verdict is not Verdict.VERIFIED:
        return "FAILED"
    passed = {result.layer for result in artifact.layers if result.status is Status.PASSED}
    provenances = [one for one in artifact.signed if _is_provenance(one)]
    if Layer.PROVENANCE in passed and provenances and all(_hosted_by_github(one) for one in provenances):
        return "SLSA_BUILD_LEVEL_2"
    return "SLSA_BUILD_LEVEL_0"


def _is_provenance(signed: Signed) -> bool:
    return (
        signed.authentic
        and signed.statement is not None
        and signed.statement.predicate_type == _SLSA_PROVENANCE
    )


def _hosted_by_github(signed: Signed) -> bool:
    claims = signed.claims
    return (
        claims is not None and claims.issuer == GITHUB_ISSUER and claims.runner_environment == "github-hosted"
    )


def _input_attestations(signed: tuple[Signed, ...]) -> list[dict[str, Any]]:
    """Every piece of evidence that was judged, or nothing: a list must be complete, each entry with its digest."""
    if not all(one.evidence_sha256 for one in signed):
        return []
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for one in signed:
        digest = one.evidence_sha256
        found[(one.origin, digest)] = {"name": clean(one.origin), "digest": {"sha256": clean(digest)}}
    return list(found.values())
