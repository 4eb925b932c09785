"""What the layers of one validation take by themselves: each alone, in one thread, on bytes that really went by.

Seconds of processor time, the best of a few tries. What they add up to is less than what the service takes: the rest is the
event loop, the hand-over between its thread and those of requests, who wait for one interpreter lock, logs, metrics, and our
own code between these layers.
"""

from __future__ import annotations

import json
import os
import ssl
import time
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path

import httptools
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from epochly_service import renewals, tokens
from epochly_service.encoding import b64u, unb64u
from epochly_service.engines import open_database
from epochly_service.model import Remembered

TRIES, CALLS = 5, 100


def layers(data, database_url, asked, answered):
    """Layer -> seconds, for a validation of the service in `data` whose request and answer were these bytes."""
    body = asked.partition(b"\r\n\r\n")[2]
    headers = dict(line.split(": ", 1) for line in asked.decode().split("\r\n\r\n")[0].split("\r\n")[1:])
    proof, said = headers["Epochly-Proof"], json.loads(answered.partition(b"\r\n\r\n")[2])
    key, message = Ed25519PrivateKey.generate(), unb64u(said["lease"].split(".")[2])[:-64]
    public, signature = key.public_key(), key.sign(message)
    claims = json.loads(message)
    sign = _best(partial(key.sign, message))

    def words():
        tokens.read(proof, tokens.PROOF)
        tokens.parse(body)
        json.dumps(said | {"lease": tokens.sign(key, tokens.LEASE, claims, kid=claims["aud"])})

    return {
        "verify": _best(partial(public.verify, signature, message)),
        "sign": sign,
        "tokens and JSON": _best(words) - sign,
        "HTTP": _best(partial(_http, asked)),
        "TLS": _tls(Path(data), asked, answered),
        "statements": _statements(database_url, json.loads(body)["device_id"]),
    }


def _best(work):
    took = []
    for _ in range(TRIES):
        began = time.process_time()
        for _ in range(CALLS):
            work()
        took.append((time.process_time() - began) / CALLS)
    return min(took)


class _Nobody:
    """Hears of a request's parts."""

    def on_url(self, url):
        """The address."""

    def on_header(self, name, value):
        """A field."""

    def on_body(self, body):
        """A piece of the body."""


def _http(asked):
    """As the server does: the request read; writing an answer is joining bytes."""
    parser = httptools.HttpRequestParser(_Nobody())
    parser.feed_data(asked)


def _tls(data, asked, answered):
    """The server's half of it: one record read, one written."""
    certificate = data / "tls" / "server.pem"
    ours, theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ours.load_cert_chain(certificate, certificate.with_suffix(".key"))
    theirs.check_hostname, theirs.verify_mode = False, ssl.CERT_NONE
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = ours.wrap_bio(to_server, to_client, server_side=True)
    client = theirs.wrap_bio(to_client, to_server)
    for side in (client, server, client, server):
        with suppress(ssl.SSLWantReadError):
            side.do_handshake()
    sent = []
    for _ in range(TRIES * CALLS):
        client.write(asked)
        sent.append(to_server.read())
    waiting = iter(sent)

    def exchange():
        to_server.write(next(waiting))
        server.read()
        server.write(answered)
        to_client.read()

    return _best(exchange)


def _statements(database_url, device_id):
    """What the driver and its round trips take of this process; the database's own time is its own."""
    database, number = open_database(database_url), count()

    def renew(line):
        device = renewals.look(line, [renewals.Looked(device_id, "", "", "", 0)])[0].device
        row = device._replace(lease_seq=device.lease_seq + 1)
        ik = b64u(os.urandom(16))
        done = Remembered(
            row.account_id, row.kid, ik, "0" * 64, row.id, json.dumps({"seq": row.lease_seq}), 1
        )
        return renewals.change(line, [renewals.Change(device, row, done, f"layer {next(number)}", 1)])

    try:
        return _best(lambda: database.at_once(renew))
    finally:
        database.close()
