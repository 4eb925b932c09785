"""An OIDC issuer like that of GitHub Actions: a job asks for a token and gets its own identity signed.

The issuer's name is GitHub's own, because clients compare it; its keys are not, and only this rehearsal knows them.
Claims: GitHub's "OpenID Connect reference"; the endpoint: `ACTIONS_ID_TOKEN_REQUEST_URL`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from epochly_release.rehearsal.jwt import encode, url64, verify
from epochly_release.rehearsal.reply import Reply, json_reply

if TYPE_CHECKING:
    from datetime import datetime

    from epochly_release.rehearsal.keys import Sources

ISSUER = "https://token.actions.githubusercontent.com"
LIFETIME = timedelta(minutes=5)  # of a token; GitHub's own
_KEY_ID = "rehearsal-1"


@dataclass(frozen=True, slots=True)
class Run:
    """A run of a workflow: what its tokens say. The defaults are those of a release started by hand.

    Attributes:
        repository: `owner/name`.
        owner_id, repository_id: GitHub's numbers, as text.
        workflow: file name below `.github/workflows/`.
        reusable: `owner/name/path` of the reusable workflow the job lies in, empty when it lies in the top-level one.
        ref, sha: what was checked out.
        event: what started the run.
        environment: deployment environment of the job, empty for none.
    """

    repository: str
    owner_id: str = "42"
    repository_id: str = "4242"
    workflow: str = "release.yml"
    workflow_name: str = "Release"
    reusable: str = ""
    ref: str = "refs/heads/main"
    sha: str = "a" * 40
    event: str = "workflow_dispatch"
    environment: str = "pypi"
    runner: str = "github-hosted"
    visibility: str = "public"
    run_id: str = "1"
    attempt: str = "1"

    @property
    def workflow_ref(self) -> str:
        """The top-level workflow, with its ref."""
        return f"{self.repository}/.github/workflows/{self.workflow}@{self.ref}"

    @property
    def job_workflow_ref(self) -> str:
        """The workflow the job's steps are written in, with its ref."""
        return f"{self.reusable}@{self.ref}" if self.reusable else self.workflow_ref

    @property
    def subject(self) -> str:
        """The `sub` claim."""
        what = f"environment:{self.environment}" if self.environment else f"ref:{self.ref}"
        return f"repo:{self.repository}:{what}"

    def claims(self) -> dict[str, str]:
        """Every claim about the run."""
        claims = {
            "sub": self.subject,
            "repository": self.repository,
            "repository_id": self.repository_id,
            "repository_owner": self.repository.partition("/")[0],
            "repository_owner_id": self.owner_id,
            "repository_visibility": self.visibility,
            "workflow": self.workflow_name,
            "workflow_ref": self.workflow_ref,
            "workflow_sha": self.sha,
            "job_workflow_ref": self.job_workflow_ref,
            "job_workflow_sha": self.sha,
            "ref": self.ref,
            "ref_type": "tag" if self.ref.startswith("refs/tags/") else "branch",
            "sha": self.sha,
            "event_name": self.event,
            "runner_environment": self.runner,
            "run_id": self.run_id,
            "run_number": "1",
            "run_attempt": self.attempt,
            "actor": "maintainer",
            "actor_id": "7",
        }
        return {**claims, "environment": self.environment} if self.environment else claims


class Issuer:
    """The issuer, and the run that is asking. Set `run` to speak as another one."""

    def __init__(self, run: Run, url: str, sources: Sources) -> None:
        self.run = run
        self.url = url
        self.request_token = sources.random_bytes(16).hex()
        self._sources = sources
        self._key = sources.new_rsa_key()

    def issue(self, audience: str, *, run: Run | None = None, **more: Any) -> str:
        """A token for an audience; `more` adds or replaces claims."""
        now = int(self._sources.clock().timestamp())
        times = {"iat": now, "nbf": now - 5, "exp": now + int(LIFETIME.total_seconds())}
        identifier = self._sources.random_bytes(16).hex()
        claims = (run or self.run).claims()
        return encode(
            {**claims, "iss": ISSUER, "aud": audience, "jti": identifier, **times, **more}, self._key, _KEY_ID
        )

    def verify(self, token: str, audience: str, now: datetime) -> dict[str, Any]:
        """The claims of a token of this issuer; raises `TokenError` (see `jwt.verify`)."""
        keys = {_KEY_ID: self._key.public_key()}
        return verify(token, keys, issuer=ISSUER, audience=audience, now=now)

    def token_request(self, audience: str, authorization: str) -> Reply:
        """What a job gets for its request; clients write `bearer` in either case."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or token != self.request_token:
            return json_reply({"message": "the job may not ask for tokens"}, 401)
        return json_reply({"count": 1, "value": self.issue(audience or ISSUER)})

    def configuration(self) -> Reply:
        """OpenID Connect discovery."""
        return json_reply(
            {
                "issuer": ISSUER,
                "jwks_uri": f"{self.url}/.well-known/jwks",
                "response_types_supported": ["id_token"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )

    def key_set(self) -> Reply:
        """The issuer's public key (RFC 7517)."""
        numbers = self._key.public_key().public_numbers()
        modulus, exponent = (
            url64(value.to_bytes((value.bit_length() + 7) // 8)) for value in (numbers.n, numbers.e)
        )
        key = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": _KEY_ID, "n": modulus, "e": exponent}
        return json_reply({"keys": [key]})
