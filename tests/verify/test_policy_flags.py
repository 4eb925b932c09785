"""`identity_from_flags`: what the command line says of a signer, and which kind that is."""

from __future__ import annotations

import pytest
from packaging.version import Version
from signers import DEFINITION, PROJECT, circleci, person, published, rfc8785

from epochly_verify.checks.matching import match
from epochly_verify.errors import PolicyError
from epochly_verify.parse.policy import identity_from_flags
from epochly_verify.policy import Identity

CIRCLE_SUBJECT = f"https://circleci.com/api/v2/projects/{PROJECT}/pipeline-definitions/{DEFINITION}"
GITHUB_SUBJECT = "https://github.com/trailofbits/rfc8785.py/.github/workflows/release.yml@refs/tags/v0.1.2"


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({"repository": "a/b"}, Identity("github", repository="https://github.com/a/b")),
        (
            {"repository": "https://github.com/a/b.git"},
            Identity("github", repository="https://github.com/a/b"),
        ),
        ({"repository": "https://GitHub.com/a/b/"}, Identity("github", repository="https://github.com/a/b")),
        (
            {"repository": "git+https://github.com/a/b.git/"},
            Identity("github", repository="https://github.com/a/b"),
        ),
        ({"repository": "github.com/a/b"}, Identity("github", repository="https://github.com/a/b")),
        (
            {"repository": "https://gitlab.com/a/b/c"},
            Identity("gitlab", repository="https://gitlab.com/a/b/c"),
        ),
        ({"repository": "gitlab.com/a/b"}, Identity("gitlab", repository="https://gitlab.com/a/b")),
        (
            {"repository": "a/b", "issuer": "https://gitlab.com"},
            Identity("gitlab", repository="https://gitlab.com/a/b", issuer="https://gitlab.com"),
        ),
        (
            {"repository": "https://github.com/a/b", "issuer": "https://oidc.circleci.com"},
            Identity("circleci", repository="https://github.com/a/b", issuer="https://oidc.circleci.com"),
        ),
        (
            {"repository": "https://ghe.example/a/b", "issuer": "https://ghe.example/_services/token"},
            Identity(
                "github", repository="https://ghe.example/a/b", issuer="https://ghe.example/_services/token"
            ),
        ),
        (
            {"repository": "https://acme.ghe.com/a/b", "issuer": "https://token.actions.acme.ghe.com"},
            Identity(
                "github", repository="https://acme.ghe.com/a/b", issuer="https://token.actions.acme.ghe.com"
            ),
        ),
        (
            {"repository": "https://git.example/a/b", "issuer": "https://git.example"},
            Identity("gitlab", repository="https://git.example/a/b", issuer="https://git.example"),
        ),
        (
            {"repository": "a/b", "workflow": "r.yml", "ref": "refs/tags/*", "environment": "pypi"},
            Identity(
                "github",
                repository="https://github.com/a/b",
                workflow="r.yml",
                ref=("refs/tags/*",),
                environment="pypi",
            ),
        ),
        (
            {
                "repository": "a/b",
                "ref": ["refs/tags/*", "refs/heads/x"],
                "trigger": "release",
                "runner": None,
            },
            Identity(
                "github",
                repository="https://github.com/a/b",
                ref=("refs/tags/*", "refs/heads/x"),
                trigger=("release",),
            ),
        ),
        (
            {"identity": "a@example.com", "issuer": "https://accounts.google.com"},
            Identity("email", subject="a@example.com", issuer="https://accounts.google.com"),
        ),
        ({"identity": GITHUB_SUBJECT}, Identity("github", subject=GITHUB_SUBJECT)),
        ({"identity": CIRCLE_SUBJECT}, Identity("circleci", subject=CIRCLE_SUBJECT)),
        (
            {"identity": GITHUB_SUBJECT, "issuer": "https://issuer.example"},
            Identity("any", subject=GITHUB_SUBJECT, issuer="https://issuer.example"),
        ),
        (
            {"identity": "spiffe://x/y", "issuer": "https://issuer.example"},
            Identity("any", subject="spiffe://x/y", issuer="https://issuer.example"),
        ),
        ({"key_id": "A" * 64}, Identity("key", key_id="a" * 64)),
        (
            {"owner_id": "12", "tag_matches_version": True},
            Identity("github", owner_id="12", tag_matches_version=True),
        ),
    ],
)
def test_flags_become_the_identity_they_mean(flags, expected):
    """The kind follows from the host or the issuer, and spellings of one repository are one repository."""
    assert identity_from_flags(**flags) == expected


