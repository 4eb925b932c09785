"""HTTP/1.1 as a node takes and gives it: the parser in C, which by itself takes a head of any length, and a bound for that.

An answer's head and body are one write, so one record of TLS and one packet, where the framework makes two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    from asyncio import Transport

VERSIONS = {"1.0", "1.1"}
HEAD_MAX_BYTES = 32_768  # of a request, all but its body: line, fields, chunks' own lines, trailers
TOO_LONG = "Request head too long."


class Gathering:
    """A connection's transport to write to, that keeps an answer's head until its body comes; all else is the transport's own.

    What is kept leaves at the next write, at `flush` or `close`: nothing is lost, whatever is taken for a head.
    """

    __slots__ = ("_head", "_transport")

    def __init__(self, transport: Transport) -> None:
        self._transport, self._head = transport, b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Write, or keep."""
        if self._head:
            data, self._head = self._head + data, b""
        elif data.startswith(b"HTTP/1.1 ") and data[9:10] != b"1" and data.endswith(b"\r\n\r\n"):
            self._head = data  # of 1xx, which somebody waits for, never
            return
        self._transport.write(data)

    def flush(self) -> None:
        """Write what was kept."""
        if self._head:
            self.write(b"")

    def close(self) -> None:
        """Close, once all is written."""
        self.flush()
        self._transport.close()


class BoundedHttp(HttpToolsProtocol):
    """One connection. A request whose head has no end is refused once it is longer than a head may be."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._head_bytes = 0  # of this request, as far as it has come

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """A client is there."""
        super().connection_made(transport)
        self.transport = Gathering(transport)  # type: ignore[assignment]

    def on_response_complete(self) -> None:
        """An answer is whole; one to `HEAD` has no body to wait for."""
        self.transport.flush()  # type: ignore[attr-defined]
        super().on_response_complete()

    def data_received(self, data: bytes) -> None:
        """Take what came in."""
        self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes > HEAD_MAX_BYTES and not self.transport.is_closing():
            self.logger.warning(TOO_LONG)
            self.send_400_response(TOO_LONG)

    def on_message_begin(self) -> None:
        """A request begins."""
        self._head_bytes = 0  # what is left of this piece is the parser's to bound: it was here before
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field; space around its value is no part of it (RFC 9110, section 5.5)."""
        super().on_header(name, value.strip(b" \t"))

    def on_headers_complete(self) -> None:
        """A head is whole, and of a version that is spoken here."""
        if self.parser.get_http_version() not in VERSIONS:
            raise ValueError("another version of HTTP")  # the parser makes it a refusal
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """What is body is no head; how much of it there may be, the application says."""
        self._head_bytes = max(0, self._head_bytes - len(body))
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is whole."""
        self._head_bytes = 0
        super().on_message_complete()
