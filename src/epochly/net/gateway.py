"""The one door: everything that epochly sends or hears leaves and enters here, one request and one connection at a time.

It refuses what a client can be led by: redirects, queries, cookies, compressed or endless answers, slow ones, certificates
that do not verify. It uses the layer of httpx below its client, which has none of these to be turned off and lets a deadline
hold for every byte. Nothing that a network does raises here: it is an `Answer` or it is `Unreachable`.
"""

from __future__ import annotations

import re
import socket
import ssl
import sys
from dataclasses import dataclass, field
from time import monotonic
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import httpcore
import httpx

from epochly.net.endpoints import NONCE_HEADER
from epochly.net.messages import MessageError, checked
from epochly.net.privacy import Blocked, allowed
from epochly.net.proxies import Proxy, ProxyError, parse, proxy_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Final

    from epochly.net.base_url import BaseUrl
    from epochly.net.endpoints import Endpoint

    SocketOption = tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]

CA_FILE = "SSL_CERT_FILE"  # OpenSSL's own name for it
MOST_SENT = 16_384  # bytes of a body; section 5 of the specification
MOST_HEARD = 65_536  # bytes of an answer's body; the largest of ours has some 20 kB
MOST_HEADER = 8_192  # characters of a value; a proof has about 800
WANTED: Final = ("content-type", NONCE_HEADER.lower(), "retry-after")  # what is read of an answer's headers
_PIECE = 16_384  # bytes; a TLS record, so that one write is one wait (RFC 8446, section 5.1)
_VALUE = re.compile(r"[\x20-\x7e]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a request may take, in seconds: to connect (to all addresses of a host together), and in all.

    Looking up a host's addresses is the system's and cannot be cut short; it counts for what it takes in all.
    """

    connect_s: float = 2.0
    total_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Request:
    """One thing asked: an endpoint, its body, and the headers that it lets a caller add; `place` goes into its path."""

    endpoint: Endpoint
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    place: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, from whoever answered: nothing in it is to be believed unless it is signed.

    `headers` has those of `content-type`, `epochly-nonce` and `retry-after` that are there once; `via_proxy` names the proxy
    that took part, without its password.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    via_proxy: str | None = None

    @property
    def retry_after_s(self) -> int | None:
        """How many seconds it asks to wait; None where it does not, or not in seconds (RFC 9110, section 10.2.3)."""
        text = self.headers.get("retry-after", "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 8 else None


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Why there is no answer, in one line; `blocked` where the user's own settings keep it from being asked."""

    why: str
    blocked: bool = False
    via_proxy: str | None = None


def send(
    request: Request,
    base: BaseUrl,
    environ: Mapping[str, str],
    version: str,
    limits: Limits | None = None,
) -> Answer | Unreachable:
    """Ask the service at `base` one thing, as epochly `version`; waits for at most `limits`.

    Raises `ValueError` for a request that is not the endpoint's: a header or a member of the body that it has not.
    """
    limits = limits or Limits()
    verdict = allowed(request.endpoint.privacy, environ)
    if isinstance(verdict, Blocked):
        return Unreachable(verdict.reason, blocked=True)
    target, headers = request.endpoint.target(request.place), headers_of(request, base, version)
    network, proxy = _Network(limits), None
    try:
        proxy = proxy_for(base.host, base.port, environ) or _proxy_of_system(base.host, environ)
        with _pool(proxy, _trust(environ.get(CA_FILE, "")), network) as pool:
            url = httpcore.URL(
                scheme=b"https",
                host=base.host.encode(),
                port=base.port,
                target=(base.path + target).encode(),
            )
            with pool.stream(
                request.endpoint.method, url, headers=headers, content=request.body or None
            ) as response:
                return _answer(response, None if proxy is None else str(proxy))
    except (_Refused, ProxyError) as error:
        why = str(error)
    except (
        OSError,
        UnicodeError,
        *_FAILURES,
    ) as error:  # a name that cannot be looked up is a `UnicodeError`
        why = _told(error, base)
        if isinstance(error, httpcore.TimeoutException):
            why += f" in time: {limits.connect_s:g} s to connect, {limits.total_s:g} s in all"
    return Unreachable(why, via_proxy=None if proxy is None else str(proxy))


class _Refused(Exception):  # noqa: N818 - says why an answer is none
    pass


_FAILURES = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.ConnectionNotAvailable,
)


