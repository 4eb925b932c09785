"""`epochly-service serve`: one process that listens, over TLS, until it is told to stop.

It says on standard output where it listens and how a client is pointed at it. It keeps no access log; what it logs goes to
standard error, by `logs.py`. Root keys are not read here, but for the first start that makes them.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
import signal
import socket
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TextIO
from urllib.parse import urlsplit

import uvicorn
from sqlalchemy.exc import SQLAlchemyError

from epochly_service import limits, logs, metrics, pins, tls
from epochly_service.census import census
from epochly_service.engines import hold_server_lock, open_database
from epochly_service.errors import BusyError, ServiceError
from epochly_service.lens.desk import lens_of
from epochly_service.pages.app import WithPages, make_pages
from epochly_service.protocol import BoundedHttp
from epochly_service.service import Service
from epochly_service.settings import Policy, Settings
from epochly_service.setup import Ready, set_up
from epochly_service.telemetry.collector import telemetry_of
from epochly_service.web import Edge, make_app

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from epochly_service.tls import Certificate

PURGE_EVERY_S = 60
KEEP_ALIVE_S = 15  # an idle connection; a client comes again after minutes or days
SHUTDOWN_S = 5  # for requests that are being answered
BACKLOG = 512  # connections that wait to be accepted
PORT_MAX = 65_535


@dataclass(frozen=True, slots=True)
class Machine:
    """What a process gets from the machine, so that nothing else asks for it."""

    clock: Callable[[], float]
    monotonic: Callable[[], float]
    rng: Callable[[int], bytes]
    out: TextIO
    err: TextIO


@dataclass(frozen=True, slots=True)
class Options:
    """What `serve` is asked for. `behind_proxy`: plain HTTP for a proxy on this machine that speaks TLS to clients."""

    data: str
    database_url: str
    host: str = "127.0.0.1"
    port: int = 8443
    public_url: str | None = None
    tls_cert: str | None = None
    tls_key: str | None = None
    behind_proxy: bool = False
    metrics_port: int | None = None
    rate_limits: bool = True
    pages: bool = False
    telemetry_sink: str = ""


def serve(options: Options, machine: Machine) -> int:
    """Serve until SIGINT or SIGTERM; returns the exit code.

    Raises:
        ServiceError: it cannot start.
    """
    _check(options)
    database = open_database(options.database_url)
    lock = hold_server_lock(database)
    try:
        now = int(machine.clock())
        ready = set_up(database, options.data, now=now, policy=Policy(), rng=machine.rng)
        with _listen(options.host, options.port) as listening:
            port = listening.getsockname()[1]
            url = canonical_url(options.public_url or f"https://localhost:{port}")
            certificate = _certificate(options, url, now)
            settings = Settings(
                url, options.database_url, options.data, telemetry_sink=options.telemetry_sink
            )
            service = Service(database, ready.secrets, settings, machine.clock, machine.rng)
            counted = metrics.Metrics(lambda: database.read(census))
            application = assemble(
                service, machine, counted, rate_limits=options.rate_limits, pages=options.pages
            )
            work = (service.purge, lens_of(service).purge, telemetry_of(service).tidy)
            with _Upkeep(work), _Side(metrics.MetricsPage(counted), options.metrics_port):
                where = f"{options.host}:{port}"
                _announce(machine.out, url, options, where=where, ready=ready, certificate=certificate)
                _run(uvicorn.Config(application, **_server(options, certificate)), listening)
        return 0
    finally:
        database.close()
        if lock is not None:
            lock.release()


def assemble(
    service: Service,
    machine: Machine,
    counted: metrics.Metrics,
    *,
    rate_limits: bool = True,
    pages: bool = False,
) -> Any:
    """The application with everything around it. Outermost is what gives an answer its headers and id, then what looks on."""
    logger = logs.make_logger(machine.err, lambda: _stamp(machine.clock()))
    for name in ("uvicorn", "uvicorn.error"):
        library = logging.getLogger(name)
        library.handlers, library.propagate = [logs.Bridge(logger)], False
        library.setLevel(logging.WARNING)
    inner: Any = make_app(service, counted.took)
    if pages:
        inner = WithPages(
            inner,
            make_pages(
                service.db,
                service.settings,
                clock=machine.clock,
                monotonic=machine.monotonic,
                rng=machine.rng,
            ),
        )
    if rate_limits:
        inner = limits.RateLimits(inner, limits.Limiter(machine.rng), machine.clock, machine.monotonic)
    inner = metrics.RequestMetrics(inner, counted, machine.monotonic)
    inner = logs.RequestLogs(inner, logger, machine.monotonic)
    return Edge(inner, machine.rng)


def canonical_url(url: str) -> str:
    """The base URL that clients use, as proofs cover it.

    Raises:
        ServiceError: it is not `https://authority`.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    plain = parts.path in {"", "/"} and not (parts.query or parts.fragment or "@" in parts.netloc)
    if parts.scheme != "https" or not parts.hostname or not plain or not url.isascii():
        raise ServiceError(
            "public-url",
            url,
            "it is not `https://` and an authority",
            "for example `https://licences.example`",
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"https://{host}" + ("" if port in {None, 443} else f":{port}")


def _check(options: Options) -> None:
    if options.public_url is not None:
        canonical_url(options.public_url)
    if (options.tls_cert is None) != (options.tls_key is None):
        raise ServiceError(
            "usage", "--tls-cert", "`--tls-cert` and `--tls-key` come together", "name both files"
        )
    if options.behind_proxy and (options.public_url is None or options.tls_cert is not None):
        raise ServiceError(
            "usage",
            "--behind-proxy",
            "the proxy has the certificate, and clients know its address only",
            "give `--public-url`, and no `--tls-cert`",
        )
    if options.behind_proxy and options.host not in {"127.0.0.1", "::1", "localhost"}:
        raise ServiceError(
            "usage", options.host, "plain HTTP is for a proxy on this machine", "leave `--host` out"
        )


def _certificate(options: Options, url: str, now: int) -> Certificate | None:
    if options.behind_proxy:
        return None
    if options.tls_cert is not None and options.tls_key is not None:
        certificate = tls.Certificate(options.tls_cert, options.tls_key)
        tls.require_pair(certificate)
        return certificate
    host = urlsplit(url).hostname
    return tls.throwaway(options.data, [host] if host else [], now)


def _listen(host: str, port: int) -> socket.socket:
    if not 0 <= port <= PORT_MAX:
        raise ServiceError("usage", str(port), f"a port is 0 to {PORT_MAX}", "`--port 0` takes any free one")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise ServiceError(
            "listen",
            f"{host}:{port}",
            f"it cannot listen there: {error.strerror}",
            "`--port 0` takes any free port",
        ) from error


def _server(options: Options, certificate: Certificate | None) -> dict[str, Any]:
    return {
        "ssl_certfile": certificate.cert if certificate else None,
        "ssl_keyfile": certificate.key if certificate else None,
        "proxy_headers": options.behind_proxy,  # only then does somebody else say who the peer is
        "forwarded_allow_ips": "127.0.0.1,::1",
        "access_log": False,
        "log_config": None,
        "server_header": False,
        "lifespan": "off",
        "http": BoundedHttp,
        "ws": "none",
        "timeout_keep_alive": KEEP_ALIVE_S,
        "timeout_graceful_shutdown": SHUTDOWN_S,
    }


def _run(config: uvicorn.Config, listening: socket.socket) -> None:
    config.load()
    if config.ssl is not None:
        config.ssl.minimum_version = ssl.TLSVersion.TLSv1_2
    # the server stops at a signal, then sends it on to who was there before: nobody, so that we can close what is open
    before = {number: signal.signal(number, _stopped) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        uvicorn.Server(config).run(sockets=[listening])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stopped(_number: int, _frame: object) -> None:
    """Nothing more to do: the server has stopped."""


def _announce(
    out: TextIO, url: str, options: Options, *, where: str, ready: Ready, certificate: Certificate | None
) -> None:
    lines = [
        f"serving {url}",
        f"listening on {where}",
        "",
        "a client is pointed at it by",
        f"  EPOCHLY_API_URL={url}",
    ]
    lines.append(f"  EPOCHLY_ROOT_KEY={os.path.abspath(os.path.join(options.data, pins.PINS))}")
    if certificate is not None and certificate.authority is not None:
        lines.append(f"  SSL_CERT_FILE={os.path.abspath(certificate.authority)}")
    if options.pages:
        lines += ["", f"operators sign in at {url}/admin"]
    if ready.made_root is not None:
        lines += [
            "",
            f"a root key was made: `{ready.made_root}`",
            "hint: move it to another machine; it is needed to rotate signing keys, and whoever has it can pass for this service",
        ]
    out.write("\n".join(lines) + "\n\n")
    out.flush()


def _stamp(at: float) -> str:
    return f"{_second(int(at))}.{int(at % 1 * 1000):03d}Z"


@lru_cache(maxsize=2)
def _second(at: int) -> str:
    return dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S")


class _Upkeep:
    """A thread that deletes what is past its time, and does what is due once a day: looked at every minute, and at the start."""

    def __init__(self, work: Sequence[Callable[[], object]]) -> None:
        self._due, self._stop = work, threading.Event()
        self._thread = threading.Thread(target=self._work, name="epochly-upkeep", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(SHUTDOWN_S)

    def _work(self) -> None:
        while True:
            for work in self._due:
                with suppress(BusyError, SQLAlchemyError):  # the next minute will do
                    work()
            if self._stop.wait(PURGE_EVERY_S):
                return


class _Side:
    """A second server of this process, for a page that is not for clients: loopback only, plain HTTP."""

    def __init__(self, application: Any, port: int | None) -> None:
        self._listening = None if port is None else _listen("127.0.0.1", port)
        config = uvicorn.Config(
            application, access_log=False, log_config=None, server_header=False, lifespan="off", ws="none"
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._work, name="epochly-metrics", daemon=True)

    def __enter__(self) -> None:
        if self._listening is not None:
            self._thread.start()

    def __exit__(self, *_: object) -> None:
        if self._listening is not None:
            self._server.should_exit = True
            self._thread.join(SHUTDOWN_S)
            self._listening.close()

    def _work(self) -> None:
        assert self._listening is not None
        self._server.run(sockets=[self._listening])
