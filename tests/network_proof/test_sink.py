"""What leaves a machine with a licence, byte for byte at the other end: only what the list of requests has, to one address, over TLS."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys

import pytest
from licensed import WAIT_S, on_a_road, split
from linux import net_audit, on_linux, require
from listed_requests import endpoint_of, faults

GOOD = (
    b"POST /v1/nonce HTTP/1.1\r\nHost: localhost:8443\r\nUser-Agent: epochly/0.1.0 (python/3.11; linux; proto/1)\r\n"
    b"Accept: application/json, application/problem+json\r\nAccept-Encoding: identity\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
)
PROGRAM = "import epochly\nepochly.set_level(4)\nprint(epochly.optimize(lambda x: 2 * x)(21))\n"


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """A service behind a road that keeps all that passes."""
    with on_a_road(tmp_path_factory.mktemp("sink") / "data") as made:
        yield made


def names(road):
    """The requests that passed, by their names in the list; one that has none is a fault."""
    found = []
    for request, _ in road.passed:
        method, target, _ = request.split(b"\r\n", 1)[0].decode().split(" ")
        found.append(getattr(endpoint_of(method, target), "name", f"{method} {target}"))
    return found


def all_faults(road):
    """What is wrong with any of the requests that passed."""
    return [fault for request, _ in road.passed for fault in faults(request, f"localhost:{road.port}")]


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (b"/v1/nonce", b"/v1/nonce?key=x", "`POST /v1/nonce?key=x` is in no list"),
        (b"/v1/nonce", b"/v1/collect", "`POST /v1/collect` is in no list"),
        (b"POST", b"GET", "`GET /v1/nonce` is in no list"),
        (b"Accept: ", b"Cookie: a=b\r\nAccept: ", "a header `cookie`"),
        (b"Accept: ", b"Epochly-Proof: x\r\nAccept: ", "a header `epochly-proof`"),
        (b"Accept: ", b"X-Host: alice\r\nAccept: ", "a header `x-host`"),
        (b"Accept: ", b"Host: b\r\nAccept: ", "a header that comes twice"),
        (b"localhost:8443", b"collector.example", "it is meant for `collector.example`"),
        (b"linux;", b"Linux 6.1 alice-laptop;", "tells more or less"),
        (b"Connection: close", b"Connection: keep-alive", "it asks to be kept or packed"),
        (
            b"Length: 0\r\n\r\n",
            b"Length: 2\r\n\r\n{}",
            "a body that is not `nonce`'s: a body where there is none",
        ),
        (b"Length: 0\r\n\r\n", b"Length: 0\r\n\r\n{}", "a body that is too long, or not as long as it says"),
        (b"HTTP/1.1", b"HTTP/1.0", "it speaks `HTTP/1.0`"),
    ],
)
def test_faults_sees_a_planted_one(old, new, fault):
    """The judge of requests lets a good one pass, and finds each way of saying more."""
    assert list(faults(GOOD, "localhost:8443")) == []
    found = list(faults(GOOD.replace(old, new, 1), "localhost:8443"))
    assert any(fault in each for each in found), found


def audited(machine, report, *words):
    """Run `python WORDS` of a machine under `net-audit`: exit code, and the report."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    kept["PYTHONPATH"] = os.pathsep.join(sys.path)
    done = subprocess.run(
        [*net_audit(report, "--by", "both"), sys.executable, *words],
        env=kept | machine.environ,
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, json.loads(report.read_text("utf-8"))


def outside(report):
    """Class and port of all that is not the C library's own business."""
    kept = [each for each in report["destinations"] if each["class"] not in {"unix", "netlink"}]
    return {
        (each["class"], each["port"]) for each in kept if "route" not in each["how"] or len(each["how"]) > 1
    }


@on_linux
def test_with_a_licence_the_kernel_sees_the_service_and_nothing_else(road, machine, tmp_path):
    """Taking a licence and using it: one destination, by one module; with `EPOCHLY_OFFLINE_MODE=1` none."""
    require(["strace", "-f", "-o", os.devnull])
    one, report = machine(), tmp_path / "report"
    code, found = audited(one, report, "-m", "epochly", "license", "trial")
    assert (code, outside(found)) == (0, {("base", road.port)})
    code = {tuple(each["code"]) for each in found["destinations"] if each["class"] == "base"}
    assert code == {("epochly.net.gateway",)}
    assert found["verdict"]["text"] == "epochly opened its service; the program opened nothing"
    code, found = audited(one, report, "-c", PROGRAM)
    assert (code, outside(found) <= {("base", road.port)}) == (0, True)
    one.environ["EPOCHLY_OFFLINE_MODE"] = "1"
    passed = len(road.passed)
    code, found = audited(one, report, "-c", PROGRAM)
    assert (code, outside(found)) == (0, set())
    assert len(road.passed) == passed
    assert all_faults(road) == []


@on_linux
@pytest.mark.parametrize(
    "status", ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"]
)
def test_a_redirect_leads_nowhere(road, machine, tmp_path, status):
    """The service, or who poses as it, says to ask a second host: by the kernel's word nobody does."""
    one = machine()
    if status.startswith("302"):
        runs = lambda: audited(one, tmp_path / "report", "-m", "epochly", "license", "trial")  # noqa: E731
    else:  # the kernel is asked once; the others show what is said
        runs = lambda: (one.here("license", "trial")[0], None)  # noqa: E731
    with socket.create_server(("127.0.0.2", 0)) as second:
        port = second.getsockname()[1]
        place = f"https://127.0.0.2:{port}/v1/nonce".encode()
        head = b"HTTP/1.1 " + status.encode() + b"\r\nContent-Length: 0\r\nLocation: " + place + b"\r\n\r\n"
        with road.held_by(lambda _request, _on: head):
            code, found = runs()
        second.settimeout(0)
        with pytest.raises(BlockingIOError):
            second.accept()
    assert code == 1
    assert road.passed
    assert found is None or outside(found) == {("base", road.port)}


def test_nothing_that_passed_was_a_secret_in_an_address(service, road, machine):
    """The licence key goes in one body, and no request line holds a key, a fingerprint or a name."""
    key, _ = service.issue()
    one = machine()
    one.activate(key)
    assert one.here("license", "refresh")[0] == 0
    holding = [
        name for name, (request, _) in zip(names(road), road.passed, strict=True) if key.encode() in request
    ]
    assert holding == ["register"]
    for request, _ in road.passed:
        head, _ = split(request)
        assert key.encode() not in head
        assert re.fullmatch(
            rb"(GET|POST|DELETE) /v1/[a-z/-]*(dev_[A-Za-z0-9_-]{22})?[a-z/]* HTTP/1.1", head.split(b"\r\n")[0]
        )
