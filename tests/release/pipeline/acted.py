"""Runs a workflow of this repository with `act`: its own jobs, commands and order, with this machine as every runner.

A run gets a repository of its own, made from the files that lie here, and a machine that knows a rehearsal instance and
nothing else: pip's index, trust in TLS and the forge's API are the instance's. What a forge's runner does by itself is
in `runner_script`; the actions are the small ones of `stand_ins/`. Refuses an action that has no stand-in, and an input
that a stand-in does not know. `act` itself does not look at `permissions`, `concurrency` and the secrets' environments:
those are left to the linters.

`act`: nektos/act, of the development lock.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import yaml

from epochly_release.lint.workflow import parse_workflow

ROOT = Path(__file__).parents[3]
STAND_INS = Path(__file__).with_name("stand_ins")
ACT = Path(sys.executable).with_name("act")
LOCK = ROOT / "requirements" / "release.txt"
LONGEST_S = 900  # seconds for a whole release; it takes two minutes


@dataclass(frozen=True, slots=True)
class Acted:
    """How a run went.

    Attributes:
        status: of `act`; 0 when every job succeeded.
        jobs: each job that ran -> `success` or `failure`, in the order they ended.
        steps: each job -> how many of its steps were begun.
        log: all that was said, a line each, with the job's name before it.
    """

    status: int
    jobs: dict[str, str]
    steps: dict[str, int]
    log: str


def workflow(path):
    """The parsed file."""
    return parse_workflow(path.read_bytes(), path.name)


def unknown_inputs(flow):
    """Actions and inputs of a workflow that nothing stands in for."""
    for step in (step for job in flow.jobs for step in job.steps if step.uses is not None):
        action = stand_in(step.action) / "action.yml"
        if not action.exists():
            yield step.action
            continue
        known = yaml.safe_load(action.read_text("utf-8"))["inputs"]
        yield from (f"{step.action}: {name}" for name in step.inputs if name not in known)


def stand_in(action):
    """The folder that stands in for an action; its versions are all the same here."""
    return STAND_INS / action.partition("@")[0].removeprefix("actions/")


def repository(folder, remote, changes=None):
    """A repository of two commits, the second with the files that git holds or would hold here, and `changes`."""
    listed = _run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT).split("\0")
    files = {path: (ROOT / path).read_bytes() for path in listed if path and (ROOT / path).is_file()}
    _run("git", "init", "--quiet", "--initial-branch=main", str(folder), cwd=folder.parent)
    _git(folder, "commit", "--quiet", "--allow-empty", "-m", "Begin")
    for path, data in (files | (changes or {})).items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        target.chmod(0o755 if path in files and os.access(ROOT / path, os.X_OK) else 0o644)
    _git(folder, "add", "--all", "--force")
    _git(folder, "commit", "--quiet", "-m", "Hold what lies here")
    _git(folder, "remote", "add", "origin", remote)
    return _git(folder, "rev-parse", "HEAD").strip()


def wheels_of_lock():
    """A folder with every wheel of the release lock for this Python, downloaded once from pip's own index."""
    name = hashlib.sha256(LOCK.read_bytes() + sys.version.encode()).hexdigest()[:16]
    folder = ROOT / ".cache" / "pipeline" / name
    if not folder.exists():
        part = folder.with_name(f"{name}.{os.getpid()}")
        options = ["--quiet", "--require-hashes", "--no-deps", "--only-binary=:all:"]
        download = (sys.executable, "-m", "pip", "download", *options, "-r", str(LOCK), "-d", str(part))
        _run(*download, cwd=ROOT)
        part.rename(folder)
    return folder


def runner_script(flow, served):
    """Sourced by every shell of a step: variables that the forge gives to jobs with `id-token: write`, and to no other."""
    jobs = "|".join(job.id for job in flow.jobs if flow.mints_tokens(job)) or "none"
    given = {
        name: value for name, value in served.environment().items() if name.startswith("ACTIONS_ID_TOKEN_")
    }
    exports = "".join(f"  export {name}='{value}'\n" for name, value in sorted(given.items()))
    return f'case "$GITHUB_JOB" in {jobs})\n{exports};; esac\nunset BASH_ENV\n'


