"""The release workflow itself, run by `act` from its first job to where it ends, against a rehearsal instance.

Nothing of it is rewritten for the test. Takes minutes, because every job installs what it needs, as on the forge.
"""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from acted import act, repository, wheels_of_lock

from epochly_release.rehearsal.keys import live_sources
from epochly_release.rehearsal.oidc import Run
from epochly_release.rehearsal.serve import serve

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
RELEASE = ROOT / "release" / "pipeline" / "release.yml"
RUN = Run("epochly/epochly")
VERSION = (ROOT / "VERSION").read_text("utf-8").strip()
LEAKS = '''"""A build that writes down where it ran: equal twice on one machine, different on the next."""

import os

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Leak(BuildHookInterface):
    def initialize(self, version, build_data):
        with open(os.path.join(self.root, "src", "epochly", "_where.py"), "w") as file:
            file.write(f"PATH = {os.environ['PATH']!r}\\n")
'''


@pytest.fixture
def released(tmp_path):
    """Runs the workflow on the files that lie here, with some of them changed: (how it went, the instance)."""

    def release(changes=None):
        for name in ("tls", "scratch"):
            (tmp_path / name).mkdir()
        wheels = wheels_of_lock()
        sources = live_sources(lambda: datetime.now(UTC), os.urandom)
        with serve(tmp_path / "tls", RUN, [], sources) as served:
            origin = tmp_path / "origin"
            commit = repository(origin, f"https://github.com/{RUN.repository}", changes)
            served.instance.issuer.run = replace(RUN, sha=commit)
            inputs = {"version": VERSION}
            acted = act(RELEASE, origin, served, tmp_path / "scratch", wheels=wheels, inputs=inputs)
            return acted, served.instance

    return release


def test_release_ends_when_the_builders_disagree(released):
    """What depends on the machine that builds it is seen by no single builder, and is neither signed nor uploaded."""
    pyproject = (ROOT / "pyproject.toml").read_text("utf-8")
    hook = pyproject.replace(
        "\n[tool.ruff]\n", '\n[tool.hatch.build.hooks.custom]\npath = "leaks.py"\n\n[tool.ruff]\n', 1
    )
    hook = hook.replace('include = ["src/epochly", ', 'include = ["src/epochly", "leaks.py", ')
    acted, instance = released({"pyproject.toml": hook.encode(), "leaks.py": LEAKS.encode()})
    ended = {"check": "success", "build-a": "success", "build-b": "success", "compare": "failure"}
    assert acted.jobs == ended, acted.log
    assert acted.status == 1
    lines = [line for line in acted.log.splitlines() if line.startswith(("compare: < ", "compare: > "))]
    wheel, sdist = f"epochly-{VERSION}-py3-none-any.whl", f"epochly-{VERSION}.tar.gz"
    assert sorted(line.split()[-1] for line in lines) == sorted(2 * [wheel, f"{wheel}.cdx.json", sdist])
    assert [line for line in instance.seen if not line.startswith("GET /simple/")] == []
