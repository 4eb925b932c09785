"""What kind of destination a place is. Pure: what is known of the machine is handed in.

`other` is what is left: nothing counts as ours, as a proxy or as a resolver because of its port or its name alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Literal

from epochly.net_audit.model import plain_address

if TYPE_CHECKING:
    from collections.abc import Mapping

    from epochly.net_audit.model import Place

Class = Literal["loopback", "unix", "netlink", "base", "proxy", "dns", "other"]
CLASSES: tuple[Class, ...] = ("base", "proxy", "dns", "other", "loopback", "unix", "netlink")
OUTSIDE: frozenset[Class] = frozenset({"base", "proxy", "dns", "other"})
DNS_PORT = 53  # RFC 1035, section 4.2


@dataclass(frozen=True, slots=True)
class Known:
    """The service and the proxies as (host, port), the resolvers' addresses, and the names that the machine knows by itself."""

    base: tuple[str, int]
    proxies: frozenset[tuple[str, int]] = frozenset()
    resolvers: frozenset[str] = frozenset()
    hosts: Mapping[str, set[str]] = field(default_factory=dict)


def class_of(place: Place, known: Known, answers: Mapping[str, set[str]]) -> Class:
    """The class of a place, where `answers` are the addresses that were given for names meanwhile."""
    if place.family == "AF_UNIX":
        return "unix"
    if place.family == "AF_NETLINK":
        return "netlink"
    if place.family not in {"AF_INET", "AF_INET6"}:
        return "other"
    if _is(place, known.base, known, answers):
        return "base"
    if any(_is(place, proxy, known, answers) for proxy in known.proxies):
        return "proxy"
    if place.port == DNS_PORT and place.address in known.resolvers:
        return "dns"
    return "loopback" if is_loopback(place.address) else "other"


def is_loopback(address: str) -> bool:
    """Whether an address is this machine; connecting to none (`0.0.0.0`, `::`) is that too on Linux."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return found.is_loopback or found.is_unspecified


def _is(place: Place, who: tuple[str, int], known: Known, answers: Mapping[str, set[str]]) -> bool:
    host, port = who
    if place.port != port and not (
        place.port == 0 and place.protocol == "udp"
    ):  # a route is looked up without one
        return False
    return (
        place.address == plain_address(host)
        or place.address in known.hosts.get(host, ())
        or place.address in answers.get(host, ())
    )
