"""The workflows of this repository hold to our rules, and to zizmor's strictest ones where it is installed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from epochly_release.lint.run import lint
from epochly_release.lint.shape import ancestors, is_release
from epochly_release.lint.workflow import parse_workflow

ROOT = Path(__file__).parents[3]
DRAFT = ROOT / "release" / "pipeline" / "release.yml"
WORKFLOWS = [*sorted((ROOT / ".github" / "workflows").glob("*.yml")), DRAFT]


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


def test_release_draft_has_the_designed_order():
    """Nothing is signed before the builds were compared, tagged before it was verified, published before it was tagged."""
    workflow = parse_workflow(DRAFT.read_bytes(), DRAFT.name)
    order = ["check", "build-a", "build-b", "compare", "attest", "verify", "tag", "publish", "confirm"]
    assert [job.id for job in workflow.jobs] == order
    assert is_release(workflow)
    assert list(workflow.triggers) == ["workflow_dispatch"]
    for earlier, later in [
        ("compare", "attest"),
        ("verify", "tag"),
        ("tag", "publish"),
        ("publish", "confirm"),
    ]:
        assert earlier in {job.id for job in ancestors(workflow, workflow.job(later))}
    assert [job.id for job in workflow.jobs if workflow.mints_tokens(job)] == ["attest", "publish"]


def test_release_draft_is_not_where_it_would_run():
    """The draft says that it is one, and lies where nothing starts it."""
    assert "A DRAFT" in DRAFT.read_text("utf-8")
    assert not (ROOT / ".github" / "workflows" / "release.yml").exists()
