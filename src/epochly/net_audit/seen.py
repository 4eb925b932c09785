"""What the hook in the program wrote, line by line, into a ledger. Pure; the program may have written there too, so any bytes will do.

Which address a name has is not told to a hook. A connection that the same thread opens to the same port after a look-up counts
as that name's, and the report says that this is a guess.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from epochly.net_audit.model import MORE, Ledger, Place, plain_address, short

if TYPE_CHECKING:
    from collections.abc import Iterable

    from epochly.net_audit.model import How

MOST_LINES = 1_000_000  # of all processes together; each writes at most 100,000
MORE_EVENTS = "more events than are kept"  # the hook's own words
MOST_THREADS = 10_000  # whose last look-up is remembered
HOWS: dict[str, How] = {"connect": "connect", "send": "send", "listen": "listen"}


def read(lines: Iterable[str], ledger: Ledger) -> bool:
    """Take the lines in; whether the hook was there at all."""
    begun, last = False, OrderedDict[tuple[int, int], tuple[str, int | None]]()
    for number, text in enumerate(lines):
        if number >= MOST_LINES:
            ledger.note(MORE_EVENTS)
            ledger.touch(MORE, "connect", at_s=0.0, pid=ledger.first_pid)
            break
        line = _line(text)
        event, pid, at_s = line.get("e"), _number(line.get("pid")), _seconds(line.get("t"))
        if event == "begun":
            begun = True
            ledger.first_pid = ledger.first_pid or pid
        elif event == "start":
            ledger.note(str(line.get("what")))
            if line.get("what") == MORE_EVENTS:
                ledger.touch(MORE, "connect", at_s=at_s, pid=pid)
        elif event == "ask":
            name, port = str(line.get("name")), line.get("port")
            last[pid, _number(line.get("thread"))] = name, port if isinstance(port, int) else None
            while len(last) > MOST_THREADS:
                last.popitem(last=False)
            if not _is_address(name):
                ledger.ask(name, at_s=at_s, pid=pid, code=short(str(line.get("code", ""))))
        elif event in HOWS:
            place = _place(line)
            name, asked_port = last.get((pid, _number(line.get("thread"))), ("", -1))
            if (
                event != "listen"
                and place.port is not None
                and asked_port == place.port
                and not _is_address(name)
            ):
                ledger.answer(name, (place.address,))
            if event == "listen" and (place.port == 0 or place.family == "AF_NETLINK"):
                continue
            how: How = (
                "route" if event == "connect" and (place.protocol, place.port) == ("udp", 0) else HOWS[event]
            )
            ledger.touch(place, how, at_s=at_s, pid=pid, code=short(str(line.get("code", ""))))
        else:
            ledger.note("a line of the hook that cannot be read")
    return begun


def _line(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _place(line: dict[str, Any]) -> Place:
    family, port = short(str(line.get("family"))), line.get("port")
    if not family.startswith("AF_"):
        return Place("AF_UNKNOWN", short(str(line.get("address"))), None)
    if family not in {"AF_INET", "AF_INET6"}:
        address = "netlink" if family == "AF_NETLINK" else short(str(line.get("address")))
        return Place(family, address, None)
    address = plain_address(str(line.get("address")))
    family = "AF_INET6" if ":" in address else "AF_INET"
    return Place(family, address, _number(port) & 0xFFFF, short(str(line.get("kind", ""))))


def _number(value: Any) -> int:
    return value if isinstance(value, int) and 0 <= value < 2**63 else 0


def _seconds(value: Any) -> float:
    return float(value) if isinstance(value, float) and 0 <= value < 2**40 else 0.0


def _is_address(name: str) -> bool:
    return not any(each.isalpha() for each in name) or ":" in name
