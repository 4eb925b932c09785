"""How many batches of telemetry a second does the service take on this machine, beside what none can do without?

The floor of a batch is its JSON parsed, one Ed25519 signature and one durable write of it as it is: no validation, no TLS, no HTTP, one row
whatever it holds. It runs in as many processes as the service, SQLite's one after the other as SQLite writes, PostgreSQL's on as many
connections as there are clients. The service is asked over TLS: one process over SQLite, two over PostgreSQL, and with `--clickhouse PYTHON`, an
interpreter that has `chdb`, one with digests in SQLite and events in a ClickHouse behind a small server in Python, whose floor posts each batch's
rows there. Sides take turns. The clients run here too, and what they take of the machine is told.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import json
import os
import re
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from statistics import median
from urllib.parse import quote, urlencode

import psutil
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from licence_service import PROCESSES, _writer, databases, served

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "service"))
RECEIPT_BYTES = 300
HOST = "localhost"


def made(events):
    """A maker of batches that differ in their `session` alone, of so many events."""
    from telemetry_made import batch, event

    kinds = [
        event("routing_decision", n=7),
        event("jit", outcome="compiled", speed=9, n=3),
        event("workload", seconds=6),
    ]
    body = batch(*[kinds[at % len(kinds)] | {"n": at + 1} for at in range(events)])
    before, after = re.split(rb'(?<="session":")[^"]+(?=")', body)
    return lambda: before + base64.urlsafe_b64encode(os.urandom(12)) + after


# --- the floor


def spend(sink, place, seconds, *, lines, start_at, events):
    """Parse, sign and write for so long, on so many lines at once; prints how often."""
    private, make, done = Ed25519PrivateKey.generate(), made(events), []

    def line():
        with closing(_writes(sink, place)) as write:
            count = 0
            time.sleep(max(0.0, start_at - time.time()))
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                body = make()
                value = json.loads(body)
                write.send((body, value))
                private.sign(bytes(RECEIPT_BYTES))
                count += 1
            done.append(count)

    threads = [threading.Thread(target=line) for _ in range(lines)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(sum(done))


def _writes(sink, place):
    """Takes batches and makes each durable before it takes the next one."""
    made_ = {"sqlite": _to_sqlite, "postgresql": _to_postgresql, "clickhouse": _to_clickhouse}[sink](place)
    next(made_)
    return made_


def _to_sqlite(place):
    with closing(_writer("sqlite", place)) as connection:
        while True:
            body, _ = yield
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO spent VALUES (?, ?)", (body.decode(), 1))
            connection.execute("COMMIT")


def _to_postgresql(place):
    with closing(_writer("postgresql", place)) as connection:
        while True:
            body, _ = yield
            connection.execute("INSERT INTO spent VALUES (%s, %s)", (body.decode(), 1))


def _to_clickhouse(place):
    from clickhouse_front import ALWAYS, INSERTS, PASSWORD, USER

    token = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    insert = {"query": "INSERT INTO telemetry_events FORMAT JSONEachRow"}
    target, headers = "/?" + urlencode(ALWAYS | INSERTS | insert), {"Authorization": f"Basic {token}"}
    same = {"until_day": 99_999, "day": 20_000, "month": 1, "version": 1}
    with closing(http.client.HTTPConnection(HOST, int(place))) as connection:
        while True:
            _, value = yield
            texts = {name: value[name] for name in ("install", "epochly", "python", "os", "arch")}
            lines = []
            for at, event in enumerate(value["events"]):
                row = {
                    "batch": value["session"],
                    "place": at,
                    "event": event["e"],
                    "n": event["n"],
                    "fields": "{}",
                }
                row |= same | texts
                lines.append(json.dumps({name: row[name] for name in _columns()}) + "\n")
            connection.request("POST", target, "".join(lines).encode(), headers)
            answer = connection.getresponse()
            assert answer.status == 200, answer.headers
            answer.read()


def _columns():
    from clickhouse_front import COLUMNS

    return COLUMNS


def floor(sink, place, options):
    """How many batches a second, by as many processes as serve."""
    processes = _processes(sink)
    lines = 1 if sink == "sqlite" else options.connections // processes
    said = [
        "--floor",
        sink,
        place,
        str(options.seconds),
        str(lines),
        str(time.time() + 2),
        str(options.events),
    ]
    started = [
        subprocess.Popen([sys.executable, __file__, *said], stdout=subprocess.PIPE, text=True)
        for _ in range(processes)
    ]
    return sum(int(process.communicate()[0]) for process in started) / options.seconds


def _processes(sink):
    return PROCESSES.get(sink, 1)


# --- the service


def ask(port, context, make, until, took):
    """Send batches until then, on one connection."""
    with closing(http.client.HTTPSConnection(HOST, port, context=context)) as connection:
        while (began := time.monotonic()) < until:
            connection.request("POST", "/v1/telemetry/metrics", make(), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            said = answer.read()
            assert answer.status == 200, said
            took.append(time.monotonic() - began)


def taken(ports, context, pids, options):
    """All clients at once for so long: batches a second, processor seconds of servers and of clients for one, times."""
    servers = [psutil.Process(pid) for pid in pids]
    before, mine = sum(sum(server.cpu_times()[:2]) for server in servers), time.process_time()
    began, took = time.monotonic(), []
    make = made(options.events)
    threads = [
        threading.Thread(
            target=ask, args=(ports[at % len(ports)], context, make, began + options.seconds, took)
        )
        for at in range(options.connections)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spent, mine = time.monotonic() - began, time.process_time() - mine
    used = sum(sum(server.cpu_times()[:2]) for server in servers) - before
    return len(took) / spent, used / len(took), mine / len(took), sorted(took)


@contextmanager
def places(sink, folder, python):
    """Where the service and the floor keep what they write: (URL of the database, place of the floor)."""
    if sink != "clickhouse":
        with databases(sink, folder) as found:
            yield found
        return
    from clickhouse_front import DATABASE, PASSWORD, USER

    command = [python, str(ROOT / "tests" / "service" / "clickhouse_front.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        port = running.stdout.readline().strip()
        url = f"clickhouse+http://{USER}:{quote(PASSWORD, safe='')}@{HOST}:{port}/{DATABASE}"
        os.environ["EPOCHLY_SERVICE_TELEMETRY_SINK"] = url
        yield f"sqlite:///{folder}/data/service.db", port
        del os.environ["EPOCHLY_SERVICE_TELEMETRY_SINK"]
        running.stdin.close()


def measure(sink, options):
    """Turns of floor and service; prints what came out."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        url, place = stack.enter_context(places(sink, folder, options.clickhouse))
        data = os.path.join(folder, "data")
        servers = [stack.enter_context(served(data, url)) for _ in range(_processes(sink))]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # it is ours, and here
        pids, ports = zip(*servers, strict=True)
        taken(ports, context, pids, argparse.Namespace(**(vars(options) | {"seconds": 1.0})))
        floors, turns = [], []
        for _ in range(options.rounds):
            floors.append(floor(sink, place, options))
            turns.append(taken(ports, context, pids, options))
    rates = [turn[0] for turn in turns]
    took = sorted(each for turn in turns for each in turn[3])
    middle = median(least / rate for least, rate in zip(floors, rates, strict=True))
    print(
        f"{sink}, {_processes(sink)} process(es), {options.connections} clients, {options.events} events a batch"
    )
    print(f"  the floor   {max(floors):8.0f} batches a second, median {median(floors):.0f}")
    print(
        f"  taken       {max(rates):8.0f} batches a second, median {median(rates):.0f}: "
        f"{max(rates) * options.events:.0f} events"
    )
    print(
        f"  one takes   {took[len(took) // 2] * 1e3:8.1f} ms, 99 of 100 at most {took[len(took) * 99 // 100] * 1e3:.1f} ms"
    )
    print(
        f"  processor   {min(turn[1] for turn in turns) * 1e3:8.2f} ms of the service for one, "
        f"{min(turn[2] for turn in turns) * 1e3:.2f} ms of the client"
    )
    print(f"  the floor's rate is {max(floors) / max(rates):.2f} times the service's, median {middle:.2f}")


def main():
    """Measure and print; as a child, spend the floor's time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="of a turn")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--events", type=int, default=20, help="of a batch")
    parser.add_argument("--clickhouse", metavar="PYTHON", help="an interpreter that has `chdb`")
    parser.add_argument("--sink", choices=[*PROCESSES, "clickhouse"], action="append")
    parser.add_argument("--floor", nargs=6, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.floor:
        sink, place, seconds, lines, start_at, events = options.floor
        spend(sink, place, float(seconds), lines=int(lines), start_at=float(start_at), events=int(events))
        return
    for sink in options.sink or [*PROCESSES, *(["clickhouse"] if options.clickhouse else [])]:
        measure(sink, options)


if __name__ == "__main__":
    main()
