"""The layer `provenance`: a real SLSA statement, then the same with one lie each, with the exact findings."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from signers import (
    ATTESTATIONS,
    COMMIT,
    GITLAB,
    SLSA,
    broken,
    evidence,
    ids,
    key_signed,
    person,
    published,
    slsa,
    trusting,
)

from epochly_verify.checks.provenance import check
from epochly_verify.findings import catalogue
from epochly_verify.model import NotRun, Ran, Severity, Statement
from epochly_verify.policy import Identity, Policy

COMMUNITY = "https://slsa-framework.github.io/github-actions-buildtypes/workflow/v1"
REPOSITORY = "https://github.com/trailofbits/pypi-attestations"
RUNNER = "https://github.com/actions/runner/github-hosted"
REUSABLE = "https://github.com/acme/build/.github/workflows/wheels.yml@refs/tags/v3"
WORDS = (
    "built by GitHub workflow `release.yml` of trailofbits/pypi-attestations at refs/tags/v0.0.19, "
    "commit `08802efe1f8e`"
)
GONE = object()


def stating(changes, signed=None, predicate_type=SLSA):
    """The real statement with changed fields, given as dotted paths; `GONE` takes one out."""
    signed = signed or slsa()
    predicate = copy.deepcopy(slsa().statement.predicate)
    for path, value in changes.items():
        *steps, last = (int(step) if step.isdigit() else step for step in path.split("."))
        at = predicate
        for step in steps:
            at = at[step]
        if value is GONE:
            del at[last]
        else:
            at[last] = value
    return replace(signed, statement=Statement(slsa().statement.type, predicate_type, (), predicate))


def claiming(**claims):
    """The real statement, signed by a certificate with other claims."""
    return replace(slsa(), claims=replace(slsa().claims, **claims))


def judged(*signed, policy=None):
    """The layer's outcome under a policy that accepts the real signer."""
    return check(evidence(*signed), policy or trusting(ATTESTATIONS))


def test_real_provenance_passes_and_says_what_was_built_from_where():
    """A real statement agrees with its certificate in every field."""
    assert judged(published(), slsa()) == Ran(why=WORDS)
    assert judged(slsa(), policy=Policy()) == Ran(why=f"{WORDS}; no policy says whom to trust")


@pytest.mark.parametrize(
    "signed", [(), (published(),), (person(),), (broken(),), (replace(slsa(), problems=broken().problems),)]
)
def test_provenance_does_not_run_without_a_statement_that_holds(signed):
    """A publish attestation says nothing of the build, and a broken statement says nothing at all."""
    assert judged(*signed) == NotRun("no SLSA provenance")


def test_provenance_of_a_stranger_counts_for_nothing():
    """Anybody can state and sign a build; only who may sign the artifact may say how it was built."""
    policy = trusting(replace(ATTESTATIONS, workflow="other.yml"))
    assert judged(published(), slsa(), policy=policy) == NotRun("no SLSA provenance by an accepted signer")
    lying = stating(
        {"buildDefinition.buildType": "x"}, claiming(source_repository_uri="https://github.com/e/v")
    )
    assert judged(slsa(), lying) == Ran(why=WORDS)
    lock = [{"kind": "GitHub", "repository": "e/v", "workflow": "release.yml"}]
    assert check(evidence(slsa(), lock=lock), trusting(ATTESTATIONS)) == NotRun(
        "no SLSA provenance by an accepted signer"
    )


def test_provenance_may_come_from_a_job_without_the_environment():
    """The environment belongs to the job that publishes."""
    assert judged(slsa(), policy=trusting(replace(ATTESTATIONS, environment="pypi"))) == Ran(why=WORDS)


@pytest.mark.parametrize("version", ["v0.1", "v0.2", "v1-rc1", "v2"])
def test_provenance_of_another_version_is_named_but_not_judged(version):
    """Only v1 is read; the others do not pass."""
    outcome = judged(stating({}, predicate_type=f"https://slsa.dev/provenance/{version}"))
    assert isinstance(outcome, NotRun)
    assert ids(outcome) == ["provenance-unsupported-version"]
    assert catalogue()["provenance-unsupported-version"][1].severity is Severity.WARNING


