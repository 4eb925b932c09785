"""The names in messages of DNS, and in the two files that a resolver reads. Pure and bounded; what cannot be read is nothing.

RFC 1035, sections 4.1 and 4.1.4; RFC 3596 (AAAA); hosts(5); resolv.conf(5).
"""

from __future__ import annotations

from ipaddress import ip_address

from epochly.net_audit.model import plain_address

MOST_RECORDS = 64  # of one message; a name with more addresses than that has enough of them
MOST_JUMPS = 16  # compression; a name has at most 127 labels, and real messages jump twice
MOST_LINES = 100_000  # of a hosts file; lists that block advertisements have that many
A, AAAA = 1, 28
_HEADER = 12  # bytes


def questions(message: bytes) -> tuple[str, ...]:
    """The names that a message asks for."""
    if len(message) < _HEADER or message[2] & 0x80:
        return ()
    return _read(message)[0]


def answers(message: bytes) -> tuple[str, tuple[str, ...]] | None:
    """The name that a message answers for, and the addresses in it; None where it is no answer."""
    if len(message) < _HEADER or not message[2] & 0x80:
        return None
    asked, addresses = _read(message)
    return (asked[0], addresses) if asked else None


def _read(message: bytes) -> tuple[tuple[str, ...], tuple[str, ...]]:
    asked: list[str] = []
    addresses: list[str] = []
    questions_told, records_told = (int.from_bytes(message[at : at + 2]) for at in (4, 6))
    at = _HEADER
    for _ in range(min(questions_told, MOST_RECORDS)):
        found = _name(message, at)
        if found is None:
            return tuple(asked), ()
        asked.append(found[0])
        at = found[1] + 4
    for _ in range(min(records_told, MOST_RECORDS)):
        found = _name(message, at)
        if found is None or len(message) < found[1] + 10:
            break
        at = found[1]
        kind, size = int.from_bytes(message[at : at + 2]), int.from_bytes(message[at + 8 : at + 10])
        data = message[at + 10 : at + 10 + size]
        if (kind, len(data)) in ((A, 4), (AAAA, 16)):
            addresses.append(str(ip_address(data)))
        at += 10 + size
    return tuple(asked), tuple(addresses)


def _name(message: bytes, at: int) -> tuple[str, int] | None:
    """A name and where it ends; None where there is none."""
    labels: list[str] = []
    end, jumps = -1, 0
    while at < len(message):
        size = message[at]
        if size >= 0xC0:
            if at + 1 >= len(message) or jumps >= MOST_JUMPS:
                return None
            end = at + 2 if end < 0 else end
            at, jumps = int.from_bytes(message[at : at + 2]) & 0x3FFF, jumps + 1
        elif size > 63 or at + 1 + size > len(message) or len(labels) > 127:
            return None
        elif not size:
            return ".".join(labels).lower() or ".", at + 1 if end < 0 else end
        else:
            labels.append(message[at + 1 : at + 1 + size].decode("latin-1"))
            at += 1 + size
    return None


def hosts(text: str) -> dict[str, set[str]]:
    """The addresses of each name in a hosts file, `localhost` among them in any case."""
    found: dict[str, set[str]] = {"localhost": {"127.0.0.1", "::1"}}
    for line in text.splitlines()[:MOST_LINES]:
        address, *names = line.partition("#")[0].split() or [""]
        if _is_address(address):
            for name in names:
                found.setdefault(name.lower(), set()).add(plain_address(address))
    return found


def resolvers(text: str) -> frozenset[str]:
    """The addresses of the name servers in a resolv.conf; this machine where it names none."""
    lines = [line.split() for line in text.splitlines()[:MOST_LINES]]
    named = {plain_address(words[1]) for words in lines if len(words) > 1 and words[0] == "nameserver"}
    return frozenset(named or {"127.0.0.1", "::1"})


def _is_address(text: str) -> bool:
    try:
        ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return True
