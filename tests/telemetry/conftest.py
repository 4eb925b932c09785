"""An installation's folder, a clock that tests move, and the service's side in one object."""

from __future__ import annotations

import itertools
import random
from functools import partial
from hashlib import sha256
from types import SimpleNamespace

import pytest
import trustme
from loopback import Server
from personal import KNOWN
from receiver import Receiver

from epochly._config import Config
from epochly._machine import Machine
from epochly._session import Outside, Session
from epochly.telemetry import events, post, receipts
from epochly.telemetry.collector import Collector, Process
from epochly.telemetry.files import Files
from epochly.telemetry.kinds import words_of
from epochly.telemetry.tripwire import Tripwire

WORDS = words_of(events.EVENTS)
MACHINE = Machine(4, (3, 11, 7), "cpython", free_threaded=False, numba="0.68.1", numpy="2.1.0")


@pytest.fixture
def receiver():
    """A service."""
    return Receiver()


@pytest.fixture
def files(tmp_path):
    """An installation's folder, which is not there yet."""
    return Files(str(tmp_path / "state" / "telemetry"))


@pytest.fixture
def environ(tmp_path, receiver):
    """The variables of a machine that may send."""
    (tmp_path / "root.pem").write_bytes(receiver.root.pem())
    return {
        "EPOCHLY_STATE_DIR": str(tmp_path / "state"),
        "EPOCHLY_API_URL": receiver.base,
        "EPOCHLY_ROOT_KEY": str(tmp_path / "root.pem"),
        "HOME": str(tmp_path),
    }


@pytest.fixture
def world(files, receiver):
    """What sending needs: that service, that folder, a clock that is the service's."""
    service = receipts.Service(receiver.base, {receiver.root.kid: receiver.root.public})

    return post.World(
        files=files,
        base=receiver.base,
        now=lambda: receiver.now,
        random=lambda: 0.0,
        send=receiver.send,
        judge=partial(receipts.fault, service),
        fires_at=Tripwire(KNOWN, WORDS).fires_at,
    )


@pytest.fixture
def session():
    """A session that compiles nothing."""
    outside = Outside(
        clock=itertools.count().__next__,
        say=lambda _line: None,
        machine=lambda: MACHINE,
        compiler=lambda: "none here",
        traced=lambda: False,
        monitored=lambda: False,
    )
    return Session(outside, Config())


@pytest.fixture
def collector(files, receiver, session):
    """A collector in that folder, of process 7 until `collector.process.pid` says otherwise."""
    counts = itertools.count(1)
    state = SimpleNamespace(pid=7)
    made = Collector(
        session,
        Process(
            files=files,
            now=lambda: float(receiver.now),
            rng=lambda size: sha256(f"{next(counts)}".encode()).digest()[:size],
            pid=lambda: state.pid,
            version=lambda: "1.2.3",
            python="3.11",
            platform="linux",
            processor="x86_64",
            memory_mib=lambda: 100.0,
            threads=lambda: 3,
            tier=lambda: "community",
        ),
    )
    session.telemetry = made
    return SimpleNamespace(it=made, state=state)


@pytest.fixture
def filled(collector):
    """Batches that wait: one of each endpoint."""
    it = collector.it
    it.counters.add(events.gpu(asked=True, allowed=False))
    it.fault("cache")
    it.look()
    it.collect()
    return it


def any_fact(rng):
    """A fact of the registry, any one of them."""
    name = rng.choice(list(events.EVENTS))
    values = [
        rng.choice(field.of)
        if field.of
        else bool(rng.getrandbits(1))
        if field.kind == "flag"
        else rng.randint(field.least, field.most)
        for field in events.EVENTS[name].fields
    ]
    return (name, *values)


@pytest.fixture
def facts():
    """Many facts, the same in each run."""
    rng = random.Random(7)
    return lambda count: {any_fact(rng): rng.randint(1, 1_000) for _ in range(count)}


@pytest.fixture(scope="session")
def authority():
    """An authority that the tests' clients trust."""
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(authority, tmp_path_factory):
    """Its certificate."""
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture
def serve(authority):
    """Start a server of `loopback` with TLS; it ends with the test."""
    import contextlib
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    with contextlib.ExitStack() as started:

        def start(script):
            server = Server(script, context)
            started.callback(server.close)
            return server

        yield start
