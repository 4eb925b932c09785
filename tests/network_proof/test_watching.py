"""`pytest --watched` fails a test that leads out of this machine, and leaves the others alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from linux import nobody_answers, on_linux

CONFTEST = Path(__file__).parents[1] / "conftest.py"
TESTS = """
import socket
import pytest

def test_looks_a_name_up():
    with pytest.raises(OSError):
        socket.getaddrinfo("zq7lookup.invalid", 443)

def test_sends_a_datagram():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as leak:
        try:
            leak.sendto(b"x", ("192.0.2.1", 9))
        except OSError:
            pass

def test_connects_and_hides_it():
    with socket.socket() as leak:
        leak.setblocking(False)
        leak.connect_ex(("192.0.2.1", 9))

@pytest.fixture
def leaking():
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(("192.0.2.1", 9))

def test_is_set_up_by_something_that_connects(leaking):
    pass

@pytest.fixture
def leaking_at_its_end():
    yield
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(("192.0.2.1", 9))

def test_is_ended_by_something_that_connects(leaking_at_its_end):
    pass

@pytest.fixture
def failing():
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(("192.0.2.1", 9))
    raise ValueError

def test_fails_in_its_set_up_too(failing):
    pass

def test_talks_to_itself():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(("localhost", server.getsockname()[1])).close()
"""


@on_linux
def test_what_leads_out_fails_and_nothing_else(tmp_path):
    """A look-up, a datagram, a connection that the test swallowed, one in a fixture, or at its end; not a server on loopback."""
    (tmp_path / "conftest.py").write_text(CONFTEST.read_text("utf-8"))
    (tmp_path / "test_some.py").write_text(TESTS)
    command = [
        *nobody_answers(),
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:schemathesis",
        "-W",
        "ignore",
    ]
    environ = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    done = subprocess.run(
        [*command, "--watched", "--rootdir", str(tmp_path), "-c", os.devnull, str(tmp_path)],
        env=environ | {"RES_OPTIONS": "timeout:1 attempts:1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "3 failed, 2 passed, 3 errors" in done.stdout, done.stdout
    assert "it leads out of this machine: `socket.sendto` to `192.0.2.1`, port 9" in done.stdout
    assert "it leads out of this machine: `zq7lookup.invalid` was looked up" in done.stdout
