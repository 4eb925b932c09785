"""HTTP/1.1 as a node takes it: the parser in C, which by itself takes a head of any length, and a bound for that."""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

VERSIONS = {"1.0", "1.1"}
HEAD_MAX_BYTES = 32_768  # of a request, all but its body: line, fields, chunks' own lines, trailers
TOO_LONG = "Request head too long."


class BoundedHttp(HttpToolsProtocol):
    """One connection. A request whose head has no end is refused once it is longer than a head may be."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._head_bytes = 0  # of this request, as far as it has come

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
