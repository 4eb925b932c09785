"""The layer `identity`: `checks/identity.py` on real and made-up signers, with the exact findings."""

from __future__ import annotations

from dataclasses import replace

import pytest
from signers import (
    ATTESTATIONS,
    GITLAB,
    SDIST,
    WHEEL,
    broken,
    circleci,
    evidence,
    ids,
    key_signed,
    person,
    published,
    rfc8785,
    signed_by,
    slsa,
    trusting,
)

from epochly_verify.checks.identity import check
from epochly_verify.findings import catalogue
from epochly_verify.model import NotRun, Ran, Severity
from epochly_verify.parse.policy import builtin_policy
from epochly_verify.policy import Identity, Policy, Rule

STRANGER = replace(
    published(), claims=replace(published().claims, source_repository_uri="https://github.com/e/v")
)
REUSABLE = "https://github.com/acme/build/.github/workflows/wheels.yml@refs/tags/v3"


def reused(signed):
    """The same statement, signed by a reusable workflow."""
    return replace(signed, claims=replace(signed.claims, san=REUSABLE, build_signer_uri=REUSABLE))


def test_identity_passes_and_says_who_what_and_where():
    """A real GitHub signature is told in words."""
    identity = Identity(
        "github", repository="https://github.com/trailofbits/rfc8785.py", tag_matches_version=True
    )
    assert check(evidence(rfc8785(), filename=WHEEL), trusting(identity)) == Ran(
        why="signed by GitHub workflow `release.yml` of trailofbits/rfc8785.py at refs/tags/v0.1.2"
    )


def test_identity_accepts_any_of_several_identities():
    """One that matches is enough, and all evidence of that signer counts."""
    outcome = check(evidence(published(), slsa()), trusting(Identity("key", key_id="b" * 64), ATTESTATIONS))
    assert outcome == Ran(
        why="signed by GitHub workflow `release.yml` of trailofbits/pypi-attestations at refs/tags/v0.0.19"
    )


@pytest.mark.parametrize(
    ("signed", "words"),
    [
        (
            circleci(),
            "CircleCI pipeline of github.com/CircleCI-Public/sign-and-publish-examples at refs/heads/pypi",
        ),
        (person(), "`william@yossarian.net`, vouched for by `https://github.com/login/oauth`"),
        (signed_by(GITLAB), "GitLab pipeline `.gitlab-ci.yml` of acme/tools/demo at refs/tags/v1.0"),
        (key_signed(), "managed key `aaaaaaaaaaaaaaaa`"),
        (
            reused(published()),
            (
                "GitHub workflow `release.yml` of trailofbits/pypi-attestations at refs/tags/v0.0.19, "
                f"through the reusable workflow `{REUSABLE}`"
            ),
        ),
    ],
)
def test_identity_without_a_policy_says_who_signed_but_does_not_run(signed, words):
    """A valid signature is reported, and nobody said whom to trust."""
    expected = NotRun(f"no policy says whom to trust; signed by {words}")
    assert check(evidence(signed), Policy()) == expected
    assert check(evidence(signed), trusting()) == expected


@pytest.mark.parametrize("signed", [(), (broken(),)])
def test_identity_does_not_run_without_a_valid_signature(signed):
    """No evidence, none that holds, or none that was judged: there is nobody to identify."""
    assert check(evidence(*signed), trusting(ATTESTATIONS)) == NotRun("no valid signature")
    assert check(replace(evidence(), signed=None), trusting(ATTESTATIONS)) == NotRun("no valid signature")


def test_identity_mismatch_names_the_reasons_of_the_nearest_identity():
    """Who signed, who does not accept them, and what exactly differs."""
    policy = trusting(
        replace(ATTESTATIONS, workflow="publish.yml"), Identity("email", subject="a@example.com")
    )
    outcome = check(evidence(published()), policy)
    assert ids(outcome) == ["identity-mismatch"]
    (finding,) = outcome.findings
    assert finding.subject == f"{SDIST}.publish.attestation"
    assert finding.message == (
        "signed by GitHub workflow `release.yml` of trailofbits/pypi-attestations at refs/tags/v0.0.19, whom "
        "`policy.toml: rule[0]` does not accept: workflow is `release.yml`, policy wants `publish.yml`"
    )


def test_identity_mismatch_is_told_of_every_signature():
    """When nobody fits, every signature is shown with its own reasons."""
    assert ids(check(evidence(published(), STRANGER), trusting(Identity("key", key_id="b" * 64)))) == [
        "identity-mismatch",
        "identity-mismatch",
    ]


