"""Layer `provenance`: was it built where, how and from what its signer may say?

Every statement of SLSA provenance v1 by an accepted signer is held against the certificate that signed it: builder,
workflow, source, commit, trigger and run have to be the same in both. A parameter from outside that the build type
does not know is refused, because it may have changed what was built (SLSA "Verifying artifacts", step 2). Whether
the build is reproducible, or its source is good, is not judged.
https://slsa.dev/spec/v1.1/verifying-artifacts
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from epochly_verify.checks.github_build import BUILD_TYPES, github_build_findings
from epochly_verify.checks.identity import is_stranger, trusted_signers, version_of
from epochly_verify.checks.signer import signer_in_words
from epochly_verify.errors import InputError
from epochly_verify.model import Finding, NotRun, Outcome, Ran
from epochly_verify.parse.filename import project_from_filename
from epochly_verify.parse.quote import quoted
from epochly_verify.parse.slsa import SLSA_ANY, SLSA_V1, Provenance, parse_provenance_predicate
from epochly_verify.policy import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from epochly_verify.model import Claims, Evidence, Signed
    from epochly_verify.policy import Policy

_RUNNERS = (
    "https://github.com/actions/runner/"  # builder ids of the platform itself: then `github-hosted` or so
)
_COMMIT_ALGORITHMS = ("gitCommit", "sha1")


def check(evidence: Evidence, policy: Policy) -> Outcome:
    """Every accepted statement of provenance agrees with the certificate that signed it."""
    rule = policy.rule_for(project_from_filename(evidence.filename)) or Rule()
    stated = [
        signed
        for signed in evidence.signed or ()
        if signed.authentic and signed.statement and signed.statement.predicate_type.startswith(SLSA_ANY)
    ]
    sources, version = trusted_signers(evidence, policy), version_of(evidence)
    accepted = [
        signed for signed in stated if not any(is_stranger(trusted, signed, version) for trusted in sources)
    ]
    if not accepted:
        return NotRun("no SLSA provenance by an accepted signer" if stated else "no SLSA provenance")
    findings: list[Finding] = []
    judged: list[str] = []
    for signed in accepted:
        found, words = _judge(signed, rule)
        findings += found
        judged += words
    if not judged:
        return NotRun("no SLSA provenance that this version can judge", tuple(findings))
    suffix = "" if sources else "; no policy says whom to trust"
    return Ran(tuple(findings), "; ".join(list(dict.fromkeys(judged))[:3]) + suffix)


def _judge(signed: Signed, rule: Rule) -> tuple[list[Finding], list[str]]:
    """Findings of one statement, and what it says in words; no words when it cannot be judged."""
    assert signed.statement is not None
    kind = signed.statement.predicate_type
    if kind != SLSA_V1:
        message = f"the predicate is {quoted(kind)}, only {quoted(SLSA_V1)} is judged"
        return [Finding("provenance-unsupported-version", signed.origin, message)], []
    try:
        provenance = parse_provenance_predicate(signed.statement.predicate)
    except InputError as error:
        return [Finding("provenance-malformed", signed.origin, f"`{error.where}` {error.message}")], []
    if provenance.build_type not in BUILD_TYPES and provenance.build_type not in rule.build_types:
        message = f"the build type is {quoted(provenance.build_type)}"
        return [Finding("provenance-unknown-build-type", signed.origin, message)], []
    findings = list(_builder_findings(provenance, signed, rule))
    claims = signed.claims
    if claims is not None:
        findings += _commit_findings(provenance, claims, signed.origin)
        if provenance.invocation_id and provenance.invocation_id != claims.run_invocation_uri:
            message = _differs("invocationId", provenance.invocation_id, claims.run_invocation_uri)
            findings.append(Finding("provenance-run-mismatch", signed.origin, message))
    if provenance.build_type in BUILD_TYPES:
        findings += github_build_findings(provenance, claims, signed.origin)
    else:
        message = f"the policy accepts the build type {quoted(provenance.build_type)}, whose parameters were not judged"
        findings.append(Finding("provenance-parameters-not-judged", signed.origin, message))
    commit = claims.source_repository_digest[:12] if claims else ""
    words = f"built by {signer_in_words(signed)}" + (f", commit {quoted(commit)}" if commit else "")
    return findings, [words]


def _builder_findings(provenance: Provenance, signed: Signed, rule: Rule) -> Iterator[Finding]:
    """The builder is who signed, or a platform the certificate names; and one the rule accepts, if it names any."""
    builder, claims = provenance.builder_id, signed.claims
    listed = any(fnmatchcase(builder, pattern) for pattern in rule.builders)
    signer = claims.build_signer_uri if claims else ""
    message = ""
    if builder == signer:
        pass
    elif builder.startswith(_RUNNERS) and claims is not None:
        runner = builder.removeprefix(_RUNNERS)
        if runner != claims.runner_environment:
            message = _differs("builder.id", builder, claims.runner_environment)
    elif "/.github/workflows/" in builder or not listed:
        message = _differs("builder.id", builder, signer)
    if not message and rule.builders and not listed:
        message = f"`builder.id` is {quoted(builder)}, policy wants " + " or ".join(
            map(quoted, rule.builders[:5])
        )
    if message:
        yield Finding("provenance-builder-mismatch", signed.origin, message)


def _commit_findings(provenance: Provenance, claims: Claims, origin: str) -> Iterator[Finding]:
    """The source among the resolved dependencies is the certificate's, at its ref and its commit."""
    proven = claims.source_repository_digest.lower()
    wanted = f"git+{claims.source_repository_uri}@{claims.source_repository_ref}".lower()
    commits = [
        (dependency.uri, dependency.digests[algorithm].lower())
        for dependency in provenance.dependencies
        for algorithm in _COMMIT_ALGORITHMS
        if algorithm in dependency.digests
    ]
    sources = [commit for uri, commit in commits if uri.lower() == wanted]
    if provenance.build_type not in BUILD_TYPES:  # how it spells a source is not known, only what a commit is
        known = {commit for _, commit in commits}
        sources = sorted(known) if proven and known and proven not in known else []
    elif commits and not sources:
        uri, commit = commits[0]
        proven_source = f"{claims.source_repository_uri}@{claims.source_repository_ref}".strip("@")
        message = _differs("resolvedDependencies", f"{uri} at {commit[:12]}", proven_source)
        yield Finding("provenance-source-mismatch", origin, message)
    elif not commits:
        message = f"no resolved dependency names the commit, the certificate says {quoted(proven)}"
        yield Finding("provenance-commit-mismatch", origin, message)
    for commit in dict.fromkeys(sources):
        if commit != proven:
            yield Finding("provenance-commit-mismatch", origin, _differs("gitCommit", commit, proven))


def _differs(what: str, stated: str, proven: str) -> str:
    said = f"says {quoted(proven)}" if proven else "does not say"
    return f"`{what}` is {quoted(stated)}, the certificate {said}"
