"""How many validations a second does the licence service answer on this machine, beside what none can do without?

The floor of a validation is one Ed25519 verification, one signature and one durable write. It runs in as many processes as the
service, SQLite's one after the other as SQLite writes, PostgreSQL's on as many connections as there are clients. The service is
asked over TLS by the real client's proofs: one process over SQLite, two over PostgreSQL. Sides take turns. The clients run here
too, and what they take of the machine is told, as is what PostgreSQL takes, and what the layers take by themselves.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import signal
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, closing, contextmanager
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import NamedTuple

import psutil
import uvloop
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from licence_layers import layers

from epochly.licensing import tokens
from epochly.licensing.canonical import b64u, canonical, kid_of
from epochly.licensing.claims import Proof

ROOT = Path(__file__).resolve().parents[1]
GOAL = 3.0  # times the floor
PROCESSES = {"sqlite": 1, "postgresql": 2}
URL = "https://licences.localhost"  # what proofs cover, whichever process is asked
DURABLE = {
    "shared_buffers": "64MB"
}  # of PostgreSQL, which is otherwise as it comes: every commit waits for the disk
MESSAGE_BYTES = 700  # of a proof, of a lease
VALIDATE = "/v1/license/validate"


# --- the floor


def spend(engine, place, seconds, lines, start_at):
    """Verify, sign and write for so long, on so many lines at once; prints how often, and seconds of processor time."""
    private = Ed25519PrivateKey.generate()
    public, message = private.public_key(), os.urandom(MESSAGE_BYTES)
    signature, done = private.sign(message), []

    def line():
        with closing(_writer(engine, place)) as connection:
            count = 0
            time.sleep(max(0.0, start_at - time.time()))
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                public.verify(signature, message)
                private.sign(message)
                _write(engine, connection)
                count += 1
            done.append(count)

    threads = [threading.Thread(target=line) for _ in range(lines)]
    for thread in threads:
        thread.start()
    time.sleep(max(0.0, start_at - time.time()))
    before = time.process_time()
    for thread in threads:
        thread.join()
    print(sum(done), time.process_time() - before)


def _writer(engine, place):
    if engine == "sqlite":
        connection = sqlite3.connect(place, isolation_level=None, timeout=30, check_same_thread=False)
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("CREATE TABLE IF NOT EXISTS spent (h TEXT PRIMARY KEY, until INTEGER) STRICT")
        return connection
    import psycopg

    connection = psycopg.connect(place, autocommit=True)
    connection.prepare_threshold = 0
    return connection


def _write(engine, connection):
    values = (os.urandom(32).hex(), 1)
    if engine == "sqlite":
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO spent VALUES (?, ?)", values)
        connection.execute("COMMIT")
    else:
        connection.execute("INSERT INTO spent VALUES (%s, %s)", values)


def floor(engine, place, seconds, connections, keepers):
    """How many a second, by as many processes as serve, and seconds of processor time for one, the database's with it."""
    processes = PROCESSES[engine]
    lines = 1 if engine == "sqlite" else connections // processes
    start_at = time.time() + 1.5
    said = ["--floor", engine, place, str(seconds), str(lines), str(start_at)]
    started = [
        subprocess.Popen([sys.executable, __file__, *said], stdout=subprocess.PIPE, text=True)
        for _ in range(processes)
    ]
    time.sleep(max(0.0, start_at - time.time()))
    before = used(keepers)
    told = [process.communicate()[0].split() for process in started]
    count = sum(int(done) for done, _ in told)
    return Floor(count / seconds, (sum(float(took) for _, took in told) + used(keepers) - before) / count)


# --- the service


