"""HTTP/1.1 as the wire has it: heads without an end, requests that two readers would take apart in two ways, and what is allowed."""

from __future__ import annotations

import itertools
import re
import socket

import pytest
from serving import serving

from epochly_service.protocol import HEAD_MAX_BYTES, Gathering

FLOOD_BYTES = 4_000_000  # many times what a server may take before it refuses, sockets' own buffers with it
LINE = b"GET /healthz HTTP/1.1\r\n"
HOST = b"Host: licences.test\r\n"
LAST = LINE + HOST + b"Connection: close\r\n\r\n"  # after it the server closes
CHUNKED = b"POST /v1/nonce HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    """A server that speaks plainly on loopback, as behind a proxy."""
    data = tmp_path_factory.mktemp("node") / "data"
    options = ("--behind-proxy", "--public-url", "https://licences.test", "--no-rate-limits")
    with serving(data, *options) as (_, port, _):
        yield port


def said_to(port, *pieces):
    """All that a server answers to these bytes until it closes, and how many it took."""
    taken, answer = 0, b""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        try:
            for piece in pieces:
                plain.sendall(piece)
                taken += len(piece)
        except OSError:
            pass  # it has closed
        try:
            while more := plain.recv(65_536):
                answer += more
        except OSError:
            pass  # what it had not read yet makes its close a reset
    return answer, taken


def statuses(answer):
    """The status of each answer."""
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]


@pytest.mark.parametrize(
    ("start", "more"),
    [
        (b"GET /", b"a" * 1000),
        (LINE + HOST + b"X: ", b"a" * 1000),
        (LINE + HOST, b"X: 1\r\n" * 200),
        (LINE + HOST + b"X", b"a" * 1000),
        (CHUNKED + b"1;", b"a" * 1000),
        (CHUNKED + b"1\r\na\r\n0\r\n", b"X: 1\r\n" * 200),
        (CHUNKED + b"1\r\na\r\n0\r\nX: ", b"a" * 1000),
    ],
    ids=["line", "field", "fields", "name", "chunk", "trailers", "trailer"],
)
def test_head_without_an_end_is_refused(port, start, more):
    """The server closes long before it has taken all that somebody would send, and serves others."""
    _, taken = said_to(port, start, *itertools.repeat(more, FLOOD_BYTES // len(more)))
    assert taken < FLOOD_BYTES
    assert statuses(said_to(port, LAST)[0]) == [200]


def test_head_that_is_too_long_is_told_so(port):
    """Where the answer can still be read, it says what is wrong."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        plain.sendall(LINE + HOST + b"\r\n" + LINE + HOST + b"X: ")
        assert statuses(plain.recv(65_536)) == [200]  # so it has read what was sent with it
        plain.sendall(b"a" * (HEAD_MAX_BYTES + 1))
        answer = b"".join(iter(lambda: plain.recv(65_536), b""))
    assert statuses(answer) == [400]
    assert b"head too long" in answer
    assert b"connection: close" in answer.lower()


def test_long_heads_one_after_the_other_are_taken(port):
    """A bound holds for one request: a connection may bring many that are as long as one may be."""
    long = b"X: " + b"a" * (HEAD_MAX_BYTES - 2_000) + b"\r\n"
    answer, _ = said_to(port, *[LINE + HOST + long + b"\r\n"] * 5, LAST)
    assert statuses(answer) == [200] * 6


def test_body_is_no_head(port):
    """A body that is longer than a head may be gets the answer that bodies get, whole or in chunks."""
    body = b"a" * (2 * HEAD_MAX_BYTES)
    said = b"POST /v1/nonce HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % len(body)
    in_chunks = CHUNKED + b"8000\r\n" + body[:0x8000] + b"\r\n8000\r\n" + body[:0x8000] + b"\r\n0\r\n\r\n"
    for request in (said + body, in_chunks):
        answer, _ = said_to(port, request + LAST)
        assert statuses(answer) == [413, 200]
        assert b"head too long" not in answer


