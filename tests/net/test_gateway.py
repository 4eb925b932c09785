"""The gateway against real servers: what it sends is the list's, and whatever is done to it ends in an answer or one line.

It is long because there are many things to do to it.
"""

from __future__ import annotations

import gzip
import json
import logging
import re
import socket
import ssl
import sys
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from time import monotonic

import httpcore
import pytest
import trustme
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loopback import Server, answering, drip, reply

from epochly.net import endpoints, gateway
from epochly.net.base_url import BaseUrl
from epochly.net.endpoints import ENDPOINTS
from epochly.net.gateway import Answer, Limits, Request, Unreachable, send

FP = {"digest": "0" * 64, "v": 1}
BATCH = {
    "v": 1,
    "session": "A" * 16,
    "install": "A" * 16,
    "day": 1,
    "seq": 0,
    "epochly": "1.0",
    "python": "3.11",
    "os": "linux",
    "arch": "other",
    "lost": {"full": 0, "pii": 0, "old": 0},
    "events": [{"e": "gpu", "v": 1, "n": 2, "asked": True, "allowed": False}],
}
BODIES = {
    "register": {"license_key": "k", "fp": FP, "node_id": "n", "client_version": "v", "ik": "i"},
    "trial": {"fp": FP, "node_id": "n", "client_version": "v", "ik": "i"},
    "transfer": {
        "license_key": "k",
        "from_device_id": "d",
        "fp": FP,
        "node_id": "n",
        "client_version": "v",
        "ik": "i",
    },
    "validate": {"device_id": "d", "fp": FP, "ik": "i"},
    "heartbeat": {"ik": "i"},
    "checkout": {"days": 1, "ik": "i"},
    "rekey": {"new_proof": "t", "ik": "i"},
    **dict.fromkeys(("metrics", "critical-events", "compatibility-reports"), BATCH),
    "lens-heartbeat": {"v": 1, "host": "0" * 32, "version": "1", "pid": 1, "uptime_s": 0},
}
HEADERS = {"Epochly-Proof": "v4.public.AAAA", "Authorization": "Bearer elk_" + "A" * 43}
PLACES = {"{id}": "dev_" + "A" * 22, "{day}": "20783", "{digest}": "0" * 64}
DEVICE = "dev_" + "A" * 22
NONCE = Request(endpoints.NONCE)
SHORT = Limits(connect_s=0.4, total_s=0.4)
OVER = "in time: 0.4 s to connect, 0.4 s in all"
SLOW_S = 4.0  # far more than `SHORT` allows, far less than what the servers below would take


def request_of(name):
    """A good request of each kind."""
    endpoint = ENDPOINTS[name]
    body = json.dumps(BODIES[name]).encode() if name in BODIES else b""
    headers = {each: HEADERS[each] for each in endpoint.headers}
    place = next((value for mark, value in PLACES.items() if mark in endpoint.path), None)
    return Request(endpoint, body, headers, place)


def why(result):
    """The words of a request that came to nothing."""
    assert isinstance(result, Unreachable), result
    assert result.why.isprintable()
    return result.why


@pytest.mark.parametrize("name", ENDPOINTS)
def test_what_is_sent_is_the_endpoint_and_nothing_else(serve, environ, name):
    """Method, path, body and headers of each request on the wire are those of the list: no query, no cookie, nothing besides."""
    server = serve(answering(reply()))
    request = request_of(name)
    asked_for = {**environ, "EPOCHLY_TELEMETRY_OPT_IN": "1"}
    assert isinstance(send(request, BaseUrl("localhost", server.port, "/at"), asked_for, "1.2.3"), Answer)
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    line, *rest = head.decode().split("\r\n")
    headers = dict(each.split(": ", 1) for each in rest)
    endpoint = request.endpoint
    assert line == f"{endpoint.method} /at{endpoint.target(request.place)} HTTP/1.1"
    assert body == request.body
    assert re.fullmatch(
        r"epochly/1\.2\.3 \(python/3\.\d+; (linux|darwin|windows|other); proto/1\)", headers.pop("User-Agent")
    )
    assert headers == {
        "Host": f"localhost:{server.port}",
        "Accept": "application/json, application/problem+json",
        "Accept-Encoding": "identity",
        "Connection": "close",
        **({"Content-Length": str(len(body))} if endpoint.method != "GET" else {}),
        **({"Content-Type": "application/json"} if body else {}),
        **request.headers,
    }


