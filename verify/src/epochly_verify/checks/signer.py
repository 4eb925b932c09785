"""A signer in words: who, what and where, as its certificate says it.

For reading only. Nothing is decided on these words, and foreign text in them cannot move a terminal's cursor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from epochly_verify.parse.quote import quoted
from epochly_verify.policy import CIRCLECI_ISSUER, GITHUB_ISSUER, GITLAB_ISSUER

if TYPE_CHECKING:
    from epochly_verify.model import Claims, Signed

_FORGES = {
    GITHUB_ISSUER: "GitHub workflow",
    GITLAB_ISSUER: "GitLab pipeline",
    CIRCLECI_ISSUER: "CircleCI pipeline",
}


def signer_in_words(signed: Signed) -> str:
    """For example "GitHub workflow `release.yml` of trailofbits/rfc8785.py at refs/tags/v0.1.2"."""
    claims = signed.claims
    if claims is None:
        return f"managed key {quoted(signed.key_id[:16])}" if signed.key_id else "nobody that is named"
    forge = _FORGES.get(claims.issuer, "")
    repository = claims.source_repository_uri
    if not forge or not repository:
        return f"{quoted(claims.san)}, vouched for by {quoted(claims.issuer)}"
    name = repository.removeprefix("https://")
    if claims.issuer != CIRCLECI_ISSUER:
        name = name.partition("/")[2] or name
    what = [forge]
    workflow = workflow_file(claims)
    if workflow and claims.issuer != CIRCLECI_ISSUER:
        what.append(quoted(workflow))
    what += ["of", _bare(name)]
    if claims.source_repository_ref:
        what += ["at", _bare(claims.source_repository_ref)]
    words = " ".join(what)
    if claims.issuer != CIRCLECI_ISSUER and "" != claims.build_signer_uri != claims.build_config_uri != "":
        words += f", through the reusable workflow {quoted(claims.build_signer_uri)}"
    return words


def workflow_file(claims: Claims) -> str:
    """The top-level build configuration: its path in the source repository, short where it lies where GitHub wants it.

    The whole URI when it lies elsewhere; empty when the certificate names none.
    """
    config = claims.build_config_uri or (claims.san if claims.san_kind == "uri" else "")
    for revision in (claims.source_repository_ref, claims.source_repository_digest):
        if revision and config.endswith(f"@{revision}"):
            config = config.removesuffix(f"@{revision}")
            break
    base = claims.source_repository_uri
    if base and config.startswith(f"{base}/"):
        return config.removeprefix(f"{base}/").removeprefix("/").removeprefix(".github/workflows/")
    return config


def _bare(text: str) -> str:
    return quoted(text)[1:-1]
