"""`checks/matching.py`: every condition an identity can set, met and missed, on claims of real certificates."""

from __future__ import annotations

from dataclasses import replace

import pytest
from packaging.version import Version
from signers import (
    COMMIT,
    DEFINITION,
    GITLAB,
    PROJECT,
    broken,
    circleci,
    key_signed,
    person,
    published,
    rfc8785,
    signed_by,
)

from epochly_verify.checks.matching import match, nearest_reasons
from epochly_verify.model import Claims
from epochly_verify.policy import UNSUPPORTED, Identity

REPOSITORY = "https://github.com/trailofbits/pypi-attestations"
SUBJECT = f"{REPOSITORY}/.github/workflows/release.yml@refs/tags/v0.0.19"
CALLED = "https://github.com/acme/build/.github/workflows/wheels.yml@refs/tags/v3"


def github(**more):
    """An identity of the real GitHub signer, with more conditions."""
    return Identity(**{"kind": "github", "repository": REPOSITORY, **more})


def reasons(identity, signed, version="0.0.19"):
    """What `match` says."""
    return match(identity, signed, version=Version(version) if version else None)


def claiming(signed, **claims):
    """The same signature with other claims."""
    return replace(signed, claims=replace(signed.claims, **claims))


@pytest.mark.parametrize(
    "identity",
    [
        github(),
        github(repository="https://github.com/TrailOfBits/PyPI-Attestations"),
        github(workflow="release.yml"),
        github(workflow=".github/workflows/release.yml"),
        github(ref=("refs/tags/v0.0.19",)),
        github(ref=("refs/heads/main", "refs/tags/*")),
        github(ref=("refs/*",)),
        github(ref=("refs/tags/v[0-9]*",)),
        github(tag_matches_version=True),
        github(repository_id="772247423", owner_id="2314423"),
        github(trigger=("push", "release"), runner="github-hosted"),
        github(commit=COMMIT),
        github(subject=SUBJECT),
        github(subject=f"{REPOSITORY}/*"),
        github(signer=f"{REPOSITORY}/*@refs/tags/*"),
        github(issuer="https://token.actions.githubusercontent.com"),
        Identity("github", repository_id="772247423"),
        Identity("github", owner_id="2314423", workflow="release.yml"),
        Identity("github", subject=SUBJECT),
        Identity("any", subject=SUBJECT, issuer="https://token.actions.githubusercontent.com"),
    ],
)
def test_match_accepts_the_real_github_signer(identity):
    """Each condition that the real certificate meets is met."""
    assert reasons(identity, published()) == ()


@pytest.mark.parametrize(
    ("identity", "reason"),
    [
        (
            github(repository="https://github.com/trailofbits/other"),
            "repository is `trailofbits/pypi-attestations`, policy wants `trailofbits/other`",
        ),
        (
            github(repository="https://github.com/trailofbits/pypi-attestation"),
            "repository is `trailofbits/pypi-attestations`, policy wants `trailofbits/pypi-attestation`",
        ),
        (github(workflow="publish.yml"), "workflow is `release.yml`, policy wants `publish.yml`"),
        (github(workflow="Release.yml"), "workflow is `release.yml`, policy wants `Release.yml`"),
        (
            github(workflow="workflows/release.yml"),
            "workflow is `release.yml`, policy wants `workflows/release.yml`",
        ),
        (
            github(ref=("refs/tags/v1*", "refs/heads/main")),
            "ref is `refs/tags/v0.0.19`, policy wants `refs/tags/v1*` or `refs/heads/main`",
        ),
        (github(ref=("tags/v0.0.19",)), "ref is `refs/tags/v0.0.19`, policy wants `tags/v0.0.19`"),
        (github(repository_id="1"), "repository id is `772247423`, policy wants `1`"),
        (github(owner_id="1"), "owner id is `2314423`, policy wants `1`"),
        (github(trigger=("push",)), "trigger is `release`, policy wants `push`"),
        (github(runner="self-hosted"), "runner environment is `github-hosted`, policy wants `self-hosted`"),
        (github(commit="0" * 40), f"commit is `{COMMIT}`, policy wants `{'0' * 40}`"),
        (
            github(environment="pypi"),
            "no deployment environment is named, policy wants `pypi` (certificates from before 2026 name none)",
        ),
        (github(subject=SUBJECT + "0"), f"subject is `{SUBJECT}`, policy wants `{SUBJECT}0`"),
        (
            github(issuer="https://token.actions.githubusercontent.com/acme"),
            (
                "issuer is `https://token.actions.githubusercontent.com`, "
                "policy wants `https://token.actions.githubusercontent.com/acme`"
            ),
        ),
        (
            Identity("any", subject=SUBJECT, issuer="https://gitlab.com"),
            "issuer is `https://token.actions.githubusercontent.com`, policy wants `https://gitlab.com`",
        ),
        (github(signer=CALLED), f"signing workflow is `{SUBJECT}`, policy wants `{CALLED}`"),
        (Identity("key", key_id="a" * 64), "it is not signed with a managed key, policy wants one"),
        (Identity(UNSUPPORTED, subject="not known"), "not known"),
    ],
)
def test_match_says_what_differs_from_the_real_github_signer(identity, reason):
    """One missed condition is one reason, with both sides in it."""
    assert reasons(identity, published()) == (reason,)


