"""Blocked means blocked: no name looked up, no socket connected, by what the interpreter and the kernel saw of a whole process."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from linux import on_linux, require
from loopback import answering, reply

PROGRAM = """
import json, os, sys
seen = []
def hook(event, arguments):
    if event.startswith(("socket.", "subprocess.", "os.fork", "os.exec", "os.posix_spawn")):
        seen.append([event, *(str(each) for each in arguments[1 if event == "socket.connect" else 0:])])
sys.addaudithook(hook)
from epochly.net import endpoints
from epochly.net.base_url import base_url
from epochly.net.gateway import Limits, Request, send
result = send(Request(endpoints.NONCE), base_url(os.environ), os.environ, "1", Limits(2, 5))
print(json.dumps([type(result).__name__, getattr(result, "why", ""), getattr(result, "blocked", False), seen]))
"""
BLOCKED = {"EPOCHLY_OFFLINE_MODE": "1"}


def outcome(environ, *before):
    """What the program above ended with, and what the audit hook saw; `before` is what it is started with."""
    kept = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path), **environ}
    done = subprocess.run(
        [*before, sys.executable, "-c", PROGRAM],
        check=False,
        capture_output=True,
        text=True,
        env=kept,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def connected(trace):
    """The calls in a trace of the kernel's that connect or send anywhere but within the machine's own files."""
    calls = ("connect(", "sendto(", "sendmsg(", "sendmmsg(")
    lines = [line for line in trace.splitlines() if any(call in line for call in calls)]
    return [line for line in lines if "AF_UNIX" not in line and "AF_NETLINK" not in line]


@pytest.fixture(scope="session")
def strace(tmp_path_factory):
    """Run a program under the kernel's eyes: gives its outcome, and the calls that left it."""
    path = tmp_path_factory.mktemp("strace") / "trace"
    command = ["strace", "-f", "-qq", "-o", str(path), "-e", "trace=network"]
    require(command)

    def run(environ):
        found = outcome(environ, *command)
        return found, connected(path.read_text("utf-8", "replace"))

    return run


def test_offline_mode_looks_nothing_up_and_connects_nowhere(serve, environ):
    """The interpreter has no socket to tell of where the settings block a request, and the server no connection."""
    server = serve(answering(reply()))
    kind, why, blocked, seen = outcome({**environ, **BLOCKED, "EPOCHLY_API_URL": str(server.base)})
    assert (kind, why, blocked) == ("Unreachable", "`EPOCHLY_OFFLINE_MODE` is set to 1", True)
    assert seen == []
    assert server.connections == 0


def test_a_request_that_is_allowed_goes_to_the_base_url_alone(serve, environ):
    """The control for the above: the hook does see a request, and sees no other host and no other program."""
    server = serve(answering(reply()))
    kind, _, _, seen = outcome({**environ, "EPOCHLY_API_URL": str(server.base)})
    assert kind == "Answer"
    assert {event for event, *_ in seen} <= {"socket.__new__", "socket.getaddrinfo", "socket.connect"}
    assert {arguments[0] for event, *arguments in seen if event == "socket.getaddrinfo"} <= {
        "localhost",
        "127.0.0.1",
        "::1",
    }
    reached = [arguments[0] for event, *arguments in seen if event == "socket.connect"]
    assert reached
    assert all(f", {server.port}" in place for place in reached)


@on_linux
def test_offline_mode_connects_nowhere_by_the_kernels_word(strace, serve, environ):
    """No thread, library or child connects or sends either; the same program without the setting is seen to."""
    server = serve(answering(reply()))
    named = {**environ, "EPOCHLY_API_URL": str(server.base)}
    found, calls = strace({**named, **BLOCKED})
    assert (found[2], calls) == (True, [])
    found, calls = strace(named)
    assert found[0] == "Answer"
    assert calls
    assert all(f"htons({server.port})" in call or "127.0.0.1" in call or "::1" in call for call in calls)


@on_linux
def test_without_a_network_there_is_one_line(environ):
    """In a network namespace with nothing in it, not even a resolver, a request ends in words."""
    alone = ["unshare", "-n"]
    require(alone)
    kind, why, blocked, _ = outcome({**environ, "EPOCHLY_API_URL": "https://host.example"}, *alone)
    assert (kind, blocked) == ("Unreachable", False)
    assert why.startswith(("`host.example` has no address: ", "no connection to `host.example`"))
    assert outcome({**environ, **BLOCKED}, *alone)[2] is True
