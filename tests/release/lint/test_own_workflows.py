"""The workflows of this repository hold to our rules, and to zizmor's strictest ones where it is installed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from epochly_release.config import parse_config
from epochly_release.lint.model import Value
from epochly_release.lint.run import lint
from epochly_release.lint.shape import ancestors, is_release
from epochly_release.lint.workflow import parse_workflow

ROOT = Path(__file__).parents[3]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
RELEASE = ROOT / ".github" / "workflows" / "release.yml"
CONFIG = parse_config((ROOT / "release.toml").read_bytes(), "release.toml")
READ, IDENTITY = {"contents": "read"}, {"contents": "read", "id-token": "write"}
RIGHTS = {
    "check": READ,
    "build-a": READ,
    "build-b": READ,
    "compare": {},
    "attest": IDENTITY,
    "verify": READ,
    "tag": READ,
    "publish": IDENTITY,
    "confirm": {"contents": "write"},
}
WORKSPACE = "${{ github.workspace }}/"


def relative_sources(flow):
    """Jobs and steps whose PYTHONPATH depends on the folder a program is started in."""
    for job in flow.jobs:
        for where in (job, *job.steps):
            value = where.env.get("PYTHONPATH")
            if value is not None and not all(part.startswith(WORKSPACE) for part in value.text.split(":")):
                yield job.id


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_own_workflow_is_clean_under_our_rules(path):
    """We ask of others what we do."""
    assert lint(path.read_bytes(), path.name) == ()


def test_own_workflows_are_clean_under_zizmor():
    """A linter with other rules, in its strictest persona, finds nothing either, and reads every file."""
    beside = Path(sys.executable).with_name("zizmor")
    zizmor = str(beside) if beside.exists() else shutil.which("zizmor")
    assert zizmor is not None, "zizmor is in the development lock, so it must be there"
    command = [
        zizmor,
        "--offline",
        "--persona",
        "auditor",
        "--strict-collection",
        "--no-progress",
        "--no-config",
    ]
    done = subprocess.run(
        [*command, *map(str, WORKFLOWS)], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


def release():
    """The release workflow."""
    return parse_workflow(RELEASE.read_bytes(), RELEASE.name)


def test_release_has_the_designed_order():
    """Nothing is signed before the builds were compared, tagged before it was verified, published before it was tagged."""
    workflow = release()
    assert [job.id for job in workflow.jobs] == list(RIGHTS)
    assert is_release(workflow)
    assert list(workflow.triggers) == ["workflow_dispatch"]
    for earlier, later in [
        ("compare", "attest"),
        ("verify", "tag"),
        ("tag", "publish"),
        ("publish", "confirm"),
    ]:
        assert earlier in {job.id for job in ancestors(workflow, workflow.job(later))}


def test_release_jobs_have_the_rights_they_need():
    """Two jobs may ask for an identity, one may write releases, and none may do anything else."""
    assert {job.id: dict(job.permissions.scopes) for job in release().jobs} == RIGHTS
    assert {job.id for job in release().jobs if job.permissions.everything} == set()


def test_release_runs_one_at_a_time_and_ends():
    """A second release waits for the first and never cuts it off, and no job hangs for hours."""
    document = yaml.safe_load(RELEASE.read_text("utf-8"))
    assert document["concurrency"] == {"group": "release", "cancel-in-progress": False}
    assert {job["timeout-minutes"] for job in document["jobs"].values()} == {30}


def test_release_uses_the_environments_that_are_set():
    """Each environment of a job is one whose settings are kept here, open to `main` alone; the one that signs is reviewed."""
    used = {job.id: job.environment.text for job in release().jobs if job.environment is not None}
    assert used == {"attest": "pypi", "tag": "release-tag", "publish": "pypi"}
    files = (ROOT / ".github" / "settings").glob("environment-*.json")
    settings = {each["environment"]: each for each in (json.loads(file.read_bytes()) for file in files)}
    assert set(settings) == set(used.values())
    assert all(each["branches"] == [CONFIG.ref.removeprefix("refs/heads/")] for each in settings.values())
    assert settings[CONFIG.environment]["reviewers"]
    assert (CONFIG.environment, CONFIG.workflow) == (used["publish"], RELEASE.name)


def test_release_tool_is_found_from_any_folder():
    """A program that is started among the built files finds the tool's source, and never what a builder put there."""
    assert list(relative_sources(release())) == []


def test_relative_sources_sees_a_planted_path():
    """One relative part among absolute ones is seen, in a job and in a step."""
    flow = release()
    odd = {"PYTHONPATH": Value(f"{WORKSPACE}release/src:verify/src", 1)}
    job = flow.jobs[0]
    step = replace(job.steps[0], env=odd)
    assert list(relative_sources(replace(flow, jobs=(replace(job, env=odd),)))) == ["check"]
    assert list(relative_sources(replace(flow, jobs=(replace(job, steps=(step,)),)))) == ["check"]
