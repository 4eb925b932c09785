"""A small honest release, made without building: two projects of one wheel and one sdist each, through the real steps.

`attest`, `verify`, `stage`, `publish` and `confirm` are run as the pipeline runs them, in this process, against a served
instance; what `build` and `describe` leave is written by hand.
"""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import tarfile
import zipfile
from dataclasses import replace

from rehearsed import b64

from epochly_release.canonical import canonical
from epochly_release.config import Config, Lock
from epochly_release.journal import NOTHING_BEFORE, Entry, entry_line
from epochly_release.manifest import MANIFEST, listed, manifest_of
from epochly_release.plan import Distribution, Plan
from epochly_release.rehearsal.attacks.run import Honest
from epochly_release.rehearsal.attacks.scene import Job
from epochly_release.rehearsal.attacks.wheels import described
from epochly_release.rehearsal.rehearse import run_of
from epochly_release.steps import JOURNAL, run_step
from epochly_release.steps.result import Places
from epochly_sbom import __version__ as sbom_version
from epochly_sbom.describe import wheel_sbom
from epochly_sbom.model import Options
from epochly_sbom.parse.archive import parse_wheel

CONFIG = Config(
    distributions=("alpha", "beta"),
    version_file="VERSION",
    changelog="CHANGELOG.md",
    locks=(Lock("build.txt", "build.in"),),
    build_lock="build.txt",
    repository="acme/demo",
    workflow="release.yml",
    environment="pypi",
)
NOW = "2026-01-02T03:04:05Z"


def git(folder, *arguments):
    """Git as nobody, without anybody's configuration."""
    who = {f"GIT_{role}_{what}": "x@x" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    environ = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", **who}
    done = subprocess.run(["git", "-C", folder, *arguments], env=environ, check=True, capture_output=True)
    return done.stdout.decode().strip()


def planned(repository):
    """The plan of a repository that holds a changelog and nothing else."""
    os.makedirs(repository)
    (repository / "CHANGELOG.md").write_text("# Changes\n\n## 1.0\n\nThe first one.\n")
    git(repository, "init", "-q", "-b", "main")
    git(repository, "add", "CHANGELOG.md")
    git(repository, "commit", "-q", "-m", "x")
    distributions = tuple(
        Distribution(name, f"demo-{name}", f"demo_{name}-1.0.tar.gz", f"demo_{name}-1.0-")
        for name in CONFIG.distributions
    )
    return Plan(
        git(repository, "rev-parse", "HEAD"), 1_700_000_000, "1.0", "v1.0", distributions, CONFIG, "0" * 64
    )


def built(plan):
    """The files of the plan, by name, as a build leaves them."""
    files = {}
    for distribution in plan.distributions:
        module = distribution.name.replace("-", "_")
        metadata = f"Metadata-Version: 2.4\nName: {distribution.name}\nVersion: 1.0\n"
        name = f"{module}-1.0-py3-none-any.whl"
        files[name] = described(name, _wheel(module, metadata), plan)
        files[distribution.sdist] = canonical(distribution.sdist, _sdist(module, metadata), plan.epoch)
    return files


def _wheel(module, metadata):
    info = f"{module}-1.0.dist-info"
    members = {
        f"{module}.py": f"NAME = {module!r}\n" * len(module),
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = []
    for name, text in members.items():
        digest = b64(hashlib.sha256(text.encode()).digest()).rstrip("=").replace("+", "-").replace("/", "_")
        rows.append(f"{name},sha256={digest},{len(text)}\n")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in {**members, f"{info}/RECORD": "".join([*rows, f"{info}/RECORD,,\n"])}.items():
            archive.writestr(name, text)
    return out.getvalue()


def _sdist(module, metadata):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, text in {"PKG-INFO": metadata, "pyproject.toml": f"[project]\nname = {module!r}\n"}.items():
            member = tarfile.TarInfo(f"{module}-1.0/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return out.getvalue()


def described_release(plan, places, world):
    """What `describe` leaves for both builders, and the journal that says so."""
    files = built(plan)
    options = Options(tool_version=sbom_version, epoch=plan.epoch)
    for name in [name for name in files if name.endswith(".whl")]:
        files[f"{name}.cdx.json"] = wheel_sbom(parse_wheel(files[name], name), options).encode()
    files[MANIFEST] = manifest_of(plan, files)
    for name, data in files.items():
        world.write(f"{places.out}/{name}", data)
        world.write(f"{places.rebuilt}/{name}", data)
    last = NOTHING_BEFORE
    for event in ("start", "end"):
        left = {name: listed(data).sha256 for name, data in files.items()} if event == "end" else {}
        line = entry_line(Entry("describe", event, NOW, plan.sha256(), left), last)
        world.append(f"{places.out}/{JOURNAL}", line)
        last = hashlib.sha256(line).hexdigest()


def released(served, plan, folder):
    """The release, made with the services of `served`, by the steps from `attest` to `confirm`."""
    instance = served.instance
    instance.issuer.run = run_of(plan)
    environ = {"PATH": os.environ["PATH"], "HOME": f"{folder}/home", **served.environment()}
    environ["GITHUB_API_URL"] = f"{instance.url}/forge"
    places = Places(
        repository=f"{folder}/repository",
        out=f"{folder}/a",
        build_root=f"{folder}/build",
        pythons=(),
        index=served.simple_url,
        trust_config=f"{folder}/trust.json",
        rebuilt=f"{folder}/b",
        upload_url=served.upload_url,
    )
    world = Job(
        environ, lambda: NOW, lambda _text: None, instance.token_request_url, instance.issuer.request_token
    )
    described_release(plan, places, world)
    for step in ("attest", "verify", "stage", "publish", "confirm"):
        token = instance.forge.app_token if step == "stage" else instance.forge.job_token
        run_step(step, plan, places, replace(world, environ=environ | {"GH_TOKEN": token}))
    return Honest(plan, places, environ, f"{folder}/scratch")
