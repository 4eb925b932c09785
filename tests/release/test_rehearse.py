"""`epochly-release rehearse` as its users run it: for somebody else's project, on either network, and when it goes wrong."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest
from released import committed_project

from epochly_release.rehearsal.network import can_enter
from epochly_release.world import Machine

STEPS = ("check", "build", "describe", "attest", "verify", "stage", "publish", "confirm")


def rehearse(project, *arguments):
    """Run the command in a project; what it printed, what it said, and how it ended."""
    command = [sys.executable, "-P", "-m", "epochly_release", "rehearse", *arguments]
    environ = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(command, cwd=project, env=environ, capture_output=True, text=True, check=False)


def has_namespaces():
    """Whether this machine gives us a network of our own."""
    return can_enter(Machine(dict(os.environ), lambda: "", lambda _text: None), os.geteuid())


def steps_shown(text):
    """The steps of the report that went well, each once, in order."""
    shown = [line.split()[1] for line in text.splitlines() if line.startswith("✓ ") and " s  " in line]
    return tuple(dict.fromkeys(shown))


@pytest.mark.slow
def test_project_of_somebody_else_with_an_extension_in_c_is_released(project):
    """Ten lines of configuration: built twice, described, signed, published, downloaded, verified."""
    done = rehearse(project)
    assert done.returncode == 0, done.stdout + done.stderr
    assert steps_shown(done.stdout) == STEPS
    assert "2 files, each out of 2 equal builds" in done.stdout
    assert "the release went through" in done.stdout
    verified = [line for line in done.stdout.splitlines() if line.startswith("✓ verified")]
    assert [line.split()[2].rpartition(".")[2] for line in verified] == ["whl", "gz"]
    client = "twine" if has_namespaces() else "uv publish"
    assert f"2 files uploaded by {client}, with their attestations" in done.stdout
    wheel = next((project / "rehearsed" / "a").glob("*.whl")).name
    assert "linux" in wheel or "macosx" in wheel
    evidence = {path.name for path in (project / "rehearsed" / "a").glob(f"{wheel}.*")}
    endings = (
        ".cdx.json",
        ".cdx.sigstore.json",
        ".publish.attestation",
        ".sigstore.json",
        ".slsa.attestation",
    )
    assert evidence == {wheel + ending for ending in endings}


def test_rehearsal_on_loopback_publishes_with_uv(tmp_path):
    """Where there is no network of our own, the ordinary loopback interface serves, and `uv publish` uploads."""
    done = rehearse(committed_project(tmp_path), "--network", "loopback")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 files uploaded by uv publish" in done.stdout
    assert "it used the loopback interface only" in done.stdout


def test_rehearsal_of_a_commit_that_may_not_be_released_says_why(tmp_path):
    """The first step that refuses ends it with exit code 1, and its own line is in the report."""
    project = committed_project(tmp_path)
    (project / "stray.txt").write_text("x")
    rehearse(project, "--network", "loopback")
    done = rehearse(project, "--network", "loopback")  # the folder of an earlier rehearsal is used again
    assert done.returncode == 1
    assert "✗ check" in done.stdout
    assert "`stray.txt`: is not as committed" in " ".join(done.stdout.split())
    assert "build" not in " ".join(
        line.split()[1] for line in done.stdout.splitlines() if line.startswith("✓")
    )
    assert "did NOT go through" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--out", "."], "holds something else than a rehearsal"),
        (["--commit", "nothing"], "`nothing`: is no commit here"),
        (["--config", "absent.toml"], "absent.toml"),
        (["--network", "carrier-pigeon"], "invalid choice"),
        (["--nonsense"], "unrecognized arguments"),
    ],
)
def test_rehearsal_that_cannot_begin_ends_with_one_line(tmp_path, arguments, words):
    """Wrong use is exit code 2 and one line with a hint; nothing is touched."""
    project = committed_project(tmp_path)
    before = sorted(path.name for path in project.iterdir())
    done = rehearse(project, *arguments, *([] if "--network" in arguments else ["--network", "loopback"]))
    assert done.returncode == 2
    assert words in done.stderr.splitlines()[-1]
    assert "; hint: " in done.stderr.splitlines()[-1]
    assert sorted(path.name for path in project.iterdir()) == before


def test_rehearsal_leaves_nothing_behind(tmp_path, monkeypatch):
    """Keys, tokens and build folders are gone with the rehearsal; the results are all that stays."""
    monkeypatch.setenv("TMPDIR", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    project = committed_project(tmp_path)
    command = [
        sys.executable,
        "-P",
        "-m",
        "epochly_release",
        "rehearse",
        "--network",
        "loopback",
        "--commit",
        "x",
    ]
    subprocess.run(command, cwd=project, capture_output=True, check=False)
    (project / "VERSION").write_text("2.0\n")
    subprocess.run(command[:-2], cwd=project, capture_output=True, check=False)
    assert list((tmp_path / "scratch").iterdir()) == []
    shutil.rmtree(project)