def test_match_gives_every_reason():
    """Nothing stops at the first difference."""
    identity = github(workflow="publish.yml", ref=("refs/heads/main",), trigger=("push",))
    assert len(reasons(identity, published())) == 3


@pytest.mark.parametrize("kind", ["github", "gitlab", "google", "circleci", "email", "any"])
@pytest.mark.parametrize("issuer", ["", "https://evil.example"])
def test_match_never_accepts_a_subject_without_its_issuer(kind, issuer):
    """A name counts only with who vouches for it, whatever the kind."""
    claims = replace(published().claims, issuer=issuer)
    given = "https://accounts.google.com" if kind == "any" else ""
    assert any(
        "issuer" in reason
        for reason in reasons(Identity(kind, subject=SUBJECT, issuer=given), signed_by(claims))
    )


def test_match_of_any_without_issuer_accepts_nobody():
    """Even an identity built by hand cannot match by subject alone."""
    assert reasons(Identity("any", subject=SUBJECT), published()) != ()
    assert reasons(Identity("any", subject=SUBJECT), signed_by(Claims(san=SUBJECT, san_kind="uri"))) != ()


def test_match_accepts_nothing_that_is_not_authentic():
    """The claims of a broken signature are worth nothing."""
    assert reasons(github(), replace(published(), problems=broken().problems)) == (
        "its signature is not valid",
    )


@pytest.mark.parametrize(
    ("tag", "version", "fits"),
    [
        ("v1.0", "1.0", True),
        ("1.0", "1.0.0", True),
        ("v1.0.0rc1", "1.0.0-rc.1", True),
        ("v1!2.0", "1!2.0", True),
        ("v1.0+local", "1.0+local", True),
        ("v1.0+local", "1.0", False),
        ("v1.1", "1.0", False),
        ("release-1.0", "1.0", False),
        ("vv1.0", "1.0", False),
        ("v1.0/x", "1.0", False),
        ("", "1.0", False),
        ("9" * 5000, "1.0", False),
        ("v\u0661.0", "1.0", False),
    ],
)
def test_tag_matches_version_compares_as_versions(tag, version, fits):
    """The tag is the version with or without `v`, by PEP 440 equality; no text can make it fail otherwise."""
    signed = claiming(
        published(), source_repository_ref=f"refs/tags/{tag}", build_config_uri="", build_signer_uri=""
    )
    assert (reasons(github(tag_matches_version=True), signed, version) == ()) is fits


def test_tag_matches_version_wants_a_tag_and_a_version():
    """A branch named like the version is no tag, and a file without a version has no tag."""
    bare = claiming(published(), source_repository_ref="v0.0.19", build_config_uri="", build_signer_uri="")
    assert len(reasons(github(tag_matches_version=True), bare)) == 1
    branch = claiming(
        published(), source_repository_ref="refs/heads/v0.0.19", build_config_uri="", build_signer_uri=""
    )
    identity = github(tag_matches_version=True)
    assert reasons(identity, branch) == (
        "ref is `refs/heads/v0.0.19`, policy wants the tag of version `0.0.19`",
    )
    assert reasons(identity, published(), None) == (
        "the artifact's file name has no version that a tag could match",
    )


def test_workflow_from_another_ref_is_refused():
    """The file has to be the one at the ref that was built, not at a ref somebody chose."""
    signed = claiming(
        published(),
        build_config_uri=f"{REPOSITORY}/.github/workflows/release.yml@refs/heads/evil",
        build_signer_uri="",
    )
    assert reasons(github(workflow="release.yml"), signed) == (
        "workflow `release.yml` was taken from `refs/heads/evil`, not from the ref that was built",
    )


def test_workflow_may_be_named_by_commit():
    """Certificates name the build configuration at the ref or at the commit."""
    signed = claiming(
        published(),
        build_config_uri=f"{REPOSITORY}/.github/workflows/release.yml@{COMMIT}",
        build_signer_uri="",
    )
    assert reasons(github(workflow="release.yml"), signed) == ()


