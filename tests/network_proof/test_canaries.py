"""A machine whose user, host, addresses, folders and functions have names found nowhere else sends none of them, with every opt-in on.

What is searched is all that arrived at the other end of TLS, in every encoding (`encodings_of_secrets`), in a network and with a
host name of its own (`canary_scene`).
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from canary_scene import ADDRESS_4, ADDRESS_6, MAC, WORDS
from encodings_of_secrets import found_in, of_address, of_mac
from linux import on_linux, without_network
from listed_requests import endpoint_of, faults

SCENE = Path(__file__).parent / "canary_scene.py"
CANARIES = (*WORDS, *of_mac(MAC), *of_address(ADDRESS_6), *of_address(ADDRESS_4))


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """What passed, and what was done, in the namespace."""
    folder = tmp_path_factory.mktemp("canary")
    done = subprocess.run(
        [*without_network("-u"), sys.executable, str(SCENE), str(folder), os.readlink("/proc/self/ns/net")],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4_000:]
    told = json.loads((folder / "passed.json").read_text("utf-8"))
    told["passed"] = [base64.b64decode(each) for each in told["passed"]]
    return told


@on_linux
def test_no_canary_left_in_any_encoding(scene):
    """User, home, host, hardware and IP addresses, working folder, names and constants of the program: not one, however it is dressed."""
    assert found_in(b"\n".join(scene["passed"]), CANARIES) == set()


@on_linux
def test_everything_that_may_send_did(scene):
    """The control: commands went through, raw attributes were among what left, and so was what the opt-ins allow."""
    failed = [each for each in scene["done"] if each[1]]
    assert not failed
    names = {
        endpoint_of(*request.split(b"\r\n", 1)[0].decode().split(" ")[:2]).name for request in scene["passed"]
    }
    licence = {
        "nonce",
        "register",
        "trial",
        "validate",
        "checkout",
        "rekey",
        "list",
        "compatibility",
        "transfer",
        "release",
        "heartbeat",
    }
    telemetry = {"metrics", "critical-events", "compatibility-reports"}
    assert names >= licence | telemetry | {"lens-account", "lens-heartbeat"}
    assert any(b'"raw_attributes":{"' in request for request in scene["passed"])


@on_linux
def test_everything_that_left_is_the_lists(scene):
    """Telemetry and Lens too: each request is one of the list, for the one service, with nothing else in it."""
    authorities = {re.search(rb"\r\nHost: (\S+)\r\n", request)[1].decode() for request in scene["passed"]}
    (authority,) = authorities
    assert [fault for request in scene["passed"] for fault in faults(request, authority)] == []


@on_linux
def test_a_canary_that_left_would_be_found(scene):
    """The control of the search: in the very bytes that passed, each canary is found once it is put there."""
    for canary in CANARIES:
        planted = canary if isinstance(canary, bytes) else canary.encode()
        request = scene["passed"][-1]
        assert found_in(request + base64.urlsafe_b64encode(b"x" + planted + b"yz"), [canary])
