"""`epochly-service serve` as a process: what it makes, says and refuses; and two of them on one database."""

from __future__ import annotations

import os
import socket
import ssl
import stat
import time
from pathlib import Path

import httpx
import pytest
from node import Node
from serving import root_of, serving
from wire import Device, RemoteWire

from epochly_service import tls
from epochly_service.cli import main
from epochly_service.engines import open_database
from epochly_service.errors import ServiceError
from epochly_service.migrating import migrate
from epochly_service.serve import canonical_url


@pytest.fixture
def refused(capsys):
    """A function that gives the one line which a server is refused with."""

    def run(data, *options):
        before = os.umask(0o077)
        try:
            code = main(["serve", "--data", str(data), *options])
        finally:
            os.umask(before)
        out, err = capsys.readouterr()
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert "hint: " in err
        return err

    return run


def test_serve_works_at_once_and_says_how_a_client_uses_it(tmp_path, refused):
    """Without options but a folder: private files, TLS that a client can check, readiness, a trial, and a kind end."""
    data = tmp_path / "data"
    with serving(data) as (url, port, said):
        assert url == f"https://localhost:{port}"
        for line in (
            f"  EPOCHLY_API_URL={url}",
            f"  EPOCHLY_ROOT_KEY={data}/root-key/root.pub.pem",
            f"  SSL_CERT_FILE={data}/tls/ca.pem",
        ):
            assert line in said
        assert "move it to another machine" in said or (data / "root-key" / "root.pem").exists()
        wire = RemoteWire(url, data / "tls" / "ca.pem", root_of(data))
        answer = wire.send("GET", "/readyz")
        assert (answer.status, answer.headers["x-content-type-options"]) == (200, "nosniff")
        assert "server" not in answer.headers
        document = wire.send("GET", "/openapi.json").json
        assert "/v1/license/validate" in document["paths"]
        device = Device(wire, url=url)
        assert device.trial().status == 201
        with pytest.raises(httpx.HTTPError):
            httpx.get(url, verify=True, trust_env=False)  # nobody else vouches for it
        with pytest.raises((httpx.HTTPError, OSError)):
            httpx.get(url.replace("https", "http"), trust_env=False)
        old = ssl.create_default_context(cafile=data / "tls" / "ca.pem")
        with pytest.warns(DeprecationWarning, match="TLSv1_1 is deprecated"):
            old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises(ssl.SSLError), socket.create_connection(("127.0.0.1", port)) as plain:
            old.wrap_socket(plain, server_hostname="localhost")
        wire.close()
        second = refused(data, "--port", "0")
        assert "another process serves this database" in second
    for folder, _, names in os.walk(data):
        assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
        for name in names:
            assert stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode) == 0o600, name
    with serving(data) as (url, _, said):
        assert "a root key was made" not in said
        wire = RemoteWire(url, data / "tls" / "ca.pem", root_of(data))
        assert wire.send("GET", "/readyz").status == 200
        wire.close()


