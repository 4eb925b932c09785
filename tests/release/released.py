"""A small project of somebody's, the services of a rehearsal, and a machine on which the steps of its release can be run.

The project is pure Python and builds in a second, so that a test can afford a release of its own. The steps run in this
process; only the network is real: the services listen on the loopback interface, over TLS.
"""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

from epochly_release.checkout import Repository, gather_facts
from epochly_release.config import parse_config
from epochly_release.plan import plan_from_facts
from epochly_release.rehearsal.keys import live_sources
from epochly_release.rehearsal.rehearse import publisher_of, run_of
from epochly_release.rehearsal.serve import serve
from epochly_release.steps import STEPS, run_step
from epochly_release.steps.result import Places
from epochly_release.world import Machine

if TYPE_CHECKING:
    from pathlib import Path

TOOLS = ("build", "hatchling", "packaging", "pathspec", "pluggy", "pyproject-hooks", "trove-classifiers")
FILES = {
    "pyproject.toml": """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "small-thing"
version = "1.0"
description = "A module"
requires-python = ">=3.11"
license = "MIT"
dependencies = ["packaging>=24"]

[tool.epochly-release]
distributions = ["."]
version-file = "VERSION"
changelog = "CHANGES.md"
locks = { "build.txt" = "build.in" }
build-lock = "build.txt"
tag = "v{version}"
repository = "somebody/small-thing"
workflow = "release.yml"
environment = "pypi"
""",
    "VERSION": "1.0\n",
    "CHANGES.md": "# Changes\n\n## 1.0\n\nThe first one.\n",
    "small_thing/__init__.py": '"""A module."""\n\nANSWER = 42\n',
    "build.in": "build\nhatchling\n",
}


def write_project(folder):
    """The project's files, with a lock of the tools that are here."""
    rows = "".join(f"{name}=={version(name)} \\\n    --hash=sha256:{'0' * 64}\n" for name in TOOLS)
    for name, text in (FILES | {"build.txt": rows}).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def committed_project(folder):
    """The project in a git repository of its own; its folder."""
    project = folder / "project"
    write_project(project)
    author = ("-c", "user.name=nobody", "-c", "user.email=nobody@example")
    for words in (("init", "-q", "-b", "main"), ("add", "-A"), (*author, "commit", "-q", "-m", "x")):
        subprocess.run(["git", *words], cwd=project, check=True, capture_output=True)
    return project


def plan_of(project):
    """The plan of the project's commit."""
    data = (project / "pyproject.toml").read_bytes()
    config = parse_config(data, "pyproject.toml")
    world = Machine({"PATH": os.environ["PATH"], "HOME": "/nonexistent"}, lambda: "", lambda _text: None)
    return plan_from_facts(config, gather_facts(Repository(str(project), world), "HEAD", config, data))


@dataclass
class Release:
    """A release of one plan against one set of services, step by step.

    Attributes:
        plan: what is released.
        served: the services.
        folder: where everything of it lies.
        machine: the class of the machine the steps are given.
    """

    plan: object
    served: object
    folder: Path
    project: Path
    machine: type = Machine
    changes: tuple = ()

    @property
    def out(self):
        """The release's own folder."""
        return self.folder / "out"

    def environ(self, step):
        """What the job of a step would have."""
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder / "home"),
            "GITHUB_API_URL": f"{self.served.instance.url}/forge",
            **self.served.environment(),
        }
        environ |= {"stage": {"GH_TOKEN": self.served.instance.forge.app_token}}.get(step, {})
        environ |= {"confirm": {"GH_TOKEN": self.served.instance.forge.job_token}}.get(step, {})
        return environ | dict(self.changes)

    def places(self, **more):
        """Where the release happens."""
        (self.folder / "home").mkdir(parents=True, exist_ok=True)
        (self.folder / "trust.json").write_text(json.dumps(self.served.instance.trust_config))
        places = Places(
            repository=str(self.project),
            out=str(self.out),
            build_root=str(self.folder / "build" / "epochly-release"),
            pythons=(sys.executable,),
            index=self.served.simple_url,
            tools="installed",
            trust_config=str(self.folder / "trust.json"),
            rebuilt=str(self.folder / "rebuilt"),
            upload_url=self.served.upload_url,
        )
        return replace(places, **more)

    def world(self, step):
        """The machine as the job of a step sees it."""
        return self.machine(self.environ(step), _now, lambda _text: None)

    def run(self, step, **places):
        """Run one step; libraries that read the environment by themselves see the job's."""
        environ = self.environ(step)
        with _environment(environ):
            return run_step(step, self.plan, self.places(**places), self.world(step))

    def run_from(self, first):
        """Run a step and every later one."""
        names = list(STEPS)
        for step in names[names.index(first) :]:
            self.run(step)

    def rebuild(self):
        """What an independent builder makes, in `rebuilt`."""
        for step in ("build", "describe"):
            places = {
                "out": str(self.folder / "rebuilt"),
                "build_root": str(self.folder / "b" / "epochly-release"),
            }
            self.run(step, **places)


def _now():
    return "2026-01-02T03:04:05Z"


@contextmanager
def _environment(environ):
    kept = dict(os.environ)
    os.environ.clear()
    os.environ.update(environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(kept)


@contextmanager
def services(folder, plan):
    """The services for a plan's release."""
    folder.mkdir(parents=True, exist_ok=True)
    sources = live_sources(lambda: datetime.now(UTC), os.urandom)
    with serve(folder, run_of(plan), [publisher_of(plan)], sources) as served:
        yield served


def state_of(instance):
    """What index and forge hold, to be put back later."""
    forge = instance.forge
    return dict(instance.index.files), dict(forge.tags.refs), copy.deepcopy(forge.releases.held)


def put_back(instance, state):
    """Make index and forge hold what they held."""
    files, refs, held = state
    instance.index.files = dict(files)
    instance.forge.tags.refs = dict(refs)
    instance.forge.releases.held = copy.deepcopy(held)
