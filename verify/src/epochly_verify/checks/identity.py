"""Layer `identity`: was it signed by somebody the policy accepts?

A policy's identities and those of a lock file are asked separately, and where both are given both must be met. A
signature of a stranger does not spoil that of an accepted signer, but is said. Provenance and SBOMs may be attested by
an earlier job of the same workflow, or by a reusable workflow the rule names as builder; such a signature is no
stranger's, but it alone does not make the layer pass.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from epochly_verify.checks.matching import match, nearest_reasons
from epochly_verify.checks.publisher import publisher_findings
from epochly_verify.checks.signer import signer_in_words
from epochly_verify.model import Finding, NotRun, Outcome, Ran
from epochly_verify.parse.attestation_identities import rule_from_lock
from epochly_verify.parse.filename import parse_filename, project_from_filename
from epochly_verify.parse.sbom import attested_standard
from epochly_verify.policy import UNSUPPORTED

if TYPE_CHECKING:
    from packaging.version import Version

    from epochly_verify.model import Evidence, Signed
    from epochly_verify.policy import Identity, Policy, Rule

# The public instance took up the claim late in 2025 (fulcio pull request 2190, 2025-10-29). A lock file copies the
# environment from the index, which knew it before certificates could say it.
ENVIRONMENT_CLAIMED_SINCE = datetime(2026, 1, 1, tzinfo=UTC)
_PROVENANCE = "https://slsa.dev/provenance/"
_LOCK = "the lock file's `attestation-identities`"


@dataclass(frozen=True, slots=True)
class Trusted:
    """Identities one source names, any one of which is enough.

    Attributes:
        identities: of a rule, or of a lock file.
        origin: which, in words.
        builders: reusable workflows that may sign provenance (globs).
        from_lock: whether it is a lock file's.
    """

    identities: tuple[Identity, ...]
    origin: str
    builders: tuple[str, ...] = ()
    from_lock: bool = False

    @property
    def unsupported(self) -> tuple[str, ...]:
        """Of each identity that cannot be judged here, why."""
        return tuple(identity.subject for identity in self.identities if identity.kind == UNSUPPORTED)


def check(evidence: Evidence, policy: Policy) -> Outcome:
    """Every source of identities is met by at least one authentic signature, and strangers are named."""
    authentic = [signed for signed in evidence.signed or () if signed.authentic]
    if not authentic:
        return NotRun("no valid signature")
    findings = [finding for signed in authentic for finding in publisher_findings(signed)]
    sources = trusted_signers(evidence, policy)
    if not sources:
        signers = "; ".join(dict.fromkeys(f"signed by {signer_in_words(signed)}" for signed in authentic[:3]))
        return NotRun(f"no policy says whom to trust; {signers}", tuple(findings))
    version = version_of(evidence)
    accepted: list[Signed] = []
    unjudged = ""
    for trusted in sources:
        matching = [signed for signed in authentic if _matches(trusted, signed, version)]
        accepted += matching
        unsupported = trusted.unsupported
        if matching:
            findings += _strangers(trusted, authentic, version)
            findings += _unproven_environments(trusted, matching, version)
        elif unsupported:
            findings += [
                Finding("identity-unsupported", evidence.filename, f"{trusted.origin}: {unsupported[0]}")
            ]
            unjudged = f"{trusted.origin} names a publisher that cannot be judged"
        else:
            findings += [_mismatch(trusted, signed, version) for signed in authentic]
    if unjudged:
        return NotRun(unjudged, tuple(findings))
    words = dict.fromkeys(signer_in_words(signed) for signed in accepted)
    return Ran(tuple(findings), f"signed by {'; '.join(list(words)[:3])}" if words else "")


def trusted_signers(evidence: Evidence, policy: Policy) -> tuple[Trusted, ...]:
    """Every source that says who may sign this artifact: the policy's rule, the lock file, both or neither."""
    found = []
    rule = policy.rule_for(project_from_filename(evidence.filename))
    if rule is not None and rule.identities:
        found.append(Trusted(rule.identities, _origin(rule), rule.builders))
    if evidence.lock_identities:
        builders = rule.builders if rule else ()
        locked = rule_from_lock(evidence.lock_identities, _LOCK)
        found.append(Trusted(locked.identities, _LOCK, builders, from_lock=True))
    return tuple(found)


def is_stranger(trusted: Trusted, signed: Signed, version: Version | None) -> bool:
    """Whether the source accepts the signature in no role: neither for the artifact, nor for how it was built."""
    if _matches(trusted, signed, version):
        return False
    kind = signed.statement.predicate_type if signed.statement else ""
    if not kind.startswith(_PROVENANCE) and not attested_standard(kind):
        return True
    signer = signed.claims.build_signer_uri if signed.claims else ""
    builds = signer and any(fnmatchcase(signer, pattern) for pattern in trusted.builders)
    loosened = [
        replace(identity, environment="", signer=_literal(signer) if builds else identity.signer)
        for identity in trusted.identities
        if identity.kind in {"github", "gitlab"}
    ]
    return all(match(identity, signed, version=version) for identity in loosened)


def version_of(evidence: Evidence) -> Version | None:
    """The artifact's version by its file name."""
    try:
        return parse_filename(evidence.filename).version
    except ValueError:
        return None


def _matches(trusted: Trusted, signed: Signed, version: Version | None) -> bool:
    return any(
        not match(identity, signed, version=version)
        for identity in (_provable(identity, signed, trusted) for identity in trusted.identities)
    )


def _provable(identity: Identity, signed: Signed, trusted: Trusted) -> Identity:
    """The identity without the environment, where a lock file names one and the certificate is too old to."""
    claims = signed.claims
    old = bool(signed.times) and max(signed.times) < ENVIRONMENT_CLAIMED_SINCE
    if trusted.from_lock and identity.environment and claims and not claims.deployment_environment and old:
        return replace(identity, environment="")
    return identity


def why_stranger(trusted: Trusted, signed: Signed, version: Version | None) -> str:
    """Who signed, and what the source has against it."""
    reasons = nearest_reasons(trusted.identities, signed, version=version)
    return f"signed by {signer_in_words(signed)}, whom {trusted.origin} does not accept: {'; '.join(reasons)}"


def _mismatch(trusted: Trusted, signed: Signed, version: Version | None) -> Finding:
    return Finding("identity-mismatch", signed.origin, why_stranger(trusted, signed, version))


def _strangers(trusted: Trusted, authentic: list[Signed], version: Version | None) -> list[Finding]:
    return [
        replace(_mismatch(trusted, signed, version), id="identity-unexpected-signer")
        for signed in authentic
        if is_stranger(trusted, signed, version)
    ]


def _unproven_environments(
    trusted: Trusted, matching: list[Signed], version: Version | None
) -> list[Finding]:
    if not trusted.from_lock or any(
        not match(identity, signed, version=version) for identity in trusted.identities for signed in matching
    ):
        return []
    wanted = next((identity.environment for identity in trusted.identities if identity.environment), "")
    message = f"{trusted.origin} names the environment `{wanted}`, which the certificate is too old to prove"
    return [Finding("identity-environment-unproven", matching[0].origin, message)]


def _origin(rule: Rule) -> str:
    return f"`{rule.origin}`" if rule.origin else "the policy"


def _literal(uri: str) -> str:
    return "".join(f"[{char}]" if char in "*?[" else char for char in uri)
