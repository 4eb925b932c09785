"""What the README shows of the rehearsed release is what happens: all five distributions of this repository, to the end."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = (
    pytest.mark.slow
)  # a whole release of five distributions; CI rehearses smaller ones, in `tests/release`
ROOT = Path(__file__).parents[2]
SECOND_OPINION = ROOT / "release" / "second-opinion"


def masked(text: str) -> list[str]:
    """The report without what differs from run to run: times, hashes, the commit, and how long lines break."""
    text = re.sub(r"\b[0-9a-f]{12,64}\b", "HASH", text)
    text = re.sub(r"\s*\b\d+(\.\d)? s\b", " N s", text)
    text = re.sub(r"\n {34}", " ", text)
    return [line.rstrip() for line in text.strip().splitlines()]


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory):
    """The command of `make demo`, run in a fresh clone; its folder and what it printed."""
    folder = tmp_path_factory.mktemp("clone") / "epochly"
    subprocess.run(
        ["git", "clone", "-q", "--no-local", str(ROOT), str(folder)], check=True, capture_output=True
    )
    words = [
        "rehearse",
        "--commit",
        "HEAD",
        "--out",
        ".demo/release",
        "--second-opinion",
        str(SECOND_OPINION),
    ]
    environ = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    command = [sys.executable, "-P", "-m", "epochly_release", *words]
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, done.stdout


def test_readme_shows_what_the_rehearsal_prints(rehearsed):
    """The README's second output is the rehearsal's, line by line, apart from times and hashes."""
    _, printed = rehearsed
    shown = re.findall(r"^```text\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)[1]
    if "on loopback" in printed.splitlines()[0]:  # a machine without network namespaces
        shown = shown.replace(
            "in a network of its own, where the public index's names lead here", "on loopback"
        )
        shown = shown.replace("uploaded by twine", "uploaded by uv publish")
        shown = shown.replace("nothing left this machine", "it used the loopback interface only")
    expected, actual = masked(shown), masked(printed)
    if not shutil.which("node") or not (SECOND_OPINION / "node_modules").is_dir():
        is_opinion = re.compile(r"^(✓|-) second opinion ")
        assert next(line for line in actual if is_opinion.match(line)).startswith(
            "- second opinion  not asked: "
        )
        expected, actual = (
            [line for line in each if not is_opinion.match(line)] for each in (expected, actual)
        )
    assert actual == expected


def test_make_demo_runs_what_is_tested_here():
    """The Makefile's demonstration is this very command."""
    makefile = (ROOT / "Makefile").read_text()
    assert "-m epochly_release rehearse --commit HEAD --out .demo/release" in makefile


def test_every_distribution_came_back_verified(rehearsed):
    """Five wheels and five sdists were built, signed, published, downloaded, and judged as users would."""
    folder, printed = rehearsed
    verified = {line.split()[2] for line in printed.splitlines() if line.startswith("✓ verified")}
    stems = ("epochly", "epochly_verify", "epochly_sbom", "epochly_release", "epochly_service")
    version = (ROOT / "VERSION").read_text().strip()
    names = {f"{stem}-{version}{end}" for stem in stems for end in ("-py3-none-any.whl", ".tar.gz")}
    assert verified == names
    confirmed = folder / ".demo" / "release" / "a" / "confirmed"
    assert {path.name for path in confirmed.iterdir()} == names | {f"{name}.provenance" for name in names}