def test_a_stranger_beside_an_accepted_signer_is_said():
    """The accepted signature carries the layer; the other one is named, and strict policies refuse it."""
    outcome = check(evidence(published(), STRANGER, broken()), trusting(ATTESTATIONS))
    assert ids(outcome) == ["identity-unexpected-signer"]
    assert outcome.why == (
        "signed by GitHub workflow `release.yml` of trailofbits/pypi-attestations at refs/tags/v0.0.19"
    )
    _, kind = catalogue()["identity-unexpected-signer"]
    assert (kind.severity, kind.strict) == (Severity.WARNING, Severity.ERROR)


def test_provenance_of_an_earlier_job_is_no_stranger_but_does_not_suffice():
    """The environment is asked of the signature that publishes, and provenance alone cannot stand in for it."""
    approved = replace(published(), claims=replace(published().claims, deployment_environment="pypi"))
    policy = trusting(replace(ATTESTATIONS, environment="pypi"))
    assert ids(check(evidence(approved, slsa()), policy)) == []
    assert ids(check(evidence(slsa()), policy)) == ["identity-mismatch"]
    assert ids(check(evidence(approved, published()), policy)) == ["identity-unexpected-signer"]


def test_provenance_of_a_named_reusable_builder_is_no_stranger():
    """A rule's `builders` may sign provenance of its repository, not its artifacts, and not of another repository."""
    policy = trusting(ATTESTATIONS, builders=("https://github.com/acme/build/*",))
    assert ids(check(evidence(published(), reused(slsa())), policy)) == []
    assert ids(check(evidence(published(), reused(slsa())), trusting(ATTESTATIONS))) == [
        "identity-unexpected-signer"
    ]
    assert ids(check(evidence(published(), reused(published())), policy)) == ["identity-unexpected-signer"]
    assert ids(check(evidence(reused(slsa())), policy)) == ["identity-mismatch"]
    foreign = replace(slsa(), claims=replace(slsa().claims, source_repository_uri="https://github.com/e/v"))
    assert ids(check(evidence(published(), reused(foreign)), policy)) == ["identity-unexpected-signer"]


def test_the_rule_of_the_artifact_is_asked():
    """Identities of another project accept nobody here."""
    rules = (
        Rule(projects=("other",), identities=(ATTESTATIONS,)),
        Rule(identities=(Identity("key", key_id="b" * 64),)),
    )
    assert ids(check(evidence(published()), Policy(rules=rules))) == ["identity-mismatch"]


def test_builtin_policy_refuses_a_stranger_who_uses_the_name():
    """A wheel that is named like ours and signed by somebody is not ours."""
    outcome = check(evidence(published(), filename="epochly_verify-1.0-py3-none-any.whl"), builtin_policy())
    assert ids(outcome) == ["identity-mismatch"]
    assert "policy wants `epochly/epochly`" in outcome.findings[0].message


def test_builtin_policy_accepts_the_release_workflow_alone():
    """Every condition of the built-in identity is asked: one that differs is enough to refuse."""
    url = "https://github.com/epochly/epochly"
    workflow = f"{url}/.github/workflows/release.yml@refs/heads/main"
    ours = replace(
        published().claims,
        san=workflow,
        build_signer_uri=workflow,
        build_config_uri=workflow,
        source_repository_uri=url,
        source_repository_ref="refs/heads/main",
        build_trigger="workflow_dispatch",
        deployment_environment="pypi",
    )
    name = "epochly-1.0-py3-none-any.whl"
    assert check(evidence(signed_by(ours), filename=name), builtin_policy()) == Ran(
        why="signed by GitHub workflow `release.yml` of epochly/epochly at refs/heads/main"
    )
    for change in (
        {"build_trigger": "push"},
        {"deployment_environment": ""},
        {"runner_environment": "self-hosted"},
        {"source_repository_ref": "refs/tags/v1.0"},
        {"build_config_uri": workflow.replace("release", "ci")},
    ):
        signed = signed_by(replace(ours, **change))
        assert ids(check(evidence(signed, filename=name), builtin_policy())) == ["identity-mismatch"]


def test_identity_of_a_broken_file_name_still_gives_an_outcome():
    """A name that is no artifact's has no version, and no policy can be fooled by it."""
    policy = trusting(replace(ATTESTATIONS, tag_matches_version=True))
    assert ids(check(evidence(published(), filename="???.whl"), policy)) == ["identity-mismatch"]