@pytest.mark.parametrize(
    "config",
    [
        "https://github.com/trailofbits/pypi-attestations-evil/.github/workflows/release.yml@refs/tags/v0.0.19",
        "https://github.com/evil/x/.github/workflows/release.yml@refs/tags/v0.0.19",
        f"{REPOSITORY}/evil/.github/workflows/release.yml@refs/tags/v0.0.19",
        f"{REPOSITORY}/.github/workflows/release.yml",
        f"{REPOSITORY}/.github/workflows/release.yml@",
        f"{REPOSITORY}/.github/workflows/evil.yml@refs/heads/release.yml@refs/tags/v0.0.19",
        "",
    ],
)
def test_workflow_elsewhere_is_refused(config):
    """Only the file in the source repository itself is the workflow; a look-alike path is not."""
    signed = claiming(published(), build_config_uri=config, build_signer_uri="", san="https://example.com/")
    assert len(reasons(github(workflow="release.yml"), signed)) == 1


def test_workflow_of_an_old_certificate_is_read_off_its_subject():
    """Certificates from before 2023 name no build configuration; their subject is the workflow."""
    signed = claiming(published(), build_config_uri="", build_signer_uri="")
    assert reasons(github(workflow="release.yml"), signed) == ()
    assert reasons(github(workflow="other.yml"), signed) != ()


def test_reusable_workflow_signs_only_where_the_policy_names_it():
    """Anybody can call a public workflow, so its name never stands for the source repository."""
    called = claiming(published(), san=CALLED, build_signer_uri=CALLED)
    (reason,) = reasons(github(workflow="release.yml"), called)
    assert reason.startswith(f"it is signed by the reusable workflow `{CALLED}`, called from")
    assert reasons(github(signer=CALLED), called) == ()
    assert reasons(github(signer="https://github.com/acme/build/*@refs/tags/v*"), called) == ()
    assert reasons(github(subject=CALLED), called) == ()
    assert len(reasons(Identity("github", subject=CALLED), called)) == 1
    stranger = claiming(called, source_repository_uri="https://github.com/evil/x")
    assert len(reasons(github(signer=CALLED), stranger)) == 1


def test_environment_is_proven_by_the_certificate_alone():
    """GitHub does not tell the case of environments apart; an environment that is not named is not the wanted one."""
    named = claiming(published(), deployment_environment="PyPI")
    assert reasons(github(environment="pypi"), named) == ()
    assert reasons(github(environment="py*"), named) == ()
    assert reasons(github(environment="release"), named) == (
        "deployment environment is `PyPI`, policy wants `release`",
    )


@pytest.mark.parametrize(
    ("identity", "missed"),
    [
        (Identity("gitlab", repository="https://gitlab.com/acme/tools/demo", workflow=".gitlab-ci.yml"), 0),
        (Identity("gitlab", repository="https://gitlab.com/acme/tools/demo", tag_matches_version=True), 0),
        (Identity("gitlab", repository_id="42", owner_id="43", runner="gitlab-hosted", trigger=("push",)), 0),
        (Identity("gitlab", repository="https://gitlab.com/Acme/tools/demo"), 1),
        (Identity("gitlab", repository="https://gitlab.com/acme/tools/demo", workflow="ci.yml"), 1),
        (Identity("gitlab", repository="https://gitlab.com/acme/tools/demo", runner="self-hosted"), 1),
        (Identity("github", repository="https://github.com/acme/demo"), 2),
    ],
)
def test_match_reads_gitlab_certificates(identity, missed):
    """GitLab puts two slashes before the path of its configuration, and tells case apart."""
    assert len(reasons(identity, signed_by(GITLAB), "1.0")) == missed


def test_gitlab_environments_tell_case_apart():
    """Only GitHub does not."""
    named = signed_by(replace(GITLAB, deployment_environment="Release"))
    assert reasons(Identity("gitlab", repository_id="42", environment="Rel*"), named) == ()
    assert len(reasons(Identity("gitlab", repository_id="42", environment="release"), named)) == 1


def test_gitlab_configuration_of_another_project_is_a_reusable_one():
    """A pipeline can take its configuration from elsewhere; then that is who signs."""
    other = "https://gitlab.com/acme/ci//build.yml@refs/heads/main"
    claims = replace(GITLAB, build_config_uri=other, build_signer_uri=other, san=other)
    identity = Identity("gitlab", repository="https://gitlab.com/acme/tools/demo", workflow="build.yml")
    assert reasons(identity, signed_by(claims), "1.0") == (
        "workflow is `https://gitlab.com/acme/ci//build.yml@refs/heads/main`, policy wants `build.yml`",
    )