def test_two_processes_serve_one_database(postgres, postgres_template, tmp_path):
    """Two servers on one PostgreSQL share seats, devices, spent nonces and rotated keys, with nothing else between them."""
    name = postgres.create(postgres_template)
    database = open_database(postgres.url(name))
    data = tmp_path / "data"
    node = Node(database, data, now=int(time.time()))
    options = ("--database-url", postgres.url(name), "--public-url", "https://licences.test")
    try:
        with serving(data, *options) as one, serving(data, *options) as two:
            wires = [
                RemoteWire(f"https://localhost:{port}", data / "tls" / "ca.pem", root_of(data))
                for _, port, _ in (one, two)
            ]
            key, license_id = node.issue(seats=1)
            device, other = Device(wires[0]), Device(wires[1], digest="cd" * 32)
            assert device.register(key).status == 201
            assert other.register(key).code == "SEAT_LIMIT_REACHED"
            nonce = wires[0].nonce()
            assert device.ask("GET", "/v1/devices", nonce=nonce).status == 200
            device.wire = wires[1]
            assert device.ask("GET", "/v1/devices", nonce=nonce).code == "PROOF_REPLAYED"
            assert device.validate().status == 200
            node.now = int(time.time())
            node.rotate()
            deadline = time.monotonic() + 20
            versions = set()
            while versions != {2} and time.monotonic() < deadline:
                time.sleep(0.2)  # within what one peer may ask
                versions = {
                    node.keyset_version(wire.send("GET", "/v1/keyset").json["keyset"]) for wire in wires
                }
            assert versions == {2}
            assert device.release().status == 200
            other.wire = wires[0]
            assert other.register(key).status == 201
            assert (node.license(license_id).seats_used, node.faults()) == (1, [])
            for wire in wires:
                wire.close()
    finally:
        node.close()
        database.close()
        postgres.drop(name)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--port", "x"), "invalid int"),
        (("--port", "70000"), "a port is 0 to 65535"),
        (("--host", "192.0.2.1", "--port", "0"), "cannot listen there"),
        (("--public-url", "http://licences.test"), "not `https://` and an authority"),
        (("--public-url", "https://user@licences.test/x?y"), "not `https://` and an authority"),
        (("--tls-cert", "a.pem"), "come together"),
        (("--tls-cert", "a.pem", "--tls-key", "b.pem", "--port", "0"), "does not load with its key"),
        (("--behind-proxy",), "the proxy has the certificate"),
        (
            ("--behind-proxy", "--public-url", "https://licences.test", "--host", "0.0.0.0"),
            "plain HTTP is for a proxy",
        ),
        (("--database-url", "mysql://x/y"), "neither PostgreSQL nor a file of SQLite"),
        (("--database-url", "sqlite:////dev/null/all.db"), "cannot be locked: "),
        (("--nonsense",), "unrecognized arguments"),
    ],
)
def test_serve_refuses_in_one_line(tmp_path, refused, options, said):
    """What cannot be served is told in one clear line with a hint, exit code 2, and nothing is listened to."""
    assert said in refused(tmp_path / "data", *options)


def test_serve_refuses_a_folder_that_is_not_the_databases(tmp_path, refused):
    """A database that was set up with other secrets, and secrets that others can read, are refused."""
    database = open_database(f"sqlite:///{tmp_path}/service.db")
    migrate(database)
    Node(database, tmp_path / "one", now=int(time.time())).close()
    database.close()
    url = ("--database-url", f"sqlite:///{tmp_path}/service.db")
    assert "the database was set up with some" in refused(tmp_path / "two", *url)
    os.chmod(tmp_path / "one" / "secrets.json", 0o644)
    assert "others may read it" in refused(tmp_path / "one", *url)
    os.chmod(tmp_path / "one" / "secrets.json", 0o600)
    for key in (tmp_path / "one" / "signing").iterdir():
        key.unlink()
    assert "cannot be read: No such file" in refused(tmp_path / "one", *url)


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("https://Licences.Example", "https://licences.example"),
        ("https://licences.example/", "https://licences.example"),
        ("https://licences.example:443", "https://licences.example"),
        ("https://licences.example:8443", "https://licences.example:8443"),
        ("https://[::1]:8443", "https://[::1]:8443"),
    ],
)
def test_canonical_url_is_what_proofs_cover(url, canonical):
    """Host in lower case, no default port, no slash at the end."""
    assert canonical_url(url) == canonical


@pytest.mark.parametrize(
    "url",
    [
        "",
        "licences.example",
        "http://a",
        "https://",
        "https://a/b",
        "https://a?b",
        "https://a#b",
        "https://u@a",
        "https://a:x",
        "https://é",
    ],
)
def test_canonical_url_refuses_anything_else(url):
    """A base URL has a scheme, an authority and nothing else."""
    with pytest.raises(ServiceError, match="hint: "):
        canonical_url(url)


def test_a_throwaway_certificate_is_made_anew_when_it_must_be(tmp_path):
    """It is kept while it is good, and made anew for another name or near its end; its authority's key is nowhere."""
    now = 1_800_000_000

    def made(names, at):
        return Path(tls.throwaway(str(tmp_path), names, at).cert).read_text("ascii")

    first = tls.throwaway(str(tmp_path), [], now)
    before = made([], now)
    assert made(["localhost"], now) == before
    named = made(["licences.test"], now)
    assert named != before
    assert made(["licences.test"], now + 61 * 86_400) != named
    assert sorted(os.listdir(tmp_path / "tls")) == ["ca.pem", "server.key", "server.pem"]
    tls.require_pair(first)
    (tmp_path / "tls" / "server.key").write_text("no key")
    with pytest.raises(ServiceError, match="does not load"):
        tls.require_pair(first)
