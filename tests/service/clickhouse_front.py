"""ClickHouse's HTTP interface for tests, as strict as its manual is about what we use, in front of an engine.

The engine is either a stand-in that knows our statements, or a real ClickHouse: run with an interpreter that has `chdb`, this file serves
one until its standard input ends. It needs nothing but the standard library.
"""

from __future__ import annotations

import base64
import json
import re
import sys
import threading
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

USER, PASSWORD, DATABASE = "epochly", "a p:ss/word", "telemetry"
COLUMNS = {
    "until_day": 32, "batch": str, "place": 16, "day": 32, "month": 32, "install": str, "epochly": str, "python": str,
    "os": str, "arch": str, "event": str, "version": 16, "n": 32, "fields": str,
}  # fmt: skip
AUTHENTICATION_FAILED, UNKNOWN_SETTING, SYNTAX_ERROR, CANNOT_PARSE, UNKNOWN_TABLE = 516, 115, 62, 27, 60
ALWAYS = {"database": DATABASE, "wait_end_of_query": "1"}
INSERTS = {"async_insert": "1", "wait_for_async_insert": "1"}


class RefusedError(Exception):
    """What the interface says with a code of its own."""

    def __init__(self, status, code):
        super().__init__(status, code)
        self.status, self.code = status, code


class StandIn:
    """Rows in memory; knows the six statements of the sink and no other."""

    def __init__(self):
        self.made, self.rows, self.lock = False, [], threading.Lock()

    def run(self, statement, rows, parameters):
        """The bytes that a statement is answered with."""
        with self.lock:
            if statement.startswith("CREATE TABLE IF NOT EXISTS telemetry_events"):
                assert "ReplacingMergeTree PARTITION BY until_day" in statement
                self.made = True
                return b""
            if not self.made:
                raise RefusedError(404, UNKNOWN_TABLE)
            if statement == "INSERT INTO telemetry_events FORMAT JSONEachRow":
                self.rows += rows
                return b""
            if statement == "ALTER TABLE telemetry_events DROP PARTITION {day:UInt32}":
                self.rows = [row for row in self.rows if row["until_day"] != parameters["day"]]
                return b""
            if statement.startswith("SELECT DISTINCT until_day"):
                days = {row["until_day"] for row in self.rows if row["until_day"] <= parameters["today"]}
                return _lines([day] for day in sorted(days))
            if statement.startswith("SELECT count()"):
                late = [row for row in self.rows if row["until_day"] < parameters["today"]]
                return _lines([[str(len(late))]])  # 64 bits come as text
            if statement.startswith("SELECT event, field.1"):
                return _lines(self._tally(parameters["first"], parameters["last"]))
        raise RefusedError(400, SYNTAX_ERROR)

    def _tally(self, first, last):
        final = {(row["event"], row["batch"], row["place"], row["until_day"]): row for row in self.rows}
        installs, happened = defaultdict(set), defaultdict(int)
        for row in final.values():
            if first <= row["day"] <= last:
                for name, value in json.loads(row["fields"]).items():
                    key = (row["event"], name, json.dumps(value), row["month"])
                    installs[key].add(row["install"])
                    happened[key] += row["n"]
        return ([*key, str(len(installs[key])), str(happened[key])] for key in installs)


class Engine:
    """A real ClickHouse, in this process."""

    def __init__(self):
        from chdb import session

        self._session, self._lock = session.Session(), threading.Lock()
        self._session.query(f"CREATE DATABASE {DATABASE} ENGINE = Atomic")
        self._session.query(f"USE {DATABASE}")

    def run(self, statement, rows, parameters):
        """The bytes that a statement is answered with."""
        with self._lock:
            if statement.startswith("INSERT"):
                statement += "\n" + "\n".join(map(json.dumps, rows)) + "\n"
            try:
                return bytes(self._session.query(statement, params=parameters).bytes() or b"")
            except RuntimeError as error:
                code = re.search(r"Code: (\d+)", str(error))
                raise RefusedError(500, int(code[1]) if code else 0) from error


def _lines(rows):
    return b"".join(json.dumps(row, separators=(",", ":")).encode() + b"\n" for row in rows)


class _Server(ThreadingHTTPServer):
    request_queue_size = 128

    def handle_error(self, request, client_address):
        """A client that goes away, or refuses our certificate, is what is tested."""


class Front:
    """The interface over an engine: what was asked is in `asked`; `faults` is taken from, one a request."""

    def __init__(self, engine, context=None):
        self.engine, self.asked, self.faults = engine, [], []
        front = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                front.answer(self)

            def log_message(self, *_):
                pass

        self.server = _Server(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if context is not None:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self):
        """Stop."""
        self.server.shutdown()
        self.server.server_close()

    def answer(self, handler):
        """Answer one request, or do what the next fault says."""
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        self.asked.append((handler.path, dict(handler.headers), body))
        if self.faults:
            self.faults.pop(0)(handler)
            return
        try:
            data, status, code = self._run(handler, body), 200, None
        except RefusedError as refused:
            data, status, code = b"Code: ... DB::Exception", refused.status, refused.code
        send(handler, status, data, code)

    def _run(self, handler, body):
        token = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if handler.headers["Authorization"] != f"Basic {token}":
            raise RefusedError(403, AUTHENTICATION_FAILED)
        parts = urlsplit(handler.path)
        query = dict(parse_qsl(parts.query, strict_parsing=True))
        parameters = {
            name.removeprefix("param_"): int(query.pop(name))
            for name in [*query]
            if name.startswith("param_")
        }
        statement = query.pop("query", None)
        if parts.path != "/" or query != ALWAYS | (INSERTS if statement else {}):
            raise RefusedError(404, UNKNOWN_SETTING)
        if statement is None:
            return self.engine.run(body.decode().strip(), [], parameters)
        if not statement.endswith("FORMAT JSONEachRow") or not body.endswith(b"\n"):
            raise RefusedError(400, SYNTAX_ERROR)
        return self.engine.run(statement, [row_of(line) for line in body.splitlines()], parameters)


def row_of(line):
    """A row as the table takes it: each column, and a value of its type."""
    row = json.loads(line)
    if list(row) != list(COLUMNS):
        raise RefusedError(400, CANNOT_PARSE)
    for name, kind in COLUMNS.items():
        fits = type(row[name]) is str if kind is str else type(row[name]) is int and 0 <= row[name] < 2**kind
        if not fits:
            raise RefusedError(400, CANNOT_PARSE)
    return row


def send(handler, status, data, code=None):
    """One answer."""
    handler.send_response(status)
    if code is not None:
        handler.send_header("X-ClickHouse-Exception-Code", str(code))
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)


if __name__ == "__main__":
    started = Front(Engine())
    sys.stdout.write(f"{started.port}\n")
    sys.stdout.flush()
    sys.stdin.read()
