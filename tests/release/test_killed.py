"""A release that is killed anywhere goes on where it was, and ends with the same files."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest
from released import Release, committed_project, plan_of, put_back, services, state_of

from epochly_release.manifest import MANIFEST
from epochly_release.steps import JOURNAL, STEPS
from epochly_release.world import Machine

LINES = 2 * len(
    STEPS
)  # of the journal of a release in which nothing went wrong: a start and an end for each step
FINAL = (
    "small_thing-1.0-py3-none-any.whl",
    "small_thing-1.0.tar.gz",
    "small_thing-1.0-py3-none-any.whl.cdx.json",
)


class Killed(BaseException):
    """The power went off: nothing that comes after it runs, not even what handles errors."""


class Watched(Machine):
    """The real machine, in which something happens right before a line of the journal, or after some files."""

    before_line = staticmethod(lambda _path, _data: None)
    before_write = staticmethod(lambda _path: None)

    def append(self, path, data):
        """Add the line, unless what happens before it is the end."""
        type(self).before_line(path, data)
        super().append(path, data)

    def write(self, path, data, **how):
        """Write the file, unless what happens before it is the end."""
        type(self).before_write(path)
        super().write(path, data, **how)


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    """A release in which nothing goes wrong, and everything as it was before each line of its journal."""
    folder = tmp_path_factory.mktemp("honest")
    project = committed_project(folder)
    plan = plan_of(project)
    moments = []
    with services(folder / "tls", plan) as served:
        release = Release(plan, served, folder / "release", project, Watched)
        release.rebuild()

        def keep(path, data):
            if path.startswith(f"{release.out}/"):
                kept = folder / "moments" / str(len(moments))
                if release.out.exists():
                    shutil.copytree(release.out, kept)
                moments.append((kept, data, state_of(served.instance)))

        Watched.before_line = staticmethod(keep)
        release.run_from("check")
        Watched.before_line = staticmethod(lambda _path, _data: None)
        yield release, moments, finals(release)
    assert len(moments) == LINES


def finals(release):
    """The hashes a user would compare: those of the manifest, and of what index and forge hold."""
    manifest = json.loads((release.out / MANIFEST).read_text())["files"]
    instance = release.served.instance
    index = {name: file.digests["sha256_digest"] for name, file in instance.index.files.items()}
    (at_forge,) = instance.forge.releases.held.values()
    return {name: manifest[name]["sha256"] for name in FINAL}, index, at_forge.draft, sorted(manifest)


def test_release_ends_with_everything_published(honest):
    """The release that is killed below is a whole one: signed, on the index, tagged, and written at the forge."""
    release, _, (files, index, draft, _) = honest
    assert {name: files[name] for name in FINAL[:2]} == index
    assert not draft
    assert release.served.instance.forge.tags.refs == {"v1.0": release.plan.commit}
    assert all(file.attestations for file in release.served.instance.index.files.values())


@pytest.mark.parametrize(
    "line",  # each step once here, at its first line or at its last; the other lines with `make test-slow`
    [pytest.param(line, marks=pytest.mark.slow) if (line // 2 + line) % 2 else line for line in range(LINES)],
)
def test_release_killed_at_a_line_of_its_journal_resumes(honest, tmp_path, line):
    """Killed while it writes any line of the journal, the release goes on and ends with the same hashes."""
    release, moments, expected = honest
    kept, data, state = moments[line]
    resumed = replace(release, folder=tmp_path)
    shutil.copytree(release.folder / "rebuilt", tmp_path / "rebuilt")
    if kept.exists():
        shutil.copytree(kept, resumed.out)
    resumed.out.mkdir(exist_ok=True)
    with (resumed.out / JOURNAL).open("ab") as journal:
        journal.write(data[: len(data) // 2])
    put_back(release.served.instance, state)
    resumed.run_from(list(STEPS)[line // 2])
    assert finals(resumed) == expected
    events = [json.loads(text)["event"] for text in (resumed.out / JOURNAL).read_text().splitlines()]
    assert events.count("end") == len(STEPS)


@pytest.mark.parametrize("step", ["build", "describe", "attest", "stage"])
def test_release_killed_between_two_files_resumes(honest, tmp_path, step):
    """Killed with half of a step's files written, the step is done again, and what was whole is kept or made anew."""
    release, moments, expected = honest
    kept, _, state = moments[2 * list(STEPS).index(step)]
    resumed = replace(release, folder=tmp_path)
    shutil.copytree(release.folder / "rebuilt", tmp_path / "rebuilt")
    shutil.copytree(kept, resumed.out)
    put_back(release.served.instance, state)
    written = []

    def kill(path):
        if path.startswith(f"{resumed.out}/"):
            written.append(path)
            if len(written) == (1 if step == "stage" else 3):
                raise Killed

    Watched.before_write = staticmethod(kill)
    try:
        with pytest.raises(Killed):
            resumed.run(step)
    finally:
        Watched.before_write = staticmethod(lambda _path: None)
    assert json.loads((resumed.out / JOURNAL).read_text().splitlines()[-1])["event"] == "start"
    resumed.run_from(step)
    assert finals(resumed) == expected


def test_signatures_that_hold_are_kept(honest, tmp_path):
    """A step that is done again signs what is missing and nothing else; a spoiled signature is missing."""
    release, moments, _ = honest
    kept, _, state = moments[2 * list(STEPS).index("verify")]
    resumed = replace(release, folder=tmp_path)
    shutil.copytree(kept, resumed.out)
    put_back(release.served.instance, state)
    names = sorted(
        path.name for path in resumed.out.iterdir() if "sigstore" in path.name or "attest" in path.name
    )
    before = {name: (resumed.out / name).read_bytes() for name in names}
    (resumed.out / names[0]).unlink()
    (resumed.out / names[1]).write_bytes(before[names[1]].replace(b'"sig', b'"gis', 1))
    (resumed.out / names[2]).write_bytes(before[names[3]])
    resumed.run("attest")
    after = {name: (resumed.out / name).read_bytes() for name in names}
    assert [name for name in names if before[name] != after[name]] == names[:3]
