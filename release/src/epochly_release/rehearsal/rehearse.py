"""A whole release on this machine: every step by its own command, against the local Sigstore, index and forge.

Two builders build, each in a place of its own; the second one's files are what the release is compared with. What comes
back from the index is judged at the end by the command users have, `epochly-verify`, and by an implementation in another
language where there is one. The first job that refuses ends the rehearsal.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from epochly_release.attestation import BUNDLE, SBOM
from epochly_release.index import normalised
from epochly_release.judgement import identity_of
from epochly_release.manifest import MANIFEST, is_distribution
from epochly_release.provenance import FORGE
from epochly_release.rehearsal.jobs import Done, Job, run_jobs
from epochly_release.rehearsal.oidc import Run
from epochly_release.rehearsal.publisher import Publisher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from epochly_release.plan import Plan
    from epochly_release.rehearsal.serve import Served
    from epochly_release.world import World

OWNER_ID = "42"


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a rehearsal happens.

    Attributes:
        repository: top of the git repository, where the commands run.
        out: folder for the results: `a` and `b` for the builders, `a` goes on to be released.
        scratch: folder for what is thrown away.
        options: command-line options every step gets, such as `--config`.
        commit: what is released; the first job looks at the working tree too, unless the user named a commit.
        pythons: interpreters of the first builder, then of the second.
        public: whether the public index's names lead here, so that no address has to be given.
    """

    repository: str
    out: str
    scratch: str
    options: tuple[str, ...]
    commit: str
    pythons: tuple[tuple[str, ...], tuple[str, ...]]
    public: bool


def run_of(plan: Plan) -> Run:
    """The workflow run that releases the plan, as the forge would describe it."""
    config = plan.config
    return Run(
        config.repository,
        owner_id=OWNER_ID,
        workflow=config.workflow,
        ref=config.ref,
        sha=plan.commit,
        event=config.trigger,
        environment=config.environment,
    )


def publisher_of(plan: Plan) -> Publisher:
    """The trusted publisher that the index knows for the plan's projects."""
    config = plan.config
    projects = tuple(normalised(each.name) for each in plan.distributions)
    return Publisher(config.repository, OWNER_ID, config.workflow, config.environment, projects)


def shared_environment(served: Served, stage: Stage, given: Mapping[str, str]) -> dict[str, str]:
    """What every job gets: a home of its own, trust in the rehearsal's servers, and no credential."""
    kept = {name: given[name] for name in ("PATH", "PYTHONPATH", "LANG") if name in given}
    ca_file = str(served.files.ca_file)
    return kept | {
        "HOME": f"{stage.scratch}/home",
        "GITHUB_ACTIONS": "true",
        "GITHUB_API_URL": f"{served.instance.url}/forge",
        "SSL_CERT_FILE": ca_file,
        "REQUESTS_CA_BUNDLE": ca_file,
        "NO_PROXY": "*",
    }


def jobs_of(served: Served, stage: Stage) -> Iterator[tuple[Job, ...]]:
    """The jobs in their order; those of one tuple run side by side."""
    ours, theirs = f"{stage.out}/a", f"{stage.out}/b"
    identity = {
        "ACTIONS_ID_TOKEN_REQUEST_URL": served.instance.token_request_url,
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": served.instance.issuer.request_token,
    }
    trust = ("--trust-config", f"{stage.scratch}/trust.json")
    index = () if stage.public else ("--index", served.simple_url, "--upload-url", served.upload_url)
    both = (*stage.options, *index, *trust)

    def builder(letter: str, pythons: tuple[str, ...]) -> tuple[str, ...]:
        return (
            *both,
            "--build-root",
            f"{stage.scratch}/{letter}",
            "--tools",
            "installed",
            "--python",
            *pythons,
        )

    first, second = builder("a", stage.pythons[0]), builder("b", stage.pythons[1])
    yield (Job("check", stage.out, first),)
    first, second = (*first, "--commit", stage.commit), (*second, "--commit", stage.commit)
    yield (
        Job("build", ours, first, label="build (one builder)"),
        Job("build", theirs, second, label="build (another)"),
    )
    yield (
        Job("describe", ours, first, label="describe (one builder)"),
        Job("describe", theirs, second, label="describe (another)"),
    )
    yield (Job("attest", ours, first, identity),)
    yield (Job("verify", ours, (*first, "--rebuild-from", theirs)),)
    yield (Job("stage", ours, first, {"GH_TOKEN": served.instance.forge.app_token}),)
    yield (Job("publish", ours, first, identity),)
    yield (Job("confirm", ours, first, {"GH_TOKEN": served.instance.forge.job_token}),)


def rehearse(
    served: Served,
    stage: Stage,
    world: World,
    ended: Callable[[Done], None],
    seconds: Callable[[], float],
) -> bool:
    """Run every job; `ended` is told of each. Whether all of them did what they should."""
    environ = shared_environment(served, stage, world.environ)
    world.fresh_folder(f"{stage.scratch}/home")
    world.write(f"{stage.scratch}/trust.json", json.dumps(served.instance.trust_config).encode())
    for jobs in jobs_of(served, stage):
        results = run_jobs(jobs, environ, stage.repository, world.tell, seconds)
        for done in results:
            ended(done)
        if any(done.status for done in results):
            return False
    return True


def judge_command(plan: Plan, stage: Stage) -> list[str]:
    """The command with which a user would judge what came back, without trusting anything of ours but the policy."""
    identity = identity_of(plan)
    folder = f"{stage.out}/a/confirmed"
    files = sorted(f"{folder}/{name}" for name in os.listdir(folder) if is_distribution(name))
    return [
        *(sys.executable, "-P", "-m", "epochly_verify", *files),
        *("--trust-config", f"{stage.scratch}/trust.json", "--repository", plan.config.repository),
        *("--workflow", identity.workflow, "--ref", plan.config.ref, "--environment", identity.environment),
        *("--require", "integrity,signature,identity,provenance"),
    ]


def second_opinion_pairs(stage: Stage) -> list[tuple[str, str]]:
    """Each file that was signed, with the bundle over it: distributions, SBOM attestations, the manifest."""
    folder = f"{stage.out}/a"
    signed = [name for name in sorted(os.listdir(folder)) if is_distribution(name) or name == MANIFEST]
    pairs = [(name, name + ending) for name in signed for ending in (BUNDLE, SBOM)]
    return [
        (f"{folder}/{name}", f"{folder}/{bundle}")
        for name, bundle in pairs
        if os.path.exists(f"{folder}/{bundle}")
    ]


def signer_uri(plan: Plan) -> str:
    """Whom the certificates name."""
    config = plan.config
    return f"{FORGE}/{config.repository}/.github/workflows/{config.workflow}@{config.ref}"