@pytest.mark.parametrize(
    ("identity", "missed"),
    [
        (Identity("circleci", project_id=PROJECT), 0),
        (Identity("circleci", project_id=PROJECT, pipeline_definition_id=DEFINITION), 0),
        (Identity("circleci", repository="https://github.com/CircleCI-Public/sign-and-publish-examples"), 0),
        (Identity("circleci", repository="https://github.com/circleci-public/sign-and-publish-examples"), 0),
        (Identity("circleci", project_id=PROJECT, ref=("refs/heads/pypi",)), 0),
        (Identity("circleci", project_id=DEFINITION), 1),
        (Identity("circleci", pipeline_definition_id=PROJECT), 1),
        (Identity("circleci", repository="https://github.com/CircleCI-Public/other"), 1),
        (Identity("circleci", project_id=PROJECT, ref=("refs/tags/*",)), 1),
        (Identity("circleci", project_id=PROJECT, issuer="https://oidc.circleci.com/org/x"), 1),
        (Identity("github", repository="https://github.com/CircleCI-Public/sign-and-publish-examples"), 1),
    ],
)
def test_match_reads_the_real_circleci_certificate(identity, missed):
    """Project and definition are in the subject, the source has no scheme, and signer and configuration differ."""
    assert len([reason for reason in reasons(identity, circleci()) if "reusable" not in reason]) == missed


def test_circleci_run_with_a_shell_is_always_refused():
    """Who reruns a job with a shell can build anything in it (Fulcio's note on `ssh-rerun`)."""
    shell = claiming(circleci(), runner_environment="ssh-rerun")
    assert len(reasons(Identity("circleci", project_id=PROJECT), shell)) == 1


@pytest.mark.parametrize(
    ("identity", "missed"),
    [
        (Identity("email", subject="william@yossarian.net"), 0),
        (Identity("email", subject="*@yossarian.net"), 0),
        (Identity("email", subject="william@yossarian.net", issuer="https://github.com/login/oauth"), 0),
        (Identity("email", subject="william@yossarian.net", issuer="https://accounts.google.com"), 1),
        (Identity("email", subject="bill@yossarian.net"), 1),
        (Identity("email", subject="will[i]am@yossarian.net"), 1),
        (Identity("google", subject="william@yossarian.net"), 1),
    ],
)
def test_match_reads_the_real_email_certificate(identity, missed):
    """An address counts with its provider; in a subject only `*` is a pattern."""
    assert len(reasons(identity, person())) == missed


def test_email_identity_wants_an_email_certificate():
    """A workflow URI that reads like an address is none."""
    claims = Claims(san="https://x/y@example.com", san_kind="uri", issuer="https://accounts.google.com")
    for kind in ("email", "google"):
        assert len(reasons(Identity(kind, subject="*@example.com"), signed_by(claims))) == 1


def test_google_service_account_is_accepted():
    """A service account is an address at Google."""
    claims = Claims(
        san="build@acme.iam.gserviceaccount.com", san_kind="email", issuer="https://accounts.google.com"
    )
    assert reasons(Identity("google", subject=claims.san), signed_by(claims)) == ()


def test_managed_key_is_matched_by_its_digest():
    """A key is itself and no other, and never a certificate's holder."""
    assert reasons(Identity("key", key_id="a" * 64), key_signed()) == ()
    assert reasons(Identity("key", key_id="b" * 64), key_signed()) == (
        f"key is `{'a' * 64}`, policy wants `{'b' * 64}`",
    )
    assert reasons(github(), key_signed()) == ("it is signed with a managed key, policy wants a certificate",)


def test_identity_or_signer_of_no_known_kind_matches_nothing():
    """Values built by hand cannot turn an unknown kind, or a signature by nobody, into a match."""
    assert reasons(Identity("nonsense"), published()) == ("identities of kind `nonsense` cannot be judged",)
    nobody = key_signed("")
    assert reasons(Identity("key", key_id=""), nobody) == (
        "it is not signed with a managed key, policy wants one",
    )
    assert reasons(github(), nobody) != ()


def test_nearest_reasons_are_those_of_the_identity_that_comes_nearest():
    """Of several identities a person sees the few reasons, not the many; one that matches ends it."""
    far = Identity("gitlab", repository="https://gitlab.com/acme/demo", workflow="x.yml")
    near = github(ref=("refs/heads/main",))
    found = nearest_reasons([far, near], published(), version=None)
    assert found == ("ref is `refs/tags/v0.0.19`, policy wants `refs/heads/main`",)
    assert nearest_reasons([far, github()], published(), version=None) == ()


def test_reasons_hold_nothing_that_moves_a_cursor():
    """Claims are foreign text, and reach a terminal escaped."""
    signed = claiming(rfc8785(), source_repository_ref="refs/heads/\x1b[2Jmain")
    (reason,) = reasons(Identity("github", owner_id="2314423", ref=("refs/tags/*",)), signed)
    assert reason.isprintable()
    assert "\\u001b[2Jmain" in reason
