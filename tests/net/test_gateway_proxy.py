"""The gateway through proxies of the loopback address: used where they are named, told of, and trusted with nothing."""

from __future__ import annotations

import re
import select
import socket
from base64 import b64encode
from time import monotonic

import pytest
from loopback import answering, drip, reply

from epochly.net import endpoints
from epochly.net.base_url import BaseUrl
from epochly.net.gateway import Answer, Limits, Request, Unreachable, send

NONCE = Request(endpoints.NONCE)
HEARTBEAT = Request(
    endpoints.HEARTBEAT, b'{"ik":"i"}', {"Epochly-Proof": "v4.public.AAAA"}, "dev_" + "A" * 22
)
SHORT = Limits(connect_s=0.4, total_s=0.4)
OVER = "in time: 0.4 s to connect, 0.4 s in all"
SLOW_S = 4.0  # far more than `SHORT` allows, far less than what the proxy below would take


def why(result):
    """The words of a request that came to nothing."""
    assert isinstance(result, Unreachable), result
    assert result.why.isprintable()
    return result.why


def proxying(seen, refuse=None):
    """A script of a proxy: it notes what it is asked, and connects, or answers with `refuse`."""

    def script(connection, request):
        seen.append(request)
        if refuse is not None:
            connection.sendall(refuse)
            return
        host, _, port = request.split(b" ")[1].partition(b":")
        with socket.create_connection((host.decode(), int(port)), 5) as target:
            connection.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
            _pump(connection, target)

    return script


def _pump(one, other):
    pairs = {one: other, other: one}
    while True:
        for ready in select.select([one, other], [], [], 5)[0]:
            data = ready.recv(65_536)
            if not data:
                return
            pairs[ready].sendall(data)


def test_a_proxy_is_used_and_named(serve, environ):
    """A proxy connects and sees no more than the address; its login goes to it alone; the answer says that it took part."""
    seen = []
    server, proxy = serve(answering(reply())), serve(proxying(seen), context=None)
    named = {**environ, "HTTPS_PROXY": f"http://me:pa%3Ass@127.0.0.1:{proxy.port}"}
    answer = send(HEARTBEAT, server.base, named, "1")
    assert isinstance(answer, Answer)
    assert answer.via_proxy == f"http://127.0.0.1:{proxy.port}"
    login = b64encode(b"me:pa:ss")
    assert seen[0].startswith(b"CONNECT localhost:%d HTTP/1.1\r\n" % server.port)
    assert b"Proxy-Authorization: Basic " + login in seen[0]
    assert not re.search(rb"heartbeat|Epochly|User-Agent|/v1", seen[0], re.IGNORECASE)
    assert login not in server.requests[0]


def test_a_proxy_does_not_stand_in_for_the_service(serve, environ, certified):
    """Certificates are verified through a proxy too: one that answers itself is not believed."""
    seen = []
    server, proxy = serve(answering(reply()), certified("proxy.example")), serve(proxying(seen), context=None)
    result = send(NONCE, server.base, {**environ, "HTTPS_PROXY": f"127.0.0.1:{proxy.port}"}, "1")
    assert "does not verify" in why(result)
    assert result.via_proxy == f"http://127.0.0.1:{proxy.port}"
    assert server.requests == []


def test_no_proxy_goes_past_the_proxy(serve, environ):
    """What the environment excepts is connected to directly, and the answer says so."""
    seen = []
    server, proxy = serve(answering(reply())), serve(proxying(seen), context=None)
    named = {**environ, "HTTPS_PROXY": f"127.0.0.1:{proxy.port}", "NO_PROXY": "localhost"}
    assert send(NONCE, server.base, named, "1").via_proxy is None
    assert (seen, proxy.connections) == ([], 0)


@pytest.mark.parametrize(
    ("refuse", "words"),
    [
        (
            b"HTTP/1.1 407 Give me <your> password\r\nContent-Length: 0\r\n\r\n",
            "does not connect to `localhost:[0-9]+`: 407$",
        ),
        (b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", "does not connect to `localhost:[0-9]+`: 503$"),
        (b"HTTP/1.1 302 Found\r\nLocation: https://localhost/\r\nContent-Length: 0\r\n\r\n", "302$"),
        (b"what?\r\n\r\n", "does not answer in HTTP"),
        (b"", "does not answer in HTTP"),
    ],
)
def test_a_proxy_that_refuses_is_told_in_words(serve, environ, refuse, words):
    """What a proxy says is its status, and nothing of its text."""
    proxy = serve(proxying([], refuse), context=None)
    result = send(NONCE, BaseUrl("localhost", 1), {**environ, "HTTPS_PROXY": f"127.0.0.1:{proxy.port}"}, "1")
    assert re.search(words, why(result))
    assert result.via_proxy == f"http://127.0.0.1:{proxy.port}"


def test_a_proxy_that_drips_has_no_more_time_than_a_server(serve, environ):
    """The one deadline holds before TLS begins."""
    proxy = serve(lambda c, _: drip(c, b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 10_000), context=None)
    begun = monotonic()
    assert OVER in why(
        send(
            NONCE, BaseUrl("localhost", 1), {**environ, "HTTPS_PROXY": f"127.0.0.1:{proxy.port}"}, "1", SHORT
        )
    )
    assert monotonic() - begun < SLOW_S


def test_a_proxy_that_cannot_be_used_stops_the_request(serve, environ):
    """Going past a proxy that was named would be what nobody asked for."""
    server = serve(answering(reply()))
    for named in ("socks5://me:secret@127.0.0.1:1", "https://127.0.0.1:1", "http://127.0.0.1:x"):
        told = why(send(NONCE, server.base, {**environ, "ALL_PROXY": named}, "1"))
        assert "hint: name" in told
        assert "secret" not in told
    assert server.connections == 0
