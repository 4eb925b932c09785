"""What the index cannot refuse, the verifier's policy does: ref, event and environment of an authentic attestation."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from rehearsed import RUN, WHEEL, attestation, basic, new, token, upload, wheel

from epochly_verify import Identity, Policy, Rule, Trust, Verdict, Wanted, verify
from epochly_verify.model import Attached, EvidenceKind
from epochly_verify.parse.trustroot import parse_trust_root

IDENTITY = Identity(
    kind="github",
    repository="https://github.com/acme/demo-pkg",
    owner_id="42",
    workflow="release.yml",
    ref=("refs/heads/main",),
    trigger=("workflow_dispatch",),
    environment="pypi",
)
POLICY = Policy(rules=(Rule(identities=(IDENTITY,), origin="test"),))


def judged(folder, instance, content, made):
    """The report on a wheel and its attestation."""
    path = folder / WHEEL
    path.write_bytes(content)
    evidence = (Attached("attestation", EvidenceKind.ATTESTATION, json.dumps(made).encode()),)
    trust = Trust(parse_trust_root(json.dumps(instance.trusted_root).encode(), "rehearsal"))
    return verify(path, POLICY, wanted=Wanted(evidence=evidence), trust=trust)


def test_policy_accepts_the_release_run(tmp_path):
    """What the registered run signed is verified, every layer that is required."""
    instance = new()
    report = judged(tmp_path, instance, wheel(), attestation(instance, wheel()))
    assert report.verdict is Verdict.VERIFIED, report


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"event": "push", "ref": "refs/tags/v1.0"}, "trigger"),
        ({"ref": "refs/heads/evil"}, "ref"),
        ({"environment": "staging"}, "environment"),
        ({"owner_id": "43"}, "owner id"),
    ],
)
def test_policy_refuses_a_run_the_index_would_let_through(tmp_path, change, word):
    """A pushed tag, another branch, environment or owner: `identity-mismatch`, though the index takes the upload."""
    instance = new()
    content, auth = wheel(), basic(token(instance))
    made = attestation(instance, content, run=replace(RUN, **change))
    assert upload(instance, content, auth, attestations=[made]).status == 200
    report = judged(tmp_path, instance, content, made)
    assert report.verdict is Verdict.REJECTED
    (finding,) = [found for found in report.artifacts[0].findings if found.layer == "identity"]
    assert (finding.id, word in finding.message) == ("identity-mismatch", True)
