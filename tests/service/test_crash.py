"""A server that is killed between two statements: nothing half-done is found after it, and its client's repeat goes through."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from node import Node
from wire import Device, RemoteWire, ik

from epochly_service import audit_chain

PROGRAM = Path(__file__).with_name("crashing.py")
BEFORE_COMMIT = (  # after each statement of a registration; the transaction was never committed
    "store.insert_replay",
    "store.take_seat",
    "store.insert_device",
    "store.remember",
    "audit.append",
)
AFTER_COMMIT = "before:peppered.unseal"  # it is committed, and no answer is on its way


class Crashing:
    """The program, and the server it has just forked."""

    def __init__(self, data, url, now):
        self.data = Path(data)
        self.process = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(data), url, str(now)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, place):
        """Fork a server that gets stuck at a place; returns its process id and a wire to it."""
        self.process.stdin.write(place + "\n")
        self.process.stdin.flush()
        pid = int(self.read_until(""))
        line = self.read_until("listening on ")
        port = int(line.rpartition(":")[2])
        return pid, RemoteWire(f"https://localhost:{port}", self.data / "tls" / "ca.pem")

    def read_until(self, beginning):
        """Read on to a line that begins like this."""
        for line in self.process.stdout:
            if line.startswith(beginning):
                return line
        pytest.fail("the server ended by itself")

    def close(self):
        """No more servers."""
        self.process.stdin.close()
        assert self.process.wait(30) == 0
        self.process.stdout.close()


@pytest.fixture
def node(database, tmp_path):
    """A node whose clock is the machine's, which certificates are judged by."""
    made = Node(database, tmp_path / "data", now=int(time.time()))
    yield made
    made.close()


@pytest.fixture
def crashing(node, engine_url):
    """The program on the node's database and secrets."""
    made = Crashing(node.data, engine_url, node.now)
    yield made
    made.close()


def audit_is_whole(database):
    """Whether the chain runs from its start to its head."""
    head = audit_chain.read_head(database)
    return list(audit_chain.faults(audit_chain.read_rows(database, head), head=head)) == []


def killed(crashing, place, device, key, again):
    """A registration whose server is killed at a place."""
    pid, wire = crashing.start(place)
    device.wire = wire
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(device.register, key, ik=again)
        crashing.read_until("stuck")
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(httpx.HTTPError):
            asked.result(30)
    wire.close()


def test_a_server_that_is_killed_leaves_nothing_half_done(node, crashing):
    """Killed after any statement before the commit: no seat, no row; after it: all of them, once."""
    for place in (*BEFORE_COMMIT, AFTER_COMMIT):
        key, license_id = node.issue(seats=1)
        device, again = Device(node.wire), ik()
        killed(crashing, place, device, key, again)
        committed = place == AFTER_COMMIT
        assert node.license(license_id).seats_used == committed, place
        assert node.faults() == []
        assert audit_is_whole(node.database)
        before = [node.count(table) for table in ("devices", "idempotency", "audit")]
        device.wire = node.wire
        assert device.register(key, ik=again).status == 201, place
        after = [node.count(table) for table in ("devices", "idempotency", "audit")]
        assert [new - old for old, new in zip(before, after, strict=True)] == [0 if committed else 1] * 3
        assert (device.seq, node.license(license_id).seats_used, node.faults()) == (1, 1, [])
    pid, device.wire = crashing.start("nowhere")  # nor does what they left keep the next one from serving
    device.wire.root_pub = node.wire.root_pub
    try:
        assert device.validate().status == 200
    finally:
        device.wire.close()
        os.kill(pid, signal.SIGTERM)