def act(path, origin, served, folder, *, wheels="", inputs=None, key=None):
    """Run the workflow file at `path`, of the repository at `origin`, against the instance.

    `folder` is empty, and for scratch; `wheels` is what `setup-python` and pip install from; `key` is the App's key, by
    default the one that the instance's forge knows.
    """
    flow, forge = workflow(path), served.instance.forge
    assert list(unknown_inputs(flow)) == []
    assert ACT.exists(), "`act` is in the development lock, so it must be there"
    for name in ("home", "artifacts"):
        (folder / name).mkdir()
    (folder / "runner.sh").write_text(runner_script(flow, served))
    actions = {step.uses.text for job in flow.jobs for step in job.steps if step.uses is not None}
    command = [
        *(str(ACT), "workflow_dispatch", "--directory", str(origin), "--workflows", str(path), "--json"),
        *("-P", "ubuntu-24.04=-self-hosted", "-P", "ubuntu-22.04=-self-hosted"),
        *("--rm", "--no-skip-checkout", "--no-cache-server", "--pull=false", "--action-offline-mode"),
        *_each("--input", inputs or {}),
        *_each("--secret", {"RELEASE_APP_KEY": key or forge.app_token, "GITHUB_TOKEN": forge.job_token}),
        *_each("--var", {"RELEASE_APP_ID": "7"}),
        *_each("--env", forge_environment(served)),
        *_each(
            "--local-repository",
            {
                action: f"{STAND_INS}/{action.partition('@')[0].rpartition('/')[2]}"
                for action in sorted(actions)
            },
        ),
    ]
    done = subprocess.run(
        command,
        check=False,
        cwd=folder,
        env=machine(origin, served, folder, wheels),
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    jobs = {line["jobID"]: line["jobResult"] for line in lines if "jobResult" in line}
    begun = {(line["jobID"], *line["stepID"]) for line in lines if line.get("stage") == "Main"}
    steps = Counter(job for job, *step in begun if len(step) == 1)
    log = "".join(f"{line.get('jobID', '-')}: {line['msg'].rstrip()}\n" for line in lines)
    return Acted(done.returncode, jobs, dict(steps), log + done.stderr)


def machine(origin, served, folder, wheels):
    """All that a job sees of this machine. Only the instance's certificate is trusted, and only its index is asked."""
    own = str(Path(sys.executable).parent)
    path = [part for part in os.environ["PATH"].split(os.pathsep) if part and part != own]
    ca_file = str(served.files.ca_file)
    return {
        "PATH": os.pathsep.join(path),
        "HOME": str(folder / "home"),
        "BASH_ENV": str(folder / "runner.sh"),
        "STAND_IN_ORIGIN": str(origin),
        "STAND_IN_ARTIFACTS": str(folder / "artifacts"),
        "STAND_IN_PYTHON": sys._base_executable,
        "STAND_IN_WHEELS": str(wheels),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_FIND_LINKS": str(wheels),
        "PIP_INDEX_URL": served.simple_url,
        "PIP_NO_INDEX": "1",  # for installs; who asks the index by its address does not see this
        "PIP_PROGRESS_BAR": "off",
        "PIP_COMPILE": "0",  # most modules are used once or never
        "SSL_CERT_FILE": ca_file,
        "REQUESTS_CA_BUNDLE": ca_file,
        "NO_PROXY": "localhost,127.0.0.1",
    }


def forge_environment(served):
    """Variables that a runner of the forge gives to every step and `act` does not, or gives otherwise."""
    run = served.instance.issuer.run
    return {
        "GITHUB_API_URL": f"{served.instance.url}/forge",
        "GITHUB_ACTOR": "maintainer",
        "GITHUB_REPOSITORY_ID": run.repository_id,
        "GITHUB_REPOSITORY_OWNER_ID": run.owner_id,
        "GITHUB_WORKFLOW_REF": run.workflow_ref,
        "GITHUB_WORKFLOW_SHA": run.sha,
        "RUNNER_ENVIRONMENT": run.runner,
    }


def _each(option, values):
    return [part for name, value in values.items() for part in (option, f"{name}={value}")]


def _git(folder, *arguments):
    who = {
        f"GIT_{who}_{what}": "nobody@example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    alone = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    return _run("git", *arguments, cwd=folder, environ={"PATH": os.environ["PATH"], **who, **alone})


def _run(*command, cwd, environ=None):
    done = subprocess.run(command, check=False, cwd=cwd, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout
