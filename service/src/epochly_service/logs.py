"""Logs: one JSON object a line, with fields from a closed list whose values have closed forms.

A field that is not on the list, or a value that has not its form, does not leave the process: no address, path, query,
header, key, token or text of an exception can be logged, whatever a caller hands in. Of an exception its class and the place
in our own code are told. What is dropped is counted in the line, so that a mistake shows.
"""

from __future__ import annotations

import json
import logging
import re
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    from epochly_service.limits import Application, Message, Receive, Scope, Send

_JSON = json.JSONEncoder()
OUR_FRAMES = re.compile(r"epochly_service[/\\](.+?)\.py$")
FORMS: dict[str, re.Pattern[str] | type] = {
    "event": re.compile(r"[a-z0-9 `.,:;_/()-]{1,120}"),
    "level": re.compile(r"debug|info|warning|error|critical"),
    "time": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"),
    "request_id": re.compile(r"req_[A-Za-z0-9_-]{22}"),
    "method": re.compile(r"GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS"),
    "route": re.compile(r"/[a-z0-9/_.{}-]{0,80}"),  # the template, `/v1/devices/{id}`, never what stood there
    "code": re.compile(r"[A-Z_]{1,40}"),
    "error": re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,80}"),
    "where": re.compile(r"[a-z_/]{1,60}:\d{1,5}"),
    "engine": re.compile(r"sqlite|postgresql"),
    "version": re.compile(r"[0-9A-Za-z.+-]{1,40}"),
    "action": re.compile(r"[a-z_.-]{1,40}"),
    "status": int,
    "duration_us": int,
    "size_bytes": int,
    "count": int,
    "attempt": int,
    "port": int,
}


def allowed_fields(_logger: object, _name: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The structlog processor that lets pass what is on the list; `dropped` counts the rest."""
    kept, dropped = {}, 0
    for name, value in fields.items():
        if _has_form(name, value):
            kept[name] = value
        else:
            dropped += 1
    kept.setdefault("event", "unnamed")
    if dropped:
        kept["dropped"] = dropped
    return kept


def _rendered(_logger: object, _name: str, fields: MutableMapping[str, Any]) -> str:
    return _JSON.encode(fields)  # strings and ints, all of them looked at


def _has_form(name: str, value: object) -> bool:
    form = FORMS.get(name)
    if isinstance(form, re.Pattern):
        return isinstance(value, str) and form.fullmatch(value) is not None
    return form is int and type(value) is int and -(2**53) < value < 2**53


def make_logger(stream: TextIO, now: Callable[[], str]) -> Any:
    """A structlog logger that writes to a stream; `now` gives the time as `2026-01-31T23:59:59.000Z`."""

    def stamped(_logger: object, name: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return {"time": now(), "level": name, **fields}

    return structlog.wrap_logger(
        structlog.WriteLogger(stream),
        processors=[stamped, allowed_fields, _rendered],
        wrapper_class=structlog.BoundLogger,
        cache_logger_on_first_use=True,
    )


def exception_fields(error: BaseException) -> dict[str, str]:
    """What of an exception may be logged: its class, and the innermost line of ours that it passed."""
    fields = {"error": type(error).__name__}
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        ours = OUR_FRAMES.search(frame.filename)
        if ours is not None:
            fields["where"] = f"{ours[1]}:{frame.lineno}".replace("\\", "/")
            break
    return fields


class Bridge(logging.Handler):
    """Takes what libraries log by `logging`: the constant text of it, never what was filled in."""

    def __init__(self, logger: Any) -> None:
        super().__init__()
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        """Log one record; its arguments stay behind."""
        text = re.sub(r"%\S+", "..", str(record.msg).lower()) if record.args else str(record.msg).lower()
        fields = exception_fields(record.exc_info[1]) if record.exc_info and record.exc_info[1] else {}
        level = (
            record.levelname.lower() if record.levelname.lower() in ("info", "warning", "error") else "error"
        )
        if record.args or FORMS["event"].fullmatch(text) is None:  # type: ignore[union-attr]
            text = record.name
        getattr(self._logger, level)(text, **fields)


@dataclass(frozen=True, slots=True)
class RequestLogs:
    """ASGI middleware inside of `web.Edge`, which gives each request its id: logs one line when it is answered."""

    app: Application
    logger: Any
    monotonic: Callable[[], float]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and tell how it went."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        state = scope["state"]
        began_s, status, size = self.monotonic(), 500, 0

        async def sending(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
            elif message["type"] == "http.response.body":
                size += len(message.get("body", b""))
            await send(message)

        failed: dict[str, str] = {}
        try:
            await self.app(scope, receive, sending)
        except Exception as error:
            failed = exception_fields(error)
            raise
        finally:
            fields = {
                "request_id": state["request_id"],
                "method": scope["method"],
                "route": route_of(scope),
                "status": status,
                "duration_us": int((self.monotonic() - began_s) * 1e6),
                "size_bytes": size,
            } | failed
            if "code" in state:
                fields["code"] = state["code"]
            level = "error" if status >= 500 else "info"
            getattr(self.logger, level)("request answered", **fields)


def route_of(scope: Scope) -> str:
    """The template of the route that answered, `/unknown` where none did: what a caller wrote is never repeated."""
    route = getattr(scope.get("route"), "path", None)
    if not isinstance(route, str):
        return "/unknown"
    return str(scope.get("root_path", "")) + route if route.startswith("/") else "/unknown"
