"""In a network with nothing in it: what passes with the world around passes without it, with and without `EPOCHLY_OFFLINE_MODE`.

The tests inside are the suite's own. Loopback is there, since some of them are a service and its client.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from linux import loopback_alone, on_linux

ROOT = Path(__file__).parents[2]
SHARE = (
    "tests/runtime/test_config.py",
    "tests/runtime/test_decide.py",
    "tests/runtime/test_rights.py",
    "tests/licensing/test_held.py",
)
SLOWER = (
    "tests/runtime/test_api.py",
    "tests/net",
    "tests/licensing",
    "tests/telemetry",
    "tests/runtime/exact/test_promises.py",
    "tests/verify",
)
WHOLE = ("tests",)
PLAIN = ("-q", "-p", "no:cacheprovider", "-p", "no:schemathesis")
REACHES = """
import socket
with socket.socket() as s:
    s.settimeout(5)
    print(s.connect_ex(("192.0.2.1", 443)))
"""
PROBE = f"""
import subprocess, sys
def test_here():
    assert subprocess.run([sys.executable, "-c", {REACHES!r}], capture_output=True, text=True, check=True).stdout == "101\\n"
"""


DOWNLOADS = """
import sys
sys.path.insert(0, "tests/release/pipeline")
from acted import tools_of_lock
tools_of_lock(whole=False)
"""


def downloaded():
    """Have what the suite itself takes from an index once for a clone: tools that releases are made with, no feature of ours."""
    subprocess.run([sys.executable, "-c", DOWNLOADS], cwd=ROOT, check=True)
    if shutil.which("npm"):
        subprocess.run(["make", "--silent", "second-opinion"], cwd=ROOT, check=True)  # into npm's cache


def passed(paths, settings, *options):
    """How many tests passed in an empty network; none failed."""
    environ = {name: text for name, text in os.environ.items() if not name.startswith("EPOCHLY_")}
    done = subprocess.run(
        [*loopback_alone(), sys.executable, "-m", "pytest", "--watched", *PLAIN, *options, *paths],
        cwd=ROOT,
        env=environ | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8_000:]
    return int(re.search(r"(\d+) passed", done.stdout)[1])


@on_linux
@pytest.mark.slow
def test_a_share_of_the_suite_needs_no_network(tmp_path):
    """Runtime and licence client: no feature waits for the world. From in there nothing is reached, not even a way to it (101: `ENETUNREACH`)."""
    (tmp_path / "test_probe.py").write_text(PROBE)
    assert passed([*SHARE, str(tmp_path)], {}) > 70


@on_linux
@pytest.mark.slow
def test_a_share_of_the_suite_needs_no_network_offline(tmp_path):
    """The same where the settings say so too, with the gateway, whose tests take their settings from nobody."""
    (tmp_path / "test_probe.py").write_text(PROBE)
    assert passed([*SHARE, *SLOWER, str(tmp_path)], {"EPOCHLY_OFFLINE_MODE": "1"}) > 70


@on_linux
@pytest.mark.slow
@pytest.mark.parametrize("settings", [{}, {"EPOCHLY_OFFLINE_MODE": "1"}], ids=["nothing set", "offline"])
def test_the_whole_suite_needs_no_network(settings):
    """All that `make unit` runs, but for the tests of this folder, which make namespaces of their own."""
    downloaded()
    assert passed(WHOLE, settings, "-n", "2", "--dist=loadscope", "--ignore=tests/network_proof") > 1_000
