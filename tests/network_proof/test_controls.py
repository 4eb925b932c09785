"""The proof is no proof where it cannot fail: each way of leaking is planted, and the layer that answers for it catches it.

It is shown too which layers do not: whoever relies on one of those alone has a false proof.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from controls import CONNECT, DEPENDENCY, FAR, LEAKS, NAME
from linux import net_audit, on_linux, require, without_network
from loopback import Server, reply

RULES = Path(__file__).parents[1] / "architecture"
CAUGHT = {  # leak -> by the rule about source, by audit hooks in the first process, by the kernel's word
    "socket": (True, True, True),
    "dependency": (False, True, True),
    "datagram": (True, True, True),
    "look-up alone": (True, True, True),
    "sub-interpreter": (True, False, True),
    "ctypes": (True, False, True),
    "subprocess": (True, False, True),
    "curl": (True, False, True),
    "forked worker": (True, True, True),
    "spawned worker": (True, False, True),
}
FOLLOWS = """
import urllib.request
try:
    urllib.request.build_opener(urllib.request.ProxyHandler({{}})).open("http://127.0.0.1:{port}/")
except OSError:
    pass
"""


def rule(name):
    """A test module of the architecture, whose rules are functions over source."""
    spec = importlib.util.spec_from_file_location(f"rules_{name}", RULES / f"{name}.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


@pytest.fixture(scope="module")
def static():
    """Whether the rules about source would let a text into the runtime."""
    network, ways = rule("test_network"), rule("test_ways_out")

    def catches(text):
        module = SimpleNamespace(
            name="epochly.planted", package="epochly", path="planted.py", text=text, tree=ast.parse(text)
        )
        return bool([*network.doors(module), *ways.unmeant(module)])

    return catches


@pytest.fixture
def audited(tmp_path):
    """The report of a planted program, by kernel and hooks; `before` is what all of it is started with."""

    def run(text, *before):
        (tmp_path / "zq7dependency.py").write_text(DEPENDENCY)
        (tmp_path / "app.py").write_text(text)
        curl = tmp_path / "bin" / "curl"  # the same on a machine that has none: another program connects
        curl.parent.mkdir()
        curl.write_text(f"#!{sys.executable}\n{CONNECT}")
        curl.chmod(0o700)
        kept = {
            "PATH": f"{curl.parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        done = subprocess.run(
            [
                *before,
                *net_audit(tmp_path / "report", "--by", "both"),
                sys.executable,
                str(tmp_path / "app.py"),
            ],
            check=False,
            capture_output=True,
            text=True,
            env=kept | {"RES_OPTIONS": "timeout:1 attempts:1"},
            timeout=60,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return json.loads((tmp_path / "report").read_text("utf-8"))

    return run


def far(report):
    """The uses of the planted address, or of a resolver."""
    return [each for each in report["destinations"] if each["address"] == FAR or each["class"] == "dns"]


@on_linux
@pytest.mark.parametrize("leak", LEAKS)
def test_a_planted_leak_is_caught_by_the_layer_that_answers_for_it(static, audited, leak):
    """The rule, the hook and the kernel each catch what the table says and no more, and in an empty namespace nothing arrives."""
    require(["strace", "-f", "-o", os.devnull])
    report = audited(LEAKS[leak], *without_network())
    uses = far(report)
    hooked = any(each["code"] for each in uses) or any(
        each["name"] == NAME and each["code"] for each in report["asked"]
    )
    looked_up = leak == "look-up alone"
    by_hook = hooked or (looked_up and any("zq7" in each["name"] for each in report["asked"]))
    assert (static(LEAKS[leak]), by_hook, bool(uses)) == CAUGHT[leak]
    assert all(each["failed"] == each["count"] for each in uses)
    assert not report["verdict"]["text"].startswith("nothing left")
    assert report["verdict"]["program"] or looked_up


def test_the_table_names_every_leak():
    """No leak is planted whose layer nobody named."""
    assert set(CAUGHT) == set(LEAKS)


@on_linux
def test_a_redirect_that_is_followed_is_seen_by_the_kernel_and_not_by_the_server(audited):
    """Who looks at what arrives sees one request; the second host shows where connections are counted."""
    with socket.create_server(("127.0.0.2", 0)) as second:
        port = second.getsockname()[1]  # nobody has to be there for the leak to be one
    location = f"http://127.0.0.2:{port}/"
    first = Server(lambda connection, _: connection.sendall(reply(status="302 Found", Location=location)))
    try:
        report = audited(FOLLOWS.format(port=first.port))
    finally:
        first.close()
    assert len(first.requests) == 1
    reached = {
        (each["address"], each["port"]) for each in report["destinations"] if each["class"] == "loopback"
    }
    assert reached == {("127.0.0.1", first.port), ("127.0.0.2", port)}


@on_linux
def test_a_ring_that_nobody_can_look_into_is_told(audited):
    """A program that sets up `io_uring` may ask for connections there: the report says so, and is sure of nothing."""
    made = "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\nprint(libc.syscall(425, 4, ctypes.create_string_buffer(120)))\n"
    plain = subprocess.run([sys.executable, "-c", made], check=True, capture_output=True, text=True)
    report = audited(made)
    if plain.stdout.startswith("-1"):  # this kernel keeps rings from programs
        assert not any("io_uring" in each for each in report["doubts"])
    else:
        assert any("io_uring" in each for each in report["doubts"])
        assert not report["verdict"]["certain"]