def test_an_answer_has_status_body_and_three_headers(serve, environ):
    """What a caller gets of an answer is what the specification speaks of, whether it is good or bad news."""
    data = reply(
        b'{"a":1}', "429 Too Many", Epochly_Nonce="AAAA", Retry_After="7", X_Other="x", Set_Cookie="a=b"
    )
    answer = send(NONCE, serve(answering(data)).base, environ, "1")
    assert answer == Answer(
        429, {"content-type": "application/json", "epochly-nonce": "AAAA", "retry-after": "7"}, b'{"a":1}'
    )


def test_a_header_that_comes_twice_or_is_odd_is_left_out(serve, environ):
    """A nonce is one nonce; two of them, or one with other letters, are none."""
    for more in (
        "Epochly-Nonce: A\r\nEpochly-Nonce: B",
        "Epochly-Nonce: \xe9",
        "Epochly-Nonce: " + "A" * 257,
    ):
        data = f"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n{more}\r\n\r\n".encode("latin-1")
        assert send(NONCE, serve(answering(data)).base, environ, "1") == Answer(200, {}, b"")


def test_no_cookie_is_kept_and_no_connection_shared(serve, environ):
    """Two requests have nothing in common that a server gave: each has a connection of its own, and no cookie."""
    server = serve(answering(reply(Set_Cookie="id=1; Path=/")))
    for _ in range(2):
        assert isinstance(send(NONCE, server.base, environ, "1"), Answer)
    assert server.connections == 2
    assert not any(b"cookie" in request.lower() for request in server.requests)


@pytest.mark.parametrize(
    "status", ["300 Choices", "301 Moved", "302 Found", "303 Other", "304 Same", "307 T", "308 P"]
)
def test_a_redirect_is_not_followed(serve, environ, status):
    """A redirect to another host ends there: the other host sees no connection."""
    other = serve(answering(reply()))
    server = serve(answering(reply(status=status, Location=f"https://localhost:{other.port}/v1/nonce")))
    assert "redirect, which is not followed" in why(send(NONCE, server.base, environ, "1"))
    assert (server.connections, other.connections) == (1, 0)


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(lambda c, _: drip(c, reply(b"x" * 10_000)), id="head and body"),
        pytest.param(lambda c, _: drip(c, b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 10_000), id="headers"),
        pytest.param(lambda c, _: drip(c, b"HTTP/1.1 100 Continue\r\n\r\n" * 1_000), id="100 Continue"),
        pytest.param(
            lambda c, _: (
                c.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
                drip(c, b"1\r\nx\r\n" * 1_000),
            ),
            id="chunks",
        ),
        pytest.param(lambda c, _: c.recv(1), id="silence"),
    ],
)
def test_a_server_that_drips_has_no_more_time_than_another(serve, environ, script):
    """The time for a request is one for all of its bytes, not one for each."""
    server = serve(script)
    begun = monotonic()
    assert OVER in why(send(NONCE, server.base, environ, "1", SHORT))
    assert monotonic() - begun < SLOW_S


def test_a_server_that_never_greets_has_no_more_time(serve, environ):
    """A connection on which TLS never begins is given up too."""
    server = serve(lambda connection, _: connection.recv(1), context=None)
    begun = monotonic()
    assert OVER in why(send(NONCE, server.base, environ, "1", SHORT))
    assert monotonic() - begun < SLOW_S


def test_limits_are_those_that_the_guide_names():
    """Two seconds to connect, five in all, 64 KiB of an answer."""
    assert Limits() == Limits(connect_s=2.0, total_s=5.0)
    assert gateway.MOST_HEARD == 64 * 1024


def test_an_answer_of_64_kib_is_read_and_one_byte_more_is_not(serve, environ):
    """An answer has a size, however it is announced: by a length, in pieces, or by its end."""
    size = 64 * 1024
    answer = send(NONCE, serve(answering(reply(b"x" * size))).base, environ, "1")
    assert isinstance(answer, Answer)
    assert len(answer.body) == size
    chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    for data in (
        reply(b"x" * (size + 1)),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk * 20,
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (size * 20),
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n" + b"x" * (size * 2),
    ):
        server = serve(answering(data))
        assert why(send(NONCE, server.base, environ, "1")) == "the answer has more than 65536 bytes"


