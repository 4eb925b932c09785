"""What the user asks for: who may sign, which layers must pass, what findings weigh, what input may cost.

Values only. `parse/policy.py` reads them from TOML, `cli.py` builds them from flags.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import TYPE_CHECKING

from epochly_verify.limits import DEFAULT, Limits
from epochly_verify.model import EMPTY, Layer, Severity

if TYPE_CHECKING:
    from collections.abc import Mapping

INTEGRITY = frozenset({Layer.ARCHIVE, Layer.RECORD, Layer.METADATA, Layer.INSTALL})
STANDARD = INTEGRITY | {Layer.SIGNATURE, Layer.IDENTITY}

GITHUB_ISSUER = "https://token.actions.githubusercontent.com"
GITLAB_ISSUER = "https://gitlab.com"
GOOGLE_ISSUER = "https://accounts.google.com"
CIRCLECI_ISSUER = "https://oidc.circleci.com"
ISSUERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "github": (GITHUB_ISSUER,),
        "gitlab": (GITLAB_ISSUER,),
        "google": (GOOGLE_ISSUER,),
        "circleci": (CIRCLECI_ISSUER,),
        # The log-in pages the public Sigstore instance takes e-mail addresses from; each proves the address.
        "email": (GOOGLE_ISSUER, "https://github.com/login/oauth", "https://login.microsoftonline.com"),
        "any": (),
        "key": (),
    }
)
"""Which OIDC issuers a kind of identity implies. None: `any` has to name one, `key` has none."""

UNSUPPORTED = "unsupported"
"""Kind of an identity that another format named and that cannot be judged here: it matches nothing."""


@dataclass(frozen=True, slots=True)
class Identity:
    """One acceptable signer. Every field that is set must match; an `Identity` that sets none is refused.

    Patterns are shell globs (`*`, `?`, `[...]`) in `ref`, `signer` and `environment`, where `*` also crosses
    `/`; in `subject` only `*` is special. Everything else is exact, save that repositories at GitHub and
    environments are compared without regard to case, as GitHub does.

    Attributes:
        kind: a key of `ISSUERS`: which claims are meaningful, and which issuer is implied when `issuer` is
            empty. Or `UNSUPPORTED`, and then `subject` says in words why.
        repository: `https://github.com/owner/name` (source repository; `owner/name` is expanded when parsed).
        repository_id, owner_id: the forge's permanent numbers; they survive renames and refuse squatters.
        workflow: top-level build configuration, path inside the repository; a bare file name means
            `.github/workflows/NAME` at GitHub.
        ref: globs, any of which the source ref must match, e.g. `refs/tags/v*`.
        tag_matches_version: the ref must be a tag that is the artifact's version, with or without a leading `v`.
        environment: deployment environment.
        trigger: events, any of which must have started the build, e.g. `workflow_dispatch`.
        runner: `github-hosted` or `self-hosted`.
        signer: the workflow that signed (URI with ref, as in the certificate; glob), for reusable workflows;
            when empty the signer must be the top-level workflow itself, or unsaid.
        commit: source commit, hexadecimal, in full.
        subject: the certificate's subject alternative name.
        issuer: OIDC issuer URL.
        key_id: SHA-256 of a managed key's SubjectPublicKeyInfo, hexadecimal.
        project_id, pipeline_definition_id: CircleCI.
    """

    kind: str = "any"
    repository: str = ""
    repository_id: str = ""
    owner_id: str = ""
    workflow: str = ""
    ref: tuple[str, ...] = ()
    tag_matches_version: bool = False
    environment: str = ""
    trigger: tuple[str, ...] = ()
    runner: str = ""
    signer: str = ""
    commit: str = ""
    subject: str = ""
    issuer: str = ""
    key_id: str = ""
    project_id: str = ""
    pipeline_definition_id: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """What is asked of the artifacts of some projects.

    Attributes:
        projects: globs on the PEP 503-normalised project name, any of which selects the rule.
        identities: acceptable signers, any one of them; empty means the rule names none.
        require: layers that must pass, `None` for the policy's own.
        builders: acceptable SLSA builder ids (globs); empty means the builder must be the signer's platform.
            A reusable workflow named here may sign provenance, though not the artifact itself.
        build_types: acceptable SLSA build types besides those this version knows.
        origin: where the rule was written, for the report.
    """

    projects: tuple[str, ...] = ("*",)
    identities: tuple[Identity, ...] = ()
    require: frozenset[Layer] | None = None
    builders: tuple[str, ...] = ()
    build_types: tuple[str, ...] = ()
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything a judgement depends on besides the evidence.

    Attributes:
        rules: the first whose globs match an artifact's project applies.
        require: layers that must pass where the rule does not say.
        strict: findings take their strict severity.
        severities: finding id -> severity the user gave it; the report says so.
        limits: bounds on hostile input.
    """

    rules: tuple[Rule, ...] = ()
    require: frozenset[Layer] = STANDARD
    strict: bool = False
    severities: Mapping[str, Severity] = field(default_factory=lambda: EMPTY)
    limits: Limits = DEFAULT

    def rule_for(self, project: str) -> Rule | None:
        """The rule for a PEP 503-normalised project name, or `None`."""
        for rule in self.rules:
            if any(fnmatchcase(project, pattern) for pattern in rule.projects):
                return rule
        return None


def combine(user: Policy | None, builtin: Policy) -> Policy:
    """The user's policy, with the built-in rules after its own: where a rule of the user selects a project, it wins."""
    if user is None:
        return builtin
    return replace(user, rules=user.rules + builtin.rules)


def require_everywhere(policy: Policy, require: frozenset[Layer]) -> Policy:
    """The policy with `require` in force for every artifact, whatever its rules ask: a flag outranks a file."""
    return replace(policy, require=require, rules=tuple(replace(rule, require=None) for rule in policy.rules))
