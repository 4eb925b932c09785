"""By the kernel's word: whatever the settings, nobody without a licence opens a destination outside of the machine, from import to exit.

One telemetry may open: the service, where no setting forbids it and the notice was shown. What leaves then is `test_sink`'s.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from features import COMMAND, FEATURES, MODULE, SWITCHES, combinations
from linux import on_linux, require

NOBODY = "https://127.0.0.1:9"  # a service that is not there: who asks it is seen, and waits for nothing
FORBIDS = {"EPOCHLY_OFFLINE_MODE", "EPOCHLY_DISABLE_TELEMETRY", "DO_NOT_TRACK", "EPOCHLY_TELEMETRY"}
ON_THIS_MACHINE = {  # what the C library asks for users and addresses, by name
    ("netlink", "NETLINK_ROUTE"),
    ("unix", "/var/run/nscd/socket"),
    *(
        ("unix", f"/run/systemd/userdb/io.systemd.{name}")
        for name in ("DynamicUser", "Machine", "Multiplexer")
    ),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the program, and a home that keeps its cache from one test to the next."""
    require(["strace", "-f", "-o", os.devnull])
    folder = tmp_path_factory.mktemp("features")
    (folder / "app.py").write_text(MODULE)
    return folder


def opened(place, source, settings):
    """What a program opened, as (class, address): by `net-audit`, under these settings and no others."""
    (place / "program.py").write_text(COMMAND + source)
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join([str(place), *sys.path])}
    environ |= {
        "HOME": str(place / "home"),
        "EPOCHLY_API_URL": NOBODY,
        "EPOCHLY_STATE_DIR": str(place / "state"),
    }
    command = [
        sys.executable,
        "-m",
        "epochly",
        "net-audit",
        "--report",
        "json",
        "--to",
        str(place / "report"),
    ]
    done = subprocess.run(
        [*command, "--", sys.executable, "program.py"],
        cwd=place,
        env=environ | settings,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    report = json.loads((place / "report").read_text("utf-8"))
    assert report["doubts"] == []
    assert report["asked"] == []
    return {(each["class"], each["address"]) for each in report["destinations"]}


def allowed(settings):
    """What these settings let a program without a licence open."""
    return ON_THIS_MACHINE | (set() if FORBIDS & set(settings) else {("base", "127.0.0.1")})


@on_linux
def test_all_features_together_open_nothing(place):
    """Import, optimize, threads, run, explain, cache, licence and telemetry commands, and exit, in one process, under every opt-in."""
    settings = {"EPOCHLY_TELEMETRY_OPT_IN": "1"}
    assert opened(place, "\n".join(FEATURES.values()), settings) <= allowed(settings)


@on_linux
def test_a_feature_that_asked_somebody_would_be_seen(place):
    """The control: the same program with one look-up and one connection more."""
    found = opened(
        place, FEATURES["import"] + "\nimport socket\nsocket.socket().connect_ex(('127.0.0.1', 8))", {}
    )
    assert found - allowed({}) == {("loopback", "127.0.0.1")}


@on_linux
@pytest.mark.slow
@pytest.mark.parametrize(
    "settings", list(combinations()), ids=lambda settings: "+".join(settings) or "nothing"
)
def test_every_combination_of_settings_opens_nothing(place, settings):
    """All features under each of the 32 ways of setting the five switches."""
    assert opened(place, "\n".join(FEATURES.values()), settings) <= allowed(settings)


@on_linux
@pytest.mark.slow
@pytest.mark.parametrize("feature", FEATURES)
def test_each_feature_alone_opens_nothing(place, feature):
    """A feature that hides behind another's start, such as a cache that is full, has its own process here."""
    assert opened(place, FEATURES[feature], {}) <= ON_THIS_MACHINE


def test_every_switch_of_the_client_is_among_the_combinations():
    """A switch that the client learns to read is tried here too."""
    from epochly.net import privacy

    names = {value for name, value in vars(privacy).items() if name.isupper() and isinstance(value, str)}
    assert names == set(SWITCHES)