@pytest.mark.parametrize(
    "coding",
    ["gzip", "deflate", "br", "zstd", "identity, gzip", "gzip\r\nContent-Encoding: identity", "\xe9"],
)
def test_a_compressed_answer_is_not_opened(serve, environ, coding):
    """What was asked for is not compressed, so a small answer cannot become a big one."""
    bomb = gzip.compress(bytes(10_000_000))
    assert len(bomb) < 64 * 1024
    data = f"HTTP/1.1 200 OK\r\nContent-Length: {len(bomb)}\r\nContent-Encoding: {coding}\r\n\r\n".encode(
        "latin-1"
    )
    server = serve(answering(data + bomb))
    assert why(send(NONCE, server.base, environ, "1")) == "the answer is compressed, which was not asked for"


def test_certificates_are_verified(serve, environ, certified):
    """Another name, another authority, a time that is over and no name at all: no request is sent."""
    over = {
        "not_before": datetime.now(UTC) - timedelta(days=9),
        "not_after": datetime.now(UTC) - timedelta(days=1),
    }
    for context, words in [
        (certified("another.example"), "ostname mismatch"),
        (
            certified(by=trustme.CA()),
            "self-signed certificate in certificate chain|unable to get local issuer",
        ),
        (certified("localhost", **over), "certificate has expired"),
        (certified("127.0.0.1"), "ostname mismatch"),
    ]:
        server = serve(answering(reply()), context)
        assert re.search(
            f"^the certificate of `localhost:[0-9]+` does not verify: .*({words})",
            why(send(NONCE, server.base, environ, "1")),
        )
        assert server.requests == []


def test_the_usual_authorities_do_not_vouch_for_a_test_server(serve):
    """Without `SSL_CERT_FILE` the trust is that of everybody's list, which a made-up authority is not on."""
    server = serve(answering(reply()))
    assert "does not verify" in why(send(NONCE, server.base, {}, "1"))
    assert server.requests == []


def test_tls_1_2_is_the_oldest(serve, environ, certified):
    """TLS 1.1 is refused, 1.2 and 1.3 are spoken."""
    for version, spoken in [
        (ssl.TLSVersion.TLSv1_1, False),
        (ssl.TLSVersion.TLSv1_2, True),
        (ssl.TLSVersion.TLSv1_3, True),
    ]:
        context = certified()
        context.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning, match="TLSv1_1") if not spoken else nullcontext():
            context.minimum_version = context.maximum_version = version
        server = serve(answering(reply()), context)
        result = send(NONCE, server.base, environ, "1")
        assert isinstance(result, Answer) is spoken
        if not spoken:
            assert "no TLS connection to" in why(result)


def test_a_server_without_tls_is_no_server(serve, environ):
    """Plain HTTP at the other end is told as that, and nothing readable was sent."""
    server = serve(lambda connection, _: connection.sendall(reply()), context=None)
    assert "no TLS connection to" in why(send(request_of("register"), server.base, environ, "1", SHORT))
    assert not any(b"license_key" in request for request in server.requests)


