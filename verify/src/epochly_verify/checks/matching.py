"""Whether a signer is one of those a policy accepts, and if not, every reason why.

An issuer always has to vouch for a name: the same subject can come from two providers. What a policy asks for and
a certificate does not say never matches. A reusable workflow that signs is kept apart from the repository that was
built: anybody can call a public one, so its name alone proves nothing about the source.
Claims: Sigstore OID registry (`docs/oid-info.md` of sigstore/fulcio).
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from packaging.version import Version

from epochly_verify.checks.signer import workflow_file
from epochly_verify.parse.quote import quoted
from epochly_verify.parse.repository import same_repository
from epochly_verify.policy import CIRCLECI_ISSUER, ISSUERS, UNSUPPORTED, Identity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from epochly_verify.model import Claims, Signed

_CIRCLECI_SUBJECT = re.compile(r"https://circleci\.com/api/v2/projects/([^/]+)/pipeline-definitions/([^/]+)")
_FORGES = frozenset({"github", "gitlab"})


def match(identity: Identity, signed: Signed, *, version: Version | None) -> tuple[str, ...]:
    """Why the signer is not the identity; empty when it is.

    Args:
        identity: as the policy parser made it.
        signed: a signature; one that is not authentic matches nothing.
        version: the artifact's, for `tag_matches_version`.
    """
    if not signed.authentic:
        return ("its signature is not valid",)
    if identity.kind == UNSUPPORTED or identity.kind not in ISSUERS:
        return (identity.subject or f"identities of kind {quoted(identity.kind)} cannot be judged",)
    claims = signed.claims
    if identity.kind == "key":
        if claims is not None or not signed.key_id:
            return ("it is not signed with a managed key, policy wants one",)
        return () if signed.key_id == identity.key_id else (_differs("key", signed.key_id, identity.key_id),)
    if claims is None:
        return ("it is signed with a managed key, policy wants a certificate",)
    return tuple(_reasons(identity, claims, version))


def nearest_reasons(
    identities: Sequence[Identity], signed: Signed, *, version: Version | None
) -> tuple[str, ...]:
    """The reasons of the identity that comes nearest; empty when one matches, or when there is none to match."""
    found: tuple[str, ...] | None = None
    for identity in identities:
        reasons = match(identity, signed, version=version)
        if found is None or len(reasons) < len(found):
            found = reasons
        if not reasons:
            break
    return found or ()


def _reasons(identity: Identity, claims: Claims, version: Version | None) -> Iterator[str]:
    yield from _issuer_reasons(identity, claims)
    if claims.issuer.startswith(CIRCLECI_ISSUER) and claims.runner_environment == "ssh-rerun":
        yield "a person had a shell on the runner (`ssh-rerun`), so what was built may be anything"
    yield from _subject_reasons(identity, claims)
    fold = identity.kind == "github" or claims.source_repository_uri.removeprefix("https://").startswith(
        "github.com/"
    )
    seen = claims.source_repository_uri
    if identity.repository and not (seen and same_repository(seen, identity.repository, fold=fold)):
        yield _differs("repository", _short(seen), _short(identity.repository))
    for what, value, wanted in (
        ("repository id", claims.source_repository_id, identity.repository_id),
        ("owner id", claims.source_repository_owner_id, identity.owner_id),
        ("runner environment", claims.runner_environment, identity.runner),
        ("commit", claims.source_repository_digest.lower(), identity.commit),
    ):
        if wanted and value != wanted:
            yield _differs(what, value, wanted)
    if identity.kind in _FORGES:
        yield from _workflow_reasons(identity, claims)
        yield from _signer_reasons(identity, claims)
    yield from _ref_reasons(identity, claims, version)
    if identity.trigger and claims.build_trigger not in identity.trigger:
        yield _differs("trigger", claims.build_trigger, *identity.trigger)
    environment = claims.deployment_environment
    if identity.environment and not (environment and _same_environment(environment, identity)):
        note = "" if environment else " (certificates from before 2026 name none)"
        yield _differs("deployment environment", environment, identity.environment) + note


def _issuer_reasons(identity: Identity, claims: Claims) -> Iterator[str]:
    wanted = (identity.issuer,) if identity.issuer else ISSUERS[identity.kind]
    if not claims.issuer or claims.issuer not in wanted:
        yield _differs("issuer", claims.issuer, *wanted)


def _subject_reasons(identity: Identity, claims: Claims) -> Iterator[str]:
    if identity.kind in {"email", "google"} and claims.san_kind != "email":
        yield f"{quoted(claims.san)} is no e-mail address, policy wants {quoted(identity.subject)}"
        return
    wanted = identity.subject
    pattern = re.sub(r"([?[])", r"[\1]", wanted)  # names hold these, e.g. `name[bot]`; only `*` is special
    if wanted and not (claims.san and fnmatchcase(claims.san, pattern)):
        yield _differs("subject", claims.san, wanted)
    if identity.project_id or identity.pipeline_definition_id:
        found = _CIRCLECI_SUBJECT.fullmatch(claims.san)
        project, definition = found.groups() if found else ("", "")
        for what, value, asked in (
            ("CircleCI project", project.lower(), identity.project_id),
            ("CircleCI pipeline definition", definition.lower(), identity.pipeline_definition_id),
        ):
            if asked and value != asked:
                yield _differs(what, value, asked)


def _workflow_reasons(identity: Identity, claims: Claims) -> Iterator[str]:
    """The top-level build configuration lies in the source repository, at the source's own ref or commit."""
    if not identity.workflow:
        return
    base, path, between = claims.source_repository_uri, identity.workflow, "//"
    if identity.kind == "github":
        path, between = path if "/" in path else f".github/workflows/{path}", "/"
    revisions = [text for text in (claims.source_repository_ref, claims.source_repository_digest) if text]
    config = claims.build_config_uri or (claims.san if claims.san_kind == "uri" else "")  # none before 2023
    if base and any(config == f"{base}{between}{path}@{revision}" for revision in revisions):
        return
    if base and config.startswith(f"{base}{between}{path}@"):
        elsewhere = config.removeprefix(f"{base}{between}{path}@")
        yield f"workflow `{identity.workflow}` was taken from {quoted(elsewhere)}, not from the ref that was built"
    else:
        yield _differs("workflow", workflow_file(claims), identity.workflow)


