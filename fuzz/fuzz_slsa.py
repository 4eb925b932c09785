"""SLSA predicates, through the layer that judges them: findings, nothing is raised."""

from __future__ import annotations

import json

from mutations import any_json
from pipeline import assert_findings

from epochly_verify.checks import provenance
from epochly_verify.model import (
    Archive,
    ArtifactKind,
    Claims,
    Evidence,
    EvidenceKind,
    Signed,
    Statement,
)
from epochly_verify.policy import Policy

mutate = any_json


def one_input(data: bytes) -> None:
    """Judge the predicate as that of an authentic attestation, with the publisher's claims or without."""
    try:
        predicate = json.loads(data)
    except (ValueError, RecursionError):
        return
    if not isinstance(predicate, dict):
        return
    statement = Statement("https://in-toto.io/Statement/v1", "https://slsa.dev/provenance/v1", (), predicate)
    signer = "https://github.com/o/r/.github/workflows/w.yml@refs/tags/v1"
    said = Claims(
        issuer="https://token.actions.githubusercontent.com",
        san=signer,
        san_kind="uri",
        build_signer_uri=signer,
    )
    for claims in (said, Claims(), None):
        signed = Signed(
            "x", EvidenceKind.ATTESTATION, (), claims=claims, statement=statement, publisher=predicate
        )
        evidence = Evidence("x.whl", "x.whl", ArtifactKind.WHEEL, 0, {}, Archive((), ()), signed=(signed,))
        assert_findings(provenance.check(evidence, Policy()).findings)
