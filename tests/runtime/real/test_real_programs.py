"""Programs from the package index that were not written for us, under `epochly run`: they do what they do without it.

`requirements.txt` holds their versions by digest: a picture's hash (`blurhash`), geodesics (`geographiclib`) and an assignment solver
(`munkres`), all of pure Python under the MIT or the Apache licence. They are installed beside the scripts that call them, so that
they are the program's own files. What is printed is in `docs/guide/run.md`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PROGRAMS = {
    "bitmap": ["bitmap.py", "6"],
    "geodesics": ["geodesics.py", "30"],
    "munkres": ["-m", "munkres", "costs.csv"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The programs and what they need, in one folder."""
    made = tmp_path_factory.mktemp("programs")
    shutil.copytree(HERE / "programs", made, dirs_exist_ok=True)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]
    subprocess.run(
        [*pip, "--require-hashes", "--target", str(made), "-r", str(HERE / "requirements.txt")], check=True
    )
    subprocess.run([sys.executable, "costs.py", "200", "costs.csv"], check=True, cwd=made)
    return made


def finished(command, folder, **more):
    """A finished process in the folder, with a home of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("EPOCHLY", "COVERAGE"))}
    return subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=folder, env=kept | more, timeout=600
    )


@pytest.mark.network
@pytest.mark.parametrize("mode", ["balanced", "aggressive"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_real_program_does_the_same_and_is_reported(folder, tmp_path, name, mode):
    """Output and exit code to the letter, and every hot function with the level it ran at and why."""
    arguments = PROGRAMS[name]
    plain = finished([sys.executable, *arguments], folder)
    command = [sys.executable, "-m", "epochly", "run", "--mode", mode, "--report=json", *arguments]
    ours = finished(command, folder, XDG_CACHE_HOME=str(tmp_path))
    assert (ours.stdout, ours.returncode) == (plain.stdout, plain.returncode)
    assert plain.returncode == 0, plain.stderr
    report = json.loads(ours.stderr[ours.stderr.index("{") :])
    assert report["mode"] == mode
    assert report["lines"]
    assert all(each["reason"] for each in (*report["functions"], *report["left"]))