@pytest.mark.parametrize(
    ("flags", "where", "hint"),
    [
        ({}, "--repository", "--identity SUBJECT"),
        ({"workflow": "x.yml"}, "--repository", "--identity SUBJECT"),
        ({"issuer": "https://gitlab.com"}, "--repository", "--identity SUBJECT"),
        ({"repository": "a"}, "--repository", "OWNER/NAME"),
        ({"repository": "https://git.example/a/b"}, "--repository", "give `--issuer` as well"),
        ({"repository": "a/b", "identity": "a@example.com"}, "--identity", "give one of the two"),
        ({"repository": "a/b", "ref": "main"}, "--ref", "refs/heads/main"),
        ({"repository": "a/b", "workflow": "Release"}, "--workflow", "`.yml`"),
        (
            {"repository": "https://gitlab.com/a/b", "issuer": "https://token.actions.githubusercontent.com"},
            "--repository",
            "kind `gitlab`",
        ),
        ({"identity": "spiffe://x/y"}, "--identity", "--issuer URL"),
        ({"identity": "a@example.com"}, "--identity", "claimed by another provider"),
        (
            {"identity": "a@example.com", "issuer": "https://accounts.google.com", "workflow": "x.yml"},
            "--workflow",
            "this kind knows",
        ),
        ({"identity": "*", "issuer": "https://issuer.example"}, "--identity", "what is fixed"),
        ({"identity": "x", "issuer": "issuer.example"}, "--issuer", "as in the certificate"),
    ],
)
def test_flags_that_say_nobody_or_contradict_are_refused(flags, where, hint):
    """One error names the flag and what to give instead."""
    with pytest.raises(PolicyError) as caught:
        identity_from_flags(**flags)
    assert caught.value.where == where
    assert hint in caught.value.hint
    assert caught.value.code == "policy-flag"


def test_flag_that_does_not_exist_is_the_callers_mistake():
    """A program that misspells a field is told by Python."""
    with pytest.raises(TypeError):
        identity_from_flags(repository="a/b", reff="x")


@pytest.mark.parametrize(
    ("flags", "signed", "version"),
    [
        ({"repository": "trailofbits/rfc8785.py", "tag_matches_version": True}, rfc8785(), "0.1.2"),
        ({"identity": GITHUB_SUBJECT}, rfc8785(), "0.1.2"),
        ({"repository": "TrailOfBits/pypi-attestations", "workflow": "release.yml"}, published(), "0.0.19"),
        ({"identity": CIRCLE_SUBJECT}, circleci(), "0"),
        (
            {
                "repository": "https://github.com/CircleCI-Public/sign-and-publish-examples",
                "issuer": "https://oidc.circleci.com",
            },
            circleci(),
            "0",
        ),
        (
            {"identity": "william@yossarian.net", "issuer": "https://github.com/login/oauth"},
            person(),
            "0.1.2",
        ),
    ],
)
def test_flags_a_person_would_type_match_the_real_signers(flags, signed, version):
    """What the documentation of an artifact says of its signer is enough, and another repository is not."""
    identity = identity_from_flags(**flags)
    assert match(identity, signed, version=Version(version)) == ()
    assert match(identity_from_flags(repository="trailofbits/other"), signed, version=Version(version)) != ()
