"""Whether the publisher a PEP 740 provenance names beside an attestation can be whom its certificate names.

The publisher object is not signed, so nothing is accepted because of it; but an index that says one publisher and
holds another's attestation has been tampered with, or has a fault.
https://packaging.python.org/specifications/index-hosted-attestations/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from epochly_verify.model import Finding
from epochly_verify.parse.quote import quoted
from epochly_verify.parse.repository import same_repository
from epochly_verify.policy import CIRCLECI_ISSUER, GITHUB_ISSUER, GOOGLE_ISSUER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from epochly_verify.model import Claims, Signed


def publisher_findings(signed: Signed) -> Iterator[Finding]:
    """What is wrong between an authentic attestation and the publisher it stands under."""
    publisher = signed.publisher
    if publisher is None or not signed.authentic:
        return
    kind = publisher.get("kind")
    if kind not in ("GitHub", "GitLab", "Google", "CircleCI"):
        shown = quoted(kind, most=60) if isinstance(kind, str) else "no text"
        message = f"the publisher's kind is {shown}, so it was not compared with the certificate"
        yield Finding("publisher-unknown", signed.origin, message)
    elif signed.claims is None:
        message = f"the publisher is of kind `{kind}`, but a managed key signed"
        yield Finding("publisher-mismatch", signed.origin, message)
    else:
        for message in _contradictions(kind, publisher, signed.claims):
            yield Finding("publisher-mismatch", signed.origin, message)


def _contradictions(kind: str, publisher: Mapping[str, Any], claims: Claims) -> Iterator[str]:
    said = {key: publisher.get(key) for key in _KEYS[kind]}
    for key, value in said.items():
        missing = value is None and key not in _OPTIONAL
        if missing or not isinstance(value, str | None):
            yield f"the publisher's `{key}` is missing or no text"
            return
    match kind:
        case "GitHub":
            issued = claims.issuer == GITHUB_ISSUER or claims.issuer.startswith(f"{GITHUB_ISSUER}/")
            yield from _forge(
                claims, said, f"https://github.com/{said['repository']}", "workflow", issued=issued
            )
        case "GitLab":  # a GitLab of one's own is its own issuer
            url = f"{claims.issuer}/{said['repository']}"
            yield from _forge(
                claims, said, url, "workflow_filepath", issued=claims.issuer.startswith("https://")
            )
        case "Google":
            yield from _differs("issuer", GOOGLE_ISSUER, claims.issuer)
            yield from _differs("email", said["email"], claims.san)
        case _:
            yield from _differs("issuer", CIRCLECI_ISSUER, claims.issuer)
            project, definition = said["project_id"], said["pipeline_definition_id"]
            subject = f"https://circleci.com/api/v2/projects/{project}/pipeline-definitions/{definition}"
            yield from _differs("pipeline definition", subject, claims.san)
            yield from _differs("vcs_origin", said["vcs_origin"], claims.source_repository_uri)
            yield from _differs("vcs_ref", said["vcs_ref"], claims.source_repository_ref)


_KEYS: Mapping[str, tuple[str, ...]] = {
    "GitHub": ("repository", "workflow", "environment"),
    "GitLab": ("repository", "workflow_filepath", "environment"),
    "Google": ("email",),
    "CircleCI": ("project_id", "pipeline_definition_id", "vcs_origin", "vcs_ref"),
}
_OPTIONAL = frozenset({"environment", "vcs_origin", "vcs_ref"})


def _forge(
    claims: Claims, said: Mapping[str, str | None], repository: str, file_key: str, *, issued: bool
) -> Iterator[str]:
    """GitHub and GitLab: repository, workflow, environment."""
    if not issued:
        yield f"the publisher is at another provider than issuer {quoted(claims.issuer)}"
        return
    source = claims.source_repository_uri
    if not source or not same_repository(source, repository, fold=file_key == "workflow"):
        yield f"the publisher's repository is {quoted(said['repository'] or '')}, the certificate's {quoted(source)}"
        return
    between = "/.github/workflows/" if file_key == "workflow" else "//"
    file = said[file_key]
    # The index knows a publisher by the workflow that asked for the token: the top-level one, or one it calls.
    uris = [uri for uri in (claims.build_config_uri, claims.build_signer_uri) if uri]
    if not any(uri.startswith(f"{source}{between}{file}@") for uri in uris):
        seen = quoted(uris[0]) if uris else "nothing"
        yield f"the publisher's workflow is {quoted(file or '')}, the certificate's {seen}"
    stated, proven = said["environment"], claims.deployment_environment
    if stated and proven and stated.lower() != proven.lower():
        yield f"the publisher's environment is {quoted(stated)}, the certificate's {quoted(proven)}"


def _differs(what: str, stated: str | None, proven: str) -> Iterator[str]:
    if stated is not None and stated != proven:
        yield f"the publisher's {what} is {quoted(stated)}, the certificate's {quoted(proven)}"
