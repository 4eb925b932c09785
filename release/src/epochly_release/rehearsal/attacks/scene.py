"""Where attacks happen: the running services, the honest release, a folder for each try, and who the world takes us for.

What an attacker changes is a copy; the folder of the honest release is only read. Another workflow run is spoken for by
setting the issuer's run, and it is set back at the end of the block. Refusals are told apart by who gave them: our steps
by their error's code, the judge by its finding ids, a service by what it answered itself.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from epochly_release.errors import InputError, Refused
from epochly_release.judgement import distributions, identity_of, read_manifest
from epochly_release.rehearsal.attacks.model import JUDGE, By, NotRefused, Outcome
from epochly_release.steps import JOURNAL
from epochly_release.world import Machine
from epochly_verify import Layer, Policy, Rule, Trust, Verdict, Wanted, verify
from epochly_verify.model import Severity, Status
from epochly_verify.parse.trustroot import parse_trust_root
from epochly_verify.policy import INTEGRITY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from epochly_release.plan import Plan
    from epochly_release.rehearsal.keys import Sources
    from epochly_release.rehearsal.serve import Served
    from epochly_release.steps.result import Places, StepResult
    from epochly_release.world import World
    from epochly_verify.model import Attached

REQUIRED = INTEGRITY | {Layer.SIGNATURE, Layer.IDENTITY, Layer.PROVENANCE, Layer.SBOM}

_BEFORE_REASONS = (
    "does not accept: "  # who signed comes before it in the judge's words, and is in the row already
)


@dataclass(frozen=True, slots=True)
class Job(Machine):
    """The machine as a job sees it whose identity is asked for at the rehearsal's issuer, over HTTP as clients do."""

    token_url: str = ""
    request_token: str = ""

    def identity_token(self, audience: str) -> str:
        """A token of the run that speaks now."""
        headers = {"Authorization": f"bearer {self.request_token}"}
        answer = self.fetch(f"{self.token_url}&audience={audience}", headers=headers)
        if answer.status != 200:
            raise InputError("no-identity", "OIDC", f"answers {answer.status}", "see the issuer")
        token: str = json.loads(answer.body)["value"]
        return token


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything an attack has at hand.

    Attributes:
        served: the services, alive.
        plan: of the honest release.
        places: of the honest release: its folder, the rebuild's, the trust configuration, the index.
        environ: of a job that may ask for an identity.
        sources: keys and randomness for the attacker.
        now: the time, as the journal writes it.
        folder: an empty folder for this try.
    """

    served: Served
    plan: Plan
    places: Places
    environ: Mapping[str, str]
    sources: Sources
    now: Callable[[], str]
    folder: str

    def world(self, **more: str) -> Job:
        """The machine, with more in its environment."""
        instance = self.served.instance
        environ = {**self.environ, **more}
        request = (instance.token_request_url, instance.issuer.request_token)
        return Job(environ, self.now, _silent, *request)

    @contextmanager
    def speaking_as(self, **changes: Any) -> Iterator[None]:
        """As another workflow run, which differs in these attributes of `oidc.Run`."""
        issuer = self.served.instance.issuer
        before = issuer.run
        issuer.run = replace(before, **changes)
        try:
            yield
        finally:
            issuer.run = before

    @property
    def wheel(self) -> str:
        """Name of the smallest wheel of the release."""
        return min((name for name in self.names if name.endswith(".whl")), key=self._size)

    @property
    def other(self) -> str:
        """Name of another file of the release, a wheel where there is a second one."""
        return min(
            (name for name in self.names if name != self.wheel),
            key=lambda name: (not name.endswith(".whl"), self._size(name)),
        )

    @property
    def names(self) -> list[str]:
        """Names of the release's wheels and sdists."""
        return distributions(read_manifest(self.plan, self.places, self.world()))

    def _size(self, name: str) -> int:
        return len(self.read(name))

    def read(self, name: str) -> bytes:
        """A file of the honest release."""
        return self.world().read(f"{self.places.out}/{name}")

    def copied(self, *, until: str = "") -> Places:
        """The whole honest release in this try's folder, as it was when the step `until` had ended."""
        out = f"{self.folder}/release"
        shutil.copytree(self.places.out, out, ignore=shutil.ignore_patterns("built", "confirmed"))
        if until:
            journal = f"{out}/{JOURNAL}"
            lines = self.world().read(journal).splitlines(keepends=True)
            ends = [
                number
                for number, line in enumerate(lines, 1)
                if (entry := json.loads(line))["step"] == until and entry["event"] == "end"
            ]
            self.world().write(journal, b"".join(lines[: ends[-1]]))
        return replace(self.places, out=out, build_root=f"{self.folder}/build")

    def copied_wheel(self) -> str:
        """Path of the wheel in this try's folder, with all that lies beside it in the honest release."""
        for path in self.world().files(self.places.out):
            if os.path.basename(path).startswith(self.wheel):
                shutil.copy(path, self.folder)
        return f"{self.folder}/{self.wheel}"

    def seen_since(self, before: int) -> list[str]:
        """What the services answered after they had answered `before` requests."""
        return self.served.instance.seen[before:]


def judged(scene: Scene, path: str, *, evidence: tuple[Attached, ...] | None = None) -> Outcome | NotRefused:
    """What `epochly-verify` says to a user who wants a file of this release, and has nothing but it and its evidence."""
    required = REQUIRED if path.endswith(".whl") else REQUIRED - {Layer.SBOM}
    rule = Rule(identities=(identity_of(scene.plan),), require=required, origin="the release's policy")
    policy = Policy(rules=(rule,), require=required)
    root = json.dumps(scene.served.instance.trusted_root).encode()
    trust = Trust(parse_trust_root(root, "rehearsal"))
    (report,) = verify(path, policy, wanted=Wanted(evidence=evidence), trust=trust).artifacts
    if report.verdict is Verdict.VERIFIED:
        return NotRefused("verified")
    errors = [finding for finding in report.findings if finding.severity is Severity.ERROR]
    if errors:
        ids = ", ".join(sorted({finding.id for finding in errors}))
        return Outcome(By(JUDGE, ids), errors[0].message.rpartition(_BEFORE_REASONS)[2])
    missing = next(each for each in report.layers if each.status is not Status.PASSED)
    return Outcome(By(JUDGE, f"{report.verdict}"), f"{missing.layer}: {missing.why}")


def stepped(step: str, run: Callable[[], StepResult]) -> Outcome | NotRefused:
    """What a step of the release does; what it cannot do on this machine stays an `InputError`."""
    try:
        result = run()
    except Refused as error:
        return Outcome(By(step, error.code), f"`{os.path.basename(error.where)}`: {error.message}")
    return NotRefused("; ".join(result.notes) or "done")


def asked(world: World, url: str, **request: Any) -> tuple[int, dict[str, Any]]:
    """Status and document of a service's JSON answer."""
    answer = world.fetch(url, **request)
    try:
        document = json.loads(answer.body)
    except ValueError:
        document = {}
    return answer.status, document if isinstance(document, dict) else {}


def _silent(_text: str) -> None:
    """Progress of a step inside an attack is of no interest."""