def user_agent(version: str) -> str:
    """What is told of the caller: its version, Python's, and the family of the system."""
    system = {"linux": "linux", "darwin": "darwin", "win32": "windows"}.get(sys.platform, "other")
    return f"epochly/{version} (python/{sys.version_info[0]}.{sys.version_info[1]}; {system}; proto/1)"


def headers_of(request: Request, base: BaseUrl, version: str) -> list[tuple[str, str]]:
    """All that is sent besides the body; raises `ValueError` where the caller's part is not the endpoint's."""
    endpoint = request.endpoint
    try:
        checked(endpoint.request, request.body)
    except MessageError as error:
        raise ValueError(f"the body is not that of `{endpoint.name}`: {error}") from error
    if len(request.body) > MOST_SENT:
        raise ValueError(f"the body of `{endpoint.name}` has more than {MOST_SENT} bytes")
    for name, value in request.headers.items():
        if name not in endpoint.headers or not _VALUE.fullmatch(value) or len(value) > MOST_HEADER:
            raise ValueError(f"`{endpoint.name}` has no such header, or not with such a value")
    mine = {
        "Host": base.authority,
        "User-Agent": user_agent(version),
        "Accept": "application/json, application/problem+json",
        "Accept-Encoding": "identity",
        "Connection": "close",
    }
    if endpoint.method != "GET":
        mine["Content-Length"] = str(len(request.body))
    if request.body:
        mine["Content-Type"] = "application/json"
    return [*mine.items(), *request.headers.items()]


def _trust(ca_file: str) -> ssl.SSLContext:
    """TLS 1.2 or newer, with a certificate for the host's name by an authority of the file, or by one of httpx's list."""
    if ca_file:
        try:
            context = ssl.create_default_context(cafile=ca_file)
        except OSError as error:
            told = (
                "no certificates in it" if isinstance(error, ssl.SSLError) else (error.strerror or "").lower()
            )
            hint = "name a PEM file of certificates in it, or unset it"
            raise _Refused(f"`{CA_FILE}` cannot be used: {told}; hint: {hint}") from error
    else:
        context = httpx.create_ssl_context(trust_env=False)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _proxy_of_system(host: str, environ: Mapping[str, str]) -> Proxy | None:
    """What macOS and Windows know of proxies, where no variable names one."""
    if sys.platform not in {"darwin", "win32"} or any(name.lower().endswith("_proxy") for name in environ):
        return None
    from urllib.request import getproxies, proxy_bypass  # noqa: PLC0415  # pragma: no cover - macOS, Windows

    named = getproxies().get("https", "")  # pragma: no cover - the same
    return parse(named) if named and not proxy_bypass(host) else None  # pragma: no cover - the same


def _pool(proxy: Proxy | None, trust: ssl.SSLContext, network: _Network) -> httpcore.ConnectionPool:
    if proxy is None:
        return httpcore.ConnectionPool(ssl_context=trust, network_backend=network)
    return httpcore.HTTPProxy(str(proxy), proxy.login, ssl_context=trust, network_backend=network)


def _answer(response: httpcore.Response, via_proxy: str | None) -> Answer:
    """The answer in a response that is not led astray by. Raises `_Refused`, and what reading raises."""
    if not 200 <= response.status < 600:
        raise _Refused("the answer has no status of HTTP")
    if 300 <= response.status < 400:
        raise _Refused(
            "the answer is a redirect, which is not followed; hint: a page to sign in may be in between"
        )
    if any(name.lower() == b"content-encoding" and value != b"identity" for name, value in response.headers):
        raise _Refused("the answer is compressed, which was not asked for")
    body = bytearray()
    for piece in response.iter_stream():
        body += piece
        if len(body) > MOST_HEARD:
            raise _Refused(f"the answer has more than {MOST_HEARD} bytes")
    found = {name: _header(response, name.encode()) for name in WANTED}
    kept = {name: value for name, value in found.items() if value is not None}
    return Answer(response.status, MappingProxyType(kept), bytes(body), via_proxy)


