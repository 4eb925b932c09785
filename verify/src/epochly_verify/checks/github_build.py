"""The two build types of a GitHub Actions workflow: which parameters they know, and what each has to equal.

Both describe a top-level workflow run. The names of the known external parameters are those of both types together,
because builders of either write the other's optional ones.
https://github.com/actions/buildtypes (workflow/v1) and
https://github.com/slsa-framework/github-actions-buildtypes (workflow/v1)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from epochly_verify.model import Finding
from epochly_verify.parse.quote import quoted
from epochly_verify.parse.repository import same_repository

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from epochly_verify.model import Claims
    from epochly_verify.parse.slsa import Provenance

BUILD_TYPES = frozenset(
    {
        "https://actions.github.io/buildtypes/workflow/v1",
        "https://slsa-framework.github.io/github-actions-buildtypes/workflow/v1",
    }
)
_WORKFLOW = ("ref", "repository", "path")
_RELEASE = ("body", "draft", "name", "prerelease", "target_commitish")
_EVENT_OF = {"inputs": "workflow_dispatch", "release": "release"}  # the events that may carry a parameter
_OBJECTS = ("inputs", "release", "vars")
_KNOWN = ("workflow", "runner_environment", *_OBJECTS)


def github_build_findings(provenance: Provenance, claims: Claims | None, origin: str) -> Iterator[Finding]:
    """What is wrong with the parameters, in themselves and against the certificate (none for a managed key)."""
    external = provenance.external
    unknown = [name for name in external if name not in _KNOWN]
    workflow = external.get("workflow")
    if not isinstance(workflow, dict):
        yield _malformed(origin, "externalParameters.workflow", "is missing or no object")
        workflow = {}
    else:
        unknown += [f"workflow.{name}" for name in workflow if name not in _WORKFLOW]
        for name in _WORKFLOW:
            if not isinstance(workflow.get(name), str) or not workflow[name]:
                yield _malformed(origin, f"externalParameters.workflow.{name}", "is missing or no text")
    for name in _OBJECTS:
        if name in external and not isinstance(external[name], dict):
            yield _malformed(origin, f"externalParameters.{name}", "is no object")
    release = external.get("release")
    unknown += (
        [f"release.{name}" for name in release if name not in _RELEASE] if isinstance(release, dict) else []
    )
    if "inputs" in external and "release" in external:
        yield _malformed(origin, "externalParameters", "holds `inputs` of one event and `release` of another")
    for name in unknown[:10]:
        message = f"the external parameter {quoted(name)} is not known for this build type"
        yield Finding("provenance-unrecognised-parameter", origin, message)
    given = [
        f"{kind}.{name}"
        for kind in _OBJECTS
        if isinstance(external.get(kind), dict)
        for name in external[kind]
    ]
    if given:
        shown = ", ".join(quoted(name, most=60) for name in given[:5]) + (", ..." if len(given) > 5 else "")
        message = (
            f"the build was given {len(given)} parameters from outside that no policy speaks of: {shown}"
        )
        yield Finding("provenance-build-inputs", origin, message)
    if claims is not None:
        texts = {name: value for name, value in workflow.items() if isinstance(value, str)}
        yield from _workflow_findings(texts, claims, origin)
        yield from _run_findings(provenance, claims, origin)


def _workflow_findings(workflow: Mapping[str, str], claims: Claims, origin: str) -> Iterator[Finding]:
    repository, ref, path = (workflow.get(name, "") for name in ("repository", "ref", "path"))
    source = claims.source_repository_uri
    if repository and not (source and same_repository(source, repository, fold=True)):
        yield _mismatch("provenance-source-mismatch", origin, "workflow.repository", repository, source)
    if ref and ref != claims.source_repository_ref:
        yield _mismatch(
            "provenance-workflow-mismatch", origin, "workflow.ref", ref, claims.source_repository_ref
        )
    revisions = [text for text in (claims.source_repository_ref, claims.source_repository_digest) if text]
    config = claims.build_config_uri
    if path and not any(config == f"{source}/{path}@{revision}" for revision in revisions):
        yield _mismatch("provenance-workflow-mismatch", origin, "workflow.path", path, config)


def _run_findings(provenance: Provenance, claims: Claims, origin: str) -> Iterator[Finding]:
    github = provenance.internal.get("github")
    if github is not None and not isinstance(github, dict):
        yield _malformed(origin, "internalParameters.github", "is no object")
    github = github if isinstance(github, dict) else {}
    for id_, name, proven in (
        ("provenance-trigger-mismatch", "event_name", claims.build_trigger),
        ("provenance-source-mismatch", "repository_id", claims.source_repository_id),
        ("provenance-source-mismatch", "repository_owner_id", claims.source_repository_owner_id),
        ("provenance-builder-mismatch", "runner_environment", claims.runner_environment),
    ):
        stated = github.get(name)
        if stated is not None and _text(stated) != proven:
            yield _mismatch(id_, origin, f"github.{name}", _text(stated), proven)
    runner = provenance.external.get("runner_environment")
    if runner is not None and _text(runner) != claims.runner_environment:
        yield _mismatch(
            "provenance-builder-mismatch",
            origin,
            "runner_environment",
            _text(runner),
            claims.runner_environment,
        )
    for name, event in _EVENT_OF.items():
        if provenance.external.get(name) and claims.build_trigger != event:
            message = (
                f"`{name}` belong to event `{event}`, the certificate says {quoted(claims.build_trigger)}"
            )
            yield Finding("provenance-trigger-mismatch", origin, message)


def _text(value: Any) -> str:
    """A stated value to compare and to show; ids stand as text in every builder seen, numbers are read alike."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**20:
        return str(value)
    return value if isinstance(value, str) else "(no text)"


def _malformed(origin: str, where: str, message: str) -> Finding:
    return Finding("provenance-malformed", origin, f"`{where}` {message}")


def _mismatch(id_: str, origin: str, what: str, stated: str, proven: str) -> Finding:
    said = f"says {quoted(proven)}" if proven else "does not say"
    return Finding(id_, origin, f"`{what}` is {quoted(stated)}, the certificate {said}")
