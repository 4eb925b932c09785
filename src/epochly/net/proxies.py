"""Which proxy the user's environment names for a host, if any: what other programs do with the same variables.

It refuses what this client cannot keep its promises through: proxies reached by TLS and SOCKS proxies. There is no standard;
this follows curl(1) on `https_proxy`, `all_proxy` and `no_proxy`, lower case before upper.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_PORT = 1080  # curl's
_PROXY = re.compile(
    r"(?:http://)?(?:(?P<user>[^/@:]*)(?::(?P<password>[^/@]*))?@)?"
    r"(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?/?",
    re.ASCII | re.IGNORECASE,
)


class ProxyError(ValueError):
    """A proxy that is named and cannot be used; the text repeats no password."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy: host without brackets, port, and a user with a password where it wants one."""

    host: str
    port: int
    login: tuple[str, str] | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"http://[{self.host}]:{self.port}" if ":" in self.host else f"http://{self.host}:{self.port}"


def proxy_for(host: str, port: int, environ: Mapping[str, str]) -> Proxy | None:
    """The proxy for https to a host, None for a direct connection. Raises `ProxyError`."""
    named = _variable("https_proxy", environ) or _variable("all_proxy", environ)
    return parse(named) if named and not is_excepted(host, port, _variable("no_proxy", environ)) else None


def parse(text: str) -> Proxy:
    """The proxy in a text like `http://user:password@host:port`, of which only the host is needed. Raises `ProxyError`."""
    scheme, separator, _ = text.partition("://")
    if separator and scheme.lower() != "http":
        told = (
            f"a proxy of the kind `{scheme.lower()}`" if scheme.isalnum() and len(scheme) < 9 else "no proxy"
        )
        raise ProxyError(f"the environment names {told}; hint: name one as `http://host:port`")
    parts = _PROXY.fullmatch(text)
    if parts is None or not 0 < int(parts["port"] or DEFAULT_PORT) < 2**16:
        raise ProxyError(
            "the environment names a proxy that cannot be read; hint: name it as `http://host:port`"
        )
    login = None if parts["user"] is None else (unquote(parts["user"]), unquote(parts["password"] or ""))
    return Proxy(parts["host"].strip("[]").lower(), int(parts["port"] or DEFAULT_PORT), login)


def is_excepted(host: str, port: int, exceptions: str) -> bool:
    """Whether `no_proxy` names a host: itself, a domain above it, an address or a network, all with or without a port."""
    return any(_names(entry, host, port) for entry in re.split(r"[\s,]+", exceptions.lower()) if entry)


def _names(entry: str, host: str, port: int) -> bool:
    if entry == "*":
        return True
    ported = re.fullmatch(r"(\[.*\]|[^:]*):([0-9]{1,5})", entry, re.ASCII)
    if ported is not None:
        if int(ported[2]) != port:
            return False
        entry = ported[1]
    entry = entry.strip("[]").removeprefix("*").removeprefix(".").removesuffix(".")
    try:
        return ip_address(host) in ip_network(entry, strict=False)
    except ValueError:  # one of the two is a name
        return bool(entry) and (host == entry or host.endswith("." + entry))


def _variable(name: str, environ: Mapping[str, str]) -> str:
    return environ.get(name, environ.get(name.upper(), "")).strip()
