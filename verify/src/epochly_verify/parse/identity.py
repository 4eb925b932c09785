"""Acceptable signers: what a policy file or the command line says of one, checked and put into one spelling.

Each kind accepts only what its certificates can prove, and an identity has to pin somebody: a kind alone, or a
workflow without a repository, would accept strangers. The claims and their providers: Sigstore OID registry
(`docs/oid-info.md` of sigstore/fulcio).
"""

from __future__ import annotations

import re
from dataclasses import fields, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from epochly_verify.errors import PolicyError
from epochly_verify.parse.quote import quoted
from epochly_verify.parse.repository import forge_of, repository_url
from epochly_verify.parse.tomlfields import nearest
from epochly_verify.policy import (
    CIRCLECI_ISSUER,
    GITHUB_ISSUER,
    GITLAB_ISSUER,
    ISSUERS,
    Identity,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Refuse = Callable[[str, str, str], PolicyError]  # key, what is wrong, hint

_FORGE = frozenset(
    {
        "repository",
        "repository_id",
        "owner_id",
        "workflow",
        "ref",
        "tag_matches_version",
        "environment",
        "trigger",
        "runner",
        "signer",
        "commit",
        "subject",
        "issuer",
    }
)
KEYS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "github": _FORGE,
        "gitlab": _FORGE,
        "google": frozenset({"subject"}),
        "circleci": frozenset(
            {
                "repository",
                "ref",
                "tag_matches_version",
                "project_id",
                "pipeline_definition_id",
                "subject",
                "issuer",
            }
        ),
        "email": frozenset({"subject", "issuer"}),
        "any": frozenset({"subject", "issuer"}),
        "key": frozenset({"key_id"}),
    }
)
"""Which fields of `Identity` are meaningful for a kind."""

