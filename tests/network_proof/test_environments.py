"""By the kernel's word: whatever the settings, nobody without a licence opens a destination outside of the machine, from import to exit.

Telemetry and Lens have all they need to send here: a key to check receipts with, a key for Lens, a minute that is a moment. They open the service
where no setting forbids it, which is asserted too, and nothing where one does. What leaves then is `test_sink`'s and `test_canaries`'.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from features import COMMAND, FEATURES, MODULE, SWITCHES, combinations
from linux import net_audit, on_linux, require
from programs import FASTER, UNTIL

from epochly.telemetry.files import Files

NOBODY = "https://127.0.0.1:9"  # a service that is not there: who asks it is seen, and waits for nothing
FORBIDS = {"EPOCHLY_OFFLINE_MODE", "EPOCHLY_DISABLE_TELEMETRY", "DO_NOT_TRACK", "EPOCHLY_TELEMETRY"}
OPT_IN = {"EPOCHLY_TELEMETRY_OPT_IN": "1"}
SERVICE = ("base", "127.0.0.1")
# Until whatever thread there is has tried all that it may try.
TRIED = """
import app, epochly, time
epochly.optimize(app.total)(5)
from epochly._forks import watched
from epochly.telemetry.sender import Sender
for each in [each for each in watched() if isinstance(each, Sender)]:
    collects = epochly._api.session().telemetry is not None
    beats = len(each._due) != 2
    until(lambda: (not collects or failed()) and (not beats or each._due[-1] is None or each._due[-1] > time.monotonic() + 30))
"""
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
    key = Ed25519PrivateKey.generate().public_key()
    (folder / "root.pem").write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return folder


def opened(place, source, settings, said=b""):
    """What a program opened, as (class, address): by `net-audit`, under these settings and no others; `said` before is the user's choice."""
    (place / "program.py").write_text(FASTER + UNTIL + COMMAND + TRIED + source)
    shutil.rmtree(place / "state", ignore_errors=True)
    if said:
        Files(str(place / "state" / "telemetry")).write("switch", said)
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join([str(place), *sys.path])}
    environ |= {
        "HOME": str(place / "home"),
        "EPOCHLY_API_URL": NOBODY,
        "EPOCHLY_STATE_DIR": str(place / "state"),
        "EPOCHLY_ROOT_KEY": str(place / "root.pem"),
        "EPOCHLY_LENS_KEY": "elk_" + "A" * 43,
    }
    done = subprocess.run(
        [*net_audit(place / "report"), sys.executable, "program.py"],
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
    """What these settings let a program without a licence open, and what it opens then."""
    return set() if FORBIDS & set(settings) else {SERVICE}


@on_linux
def test_all_features_together_open_the_service_alone(place):
    """Import, optimize, threads, run, explain, cache, licence and telemetry commands, and exit, in one process, under every opt-in."""
    assert opened(place, "\n".join(FEATURES.values()), OPT_IN) - ON_THIS_MACHINE == {SERVICE}


@on_linux
@pytest.mark.parametrize(
    ("settings", "said", "opens"),
    [
        (OPT_IN | {"DO_NOT_TRACK": "1"}, b"", set()),
        (OPT_IN, b"off\n", set()),
        (OPT_IN, b"what?", set()),
        pytest.param({"CI": "true"}, b"", set(), marks=pytest.mark.slow),
        pytest.param(OPT_IN | {"CI": "true"}, b"", {SERVICE}, marks=pytest.mark.slow),  # Lens alone
        pytest.param(OPT_IN | {"DO_NOT_TRACK": "perhaps"}, b"on\n", set(), marks=pytest.mark.slow),
    ],
)
def test_a_no_in_any_form_keeps_the_service_closed(place, settings, said, opens):
    """A variable, one that cannot be read, the command, a choice that cannot be read, a CI machine: with every opt-in and every key at hand."""
    assert opened(place, "", settings, said) - ON_THIS_MACHINE == opens


@on_linux
def test_a_feature_that_asked_somebody_would_be_seen(place):
    """The control: the same program with one look-up and one connection more."""
    found = opened(
        place, FEATURES["import"] + "\nimport socket\nsocket.socket().connect_ex(('127.0.0.1', 8))", {}
    )
    assert found - ON_THIS_MACHINE == {SERVICE, ("loopback", "127.0.0.1")}


@on_linux
@pytest.mark.slow
@pytest.mark.parametrize(
    "settings", list(combinations()), ids=lambda settings: "+".join(settings) or "nothing"
)
def test_every_combination_of_settings_opens_the_service_or_nothing(place, settings):
    """All features under each of the 32 ways of setting the five switches: the service where none forbids it, and else nothing at all."""
    assert opened(place, "\n".join(FEATURES.values()), settings) - ON_THIS_MACHINE == allowed(settings)


@on_linux
@pytest.mark.slow
@pytest.mark.parametrize("feature", FEATURES)
def test_each_feature_alone_opens_nothing(place, feature):
    """A feature that hides behind another's start, such as a cache that is full, has its own process here."""
    assert opened(place, FEATURES[feature], {"EPOCHLY_TELEMETRY": "0"}) <= ON_THIS_MACHINE


def test_every_switch_of_the_client_is_among_the_combinations():
    """A switch that the client learns to read is tried here too."""
    from epochly.net import privacy

    names = {value for name, value in vars(privacy).items() if name.isupper() and isinstance(value, str)}
    assert names == set(SWITCHES)