@pytest.mark.parametrize(
    "text", [None, "", "no certificates", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_a_ca_file_that_is_none_trusts_nobody(serve, tmp_path, text):
    """A broken `SSL_CERT_FILE` stops requests instead of being passed over."""
    path = tmp_path / "ca.pem"
    if text is not None:
        path.write_text(text)
    server = serve(answering(reply()))
    told = "no such file" if text is None else "no certificates in it"
    assert told in why(send(NONCE, server.base, {"SSL_CERT_FILE": str(path)}, "1")).lower()
    assert server.connections == 0


@pytest.fixture(scope="module")
def bytes_server(tls):
    """One server for many answers."""
    server = Server(None, tls)
    yield server
    server.close()


@settings(
    max_examples=60, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
@given(
    st.binary(max_size=300)
    | st.binary(max_size=60).map(lambda data: b"HTTP/1.1 200 OK\r\n" + data)
    | st.tuples(st.integers(-1, 99_999), st.binary(max_size=20)).map(
        lambda pair: b"HTTP/1.1 %d \r\n%b\r\n\r\n" % pair
    )
)
def test_any_bytes_are_an_answer_or_unreachable(bytes_server, environ, data):
    """Whatever a server says inside of TLS, nothing raises."""
    bytes_server.script = answering(data)
    result = send(NONCE, bytes_server.base, environ, "1", Limits(2, 2))
    assert isinstance(result, Answer) or why(result)


def test_nobody_there_is_told_in_words(environ, monkeypatch):
    """A refused connection and a host without an address are one line each."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert (
        why(send(NONCE, BaseUrl("localhost", port), environ, "1"))
        == f"no connection to `localhost:{port}`: connection refused"
    )

    def lookup(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    assert (
        why(send(NONCE, BaseUrl("host.example"), environ, "1"))
        == "`host.example` has no address: Name or service not known"
    )


def test_a_slow_lookup_leaves_time_to_connect_but_no_more_in_all(serve, monkeypatch):
    """A host whose address took 3 s to find is connected to, and one that took longer than a request may is not."""
    server, real, now = serve(answering(reply())), socket.getaddrinfo, [0.0]
    for took_s, connects in [(3.0, True), (5.5, False)]:

        def lookup(host, *more, took_s=took_s, **how):
            now[0] += took_s * (host == "localhost")
            return real(host, *more, **how)

        monkeypatch.setattr(socket, "getaddrinfo", lookup)
        network = gateway._Network(Limits(), clock=lambda: now[0])
        if connects:
            network.connect_tcp("localhost", server.port).close()
        else:
            with pytest.raises(httpcore.ConnectTimeout):
                network.connect_tcp("localhost", server.port)


@pytest.mark.skipif(sys.platform != "linux", reason="fills a listener's queue, which systems do differently")
def test_an_address_that_is_silent_leaves_time_for_the_next(serve, environ, monkeypatch):
    """Of a host with two addresses, one that never answers takes half of the time to connect, not all of it."""
    server = serve(answering(reply()))
    with socket.socket() as silent:
        silent.bind(("127.0.0.2", server.port))
        silent.listen(0)
        queue = [socket.socket() for _ in range(8)]
        for each in queue:
            each.setblocking(False)
            each.connect_ex(silent.getsockname())
        found = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, server.port))
            for address in ("127.0.0.2", "127.0.0.1")
        ]
        real = socket.getaddrinfo
        monkeypatch.setattr(
            socket, "getaddrinfo", lambda host, *a, **k: found if host == "localhost" else real(host, *a, **k)
        )
        assert isinstance(send(NONCE, server.base, environ, "1", Limits(connect_s=1.0, total_s=5.0)), Answer)
        found.pop()
        assert "no connection to" in why(send(NONCE, server.base, environ, "1", SHORT))
        for each in queue:
            each.close()


@pytest.mark.parametrize(
    "request_",
    [
        Request(endpoints.NONCE, b"{}"),
        Request(endpoints.CHECKOUT, b'{"days":1,"ik":"i","user":"alice"}', place=DEVICE),
        Request(endpoints.CHECKOUT, b'{"days":1,"ik":"' + b"i" * 20_000 + b'"}', place=DEVICE),
        Request(endpoints.CHECKOUT, b'{"days":1,"ik":"i"}'),
        Request(endpoints.NONCE, headers={"Epochly-Proof": "x"}),
        Request(endpoints.LIST, headers={"Cookie": "a=b"}),
        Request(endpoints.LIST, headers={"Epochly-Proof": "a\r\nX: y"}),
        Request(endpoints.LIST, headers={"Epochly-Proof": "\u00e9"}),
        Request(endpoints.LIST, headers={"Epochly-Proof": "a" * 9_000}),
        Request(endpoints.RELEASE, place="dev_../../../../admin?x=1234"),
        Request(endpoints.METRICS, json.dumps(BATCH | {"user": "alice"}).encode()),
        Request(endpoints.METRICS, json.dumps(BATCH | {"events": [{"e": ["gpu"]}]}).encode()),
        Request(endpoints.METRICS, json.dumps(BATCH).encode(), {"Authorization": "Bearer elk_A"}),
        Request(endpoints.METRICS, json.dumps(BATCH).encode(), {"Epochly-Proof": "x"}),
        Request(endpoints.LENS_ACCOUNT, headers={"Epochly-Proof": "x"}),
        Request(endpoints.ROOT, place="0/../../license"),
    ],
)
def test_what_is_not_on_the_list_cannot_be_sent(serve, environ, request_):
    """A body, header or id that the endpoint has not is the caller's error, before anything is connected."""
    server = serve(answering(reply()))
    with pytest.raises(ValueError, match=r"."):
        send(request_, server.base, {**environ, "EPOCHLY_TELEMETRY_OPT_IN": "1"}, "1")
    assert server.connections == 0


def test_the_programs_log_hears_nothing(serve, environ, caplog):
    """A request is no entry in somebody's log at a level that people read."""
    with caplog.at_level(logging.INFO):
        assert isinstance(send(NONCE, serve(answering(reply())).base, environ, "1"), Answer)
    assert caplog.records == []
