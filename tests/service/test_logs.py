"""Logs: what may leave the process, and that nothing else does."""

from __future__ import annotations

import io
import json
import logging

import pytest
from asgi import Answering, ask
from hypothesis import given
from hypothesis import strategies as st

from epochly_service.logs import FORMS, Bridge, RequestLogs, exception_fields, make_logger
from epochly_service.web import Edge

NOW = "2026-01-31T23:59:59.000Z"
SECRETS = ("192.0.2.77", "EPOCHLY-AAAAA", "v4.public.", "dev_secret", "canary")


def logged(use):
    """The lines that `use(logger)` writes, parsed."""
    stream = io.StringIO()
    use(make_logger(stream, lambda: NOW))
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_logger_writes_one_object_a_line():
    """A line has its time, its level and its fields."""
    lines = logged(lambda logger: logger.warning("keys changed", count=3))
    assert lines == [{"time": NOW, "level": "warning", "event": "keys changed", "count": 3}]


@pytest.mark.parametrize(
    "fields",
    [
        {"ip": "192.0.2.77"},
        {"query": "key=canary"},
        {"route": "/v1/devices/dev_Secret0000000000000"},
        {"event": "user Canary said"},
        {"error": "no such key: canary!"},
        {"status": "200"},
        {"count": True},
        {"duration_us": 1.5},
        {"size_bytes": 2**53},
        {"request_id": "canary"},
        {"exc_info": ValueError("canary")},
    ],
)
def test_logger_drops_what_is_not_on_the_list(fields):
    """A field nobody listed, or a value without its form, is left out and counted."""
    stream = io.StringIO()
    make_logger(stream, lambda: NOW).info(**({"event": "x"} | fields))
    line = json.loads(stream.getvalue())
    assert line["dropped"] == 1
    assert not any(secret in stream.getvalue() for secret in (*SECRETS, "Secret", "Canary", "200"))


@given(
    st.dictionaries(
        st.sampled_from([*FORMS, "ip", "path"]) | st.text(max_size=8).filter(lambda name: name != "self"),
        st.text() | st.integers() | st.floats() | st.binary() | st.none() | st.lists(st.text()),
    )
)
def test_logger_takes_anything_and_tells_only_forms(fields):
    """Any fields with any values give one line, of fields from the list in their forms."""
    from epochly_service.logs import allowed_fields

    told = allowed_fields(None, "info", dict(fields))
    dropped = told.pop("dropped", 0)
    assert dropped + len(told) >= len(fields)
    for name, value in told.items():
        form = FORMS[name]
        assert form.fullmatch(value) if hasattr(form, "fullmatch") else type(value) is int
    json.dumps(told)


def test_exception_fields_tell_the_class_and_our_own_line():
    """An exception's text may hold anything, so its class and place are told, and no more."""
    from epochly_service.limits import Limiter

    def fail(_size):
        raise ValueError("canary 192.0.2.77")

    with pytest.raises(ValueError, match="canary") as caught:
        Limiter(fail).wait_s("GET", "/", "192.0.2.77", now_s=0, at_s=0)
    fields = exception_fields(caught.value)
    assert fields["error"] == "ValueError"
    assert fields["where"].startswith("limits:")
    assert set(fields) == {"error", "where"}


def test_bridge_leaves_arguments_behind():
    """What a library fills into its message is not logged; that it said something is."""

    def use(logger):
        bridge = Bridge(logger)
        for message, arguments in [
            ("Application startup complete.", ()),
            ("%s - %s", ("192.0.2.77", "canary")),
        ]:
            bridge.handle(logging.LogRecord("uvicorn.error", logging.INFO, "", 0, message, arguments, None))

    assert [line["event"] for line in logged(use)] == ["application startup complete.", "uvicorn.error"]


def make(logger, application):
    """The middleware around an application, with a clock that stands."""
    return Edge(RequestLogs(application, logger, lambda: 0.0), bytes)


def test_request_logs_tell_the_template_and_not_the_path():
    """A line names the route, the status, the code and the size; not the address, the path or the query."""
    stream = io.StringIO()
    logger = make_logger(stream, lambda: NOW)
    scope = {"query_string": b"license_key=EPOCHLY-AAAAA"}
    ask(
        make(logger, Answering(403, code="LICENSE_EXPIRED")),
        "POST",
        "/v1/devices/dev_secret",
        client=("192.0.2.77", 1),
        scope=scope,
    )
    assert json.loads(stream.getvalue()) == {
        "time": NOW,
        "level": "info",
        "event": "request answered",
        "request_id": "req_" + "A" * 22,
        "method": "POST",
        "route": "/v1/devices/{id}",
        "status": 403,
        "duration_us": 0,
        "size_bytes": 5,
        "code": "LICENSE_EXPIRED",
    }


def test_request_logs_tell_a_route_nobody_has_as_unknown():
    """A made-up path is not repeated."""
    lines = logged(lambda logger: ask(make(logger, Answering(404, route="")), path="/canary"))
    assert lines[0]["route"] == "/unknown"


def test_request_logs_tell_a_crash_and_let_it_through():
    """An exception surfaces to the server, and its line is an error with its class."""

    def use(logger):
        with pytest.raises(RuntimeError, match="canary"):
            ask(make(logger, Answering(fails=RuntimeError("canary"))))

    (line,) = logged(use)
    assert (line["level"], line["error"], line["status"]) == ("error", "RuntimeError", 500)
    assert "canary" not in json.dumps(line)
