"""Reports for the renderers' tests: real-looking signatures, and hostile text in every place that can hold some."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from epochly_verify.model import (
    ArtifactReport,
    Claims,
    EvidenceKind,
    Finding,
    JudgedFinding,
    Layer,
    LayerResult,
    Report,
    Severity,
    Signed,
    Statement,
    Status,
    Subject,
    Verdict,
)
from epochly_verify.render import RenderOptions

NOW = datetime(2026, 3, 5, 14, 22, 1, tzinfo=UTC)
OPTIONS = RenderOptions(now=NOW, version="0.1.0")

PUBLISH = "https://docs.pypi.org/attestations/publish/v1"
SLSA = "https://slsa.dev/provenance/v1"
SHA256 = "c4a92e9ec828bef4aebc0b93bb7f3a6bcebe0f5a8a7f9d9e38c1c6b8b3b1a1b1"
WHEEL = "rfc8785-0.1.2-py3-none-any.whl"
WORKFLOW = "https://github.com/trailofbits/rfc8785.py/.github/workflows/release.yml@refs/tags/v0.1.2"

GITHUB = Claims(
    san=WORKFLOW,
    san_kind="uri",
    issuer="https://token.actions.githubusercontent.com",
    build_signer_uri=WORKFLOW,
    build_signer_digest="d8b4a6445f38c48b9137a8099706d9b8073146e4",
    runner_environment="github-hosted",
    source_repository_uri="https://github.com/trailofbits/rfc8785.py",
    source_repository_digest="d8b4a6445f38c48b9137a8099706d9b8073146e4",
    source_repository_ref="refs/tags/v0.1.2",
    source_repository_id="768213997",
    build_config_uri=WORKFLOW,
    build_trigger="release",
    run_invocation_uri="https://github.com/trailofbits/rfc8785.py/actions/runs/8351058501/attempts/1",
)
GITLAB = Claims(
    san="https://gitlab.com/group/demo//.gitlab-ci.yml@refs/heads/main",
    san_kind="uri",
    issuer="https://gitlab.com",
    source_repository_uri="https://gitlab.com/group/demo",
    source_repository_digest="ab" * 20,
    source_repository_ref="refs/heads/main",
    build_config_uri="https://gitlab.com/group/demo//.gitlab-ci.yml@refs/heads/main",
    run_invocation_uri="https://gitlab.com/group/demo/-/jobs/1",
)
CIRCLECI = Claims(
    san="https://circleci.com/api/v2/projects/fdd9283f/pipeline-definitions/8e4f8ab2",
    san_kind="uri",
    issuer="https://oidc.circleci.com",
    runner_environment='""',
    source_repository_uri="github.com/CircleCI-Public/sign-and-publish-examples",
    source_repository_ref="refs/heads/pypi",
)
EMAIL = Claims(san="william@yossarian.net", san_kind="email", issuer="https://github.com/login/oauth")
GOOGLE = Claims(
    san="robot@demo.iam.gserviceaccount.com", san_kind="email", issuer="https://accounts.google.com"
)

BUNDLE = Signed(
    origin=f"{WHEEL}.sigstore.json",
    kind=EvidenceKind.BUNDLE,
    problems=(),
    claims=GITHUB,
    times=(datetime(2024, 3, 19, 22, 41, 16, tzinfo=UTC),),
    log="rekor.sigstore.dev - 1193050959916656506",
    log_index=79605083,
    evidence_sha256="ab" * 32,
)
LAYERS_PASSED = tuple(LayerResult(layer, Status.PASSED, "") for layer in Layer if layer is not Layer.SBOM)
REQUIRED = (Layer.ARCHIVE, Layer.RECORD, Layer.METADATA, Layer.INSTALL, Layer.SIGNATURE, Layer.IDENTITY)

# One of each that a terminal, a viewer or a parser must not see raw.
HOSTILE = (
    "a\x1b[2J\x1b]8;;http://evil.example\x07\x00\x08\x7f\x9b31m\r\nrejected: no\tb"
    "\u202e\u2066\u200b\u2028\u00a0\ufeff\U000e0041\u0301\u05d0\u0661\u3164\udcff\ud800 {0} [go](http://evil.example)"
)


def attested(predicate_type, signed=BUNDLE, origin=f"{WHEEL}.provenance"):
    """The same signature over an in-toto statement."""
    statement = Statement(
        "https://in-toto.io/Statement/v1",
        predicate_type,
        (Subject(WHEEL, {"sha256": SHA256}),),
        {"any": "thing"},
    )
    return replace(signed, origin=origin, kind=EvidenceKind.PROVENANCE, statement=statement)


def finding(
    finding_id="record-digest",
    severity=Severity.ERROR,
    *,
    usual=None,
    subject="demo/a.py",
    layer=Layer.RECORD,
):
    """A judged finding."""
    return JudgedFinding(
        id=finding_id,
        layer=layer,
        severity=severity,
        usual_severity=usual or severity,
        subject=subject,
        message="sha256 is `oQ3f`, RECORD says `47DE`",
        hint="get the file again from its publisher",
    )


def with_status(layers, **changed):
    """The layers with some ended otherwise: `record=(Status.FAILED, "why")`."""
    return tuple(
        LayerResult(one.layer, *changed[one.layer.value]) if one.layer.value in changed else one
        for one in layers
    )


VERIFIED = ArtifactReport(
    path=f"dist/{WHEEL}",
    sha256=SHA256,
    size_bytes=9190,
    verdict=Verdict.VERIFIED,
    layers=with_status(
        LAYERS_PASSED,
        archive=(Status.PASSED, "11 members, read both ways"),
        hash=(Status.NOT_RUN, "no digest was given"),
        provenance=(Status.NOT_RUN, "no SLSA provenance among the evidence"),
    ),
    findings=(),
    signed=(BUNDLE,),
    required=REQUIRED,
    policy="policy.toml, rule 1",
)
REJECTED = replace(
    VERIFIED,
    path="demo_pkg-1.0-py3-none-any.whl",
    verdict=Verdict.REJECTED,
    layers=with_status(VERIFIED.layers, record=(Status.FAILED, "record-digest: demo/a.py")),
    findings=(finding(),),
)
INCONCLUSIVE = replace(
    VERIFIED,
    verdict=Verdict.INCONCLUSIVE,
    layers=with_status(VERIFIED.layers, identity=(Status.NOT_RUN, "no policy names a signer of rfc8785")),
    policy="",
)
UNREADABLE = ArtifactReport(
    path="gone.whl",
    sha256="",
    size_bytes=0,
    verdict=Verdict.INCONCLUSIVE,
    layers=tuple(LayerResult(layer, Status.NOT_RUN, "could not be read: no such file") for layer in Layer),
    findings=(),
    signed=(),
    required=(),
    policy="",
)


def hostile_artifact():
    """Hostile text wherever an artifact, its evidence or a certificate can put some."""
    fields = dict.fromkeys(Claims.__dataclass_fields__, HOSTILE) | {"san_kind": "uri"}  # a word of our own
    signed = [
        attested(
            HOSTILE,
            replace(
                BUNDLE,
                claims=Claims(
                    **(fields | {"issuer": issuer}),
                ),
                log=HOSTILE,
            ),
            HOSTILE,
        )
        for issuer in (HOSTILE, GITHUB.issuer, GITLAB.issuer, CIRCLECI.issuer, GOOGLE.issuer)
    ]
    refused = replace(BUNDLE, origin=HOSTILE, problems=(Finding("signature-invalid", HOSTILE, HOSTILE),))
    found = [
        replace(
            finding(severity=severity, subject=HOSTILE),
            id=f"record-{severity}",
            message=HOSTILE,
            hint=HOSTILE,
        )
        for severity in Severity
    ]
    return replace(
        REJECTED,
        path=HOSTILE,
        layers=tuple(
            LayerResult(layer, status, HOSTILE) for layer, status in zip(Layer, list(Status) * 3, strict=True)
        ),
        findings=tuple(found),
        signed=(*signed, refused, replace(BUNDLE, claims=None, key_id=HOSTILE)),
        policy=HOSTILE,
    )


def report(*artifacts, changes=None):
    """A run's report; its verdict is the worst of its artifacts'."""
    order = (Verdict.REJECTED, Verdict.INCONCLUSIVE, Verdict.VERIFIED)
    verdicts = {artifact.verdict for artifact in artifacts} or {Verdict.INCONCLUSIVE}
    return Report(next(one for one in order if one in verdicts), artifacts, changes or {})