@contextmanager
def served(data, database_url):
    """One process of the service; gives its id and its port."""
    command = [
        sys.executable,
        "-m",
        "epochly_service",
        "serve",
        "--data",
        data,
        "--database-url",
        database_url,
    ]
    command += ["--port", "0", "--public-url", URL, "--no-rate-limits"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        said = ""
        while "listening on" not in said:
            line = process.stdout.readline()
            assert line, "the service did not start"
            said += line
        yield process.pid, int(re.search(r"listening on .*:(\d+)", said)[1])
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate()


def issue(data, database_url, seats):
    """A licence with so many seats; returns its key."""

    def admin(*arguments):
        command = [sys.executable, "-m", "epochly_service", "admin", *arguments, "--json"]
        command += ["--data", data, "--database-url", database_url]
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    admin("account", "add", "Benchmark")
    return admin(
        "license", "issue", "Benchmark", "--plan", "professional", "--seats", str(seats), "--days", "30"
    )["key"]


class Client(asyncio.Protocol):
    """A device that validates again and again on one connection: each answer brings the nonce of the next request."""

    def __init__(self, port, context):
        self.port, self.context = port, context
        self.key = Ed25519PrivateKey.generate()
        self.pub = self.key.public_key().public_bytes_raw()
        self.kid, self.digest = kid_of(self.pub), os.urandom(32).hex()
        self.nonce = self.device_id = ""
        self.seq, self.took, self.answer = 0, [], None

    async def begin(self, license_key):
        """Connect and take a seat."""
        self.loop = asyncio.get_running_loop()
        self.transport, _ = await self.loop.create_connection(
            lambda: self, "127.0.0.1", self.port, ssl=self.context, server_hostname="localhost"
        )
        await self._send("POST", "/v1/nonce", b"", "")
        said = {
            "license_key": license_key,
            "fp": {"digest": self.digest, "v": 1},
            "node_id": "3f2b8c1e-9a4d-4c6e-8f10-2b7d5e9a1c34",
            "client_version": "0.1.0",
            "ik": b64u(os.urandom(16)),
        }
        answer = json.loads(await self._ask("/v1/devices", said, pub=True))
        self.device_id = answer["device_id"]

    async def validate(self, until):
        """Validate until then; returns how often."""
        count = 0
        while (began := time.monotonic()) < until:
            said = {
                "device_id": self.device_id,
                "fp": {"digest": self.digest, "v": 1},
                "ik": b64u(os.urandom(16)),
            }
            await self._ask(VALIDATE, said)
            self.took.append(time.monotonic() - began)
            count += 1
        return count

    async def _ask(self, path, said, *, pub=False):
        body = canonical(said)
        claims = Proof(
            kid=self.kid,
            htm="POST",
            htu=URL + path,
            bdg=sha256(body).hexdigest(),
            nonce=self.nonce,
            cn=b64u(os.urandom(16)),
            iat=1,
            jti=b64u(os.urandom(16)),
            seq=self.seq,
            cv="0.1.0",
            pub=b64u(self.pub) if pub else None,
        ).claims()
        answer = await self._send("POST", path, body, tokens.mint(tokens.PROOF, claims, self.key))
        self.seq += 1
        return answer

    async def _send(self, method, path, body, proof):
        lines = [f"{method} {path} HTTP/1.1", "Host: licences.localhost", f"Content-Length: {len(body)}"]
        lines += [f"Epochly-Proof: {proof}", "Content-Type: application/json"] if proof else []
        self.asked = "\r\n".join([*lines, "", ""]).encode() + body
        self.answered, self.answer = b"", self.loop.create_future()
        self.transport.write(self.asked)
        head, answer = await self.answer
        if not head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 201")):
            raise RuntimeError(answer.decode())
        self.nonce = re.search(rb"(?im)^epochly-nonce: (\S+)", head)[1].decode()
        return answer

    def data_received(self, data):
        """A piece of an answer, which may be the last."""
        self.answered += data
        head, end, answer = self.answered.partition(b"\r\n\r\n")
        if end and len(answer) == int(re.search(rb"(?im)^content-length: (\d+)", head)[1]):
            self.answer.set_result((head, answer))

    def connection_lost(self, error):
        """The service hung up, or this client did."""
        if self.answer is not None and not self.answer.done():
            self.answer.set_exception(error or RuntimeError("the service hung up"))

    def end(self):
        """Hang up."""
        self.transport.close()


class Floor(NamedTuple):
    """What a turn of the floor came to: so many a second; seconds of processor time for one."""

    rate: float
    used_s: float


class Turn(NamedTuple):
    """What a turn of the service came to: validations a second; seconds of processor time that one took of each."""

    rate: float
    served_s: float
    kept_s: float
    asked_s: float


def validations(clients, loop, servers, keepers, seconds):
    """All clients at once for so long."""
    served, kept, mine = used(servers), used(keepers), time.process_time()
    began = time.monotonic()

    async def all_of_them():
        return await asyncio.gather(*(client.validate(began + seconds) for client in clients))

    count = sum(loop.run_until_complete(all_of_them()))
    took, mine = time.monotonic() - began, time.process_time() - mine
    served, kept = used(servers) - served, used(keepers) - kept
    return Turn(count / took, served / count, kept / count, mine / count)


def used(processes):
    """Seconds of processor time of processes and their children up to now, those that have ended among them."""
    return sum(
        sum(sum(each.cpu_times()[:4]) for each in (process, *process.children())) for process in processes
    )


def keepers_of(engine, place):
    """The process whose children PostgreSQL's are."""
    if engine == "sqlite":
        return []
    with closing(_writer(engine, place)) as connection:
        (pid,) = connection.execute("SELECT pg_backend_pid()").fetchone()
        return [psutil.Process(pid).parent()]


# --- both


@contextmanager
def databases(engine, folder):
    """Where the service and the floor keep what they write: (URL, place)."""
    if engine == "sqlite":
        yield f"sqlite:///{folder}/data/service.db", f"{folder}/floor.db"
        return
    sys.path.insert(0, str(ROOT / "tests" / "service"))
    from postgres_cluster import running

    with running(DURABLE) as cluster:
        name = cluster.create()
        with closing(_writer(engine, cluster.url(name))) as connection:
            connection.execute("CREATE TABLE spent (h TEXT PRIMARY KEY, until BIGINT)")
        yield cluster.url(cluster.create()), cluster.url(name)


def measure(engine, rounds, seconds, connections):
    """Turns of floor and service; prints and returns how many times the floor's time a validation takes."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        url, place = stack.enter_context(databases(engine, folder))
        data = os.path.join(folder, "data")
        servers = [stack.enter_context(served(data, url)) for _ in range(PROCESSES[engine])]
        license_key = issue(data, url, connections)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # it is ours, and here
        loop = uvloop.new_event_loop()  # what the clients take of the machine is not what is measured
        stack.callback(loop.close)
        clients = [Client(servers[at % len(servers)][1], context) for at in range(connections)]
        for client in clients:
            loop.run_until_complete(client.begin(license_key))
            stack.callback(client.end)
        processes = [psutil.Process(pid) for pid, _ in servers]
        validations(clients, loop, processes, [], 1.0)  # statements compiled, keys known
        keepers = keepers_of(engine, place)
        for client in clients:
            client.took.clear()
        floors, turns = [], []
        for _ in range(rounds):
            floors.append(floor(engine, place, seconds, connections, keepers))
            turns.append(validations(clients, loop, processes, keepers, seconds))
        took = sorted(each for client in clients for each in client.took)
        alone = layers(data, url, clients[0].asked, clients[0].answered)
    print(f"{engine}, {PROCESSES[engine]} process(es), {connections} clients")
    return told(floors, turns, took, alone)


def told(floors, turns, took, alone):
    """Print what was measured; returns how many times the floor's time a validation takes."""
    least, rates = [one.rate for one in floors], [turn.rate for turn in turns]
    ratio = max(least) / max(rates)
    middle = median(one / rate for one, rate in zip(least, rates, strict=True))
    of_service, of_database, of_client = (
        min(getattr(turn, name) for turn in turns) * 1e3 for name in ("served_s", "kept_s", "asked_s")
    )
    whole, of_floor = of_service + of_database + of_client, min(one.used_s for one in floors) * 1e3
    rest = of_service - sum(alone.values()) * 1e3
    p99 = took[len(took) * 99 // 100]
    lines = (
        f"the floor     {max(least):8.0f} a second, median {median(least):.0f}",
        f"validations   {max(rates):8.0f} a second, median {median(rates):.0f}",
        f"one takes     {took[len(took) // 2] * 1e3:8.1f} ms, 99 of 100 at most {p99 * 1e3:.1f} ms",
        f"processor     {whole:8.2f} ms for one: {of_service:.2f} the service, {of_database:.2f} PostgreSQL, {of_client:.2f} the client",
        f"the service   {of_service:8.2f} ms: "
        + ", ".join(f"{alone_s * 1e3:.2f} {layer}" for layer, alone_s in alone.items())
        + f", {rest:.2f} the rest",
        f"the floor's rate is {ratio:.2f} times the service's, median {middle:.2f} (goal: below {GOAL:.0f})",
        f"its processor time, {of_floor:.2f} ms, goes {whole / of_floor:.2f} times into a validation's",
    )
    print("\n".join(f"  {line}" for line in lines))
    return ratio


def main():
    """Measure, print, and say whether the goal was met; as a child, spend the floor's time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="of a turn")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--engine", choices=list(PROCESSES), action="append")
    parser.add_argument("--floor", nargs=5, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.floor:
        engine, place, seconds, lines, start_at = options.floor
        spend(engine, place, float(seconds), int(lines), float(start_at))
        return 0
    ratios = [
        measure(engine, options.rounds, options.seconds, options.connections)
        for engine in options.engine or PROCESSES
    ]
    return 0 if max(ratios) < GOAL else 1


if __name__ == "__main__":
    raise SystemExit(main())