B, R = "buildDefinition", "runDetails"
W = f"{B}.externalParameters.workflow"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({f"{B}.buildType": COMMUNITY}, []),
        ({f"{B}.internalParameters": GONE}, []),
        ({f"{R}.metadata": GONE}, []),
        ({f"{R}.metadata.startedOn": "2024-12-04T23:13:00Z", f"{B}.extension": {"a": 1}}, []),
        ({f"{W}.repository": f"{REPOSITORY}".replace("trailofbits", "TrailOfBits")}, []),
        ({f"{B}.externalParameters.runner_environment": "github-hosted"}, []),
        ({f"{B}.externalParameters.vars": {}}, []),
        ({f"{B}.externalParameters.vars": {"OPTIMISE": "3"}}, ["provenance-build-inputs"]),
        ({f"{B}.externalParameters.release": {"name": "x"}}, ["provenance-build-inputs"]),
        ({f"{B}.internalParameters.github.repository_id": 772247423}, []),
        ({f"{R}.builder.id": RUNNER}, []),
        ({f"{B}.resolvedDependencies.0.digest": {"sha1": COMMIT}}, []),
        ({f"{B}.externalParameters.evil": 1}, ["provenance-unrecognised-parameter"]),
        ({f"{W}.evil": 1}, ["provenance-unrecognised-parameter"]),
        (
            {f"{B}.externalParameters.release": {"tag": "x"}},
            ["provenance-unrecognised-parameter", "provenance-build-inputs"],
        ),
        (
            {f"{B}.externalParameters.inputs": {"a": "b"}},
            ["provenance-build-inputs", "provenance-trigger-mismatch"],
        ),
        (
            {f"{B}.externalParameters.inputs": {"a": "b"}, f"{B}.externalParameters.release": {"name": "x"}},
            ["provenance-malformed", "provenance-build-inputs", "provenance-trigger-mismatch"],
        ),
        ({f"{W}.ref": "refs/heads/main"}, ["provenance-workflow-mismatch"]),
        ({f"{W}.path": ".github/workflows/evil.yml"}, ["provenance-workflow-mismatch"]),
        ({f"{W}.repository": "https://github.com/evil/x"}, ["provenance-source-mismatch"]),
        ({f"{B}.internalParameters.github.repository_id": "1"}, ["provenance-source-mismatch"]),
        ({f"{B}.internalParameters.github.repository_owner_id": "1"}, ["provenance-source-mismatch"]),
        ({f"{B}.internalParameters.github.repository_owner_id": {}}, ["provenance-source-mismatch"]),
        ({f"{B}.internalParameters.github.event_name": "push"}, ["provenance-trigger-mismatch"]),
        (
            {f"{B}.internalParameters.github.runner_environment": "self-hosted"},
            ["provenance-builder-mismatch"],
        ),
        ({f"{B}.externalParameters.runner_environment": "self-hosted"}, ["provenance-builder-mismatch"]),
        ({f"{B}.internalParameters.github": []}, ["provenance-malformed"]),
        ({f"{B}.resolvedDependencies.0.digest.gitCommit": "0" * 40}, ["provenance-commit-mismatch"]),
        ({f"{B}.resolvedDependencies.0.digest.gitCommit": COMMIT[:12]}, ["provenance-commit-mismatch"]),
        ({f"{B}.resolvedDependencies.0.digest": {"sha256": "0" * 64}}, ["provenance-commit-mismatch"]),
        ({f"{B}.resolvedDependencies": GONE}, ["provenance-commit-mismatch"]),
        ({f"{B}.resolvedDependencies": []}, ["provenance-commit-mismatch"]),
        (
            {f"{B}.resolvedDependencies.0.uri": f"git+{REPOSITORY}@refs/heads/main"},
            ["provenance-source-mismatch"],
        ),
        (
            {f"{B}.resolvedDependencies.0.uri": "git+https://github.com/e/v@refs/tags/v0.0.19"},
            ["provenance-source-mismatch"],
        ),
        (
            {f"{R}.metadata.invocationId": f"{REPOSITORY}/actions/runs/1/attempts/1"},
            ["provenance-run-mismatch"],
        ),
        ({f"{R}.builder.id": REUSABLE}, ["provenance-builder-mismatch"]),
        (
            {f"{R}.builder.id": "https://github.com/actions/runner/self-hosted"},
            ["provenance-builder-mismatch"],
        ),
        ({f"{R}.builder.id": "https://builder.example"}, ["provenance-builder-mismatch"]),
        ({f"{R}.builder.id": ""}, ["provenance-malformed"]),
        ({f"{R}.builder": GONE}, ["provenance-malformed"]),
        ({R: GONE}, ["provenance-malformed"]),
        ({R: []}, ["provenance-malformed"]),
        ({f"{R}.metadata": "x"}, ["provenance-malformed"]),
        ({f"{B}.buildType": GONE}, ["provenance-malformed"]),
        ({f"{B}.externalParameters": GONE}, ["provenance-malformed"]),
        ({f"{B}.externalParameters": []}, ["provenance-malformed"]),
        ({f"{B}.internalParameters": 5}, ["provenance-malformed"]),
        ({f"{B}.resolvedDependencies": {}}, ["provenance-malformed"]),
        ({f"{B}.resolvedDependencies": ["x"]}, ["provenance-malformed"]),
        ({f"{B}.resolvedDependencies": [{}] * 10_001}, ["provenance-malformed"]),
        ({f"{B}.resolvedDependencies.0.digest": {"gitCommit": 5}}, ["provenance-malformed"]),
        ({W: GONE}, ["provenance-malformed"]),
        ({f"{W}.path": GONE}, ["provenance-malformed"]),
        ({f"{W}.ref": 5}, ["provenance-malformed"]),
        ({f"{B}.externalParameters.vars": "x"}, ["provenance-malformed"]),
    ],
)
def test_provenance_with_one_lie_is_found_for_that_lie(changes, expected):
    """Every field is held against the certificate, and the finding names which one differs."""
    outcome = judged(stating(changes))
    assert ids(outcome) == expected
    assert all(finding.message.isprintable() for finding in outcome.findings)


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"source_repository_digest": "0" * 40}, ["provenance-commit-mismatch"]),
        ({"build_trigger": "push"}, ["provenance-trigger-mismatch"]),
        ({"run_invocation_uri": f"{REPOSITORY}/actions/runs/2/attempts/1"}, ["provenance-run-mismatch"]),
        ({"run_invocation_uri": ""}, ["provenance-run-mismatch"]),
        ({"source_repository_id": "1"}, ["provenance-source-mismatch"]),
        ({"runner_environment": "self-hosted"}, ["provenance-builder-mismatch"]),
        (
            {"source_repository_ref": "refs/tags/v0.0.20"},
            ["provenance-source-mismatch", "provenance-workflow-mismatch", "provenance-workflow-mismatch"],
        ),
    ],
)
def test_provenance_signed_in_another_build_is_found(claims, expected):
    """A true statement of one build, signed in another, contradicts that certificate, also by what it leaves out."""
    assert ids(judged(claiming(**claims), policy=Policy())) == expected