def _header(response: httpcore.Response, name: bytes) -> str | None:
    """A header's value; None where it is not there once, or not in plain ASCII."""
    values = [value.decode("latin-1").strip() for key, value in response.headers if key.lower() == name]
    return values[0] if len(values) == 1 and _VALUE.fullmatch(values[0]) and len(values[0]) <= 256 else None


def _told(error: BaseException, base: BaseUrl) -> str:
    """What went wrong, in words that hold nothing but the service's address and what the system says."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            why = f"the certificate of `{base.authority}` does not verify: {cause.verify_message}"
            return f"{why}; hint: `{CA_FILE}` names the authorities that count; try elsewhere if somebody is in between"
        if isinstance(cause, socket.gaierror):
            return f"`{base.host}` has no address: {cause.strerror}"
        if isinstance(cause, ssl.SSLError):
            reason = (cause.reason or "it was broken off").lower().replace("_", " ")
            return f"no TLS connection to `{base.authority}`: {reason}"
        if isinstance(cause, OSError) and cause.strerror and not isinstance(cause, TimeoutError):
            return f"no connection to `{base.authority}`: {cause.strerror.lower()}"
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpcore.ProxyError):
        status = re.match("[1-9][0-9]{2}", str(error))  # then the proxy's own words, which nobody vouches for
        return (
            f"the proxy does not connect to `{base.authority}`: {status[0] if status else 'no reason given'}"
        )
    if isinstance(error, httpcore.ReadTimeout | httpcore.WriteTimeout):
        return f"no whole answer from `{base.authority}`"
    if isinstance(error, httpcore.ProtocolError | httpcore.NetworkError):
        return f"`{base.authority}` does not answer in HTTP"
    return f"no connection to `{base.authority}`"


class _Network(httpcore.NetworkBackend):
    """Sockets that all end at one moment, however little a peer sends at a time."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = monotonic) -> None:
        self._clock, self._connect_s = clock, limits.connect_s
        self._ends = clock() + limits.total_s
        self._sockets = httpcore.SyncBackend()

    def left(self, error: type[httpcore.TimeoutException] = httpcore.ReadTimeout) -> float:
        """Seconds until the end. Raises `error` where there are none."""
        seconds = self._ends - self._clock()
        if seconds <= 0:
            raise error("the request has had its time")
        return seconds

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the deadline stands in its place
        local_address: str | None = None,
        socket_options: Iterable[SocketOption] | None = None,
    ) -> httpcore.NetworkStream:
        """A connection to the first address of a host that takes one; each gets its share of the time that is left."""
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        by = min(self._clock() + self._connect_s, self._ends)
        failure: Exception = httpcore.ConnectTimeout("no time to connect")
        for index, address in enumerate(addresses):
            seconds = (by - self._clock()) / (len(addresses) - index)
            if seconds <= 0:
                break
            try:
                stream = self._sockets.connect_tcp(address, port, seconds, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _Stream(stream, self)
        raise failure


class _Stream(httpcore.NetworkStream):
    """A connection that ends when its request's time does."""

    def __init__(self, stream: httpcore.NetworkStream, network: _Network) -> None:
        self._stream, self._network = stream, network

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - see `connect_tcp`
        """Some bytes."""
        return self._stream.read(max_bytes, self._network.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 - the same
        """All bytes, piece by piece: each waits for no longer than there is time."""
        for start in range(0, len(buffer), _PIECE):
            self._stream.write(buffer[start : start + _PIECE], self._network.left(httpcore.WriteTimeout))

    def close(self) -> None:
        """End the connection."""
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002 - the same
    ) -> httpcore.NetworkStream:
        """The same connection inside of TLS."""
        seconds = self._network.left(httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, seconds), self._network)

    def get_extra_info(self, info: str) -> Any:
        """What the connection below knows."""
        return self._stream.get_extra_info(info)
