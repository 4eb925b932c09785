"""PEP 751 `attestation-identities`: read as a rule of their own, alone and beside a policy."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from signers import (
    ATTESTATIONS,
    CIRCLE,
    DEFINITION,
    GITLAB,
    PROJECT,
    circleci,
    evidence,
    ids,
    published,
    signed_by,
    slsa,
    trusting,
)

from epochly_verify.checks.identity import check
from epochly_verify.findings import catalogue
from epochly_verify.model import Claims, NotRun, Ran, Severity
from epochly_verify.parse.attestation_identities import rule_from_lock
from epochly_verify.policy import UNSUPPORTED, Identity, Policy

GITHUB = {"kind": "GitHub", "repository": "trailofbits/pypi-attestations", "workflow": "release.yml"}
CIRCLECI = {
    "kind": "CircleCI",
    "project_id": PROJECT,
    "pipeline_definition_id": DEFINITION,
    "vcs_origin": "github.com/CircleCI-Public/sign-and-publish-examples",
    "vcs_ref": "refs/heads/pypi",
}
WORDS = "GitHub workflow `release.yml` of trailofbits/pypi-attestations at refs/tags/v0.0.19"


def judged(*tables, signed=None, policy=None):
    """The layer's outcome for a lock file with these tables."""
    return check(evidence(signed or published(), lock=tables), policy or Policy())


def test_lock_identity_alone_is_enough():
    """Nobody has to write a policy for what the lock file already says."""
    assert judged(GITHUB) == Ran(why=f"signed by {WORDS}")
    assert judged({"kind": "Google", "email": "a@example.com"}, GITHUB) == Ran(why=f"signed by {WORDS}")
    assert judged(GITHUB | {"claims": {}, "environment": None}) == Ran(why=f"signed by {WORDS}")


def test_lock_identity_of_real_circleci_evidence_is_met():
    """The table is the publisher object as the index shows it."""
    outcome = check(evidence(circleci(), filename=CIRCLE, lock=[CIRCLECI]), Policy())
    assert outcome == Ran(
        why="signed by CircleCI pipeline of github.com/CircleCI-Public/sign-and-publish-examples at refs/heads/pypi"
    )
    for key in ("project_id", "pipeline_definition_id"):
        outcome = check(evidence(circleci(), lock=[CIRCLECI | {key: "0" * 8 + PROJECT[8:]}]), Policy())
        assert ids(outcome) == ["identity-mismatch"]


def test_lock_identities_of_gitlab_and_google_are_met():
    """Each kind is read with its own keys."""
    gitlab = {"kind": "GitLab", "repository": "acme/tools/demo", "workflow_filepath": ".gitlab-ci.yml"}
    assert ids(judged(gitlab, signed=signed_by(GITLAB))) == []
    assert ids(judged(gitlab | {"workflow_filepath": "other.yml"}, signed=signed_by(GITLAB))) == [
        "identity-mismatch"
    ]
    account = Claims(san="a@example.com", san_kind="email", issuer="https://accounts.google.com")
    assert ids(judged({"kind": "Google", "email": "a@example.com"}, signed=signed_by(account))) == []
    assert ids(judged({"kind": "Google", "email": "b@example.com"}, signed=signed_by(account))) == [
        "identity-mismatch"
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"repository": "trailofbits/rfc8785.py"},
        {"workflow": "ci.yml"},
        {"repository": "evil/pypi-attestations"},
    ],
)
def test_lock_identity_of_somebody_else_is_a_mismatch(change):
    """A file signed by another than the locked publisher is refused."""
    outcome = judged(GITHUB | change)
    assert ids(outcome) == ["identity-mismatch"]
    assert "the lock file's `attestation-identities` does not accept" in outcome.findings[0].message


def test_policy_and_lock_both_have_to_be_met():
    """A policy does not loosen a lock file, nor a lock file a policy."""
    assert ids(judged(GITHUB, policy=trusting(ATTESTATIONS))) == []
    assert ids(judged(GITHUB | {"workflow": "ci.yml"}, policy=trusting(ATTESTATIONS))) == [
        "identity-mismatch"
    ]
    assert ids(judged(GITHUB, policy=trusting(replace(ATTESTATIONS, workflow="ci.yml")))) == [
        "identity-mismatch"
    ]