@pytest.mark.parametrize(
    "head",
    [
        LINE + HOST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        LINE + HOST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        LINE + HOST + b"Content-Length: +1\r\n\r\na",
        LINE + HOST + b"Content-Length: -1\r\n\r\n",
        LINE + HOST + b"Content-Length : 1\r\n\r\na",
        LINE + HOST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        CHUNKED + b"g\r\na\r\n0\r\n\r\n",
        CHUNKED + b"1\r\nab\r\n0\r\n\r\n",
        CHUNKED + b"ffffffffffffffffff\r\na\r\n0\r\n\r\n",
        LINE + HOST + b"X: a\x00b\r\n\r\n",
        LINE + HOST + b"X: a\rb: c\r\n\r\n",
        LINE + HOST + b" folded\r\n\r\n",
        LINE + HOST + b"X\x80: a\r\n\r\n",
        LINE + b": no name\r\n\r\n",
        b"GET /healthz HTTP/2.0\r\n" + HOST + b"\r\n",
        b"GET /healthz HTTP/1.1 \x00\r\n" + HOST + b"\r\n",
        b"GET /h\xc3\xa9 HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET http:// HTTP/1.1\r\n" + HOST + b"\r\n",
        b"CONNECT licences.test:443 HTTP/1.1\r\n" + HOST + b"\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"get /healthz HTTP/1.1\r\n" + HOST + b"\r\n",
    ],
)
def test_request_that_can_be_read_in_two_ways_is_refused(port, head):
    """Each is one refusal, never an answer to something in it, and the server goes on."""
    answer, _ = said_to(port, head)
    assert statuses(answer) in ([400], [404], [405])
    assert b"Traceback" not in answer
    assert statuses(said_to(port, LAST)[0]) == [200]


def test_requests_in_a_row_are_answered_in_a_row(port):
    """A client may send the next request before it has read the last answer."""
    answer, _ = said_to(
        port,
        LINE + HOST + b"\r\n" + b"POST /v1/nonce HTTP/1.1\r\n" + HOST + b"Content-Length: 0\r\n\r\n" + LAST,
    )
    assert statuses(answer) == [200, 200, 200]


def test_space_around_a_field_is_no_part_of_it(port):
    """RFC 9110, section 5.5: what is refused here is the missing proof, not the media type."""
    body = b"{}"
    answer, _ = said_to(
        port,
        b"POST /v1/trial HTTP/1.1\r\n"
        + HOST
        + b"Content-Length:\t2 \t\r\nContent-Type: \t application/json \t \r\nConnection: close\r\n\r\n"
        + body,
    )
    assert b"SCHEMA" in answer


class Written:
    """A transport that notes what is written to it, and in how many pieces."""

    def __init__(self):
        self.pieces, self.closed = [], False

    def write(self, data):
        self.pieces.append(data)

    def close(self):
        self.closed = True

    def is_closing(self):
        return self.closed


HEAD, BODY = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n", b"{}"


@pytest.mark.parametrize(
    ("said", "pieces"),
    [
        ([HEAD, BODY], [HEAD + BODY]),
        ([HEAD, b"", HEAD, BODY], [HEAD, HEAD + BODY]),
        ([HEAD, HEAD, BODY], [HEAD + HEAD, BODY]),  # a body that looks like a head is not lost either
        ([HEAD + BODY], [HEAD + BODY]),
        ([b"HTTP/1.1 100 Continue\r\n\r\n", HEAD, BODY], [b"HTTP/1.1 100 Continue\r\n\r\n", HEAD + BODY]),
        ([HEAD], [HEAD]),
    ],
    ids=["answer", "no body", "like a head", "whole", "continue", "closed early"],
)
def test_head_and_body_are_one_write(said, pieces):
    """A head waits for what comes after it, and for nothing when the connection closes."""
    written = Written()
    gathering = Gathering(written)
    for piece in said:
        gathering.write(piece)
    assert not gathering.is_closing()
    gathering.close()
    assert (written.pieces, written.closed) == (pieces, True)


def test_an_answer_without_a_body_is_not_kept_back(port):
    """`HEAD` is answered at once, on a connection that goes on."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        for _ in range(2):
            plain.sendall(b"HEAD /healthz HTTP/1.1\r\n" + HOST + b"\r\n")
            answer = plain.recv(65_536)
            assert statuses(answer) == [405]
            assert answer.endswith(b"\r\n\r\n")


def test_a_client_that_asks_first_is_told_to_go_on(port):
    """`Expect: 100-continue`: the word to go on does not wait for the body that waits for it (RFC 9110, section 10.1.1)."""
    expects = b"POST /v1/nonce HTTP/1.1\r\n" + HOST + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        plain.sendall(expects)
        assert plain.recv(65_536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        plain.sendall(b"{}")
        assert statuses(plain.recv(65_536)) == [400]  # it takes no body


def test_a_client_that_goes_before_its_body_is_there_harms_nobody(port):
    """Half a body, and gone: the next one is served."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        plain.sendall(b"POST /v1/nonce HTTP/1.1\r\n" + HOST + b"Content-Length: 9\r\n\r\n{}")
    assert statuses(said_to(port, LAST)[0]) == [200]
