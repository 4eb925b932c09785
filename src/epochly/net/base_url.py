"""Where the service is: one base URL, in one spelling, or a refusal that says why.

It refuses everything but `https://host[:port][/path]`: no http (not on loopback either), user, query, fragment, escape or
number that some reader takes for an address. RFC 3986; RFC 1123, section 2.1; sections 4 and 6 of `docs/spec/epochly-pop-v1.md`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE = "EPOCHLY_API_URL"
DEFAULT = "https://api.epochly.com"
DEFAULT_PORT = 443
MOST = 256  # characters; a target of ours adds 60, and a proof may name 512
_PARTS = re.compile(
    r"https://(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>[^/:\[\]]+))(?::(?P<port>[1-9][0-9]{0,4}))?(?P<path>(?:/[^/]*)*)",
    re.ASCII,
)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)  # what some resolvers read as (a part of) an address
_SEGMENT = re.compile(r"[A-Za-z0-9._~-]+", re.ASCII)


class BaseUrlError(ValueError):
    """A text that is no base URL: `what` says which rule it breaks, `hint` what to give instead."""

    def __init__(self, what: str, hint: str = f"give one like `{DEFAULT}`") -> None:
        super().__init__(f"{what}; hint: {hint}")
        self.what = what
        self.hint = hint


@dataclass(frozen=True, slots=True)
class BaseUrl:
    """The parts of a base URL: host in lower case without brackets, port, and a path without a slash at its end."""

    host: str
    port: int = DEFAULT_PORT
    path: str = ""

    @property
    def authority(self) -> str:
        """Host and, where it is another than 443, port, as in a `Host` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORT else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"https://{self.authority}{self.path}"


def base_url(environ: Mapping[str, str]) -> BaseUrl:
    """The base URL that the environment names, or the default one. Raises `BaseUrlError`."""
    return parse(environ.get(VARIABLE, "").strip() or DEFAULT)


def parse(text: str) -> BaseUrl:
    """The base URL in a text. Raises `BaseUrlError`, which repeats nothing of the text: it may hold a password."""
    if len(text) > MOST:
        raise BaseUrlError(f"`{VARIABLE}` is longer than {MOST} characters")
    scheme, separator, rest = text.partition("://")
    if not separator or scheme.lower() != "https":
        raise BaseUrlError(f"`{VARIABLE}` does not begin with `https://`")
    if not rest.isascii() or not rest.isprintable() or re.search(r"[\s\\%]", rest):
        raise BaseUrlError(
            f"`{VARIABLE}` has a character that a base URL has not",
            "spell other letters of a host as `xn--...`",
        )
    for sign, what in {"?": "a query", "#": "a fragment", "@": "a user"}.items():
        if sign in rest:
            raise BaseUrlError(f"`{VARIABLE}` has {what}")
    authority, slash, path = rest.partition("/")
    parts = _PARTS.fullmatch(f"https://{authority.lower()}{slash}{path}")
    if parts is None or int(parts["port"] or DEFAULT_PORT) > 65_535:
        raise BaseUrlError(f"`{VARIABLE}` has no host, or a port that is none")
    segments = parts["path"].removesuffix("/").split("/")[1:]
    if not all(_SEGMENT.fullmatch(segment) and segment.strip(".") for segment in segments):
        raise BaseUrlError(f"`{VARIABLE}` has a path with an empty, `.` or `..` part or an odd character")
    host = _address(parts["v6"]) if parts["v6"] else _name(parts["name"])
    return BaseUrl(host, int(parts["port"] or DEFAULT_PORT), "".join(f"/{segment}" for segment in segments))


def _address(text: str) -> str:
    try:
        return IPv6Address(text).compressed
    except AddressValueError as error:
        raise BaseUrlError(f"`{VARIABLE}` has brackets around what is no IPv6 address") from error


def _name(text: str) -> str:
    labels = text.split(".")
    if len(text) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise BaseUrlError(f"`{VARIABLE}` has a host that is no name")
    if _NUMBER.fullmatch(labels[-1]):
        try:
            IPv4Address(text)
        except AddressValueError as error:
            raise BaseUrlError(f"`{VARIABLE}` has a host that is no name and no address") from error
    return text