@pytest.mark.parametrize(
    ("table", "why"),
    [
        (
            {"kind": "Buildkite", "pipeline": "x"},
            "a publisher of kind `Buildkite` is not known to this version",
        ),
        ({"kind": 5}, "its no text publisher cannot be read: `kind` is no text"),
        ({}, "its no text publisher cannot be read: `kind` is missing"),
        (GITHUB | {"workflow": None}, "its `GitHub` publisher cannot be read: `workflow` is no text"),
        (GITHUB | {"repository": "x"}, "its `GitHub` publisher cannot be read: `repository`"),
        (GITHUB | {"repository": "a/*"}, "its `GitHub` publisher cannot be read: `repository` is a pattern"),
        (
            GITHUB | {"repository": "https://gitlab.com/a/b"},
            "its `GitHub` publisher cannot be read: `repository`",
        ),
        (GITHUB | {"environment": 5}, "its `GitHub` publisher cannot be read: `environment` is no text"),
        (CIRCLECI | {"project_id": "x"}, "its `CircleCI` publisher cannot be read: `project-id`"),
    ],
)
def test_lock_identity_that_cannot_be_judged_leaves_it_open(table, why):
    """An unknown kind or a broken table can make the verdict inconclusive, never good and never bad."""
    outcome = judged(table)
    assert isinstance(outcome, NotRun)
    assert ids(outcome) == ["identity-unsupported"]
    assert why in outcome.findings[0].message
    assert catalogue()["identity-unsupported"][1].severity is Severity.WARNING
    assert ids(judged(table, GITHUB)) == []


def test_unjudged_lock_identity_does_not_hide_a_policy_mismatch():
    """What is wrong is said, whatever else stays open."""
    outcome = judged({"kind": "Buildkite"}, policy=trusting(replace(ATTESTATIONS, workflow="ci.yml")))
    assert ids(outcome) == ["identity-mismatch", "identity-unsupported"]


def at(moment, environment=""):
    """The real signature at another time, with another environment."""
    claims = replace(published().claims, deployment_environment=environment)
    return replace(published(), claims=claims, times=(moment,))


def test_lock_environment_is_held_against_the_certificate():
    """Certificates name the environment since the end of 2025; before, the lock file's word is taken, and said."""
    locked = GITHUB | {"environment": "pypi"}
    old, new = datetime(2024, 12, 4, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)
    assert ids(judged(locked, signed=at(new, "PyPI"))) == []
    assert ids(judged(locked, signed=at(new, "test"))) == ["identity-mismatch"]
    assert ids(judged(locked, signed=at(new))) == ["identity-mismatch"]
    assert ids(judged(locked, signed=at(old, "test"))) == ["identity-mismatch"]
    assert ids(judged(locked, signed=replace(at(old), times=()))) == ["identity-mismatch"]
    outcome = judged(locked, signed=at(old))
    assert isinstance(outcome, Ran)
    assert ids(outcome) == ["identity-environment-unproven"]
    kind = catalogue()["identity-environment-unproven"][1]
    assert (kind.severity, kind.strict) == (Severity.WARNING, Severity.ERROR)
    assert ids(check(evidence(at(old), slsa(), lock=[locked]), Policy())) == ["identity-environment-unproven"]


def test_policy_environment_is_never_taken_on_trust():
    """Only a lock file copied the environment from an index that knew it; a policy's own wish has to be proven."""
    policy = trusting(replace(ATTESTATIONS, environment="pypi"))
    assert ids(judged(GITHUB | {"environment": "pypi"}, policy=policy)) == [
        "identity-mismatch",
        "identity-environment-unproven",
    ]


def test_rule_from_lock_reads_each_kind():
    """The tables become identities of the same shape as a policy's; letters that are patterns elsewhere are not here."""
    tables = [GITHUB | {"environment": "a*"}, GITHUB | {"environment": "a[b]"}, CIRCLECI]
    rule = rule_from_lock(tables, "pylock.toml")
    assert rule.origin == "pylock.toml"
    assert rule.projects == ("*",)
    first, second, third = rule.identities
    assert first.kind == UNSUPPORTED
    assert second == Identity(
        "github",
        repository="https://github.com/trailofbits/pypi-attestations",
        workflow="release.yml",
        environment="a[[]b]",
    )
    assert third == Identity(
        "circleci",
        repository="https://github.com/CircleCI-Public/sign-and-publish-examples",
        project_id=PROJECT,
        pipeline_definition_id=DEFINITION,
        ref=("refs/heads/pypi",),
    )


def test_rule_from_lock_is_bounded():
    """More tables than anybody has are not all judged, and that is said."""
    *_, last = rule_from_lock([GITHUB] * 1001, "pylock.toml").identities
    assert (last.kind, last.subject) == (UNSUPPORTED, "there are more than 1000 of them")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)
TABLE = st.dictionaries(
    st.sampled_from(
        ["kind", "repository", "workflow", "workflow_filepath", "environment", "email", *CIRCLECI]
    ),
    st.sampled_from(["GitHub", "GitLab", "Google", "CircleCI", "a/b", "x.yml", "a@b", PROJECT]) | JSON,
)


@given(st.lists(TABLE, max_size=4))
def test_any_tables_give_a_rule_and_an_outcome(tables):
    """Whatever a lock file holds, it is read, and none of it lets a stranger in."""
    rule = rule_from_lock(tables, "pylock.toml")
    assert len(rule.identities) == len(tables)
    outcome = check(evidence(published(), lock=tables), Policy())
    assert isinstance(outcome, NotRun) or ids(outcome)
