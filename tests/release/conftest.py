"""A git repository with a small project to release, for the tests of plan, check and build."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pytest

from epochly_release.world import Machine, Response

_HERE = str(Path(__file__).parent)
if _HERE not in sys.path:  # so that tests can say `from released import Release`
    sys.path.insert(0, _HERE)
SAMPLE = Path(__file__).with_name("sample_project")
TOOLS = ("build", "packaging", "pyproject-hooks", "setuptools")
ENVIRON = {
    "PATH": os.environ.get("PATH", os.defpath),
    "HOME": "/nonexistent",
    "PIP_INDEX_URL": "https://index.example/simple",
}
AUTHOR = {
    f"GIT_{who}_{what}": "nobody@example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
}
DATES = {"GIT_AUTHOR_DATE": "1700000001 +0100", "GIT_COMMITTER_DATE": "1700000001 +0100"}


def nothing_known(_url):
    """An index that knows no project."""
    return Response(404)


@dataclass(frozen=True, slots=True)
class ScriptedNetwork(Machine):
    """The real machine, but for a network in which `answers` speaks for every server."""

    answers: object = nothing_known

    def fetch(self, url, **_):
        """Ask the script."""
        return self.answers(url)


def git(folder, *arguments):
    """Run git as nobody in particular, without anybody's configuration."""
    environ = ENVIRON | AUTHOR | DATES | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], env=environ, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def lock_of(names):
    """A lock that holds what is installed here; the hashes are asked for when the lock is installed from."""
    return "".join(f"{name}=={version(name)} \\\n    --hash=sha256:{'0' * 64}\n" for name in names)


@pytest.fixture
def commit():
    """Commits everything in a folder; returns the commit."""

    def commit_all(folder):
        git(folder, "add", "-A", "-f")
        git(folder, "commit", "-q", "-m", "x")
        return git(folder, "rev-parse", "HEAD")

    return commit_all


@pytest.fixture
def project(tmp_path, commit):
    """The sample project, committed, with a lock of the tools that are here."""
    folder = tmp_path / "project"
    shutil.copytree(SAMPLE, folder)
    (folder / "build.in").write_text("build\nsetuptools>=77\n")
    (folder / "build.txt").write_text(lock_of(TOOLS))
    git(tmp_path, "init", "-q", "-b", "main", str(folder))
    commit(folder)
    return folder


@pytest.fixture
def machine():
    """The real machine, with an index that has nothing, a clock that stands still, and no progress."""
    return ScriptedNetwork(ENVIRON, lambda: "2026-01-02T03:04:05Z", lambda _text: None)


@pytest.fixture
def git_in():
    """The git command."""
    return git
