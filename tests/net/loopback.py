"""Servers that do what servers may do: a listener on the loopback address, and a script for each of its connections."""

from __future__ import annotations

import contextlib
import socket
import threading

from epochly.net.base_url import BaseUrl


class Server:
    """A listener whose every connection is handed to `script(connection, request)`; it notes what it was asked."""

    def __init__(self, script, context=None):
        self.script, self.context = script, context
        self.requests, self.connections, self.stopped = [], 0, threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.open = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def base(self):
        """Where it is."""
        return BaseUrl("localhost", self.port)

    def close(self):
        """Stop, and end what is open."""
        self.stopped.set()
        for each in (self.listener, *self.open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self._thread.join(5)

    def _accept(self):
        while not self.stopped.is_set():
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            self.open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with contextlib.suppress(OSError, ValueError), connection:
            inner = self.context.wrap_socket(connection, server_side=True) if self.context else connection
            with inner:
                request = read_request(inner)
                self.requests.append(request)
                self.script(inner, request)
                if self.context:
                    inner.unwrap()


def read_request(connection):
    """A request's bytes: its head, and as much as its length says."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65_536)
        if not piece:
            return data
        data += piece
        if not data[:1].isalpha():  # no HTTP, but TLS where there should be none
            return data
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    while len(body) < sum(lengths):
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


def reply(body=b"{}", status="200 OK", **headers):
    """A response's bytes."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Content-Type: application/json"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def answering(data):
    """A script that answers with the same bytes each time."""
    return lambda connection, _: connection.sendall(data)


def drip(connection, data):
    """Send bytes one by one, for as long as somebody listens."""
    pause = threading.Event()
    for byte in data:
        connection.sendall(bytes([byte]))
        pause.wait(0.02)
