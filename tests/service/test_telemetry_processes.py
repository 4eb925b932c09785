"""Telemetry over real processes: two that serve one PostgreSQL database, and one that is killed."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import threading
import time
from contextlib import ExitStack

import pytest
from serving import COMMAND, root_of, serving
from telemetry_made import batch, event, receipt_of, sent
from wire import RemoteWire

from epochly_service.engines import open_database
from epochly_service.schema import telemetry_batches, telemetry_events
from epochly_service.settings import DAY
from epochly_service.telemetry import partitions

pytestmark = pytest.mark.slow
URL = "https://localhost:9"  # what receipts name, whichever process was asked


def rows(database):
    """How many batches and events there are."""
    return database.read(
        lambda conn: tuple(
            len(conn.execute(table.select()).all()) for table in (telemetry_batches, telemetry_events)
        )
    )


def test_two_processes_take_telemetry_for_one_database(postgres, tmp_path):
    """Batches that come to both at once, some to both of them, are kept once each, under receipts that agree."""
    name = postgres.create()
    url, data = postgres.url(name), tmp_path / "data"
    with ExitStack() as stack:
        said = [
            stack.enter_context(serving(data, "--database-url", url, "--public-url", URL, "--no-rate-limits"))
            for _ in range(2)
        ]
        wires = [
            RemoteWire(f"https://localhost:{port}", data / "tls" / "ca.pem", root_of(data))
            for _, port, _ in said
        ]
        for wire in wires:
            stack.callback(wire.close)
        shared = [batch(event(n=number + 1), seq=number) for number in range(10)]
        receipts, gate = ([], []), threading.Barrier(2)

        def send(which):
            gate.wait()
            for body in [*shared, *(batch(seq=which * 100 + number) for number in range(10))]:
                receipts[which].append(receipt_of(wires[which], sent(wires[which], body)))

        threads = [threading.Thread(target=send, args=(which,)) for which in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert receipts[0][:10] == receipts[1][:10]
        assert [one["sha256"] for one in receipts[0][:10]] == [
            hashlib.sha256(body).hexdigest() for body in shared
        ]
        assert {one["iss"] for one in receipts[0]} == {URL}
        charts = {wire.send("GET", "/v1/telemetry/charts").body for wire in wires}
        assert len(charts) == 1
        database = open_database(url)
        stack.callback(database.close)
        assert rows(database) == (30, 30)
        today = int(time.time()) // DAY
        assert all(day > today for day in database.read(partitions.present))
    postgres.drop(name)


def test_a_batch_that_was_receipted_outlives_a_process_that_is_killed(tmp_path):
    """Killed while batches come, the service has every batch whose receipt it gave, and no half of another."""
    data = tmp_path / "data"
    url = f"sqlite:///{data}/service.db"
    bodies, receipts = (
        [batch(*[event("worker", items=one) for one in range(20)], seq=seq) for seq in range(400)],
        [],
    )
    command = [*COMMAND, "serve", "--data", str(data), "--port", "0", "--no-rate-limits"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        port = ""
        for line in process.stdout:
            if line.startswith("listening on"):
                port = line.rpartition(":")[2].strip()
            if "EPOCHLY_ROOT_KEY" in line:
                break
        wire = RemoteWire(f"https://localhost:{port}", data / "tls" / "ca.pem", root_of(data))

        def send():
            for body in bodies:
                try:
                    receipts.append(receipt_of(wire, sent(wire, body)))
                except Exception:  # noqa: BLE001 - it was killed
                    return

        thread = threading.Thread(target=send)
        thread.start()
        while len(receipts) < 15:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        thread.join()
        wire.close()
    assert 15 <= len(receipts) < len(bodies)
    database = open_database(url)
    count, events = rows(database)
    assert events == count * 20
    assert len(receipts) <= count <= len(receipts) + 1
    there = set(database.read(lambda conn: conn.scalars(telemetry_batches.select()).all()))
    assert {one["sha256"] for one in receipts} <= there
    database.close()
