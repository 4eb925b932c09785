"""The publisher of a PEP 740 provenance document against the certificate of the attestation beside it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from signers import (
    CIRCLE,
    DEFINITION,
    GITLAB,
    SDIST,
    broken,
    evidence,
    ids,
    key_signed,
    provenance,
    published,
    signed_by,
)

from epochly_verify.checks.identity import check
from epochly_verify.checks.publisher import publisher_findings
from epochly_verify.findings import catalogue
from epochly_verify.model import Claims, NotRun, Severity
from epochly_verify.policy import Policy

GITHUB = {
    "kind": "GitHub",
    "repository": "trailofbits/pypi-attestations",
    "workflow": "release.yml",
    "environment": None,
}
REAL_SDIST = provenance(f"pypi-attestations-0.0.19/{SDIST}.provenance")
REAL_CIRCLE = provenance(f"circleci/{CIRCLE}.provenance")
ACCOUNT = Claims(san="a@example.com", san_kind="email", issuer="https://accounts.google.com")
ON_GITLAB = {"kind": "GitLab", "repository": "acme/tools/demo", "workflow_filepath": ".gitlab-ci.yml"}


def found(signed, publisher):
    """Finding ids and messages for a signature under a publisher."""
    findings = list(publisher_findings(replace(signed, publisher=publisher)))
    return [finding.id for finding in findings], [finding.message for finding in findings]


@pytest.mark.parametrize(
    ("signed", "publisher"),
    [
        (REAL_SDIST, REAL_SDIST.publisher),
        (REAL_CIRCLE, REAL_CIRCLE.publisher),
        (REAL_CIRCLE, REAL_CIRCLE.publisher | {"vcs_origin": None, "vcs_ref": None}),
        (published(), GITHUB | {"repository": "TrailOfBits/pypi-attestations"}),
        (published(), GITHUB | {"environment": "release"}),
        (published(), {key: GITHUB[key] for key in ("kind", "repository", "workflow")}),
        (signed_by(GITLAB), ON_GITLAB),
        (signed_by(ACCOUNT), {"kind": "Google", "email": "a@example.com"}),
        (published(), None),
    ],
)
def test_publisher_that_fits_its_certificate_is_quiet(signed, publisher):
    """Every real provenance document agrees with its certificates; what a certificate does not say is no quarrel."""
    assert found(signed, publisher) == ([], [])


@pytest.mark.parametrize(
    ("signed", "publisher", "says"),
    [
        (
            published(),
            GITHUB | {"repository": "trailofbits/rfc8785.py"},
            "repository is `trailofbits/rfc8785.py`, the certificate's `https://github.com/trailofbits/pypi-attestations`",
        ),
        (published(), GITHUB | {"workflow": "ci.yml"}, "workflow is `ci.yml`, the certificate's"),
        (published(), GITHUB | {"workflow": "release.yml@refs"}, "workflow is `release.yml@refs`"),
        (published(), GITHUB | {"workflow": ""}, "workflow is ``"),
        (published(), GITHUB | {"workflow": None}, "`workflow` is missing or no text"),
        (published(), GITHUB | {"repository": ["x"]}, "`repository` is missing or no text"),
        (published(), ON_GITLAB, "repository is `acme/tools/demo`"),
        (
            published(),
            {"kind": "Google", "email": "a@example.com"},
            "issuer is `https://accounts.google.com`",
        ),
        (published(), REAL_CIRCLE.publisher, "issuer is `https://oidc.circleci.com`"),
        (REAL_CIRCLE, GITHUB, "at another provider than issuer `https://oidc.circleci.com`"),
        (REAL_CIRCLE, REAL_CIRCLE.publisher | {"project_id": DEFINITION}, "pipeline definition is"),
        (REAL_CIRCLE, REAL_CIRCLE.publisher | {"vcs_ref": "refs/heads/main"}, "vcs_ref is `refs/heads/main`"),
        (
            REAL_CIRCLE,
            REAL_CIRCLE.publisher | {"vcs_origin": "github.com/a/b"},
            "vcs_origin is `github.com/a/b`",
        ),
        (signed_by(GITLAB), ON_GITLAB | {"repository": "Acme/tools/demo"}, "repository is `Acme/tools/demo`"),
        (signed_by(GITLAB), ON_GITLAB | {"workflow_filepath": "ci.yml"}, "workflow is `ci.yml`"),
        (signed_by(ACCOUNT), {"kind": "Google", "email": "b@example.com"}, "email is `b@example.com`"),
        (key_signed(), GITHUB, "a managed key signed"),
    ],
)
def test_publisher_that_contradicts_its_certificate_is_an_error(signed, publisher, says):
    """The document is not signed; where it and the certificate differ, somebody changed it."""
    found_ids, messages = found(signed, publisher)
    assert set(found_ids) == {"publisher-mismatch"}
    assert any(says in message for message in messages)
    assert catalogue()["publisher-mismatch"][1].severity is Severity.ERROR


def test_publisher_environment_is_compared_where_the_certificate_names_one():
    """Case does not matter, another name does."""
    named = replace(published(), claims=replace(published().claims, deployment_environment="PyPI"))
    assert found(named, GITHUB | {"environment": "pypi"}) == ([], [])
    assert found(named, GITHUB)[0] == []
    assert found(named, GITHUB | {"environment": "test"})[0] == ["publisher-mismatch"]


def test_publisher_workflow_may_be_the_one_that_was_called():
    """The index knows the workflow that asked for the token, which may be called by another of the same repository."""
    called = (
        "https://github.com/trailofbits/pypi-attestations/.github/workflows/publish.yml@refs/tags/v0.0.19"
    )
    signed = replace(published(), claims=replace(published().claims, build_signer_uri=called))
    assert found(signed, GITHUB | {"workflow": "publish.yml"})[0] == []
    assert found(signed, GITHUB)[0] == []
    assert found(signed, GITHUB | {"workflow": "other.yml"})[0] == ["publisher-mismatch"]


@pytest.mark.parametrize("kind", ["Buildkite", "github", None, 5, ["GitHub"], "\x1b[2J"])
def test_publisher_of_an_unknown_kind_is_only_noted(kind):
    """Nothing rests on the unsigned object, so a new kind spoils nothing."""
    found_ids, messages = found(published(), {"kind": kind})
    assert found_ids == ["publisher-unknown"]
    assert messages[0].isprintable()
    assert catalogue()["publisher-unknown"][1].severity is Severity.INFO


def test_publisher_is_compared_without_a_policy_too():
    """A contradiction is wrong, whoever is trusted; a broken attestation has nothing to compare with."""
    lying = replace(published(), publisher=GITHUB | {"repository": "evil/x"})
    outcome = check(evidence(lying), Policy())
    assert isinstance(outcome, NotRun)
    assert ids(outcome) == ["publisher-mismatch"]
    assert found(replace(published(), problems=broken().problems), GITHUB | {"repository": "evil/x"}) == (
        [],
        [],
    )
