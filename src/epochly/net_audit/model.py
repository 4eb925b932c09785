"""What was seen of a program's network: destinations, names that were asked, notes; bounded, and the same for every way of seeing.

It keeps no bytes that a program sent. Where a bound is reached the ledger says so, and the report with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from typing import Literal

How = Literal["connect", "send", "route", "listen", "accept"]
MOST_DESTINATIONS = 10_000  # a scan of a /16 is cut off, and the report says so
MOST_NAMES = 10_000  # the same
MOST_PROCESSES = 16  # kept by name for each destination; the rest is a number
MOST_TEXT = 256  # characters of a name, path or address that is kept; sun_path has 108, a DNS name 255


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere a socket can lead: `AF_INET`, `AF_UNIX` and so on as the kernel names them; `port` None where there is none."""

    family: str
    address: str
    port: int | None
    protocol: str = ""


MORE = Place("AF_UNKNOWN", "more than are kept", None)


@dataclass(slots=True)
class Uses:
    """What was done with a place. `first_s` in seconds since the epoch; `failed` of the `count` came to nothing."""

    first_s: float
    count: int = 0
    failed: int = 0
    how: set[How] = field(default_factory=set)
    pids: dict[int, int] = field(default_factory=dict)
    more_pids: bool = False
    code: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Asked:
    """A name that was looked up: when first, how often, by whom."""

    first_s: float
    count: int = 0
    pids: dict[int, int] = field(default_factory=dict)
    code: set[str] = field(default_factory=set)


class Ledger:
    """Where all that was seen is written down. `names` are processes' by id, `parents` lead a thread to its process."""

    def __init__(self) -> None:
        self.places: dict[Place, Uses] = {}
        self.asked: dict[str, Asked] = {}
        self.answers: dict[str, set[str]] = {}
        self.names: dict[int, str] = {}
        self.parents: dict[int, int] = {}
        self.notes: dict[str, int] = {}
        self.first_pid = 0

    def touch(
        self,
        place: Place,
        how: How,
        *,
        at_s: float,
        pid: int,
        failed: bool = False,
        code: str = "",
    ) -> None:
        """Note one use of a place."""
        uses = self.places.get(place)
        if uses is None:
            if len(self.places) >= MOST_DESTINATIONS:
                self.note("more destinations than are kept")
                place = MORE  # who floods the list hides nothing behind its end
            uses = self.places.setdefault(place, Uses(at_s))
        uses.count += 1
        uses.failed += failed
        uses.first_s = min(uses.first_s, at_s)
        uses.how.add(how)
        if code and len(uses.code) < MOST_PROCESSES:
            uses.code.add(short(code))
        if pid in uses.pids or len(uses.pids) < MOST_PROCESSES:
            uses.pids[pid] = uses.pids.get(pid, 0) + 1
        else:
            uses.more_pids = True

    def ask(self, name: str, *, at_s: float, pid: int, code: str = "") -> None:
        """Note that a name was looked up."""
        name = short(name.lower().removesuffix("."))
        if name not in self.asked and len(self.asked) >= MOST_NAMES:
            self.note("more names than are kept")
            name = MORE.address
        asked = self.asked.setdefault(name, Asked(at_s))
        asked.count += 1
        if code and len(asked.code) < MOST_PROCESSES:
            asked.code.add(short(code))
        if pid in asked.pids or len(asked.pids) < MOST_PROCESSES:
            asked.pids[pid] = asked.pids.get(pid, 0) + 1

    def answer(self, name: str, addresses: tuple[str, ...]) -> None:
        """Note which addresses a name was said to have."""
        name = short(name.lower().removesuffix("."))
        if name in self.answers or len(self.answers) < MOST_NAMES:
            known = self.answers.setdefault(name, set())
            known |= {
                plain_address(address) for address in addresses[: max(0, MOST_DESTINATIONS - len(known))]
            }

    def note(self, what: str) -> None:
        """Note something that keeps the report from being whole."""
        if what in self.notes or len(self.notes) < MOST_PROCESSES:
            self.notes[short(what)] = self.notes.get(short(what), 0) + 1

    def attribute(self, seen: Ledger) -> None:
        """Take from what another way saw the code that asked, for the places that are here, and names that went past this one."""
        code: dict[tuple[str, str, int | None], set[str]] = {}
        for place, uses in seen.places.items():
            code.setdefault((place.family, place.address, place.port), set()).update(uses.code)
        for place, uses in self.places.items():
            uses.code |= code.get((place.family, place.address, place.port), set())
        for name, asked in seen.asked.items():
            self.asked.setdefault(name, asked).code.update(asked.code)

    def process(self, pid: int) -> tuple[int, str]:
        """The process that a thread belongs to, and its name; empty where none was seen."""
        for _ in range(MOST_PROCESSES):
            if pid not in self.parents:
                break
            pid = self.parents[pid]
        return pid, self.names.get(pid, "")


def short(text: str) -> str:
    """A text that fits, on one line and without anything that a terminal would act on."""
    told = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text[: MOST_TEXT + 1])
    return told if len(told) <= MOST_TEXT else told[: MOST_TEXT - 1] + "…"


def plain_address(text: str) -> str:
    """An address in one spelling: without a zone, and as IPv4 where it is IPv4 inside of IPv6. What is none stays as it is."""
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return short(text)
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return found.compressed