def test_mismatch_names_both_sides():
    """A person sees what was stated and what was proven."""
    (finding,) = judged(stating({f"{B}.resolvedDependencies.0.digest.gitCommit": "0" * 40})).findings
    assert finding.message == f"`gitCommit` is `{'0' * 40}`, the certificate says `{COMMIT}`"
    (finding,) = judged(stating({f"{R}.builder.id": REUSABLE})).findings
    signer = f"{REPOSITORY}/.github/workflows/release.yml@refs/tags/v0.0.19"
    assert finding.message == f"`builder.id` is `{REUSABLE}`, the certificate says `{signer}`"


def test_build_inputs_of_a_manual_run_are_only_noted():
    """A run that was started by hand may carry inputs; they are named."""
    signed = stating(
        {
            f"{B}.externalParameters.inputs": {"level": "3"},
            f"{B}.internalParameters.github.event_name": "workflow_dispatch",
        },
        claiming(build_trigger="workflow_dispatch"),
    )
    outcome = judged(signed)
    assert ids(outcome) == ["provenance-build-inputs"]
    assert "`inputs.level`" in outcome.findings[0].message
    assert catalogue()["provenance-build-inputs"][1].severity is Severity.INFO


def test_unknown_build_type_is_not_judged_unless_the_policy_accepts_it():
    """Parameters of an unknown type mean nothing to us; an accepted type is bound to the certificate all the same."""
    custom = "https://builder.example/type/v1"
    strange = {f"{B}.buildType": custom, f"{B}.externalParameters": {"anything": 1}}
    outcome = judged(stating(strange))
    assert isinstance(outcome, NotRun)
    assert ids(outcome) == ["provenance-unknown-build-type"]
    accepting = trusting(ATTESTATIONS, build_types=(custom,))
    outcome = judged(stating(strange), policy=accepting)
    assert isinstance(outcome, Ran)
    assert ids(outcome) == ["provenance-parameters-not-judged"]
    lying = strange | {f"{B}.resolvedDependencies.0.digest.gitCommit": "0" * 40, f"{R}.builder.id": REUSABLE}
    assert ids(judged(stating(lying), policy=accepting)) == [
        "provenance-builder-mismatch",
        "provenance-commit-mismatch",
        "provenance-parameters-not-judged",
    ]
    spelt = strange | {f"{B}.resolvedDependencies.0.uri": REPOSITORY}
    assert ids(judged(stating(spelt), policy=accepting)) == ["provenance-parameters-not-judged"]
    others = [{"uri": "x", "digest": {"gitCommit": "0" * 40}}, {"digest": {"sha1": COMMIT.upper()}}]
    several = strange | {f"{B}.resolvedDependencies": others}
    assert ids(judged(stating(several), policy=accepting)) == ["provenance-parameters-not-judged"]
    assert ids(judged(slsa(), policy=accepting)) == []


