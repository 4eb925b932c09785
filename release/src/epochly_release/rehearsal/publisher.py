"""Trusted publishers, and whether the claims of a token are one's: the index's half of trusted publishing.

Follows what the public index compares for GitHub: repository and owner without regard to case, the owner's number, the
workflow file of `job_workflow_ref` at the token's own `ref` or `sha`, and the environment where one is registered. It
does not look at the ref itself nor, but for `pull_request_target`, at the event: a policy of the verifier has to.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

_REQUIRED = (
    "sub",
    "repository",
    "repository_owner",
    "repository_owner_id",
    "job_workflow_ref",
    "jti",
    "ref",
    "sha",
)
_WORKFLOW = re.compile(r"([^/]+\.(?:yml|yaml))(?=@)")
_NOT_FOUND = "publisher with matching claims was not found"


class PublisherError(ValueError):
    """The claims are no publisher's; the text says why."""


class ReusedTokenError(ValueError):
    """The token was used before."""


@dataclass(frozen=True, slots=True)
class Publisher:
    """A workflow that may publish some projects.

    Attributes:
        repository: `owner/name`.
        owner_id: the owner's number at the forge; a name can change hands.
        workflow: file name below `.github/workflows/`.
        environment: empty where any will do.
        projects: what it may upload, PEP 503-normalised.
    """

    repository: str
    owner_id: str
    workflow: str
    environment: str
    projects: tuple[str, ...]

    @property
    def document(self) -> dict[str, str | None]:
        """The publisher as a provenance names it (PEP 740)."""
        return {
            "kind": "GitHub",
            "repository": self.repository,
            "workflow": self.workflow,
            "environment": self.environment or None,
        }


def find_publisher(
    publishers: Iterable[Publisher], claims: Mapping[str, Any], used: Container[str]
) -> Publisher:
    """The publisher a token speaks for.

    Args:
        publishers: those the index knows.
        claims: of a token whose signature holds.
        used: `jti` of earlier tokens.

    Raises:
        PublisherError: there is none.
        ReusedTokenError: there is one, and it had this token before.
    """
    for name in _REQUIRED:
        if not isinstance(claims.get(name), str):
            raise PublisherError(f"missing claim {name!r}")
    found = _WORKFLOW.search(claims["job_workflow_ref"])
    candidates = [
        publisher
        for publisher in publishers
        if publisher.repository.lower() == claims["repository"].lower()
        and publisher.owner_id == claims["repository_owner_id"]
        and found is not None
        and publisher.workflow == found[0]
    ]
    publisher = _for_environment(candidates, str(claims.get("environment") or ""))
    _require_consistent(publisher, claims)
    if claims["jti"] in used:
        raise ReusedTokenError("already used")
    return publisher


def _for_environment(candidates: list[Publisher], environment: str) -> Publisher:
    """The one registered for the environment, else one registered for any."""
    for wanted in ([environment.lower()] if environment else []) + [""]:
        for publisher in candidates:
            if publisher.environment.lower() == wanted:
                return publisher
    raise PublisherError(_NOT_FOUND)


def _require_consistent(publisher: Publisher, claims: Mapping[str, Any]) -> None:
    subject = ":".join(claims["sub"].split(":")[:2])
    if subject.lower() != f"repo:{publisher.repository}".lower():
        raise PublisherError("check failed for required claim 'sub'")
    if claims["repository_owner"].lower() != publisher.repository.partition("/")[0].lower():
        raise PublisherError("check failed for required claim 'repository_owner'")
    file = f"{claims['repository']}/.github/workflows/{publisher.workflow}"
    expected = sorted(f"{file}@{revision}" for revision in (claims["ref"], claims["sha"]) if revision)
    if claims["job_workflow_ref"] not in expected:
        raise PublisherError(
            f"the job_workflow_ref claim does not match, expecting one of {expected!r}, "
            f"got {claims['job_workflow_ref']!r}"
        )
    if claims.get("event_name") == "pull_request_target":
        raise PublisherError("check failed for optional claim 'event_name'")
