"""Servers on the loopback address, with certificates of an authority that lives for a session."""

from __future__ import annotations

import contextlib
import ssl

import pytest
import trustme
from loopback import Server


@pytest.fixture(scope="session")
def authority():
    """An authority that the tests' clients trust."""
    return trustme.CA()


@pytest.fixture(scope="session")
def environ(authority, tmp_path_factory):
    """The environment of a client that trusts it and nothing else."""
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return {"SSL_CERT_FILE": str(path)}


@pytest.fixture(scope="session")
def certified(authority):
    """Make a server's TLS context from what `issue_cert` takes; nothing: a certificate for `localhost`."""

    def certify(*names, by=authority, **how):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        by.issue_cert(*(names or ("localhost", "127.0.0.1")), **how).configure_cert(context)
        return context

    return certify


@pytest.fixture(scope="session")
def tls(certified):
    """The usual context of a server."""
    return certified()


@pytest.fixture
def serve(tls):
    """Start a server, with TLS unless `context` is None; it ends with the test."""
    with contextlib.ExitStack() as started:

        def start(script, context=tls):
            server = Server(script, context)
            started.callback(server.close)
            return server

        yield start
