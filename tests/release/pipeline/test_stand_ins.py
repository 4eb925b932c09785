"""What stands in for the forge's runners and actions does what the real ones do, and refuses what it cannot do."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from acted import act, repository, unknown_inputs, workflow

from epochly_release.lint.model import Value
from epochly_release.rehearsal.keys import live_sources
from epochly_release.rehearsal.oidc import Run
from epochly_release.rehearsal.serve import serve

ROOT = Path(__file__).parents[3]
PROMISES = Path(__file__).with_name("stand_ins.yml")
RELEASE = ROOT / ".github" / "workflows" / "release.yml"


@pytest.fixture(scope="module")
def acted(tmp_path_factory):
    """A run of all the promises."""
    folder = tmp_path_factory.mktemp("stand-ins")
    origin = folder / "origin"
    commit = repository(origin, "https://github.com/acme/demo")
    sources = live_sources(lambda: datetime.now(UTC), os.urandom)
    for name in ("tls", "scratch"):
        (folder / name).mkdir()
    with serve(folder / "tls", Run("acme/demo", sha=commit), [], sources) as served:
        return act(PROMISES, origin, served, folder / "scratch")


def test_stand_ins_keep_their_promises(acted):
    """Every job of `stand_ins.yml` ends as its name says, at its last step."""
    jobs = workflow(PROMISES).jobs
    wanted = {job.id: "failure" if job.id.startswith("refuses-") else "success" for job in jobs}
    assert acted.jobs == wanted, acted.log
    assert acted.status == 1
    steps = {job.id: len(job.steps) for job in jobs}
    assert {job: acted.steps[job] for job in wanted} == steps, acted.log


def test_stand_ins_know_every_input_of_the_release():
    """A release that asks an action for something else needs a stand-in that does it."""
    assert list(unknown_inputs(workflow(RELEASE))) == []


def test_unknown_inputs_sees_a_planted_input_and_action():
    """An input no stand-in knows, and an action nobody stands in for, are named."""
    flow = workflow(RELEASE)
    job = flow.jobs[0]
    checkout, python, *_ = job.steps
    odd = replace(checkout, inputs={**checkout.inputs, "submodules": Value("true", 1)})
    other = replace(python, uses=Value("actions/cache@v4", 1))
    planted = replace(flow, jobs=(replace(job, steps=(odd, other)),))
    assert list(unknown_inputs(planted)) == ["actions/checkout: submodules", "actions/cache"]