@pytest.mark.parametrize(
    ("builders", "builder", "expected"),
    [
        ((f"{REPOSITORY}/*",), None, []),
        (("https://github.com/acme/*",), None, ["provenance-builder-mismatch"]),
        ((RUNNER,), RUNNER, []),
        (("https://builder.example/*",), "https://builder.example/1", []),
        ((REUSABLE,), REUSABLE, ["provenance-builder-mismatch"]),
    ],
)
def test_builders_of_the_rule_narrow_down_who_may_build(builders, builder, expected):
    """A listed builder still has to be the signer's; a workflow cannot be spoken for by another one."""
    signed = stating({f"{R}.builder.id": builder}) if builder else slsa()
    assert ids(judged(signed, policy=trusting(ATTESTATIONS, builders=builders))) == expected


def test_reusable_builder_is_bound_to_who_signed():
    """The builder is the reusable workflow, the workflow parameters are the caller's."""
    called = claiming(build_signer_uri=REUSABLE, san=REUSABLE)
    policy = trusting(ATTESTATIONS, builders=("https://github.com/acme/build/*",))
    assert ids(judged(stating({f"{R}.builder.id": REUSABLE}, called), policy=policy)) == []
    assert ids(judged(stating({}, called), policy=policy)) == ["provenance-builder-mismatch"]


def test_provenance_signed_with_a_managed_key_needs_a_listed_builder():
    """A key names no build, so only the policy can say which builder it speaks for."""
    signed = stating({f"{R}.builder.id": "https://builder.example"}, replace(key_signed(), origin="x"))
    key = Identity("key", key_id="a" * 64)
    assert ids(judged(signed, policy=trusting(key))) == ["provenance-builder-mismatch"]
    assert judged(signed, policy=trusting(key, builders=("https://builder.example",))) == Ran(
        why="built by managed key `aaaaaaaaaaaaaaaa`"
    )


def test_provenance_signed_by_a_person_proves_no_build():
    """An e-mail certificate names no workflow, so nothing in the statement is bound."""
    signed = stating({}, person())
    policy = trusting(Identity("email", subject="william@yossarian.net"))
    assert set(ids(judged(signed, policy=policy))) == {
        "provenance-builder-mismatch",
        "provenance-source-mismatch",
        "provenance-workflow-mismatch",
        "provenance-trigger-mismatch",
        "provenance-run-mismatch",
    }


def test_gitlab_provenance_of_an_unknown_type_is_left_open():
    """GitLab's build types name a version each; they are judged when a policy lists them."""
    signed = stating(
        {f"{B}.buildType": "https://gitlab.com/gitlab-org/gitlab-runner/-/blob/v17.0.0/PROVENANCE.md"},
        replace(slsa(), claims=GITLAB),
    )
    assert ids(judged(signed, policy=Policy())) == ["provenance-unknown-build-type"]


def test_every_statement_is_judged():
    """A good statement does not hide a bad one."""
    assert ids(judged(slsa(), stating({f"{W}.ref": "refs/heads/main"}))) == ["provenance-workflow-mismatch"]
    assert ids(judged(slsa(), stating({}, predicate_type="https://slsa.dev/provenance/v0.2"))) == [
        "provenance-unsupported-version"
    ]


def test_missing_predicate_is_malformed():
    """A statement of the right type that states nothing is no provenance."""
    empty = replace(slsa(), statement=Statement(slsa().statement.type, SLSA, (), None))
    assert ids(judged(empty)) == ["provenance-malformed"]


SCALAR = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
JSON = st.recursive(
    SCALAR,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)
PATHS = [
    B,
    R,
    W,
    f"{B}.buildType",
    f"{B}.externalParameters",
    f"{B}.externalParameters.inputs",
    f"{B}.externalParameters.release",
    f"{B}.externalParameters.runner_environment",
    f"{B}.internalParameters",
    f"{B}.internalParameters.github",
    f"{B}.internalParameters.github.repository_id",
    f"{B}.resolvedDependencies",
    f"{B}.resolvedDependencies.0.digest",
    f"{B}.resolvedDependencies.0.digest.gitCommit",
    f"{B}.resolvedDependencies.0.uri",
    f"{W}.ref",
    f"{W}.path",
    f"{R}.builder",
    f"{R}.builder.id",
    f"{R}.metadata",
    f"{R}.metadata.invocationId",
]


@settings(max_examples=300)
@given(st.sampled_from(PATHS), JSON)
def test_any_value_in_any_field_gives_an_outcome(path, value):
    """Whatever a signed statement holds, it is judged, and its findings can be printed."""
    outcome = judged(stating({path: value}))
    assert set(ids(outcome)) <= set(catalogue())
    assert all(finding.message.isprintable() for finding in outcome.findings)


@given(st.none() | st.dictionaries(st.sampled_from([B, R]), JSON))
def test_any_predicate_gives_an_outcome(predicate):
    """A predicate of any shape is read or called malformed."""
    signed = replace(slsa(), statement=Statement(slsa().statement.type, SLSA, (), predicate))
    assert ids(judged(signed)) == ["provenance-malformed"]