def _signer_reasons(identity: Identity, claims: Claims) -> Iterator[str]:
    """Who signed is the top-level workflow itself, or the reusable one the policy names."""
    signer, config = claims.build_signer_uri, claims.build_config_uri
    if identity.signer:
        signer = signer or (claims.san if claims.san_kind == "uri" else "")
        if not (signer and fnmatchcase(signer, identity.signer)):
            yield _differs("signing workflow", signer, identity.signer)
        return
    caller_is_pinned = identity.repository or identity.repository_id or identity.owner_id
    if identity.subject and caller_is_pinned:
        return  # the subject is the signing workflow, and the caller is named beside it
    if signer and config and signer != config:
        yield (
            f"it is signed by the reusable workflow {quoted(signer)}, called from {quoted(config)}; "
            "policy names no such `signer`"
        )


def _ref_reasons(identity: Identity, claims: Claims, version: Version | None) -> Iterator[str]:
    ref = claims.source_repository_ref
    if identity.ref and not (ref and any(fnmatchcase(ref, pattern) for pattern in identity.ref)):
        yield _differs("ref", ref, *identity.ref)
    if not identity.tag_matches_version:
        return
    if version is None:
        yield "the artifact's file name has no version that a tag could match"
    elif not _is_tag_of(ref, version):
        yield f"ref is {quoted(ref)}, policy wants the tag of version `{version}`"


def _is_tag_of(ref: str, version: Version) -> bool:
    """Whether the ref is a tag that reads as the version, with or without a leading `v` (PEP 440 equality)."""
    tag = ref.removeprefix("refs/tags/")
    if tag == ref or not tag.isascii() or len(tag) > 255:
        return False
    try:
        return Version(tag) == version
    except ValueError:  # no version, or one with more digits than the interpreter reads
        return False


def _same_environment(environment: str, identity: Identity) -> bool:
    wanted = identity.environment
    if identity.kind == "github":
        return fnmatchcase(environment.lower(), wanted.lower())
    return fnmatchcase(environment, wanted)


def _differs(what: str, seen: str, *wanted: str) -> str:
    asked = " or ".join(quoted(text) for text in wanted[:5])
    return (
        f"{what} is {quoted(seen)}, policy wants {asked}"
        if seen
        else f"no {what} is named, policy wants {asked}"
    )


def _short(repository: str) -> str:
    return repository.removeprefix("https://github.com/")
