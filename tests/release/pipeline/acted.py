"""Runs a workflow of this repository with `act`: its own jobs, commands and order, with this machine as every runner.

A run gets a repository of its own, made from the files that lie here, and a machine that knows a rehearsal instance and
nothing else: pip's index, trust in TLS and the forge's API are the instance's. What a forge's runner does by itself is
in `runner_script`; the actions are the small ones of `stand_ins/`. Refuses an action that has no stand-in, and an input
that a stand-in does not know. `act` itself does not look at `permissions`, `concurrency` and the secrets' environments:
those are left to the linters. What an instance is asked is counted to the job that speaks next in `act`'s log, which is
right for jobs that run alone.

`act`: nektos/act, of the development lock.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import yaml

from epochly_release.lint.workflow import parse_workflow

ROOT = Path(__file__).parents[3]
STAND_INS = Path(__file__).with_name("stand_ins")
ACT = Path(sys.executable).with_name("act")
LONGEST_S = (
    900  # seconds for a whole release; it takes half a minute of an idle machine, or three with every install
)
LOCKED = ("--quiet", "--require-hashes", "--no-deps", "--only-binary=:all:")


@dataclass(frozen=True, slots=True)
class Acted:
    """How a run went.

    Attributes:
        status: of `act`; 0 when every job succeeded.
        jobs: each job that ran -> `success` or `failure`, in the order they ended.
        steps: each job -> how many of its steps were begun.
        requests: each job that asked the instance for something -> `METHOD path status` of all it asked.
        log: all that was said, a line each, with the job's name before it.
    """

    status: int
    jobs: dict[str, str]
    steps: dict[str, int]
    requests: dict[str, list[str]]
    log: str


@dataclass(frozen=True, slots=True)
class Tools:
    """What jobs install from, for this Python: a folder of wheels, and one where the release lock's are installed."""

    wheels: Path
    installed: Path


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


def tools_of_lock(*, whole):
    """Wheels from pip's own index, downloaded once for a lock: the release's, or the few that each build installs.

    Where not the whole lock is asked for, what it holds is what this Python has: the tests' lock has the same versions.
    """
    lock = ROOT / "requirements" / ("release.txt" if whole else "build.txt")
    name = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:16]
    folder = ROOT / ".cache" / "wheels-of-locks" / name
    if not folder.exists():
        part = folder.with_name(f"{name}.{os.getpid()}")
        pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
        _run(*pip, "download", *LOCKED, "-r", str(lock), "-d", str(part), cwd=ROOT)
        try:
            part.rename(folder)
        except OSError:  # another process was first
            shutil.rmtree(part)
            assert folder.exists()
    return Tools(folder, Path(sysconfig.get_path("purelib")))


def runner_script(flow, served):
    """Sourced by every shell of a step: variables that the forge gives to jobs with `id-token: write`, and to no other."""
    jobs = "|".join(job.id for job in flow.jobs if flow.mints_tokens(job)) or "none"
    given = {
        name: value for name, value in served.environment().items() if name.startswith("ACTIONS_ID_TOKEN_")
    }
    exports = "".join(f"  export {name}='{value}'\n" for name, value in sorted(given.items()))
    return f'case "$GITHUB_JOB" in {jobs})\n{exports};; esac\nunset BASH_ENV\n'


def act(path, origin, served, folder, *, tools=None, install=True, inputs=None, key=None):
    """Run the workflow file at `path`, of the repository at `origin`, against the instance.

    `folder` is empty, and for scratch; pip finds the wheels of `tools`, and without `install` each job's Python has them
    from the start, so that what it installs by the lock is there already; `key` is the App's key, by default the one that
    the instance's forge knows.
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
    environ = machine(origin, served, folder) | tool_environment(tools, install=install)
    lines, requests, log = [], {}, []
    asked = len(served.instance.seen)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(command, cwd=folder, env=environ, text=True, **pipes) as process:
        limit = threading.Timer(LONGEST_S, process.kill)
        limit.start()
        for text in process.stdout:
            line = json.loads(text) if text.startswith("{") else {"msg": text}
            job = line.get("jobID", "-")
            log.append(f"{job}: {line['msg'].rstrip()}\n")
            lines.append(line)
            if len(served.instance.seen) > asked:
                requests.setdefault(job, []).extend(served.instance.seen[asked:])
                asked = len(served.instance.seen)
        limit.cancel()
    jobs = {line["jobID"]: line["jobResult"] for line in lines if "jobResult" in line}
    begun = {(line["jobID"], *line["stepID"]) for line in lines if line.get("stage") == "Main"}
    steps = Counter(job for job, *step in begun if len(step) == 1)
    return Acted(process.returncode, jobs, dict(steps), requests, "".join(log))


def machine(origin, served, folder):
    """All that a job sees of this machine but its tools. Only the instance's certificate is trusted."""
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
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INDEX": "1",  # for installs; who asks the index by its address does not see this
        "PIP_PROGRESS_BAR": "off",
        "PIP_COMPILE": "0",  # most modules are used once or never
        "SSL_CERT_FILE": ca_file,
        "REQUESTS_CA_BUNDLE": ca_file,
        "NO_PROXY": "localhost,127.0.0.1",
    }


def tool_environment(tools, *, install):
    """Where pip finds wheels, and what a job's Python has from the start."""
    return {
        "STAND_IN_WHEELS": str(tools.wheels) if tools else "",
        "STAND_IN_INSTALLED": str(tools.installed) if tools and not install else "",
        "PIP_FIND_LINKS": str(tools.wheels) if tools else "",
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