_PINS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "github": ("repository", "repository_id", "owner_id", "subject"),
        "gitlab": ("repository", "repository_id", "owner_id", "subject"),
        "google": ("subject",),
        "circleci": ("project_id", "pipeline_definition_id", "repository", "subject"),
        "email": ("subject",),
        "any": ("subject",),
        "key": ("key_id",),
    }
)
_RUNNERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"github": ("github-hosted", "self-hosted"), "gitlab": ("gitlab-hosted", "self-hosted")}
)
_HOMES: Mapping[str, str] = MappingProxyType({"github": "github.com", "gitlab": "gitlab.com"})
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_EVENT = re.compile(r"[A-Za-z0-9_-]{1,100}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def key_name(field: str) -> str:
    """A field of `Identity` as policies spell it."""
    return field.replace("_", "-")


def checked_identity(identity: Identity, refuse: Refuse) -> Identity:
    """The identity in one spelling.

    Args:
        identity: as written.
        refuse: makes the error for a key, what is wrong with it, and a hint.

    Raises:
        PolicyError: it cannot match, says something its kind cannot prove, or pins nobody.
    """
    kind = identity.kind
    if kind not in ISSUERS:
        raise refuse("kind", f"{quoted(kind, most=80)} is no known kind", nearest(kind, ISSUERS, "kinds"))
    for field in fields(Identity):
        if field.name != "kind" and getattr(identity, field.name) and field.name not in KEYS[kind]:
            known = ", ".join(f"`{key_name(name)}`" for name in sorted(KEYS[kind]))
            raise refuse(key_name(field.name), f"means nothing for kind `{kind}`", f"this kind knows {known}")
    identity = _located(identity, refuse)
    _ensure_workflow(identity, refuse)
    _ensure_signer(identity, refuse)
    for ref in identity.ref:
        if not ref.startswith(("refs/", "*")):
            raise refuse(
                "ref",
                f"{quoted(ref)} is no full ref",
                f"write `refs/heads/{quoted(ref)[1:-1]}` for a branch, `refs/tags/{quoted(ref)[1:-1]}` for a tag",
            )
    for event in identity.trigger:
        if not _EVENT.fullmatch(event):
            raise refuse("trigger", f"{quoted(event)} is no event", "write the event's name, e.g. `release`")
    known_runners = _RUNNERS.get(kind, ())
    if identity.runner and identity.runner not in known_runners:
        raise refuse(
            "runner",
            f"{quoted(identity.runner)} is no runner environment",
            nearest(identity.runner, known_runners, "runner environments"),
        )
    for name, pattern, what in (
        ("commit", _COMMIT, "a commit in full: 40 or 64 hexadecimal digits"),
        ("key_id", _SHA256, "the SHA-256 of a public key (DER SubjectPublicKeyInfo): 64 hexadecimal digits"),
        ("project_id", _UUID, "a UUID as CircleCI shows it"),
        ("pipeline_definition_id", _UUID, "a UUID as CircleCI shows it"),
    ):
        value = getattr(identity, name).lower()
        if value and not pattern.fullmatch(value):
            raise refuse(key_name(name), f"{quoted(value, most=80)} is not {what}", "copy the whole value")
        identity = replace(identity, **{name: value})
    _ensure_pinned(identity, refuse)
    return identity


def identity_from_flags(
    *,
    repository: str | None = None,
    workflow: str | None = None,
    ref: str | Sequence[str] | None = None,
    environment: str | None = None,
    identity: str | None = None,
    issuer: str | None = None,
    trigger: str | Sequence[str] | None = None,
    **more: Any,
) -> Identity:
    """The signer that command-line flags describe; the kind follows from the repository's host or the issuer.

    Args:
        repository: URL or `owner/name`.
        workflow: file name or path inside the repository.
        ref: globs on the source ref.
        environment: deployment environment.
        identity: the certificate's subject alternative name: a URI or an e-mail address.
        issuer: OIDC issuer URL.
        trigger: events.
        more: further fields of `Identity`, by name.

    Raises:
        PolicyError: the flags contradict each other or pin nobody; `where` is the flag.
    """

    def refuse(key: str, message: str, hint: str) -> PolicyError:
        return PolicyError("policy-flag", f"--{'identity' if key == 'subject' else key}", message, hint)

    given = Identity(
        repository=repository or "",
        workflow=workflow or "",
        ref=_listed(ref),
        environment=environment or "",
        trigger=_listed(trigger),
        subject=identity or "",
        issuer=issuer or "",
        **{name: value for name, value in more.items() if value},
    )
    if not (given.repository or given.subject or given.key_id or given.repository_id or given.owner_id):
        raise refuse(
            "repository",
            "no flag says who may sign",
            "give `--repository OWNER/NAME` or `--identity SUBJECT`",
        )
    return checked_identity(replace(given, kind=_kind_from_flags(given, refuse)), refuse)


def _kind_from_flags(given: Identity, refuse: Refuse) -> str:
    """What kind of identity flags mean."""
    issuer, subject = given.issuer, given.subject
    if given.key_id:
        return "key"
    kind = {GITHUB_ISSUER: "github", GITLAB_ISSUER: "gitlab", CIRCLECI_ISSUER: "circleci"}.get(issuer, "")
    if not kind and (
        issuer.startswith((f"{GITHUB_ISSUER}/", f"{CIRCLECI_ISSUER}/"))
        or issuer.endswith("/_services/token")
        or re.fullmatch(r"https://token\.actions\.[a-z0-9-]+\.ghe\.com", issuer)
    ):  # an enterprise's own issuer; a GitHub server; an enterprise with data residency
        kind = "circleci" if issuer.startswith(CIRCLECI_ISSUER) else "github"
    if given.repository:
        if "@" in subject and "://" not in subject:
            raise refuse("identity", "an e-mail address signs for no repository", "give one of the two")
        if kind:
            return kind
        try:
            url = repository_url(given.repository, kind)
        except ValueError as error:
            message, _, hint = str(error).partition("; ")
            raise refuse("repository", f"{quoted(given.repository)} {message}", hint) from error
        kind = forge_of(url)
        if not kind and issuer and url.startswith(f"{issuer.rstrip('/')}/"):
            kind = "gitlab"  # a GitLab of one's own is its own issuer
        if not kind:
            raise refuse(
                "repository",
                f"{quoted(given.repository)} is at no forge this version knows",
                "give `--issuer` as well, or `--identity` with `--issuer`",
            )
        return kind
    if "@" in subject and "://" not in subject and issuer:
        return "email"
    for host, implied in (("github.com", "github"), ("gitlab.com", "gitlab"), ("circleci.com", "circleci")):
        if subject.startswith(f"https://{host}/") and (not issuer or kind == implied):
            return implied
    if subject and not issuer:
        raise refuse(
            "identity",
            f"{quoted(subject)} does not say who vouches for it",
            "give `--issuer URL`: a name without its issuer can be claimed by another provider",
        )
    if subject:
        return "any"
    return kind or "github"  # only the forge's numbers are given


def _located(identity: Identity, refuse: Refuse) -> Identity:
    """With the repository as URL, and an issuer that can speak for it."""
    if identity.issuer and not re.fullmatch(r"https?://[^\s/?#]+(?:/[^\s?#]*)?", identity.issuer):
        raise refuse(
            "issuer",
            f"{quoted(identity.issuer)} is no URL",
            f"write it as in the certificate, e.g. `{GITHUB_ISSUER}`",
        )
    if not identity.repository:
        return identity
    try:
        url = repository_url(identity.repository, identity.kind)
    except ValueError as error:
        message, _, hint = str(error).partition("; ")
        raise refuse("repository", f"{quoted(identity.repository)} {message}", hint) from error
    home = _HOMES.get(identity.kind, "")
    host = url.removeprefix("https://").partition("/")[0]
    if home and forge_of(url) not in {"", identity.kind}:
        raise refuse(
            "repository", f"{quoted(url)} is no {identity.kind} repository", f"use kind `{forge_of(url)}`"
        )
    if home and host != home and not identity.issuer:
        raise refuse(
            "repository",
            f"{quoted(host)} is not {home}, and no issuer is named",
            "name the `issuer` of that server: without it the public one would be asked about a name it does not own",
        )
    return replace(identity, repository=url)


def _ensure_workflow(identity: Identity, refuse: Refuse) -> None:
    workflow = identity.workflow
    if not workflow:
        return
    if (
        workflow.startswith("/")
        or "://" in workflow
        or ".." in workflow.split("/")
        or not all(workflow.split("/"))
    ):
        raise refuse(
            "workflow",
            f"{quoted(workflow)} is no path inside the repository",
            "write the file's name, e.g. `release.yml`",
        )
    if not workflow.startswith("dynamic/") and not workflow.endswith((".yml", ".yaml")):
        raise refuse(
            "workflow",
            f"{quoted(workflow)} is no workflow file",
            "write the file's name with its `.yml`, not its title",
        )


def _ensure_signer(identity: Identity, refuse: Refuse) -> None:
    signer = identity.signer
    if signer and not (signer.startswith("https://") and "@" in signer):
        raise refuse(
            "signer",
            f"{quoted(signer)} is no workflow with its ref",
            "write `https://HOST/OWNER/NAME/PATH@REF`; `@*` takes every ref",
        )


def _ensure_pinned(identity: Identity, refuse: Refuse) -> None:
    """It says whom to trust, and an issuer vouches for the name."""
    kind = identity.kind
    if identity.subject and not identity.subject.strip("*"):
        raise refuse("subject", "matches every name", "write at least what is fixed of it")
    if kind in {"google", "email"} and "@" not in identity.subject:
        raise refuse(
            "subject", "names no e-mail address", "write the signer's address, e.g. `alice@example.com`"
        )
    if not any(getattr(identity, name) for name in _PINS[kind]):
        wanted = ", ".join(f"`{key_name(name)}`" for name in _PINS[kind])
        raise refuse("kind", f"`{kind}` alone names nobody", f"add one of {wanted}")
    if kind == "any" and not identity.issuer:
        raise refuse(
            "issuer", "is missing", "kind `any` needs one: a name counts only with who vouches for it"
        )


def _listed(value: str | Sequence[str] | None) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) and value else tuple(value or ())
