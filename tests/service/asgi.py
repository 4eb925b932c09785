"""Asks an ASGI application without any server, for tests of middleware."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field


@dataclass
class Answer:
    """What an application sent."""

    status: int = 0
    headers: dict = field(default_factory=dict)
    body: bytes = b""


def ask(application, method="GET", path="/", *, client=("192.0.2.1", 1), scope=None, body=b""):
    """Send one request; returns the answer."""
    answer = Answer()
    pieces = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive():
        return pieces.pop() if pieces else {"type": "http.disconnect"}

    async def send(message):
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {name.decode(): value.decode() for name, value in message.get("headers", [])}
        else:
            answer.body += message.get("body", b"")

    asked = {
        "type": "http",
        "method": method,
        "path": path,
        "client": client,
        "headers": [],
        "query_string": b"",
    }
    asyncio.run(application(asked | (scope or {}), receive, send))
    return answer


class Answering:
    """An application that answers everything with one status, and says which route it took."""

    def __init__(self, status=200, route="/v1/devices/{id}", code="", fails=None):
        self.status, self.route, self.code, self.fails = status, route, code, fails

    async def __call__(self, scope, _receive, send):
        if self.route:
            scope["route"] = type("Route", (), {"path": self.route})
        if self.code:
            scope["state"]["code"] = self.code
        if self.fails:
            raise self.fails
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": b"hello"})
