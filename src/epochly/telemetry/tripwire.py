"""The tripwire behind the types: knows what this machine and its user are really called, and fires where an event holds any of it.

An event that it fires at is dropped whole, never edited. A text is looked at as it is and as it reads after up to two decodings (`decodings`);
letters' case, accents, invisible characters and the way slashes lean do not matter. It refuses to judge words of the registry, which are
nobody's, and to look at more than an event can hold, or at a text that reads as more than can be looked through in a millisecond: these
are hits. Section 3 of the design.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING

from epochly.telemetry.decodings import folded_text, lines_of, readings, without_forms

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MOST_BYTES = 512  # of an event, about; the largest of the registry has 153
MOST_READ = 4 * MOST_BYTES  # characters of all that a text reads as
MOST_NUMBER = 10**9  # the largest a field of the registry can be
SHORT = 4  # characters of ASCII; a shorter name is looked for as a word of its own
TOO_MUCH = "more than an event can hold"


@dataclass(frozen=True, slots=True)
class Known:
    """What is looked for, as the machine has it. MAC addresses are 6 bytes, addresses text."""

    users: tuple[str, ...] = ()
    homes: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    macs: tuple[bytes, ...] = ()
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pattern:
    """What gives away what nobody told us of: a path, an address, an account."""

    name: str
    matches: re.Pattern[str]


# On folded text. Each begins with a literal or a class, which is looked for at the speed of C, and looks back from there; none has a
# repetition within a repetition, so none takes longer than in proportion to what it reads.
PATTERNS = (
    Pattern("an e-mail address", re.compile(r"@(?<=[^\s@]@)[^\s@]")),
    Pattern("a path", re.compile(r"/(?:[^\s/]+/|(?<!\S/)[^\s/]|root\b)")),
    Pattern("a path", re.compile(r":/(?<=\b[a-z]:/)")),
    Pattern("a path", re.compile(r"~(?:/|(?<![^\s/]~)[a-z]|(?<=[^\s~]~)[0-9]\b)")),
    Pattern("an address", re.compile(r"[.-](?<=[0-9][.-])[0-9]{1,3}[.-][0-9]{1,3}[.-][0-9]")),
    Pattern("an address", re.compile(r":[0-9a-f]{0,4}:")),
    Pattern("a hardware address", re.compile(r"[:. -](?<=[0-9a-f]{2}[:. -])(?:[0-9a-f]{2}[:. -]){4}[0-9a-f]{2}")),
    Pattern("a hardware address", re.compile(r"\.(?<=[0-9a-f]{4}\.)[0-9a-f]{4}\.[0-9a-f]{4}")),
    Pattern("a key", re.compile(r"a[ks]ia[0-9a-z]{12}|gh[pousr]_[0-9a-z]{8}|xox[abprs]-|elk_|epochly-[0-9a-z]{5}-|begin [a-z ]{0,20}key|eyj[0-9a-z_-]{8}")),
    Pattern("a location", re.compile(r"://(?<=[a-z]://)")),
    Pattern("a location", re.compile(r"www\.(?<=\bwww\.)")),
)  # fmt: skip
_DIGITS = bytes(ord("0") if chr(byte).isdigit() else ord(" ") for byte in range(128)) + b" " * 128
_HEX = bytes(ord("0") if chr(byte) in "0123456789abcdef" else ord(" ") for byte in range(128)) + b" " * 128


@dataclass(frozen=True, slots=True)
class Needle:
    """What is looked for in folded text, whose it is, and how it has to stand there where it is short: as a word."""

    name: str
    text: str
    word: re.Pattern[str] | None

    def is_in(self, view: str) -> bool:
        """Whether it is there."""
        return self.text in view and (self.word is None or self.word.search(view) is not None)


class Tripwire:
    """Made once from what is known. `fires` says what a text gives away, `fires_at` the same of an event."""

    __slots__ = ("_names", "_numbers", "_raws", "_registered", "_runs")

    def __init__(self, known: Known, registered: Iterable[str] = ()) -> None:
        self._registered = frozenset(registered)
        self._names = tuple(_needed(_names(known)))
        self._numbers = tuple(
            {each.text: each for each in _numbers(known)}.values()
        )  # thousands on some machines
        least = min((len(each.text) for each in self._numbers), default=1)
        self._runs = re.compile(rf"[0-9a-f:._ -]{{{least},}}")  # what they are written in
        raws = [mac.decode("latin-1") for mac in known.macs]
        plain = [
            unicodedata.normalize("NFKD", raw.replace("\xad", "")) for raw in raws
        ]  # as `without_forms` leaves them
        self._raws = tuple(dict.fromkeys((*raws, *(raw for raw in plain if len(raw) >= SHORT))))

    def fires_at(self, event: Mapping[str, object]) -> str:
        """What an event gives away, in words that do not repeat it; empty where it is nothing."""
        size, room = 0, MOST_READ
        for part in _parts(event):
            if isinstance(part, str):
                size += len(part)
                if part not in self._registered:
                    found, room = self._looked_through(part, room)
                    if found:
                        return found
            elif isinstance(part, int):
                if abs(part) > MOST_NUMBER:
                    return "a long number"
            elif part is not None:
                return "a value of no kind of the registry"
            size += 1
            if size > MOST_BYTES:
                return TOO_MUCH
        return ""

    def fires(self, text: str) -> str:
        """The same of a text."""
        return self._looked_through(text, MOST_READ)[0]

    def _looked_through(self, text: str, room: int) -> tuple[str, int]:
        """What a text gives away, and how many more characters may be read."""
        if len(text) > MOST_BYTES:
            return TOO_MUCH, 0
        for view in readings(text):
            folded = folded_text(view)
            room -= max(len(view), len(folded))
            if room < 0:
                return TOO_MUCH, 0
            shown = folded if view is text else lines_of(view)
            if found := self._known_in(view, folded) or _shape_in(shown):
                return found, room
        return "", room

    def _known_in(self, view: str, folded: str) -> str:
        for needle in self._names:
            if needle.is_in(folded):
                return f"{needle.name} of this machine"
        runs = "\n".join(self._runs.findall(folded)) if self._numbers else ""
        for needle in self._numbers:
            if needle.text in runs and needle.is_in(folded):
                return f"{needle.name} of this machine"
        return "a hardware address of this machine" if self._raws and self._is_raw_in(view) else ""

    def _is_raw_in(self, view: str) -> bool:
        """Whether the six bytes of a hardware address are there as characters, also with something invisible between."""
        plain = view if view.isascii() else without_forms(view)
        return any(raw in view or raw in plain for raw in self._raws)


def _shape_in(folded: str) -> str:
    """What a folded text gives away of anybody."""
    if not folded:
        return ""
    codes = folded.encode("ascii", "replace")
    if b"0" * 8 in codes.translate(_DIGITS) or b"0" * 12 in codes.translate(_HEX):
        return "a long number"
    return next((pattern.name for pattern in PATTERNS if pattern.matches.search(folded)), "")


def _parts(value: object) -> Iterable[object]:
    """The leaves of a JSON value, and the names in it."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            waiting += [*each.keys(), *each.values()]
        elif isinstance(each, list | tuple):
            waiting += each
        else:
            yield each


def _needed(found: Iterable[Needle]) -> Iterable[Needle]:
    """Those that are not there anyway where an earlier one is, or one of the same name."""
    once = list({each.text: each for each in reversed(list(found))}.values())[::-1]
    for place, each in enumerate(once):
        if not any(
            other.word is None and other.text in each.text and (at < place or other.name == each.name)
            for at, other in enumerate(once)
            if at != place
        ):
            yield each


def _needle(name: str, text: str, least: int) -> Needle:
    """One that has to be a word of its own where it is shorter."""
    is_short = len(text) < least and text.isascii()
    return Needle(name, text, re.compile(rf"(?<!\w){re.escape(text)}(?!\w)") if is_short else None)


def _names(known: Known) -> Iterable[Needle]:
    """What has letters."""
    for name, values in (
        ("the user", known.users),
        ("the home", known.homes),
        ("the host", known.hosts),
        ("a folder", known.folders),
        ("the e-mail address", known.emails),
    ):
        for value in values:
            words = [word for word in value.split() if len(word) >= SHORT] if name == "the user" else []
            for part in dict.fromkeys((*_parts_of_name(value), *words)):
                text = folded_text(part)
                if (
                    len(text) > 1
                ):  # two of Chinese letters are a whole name, and no blanks are written around it
                    yield _needle(name, text, SHORT)
                yield from (_needle(name, short, 0) for short in _short_names(part))


def _numbers(known: Known) -> Iterable[Needle]:
    """What is written in digits."""
    for mac in known.macs:
        for text in _mac_texts(mac):
            yield _needle("a hardware address", text, 0)
    for address in known.addresses:
        for text in _address_texts(address):
            yield _needle("an address", text, 2 * SHORT)


def _parts_of_name(value: str) -> Iterable[str]:
    """A name, and what of it is telling by itself: the last folder of a path, the first label of a host, what stands before an `@`."""
    value = value.strip().rstrip("/\\")
    if value and value != ".":
        yield value
        for part in (re.split(r"[\\/]", value)[-1], value.split("@")[0], value.split(".")[0]):
            if part != value and len(part) >= SHORT:
                yield part


def _short_names(part: str) -> Iterable[str]:
    """What Windows calls a long name where it may have 8 characters."""
    plain = re.sub(r"[\s.]", "", folded_text(re.split(r"[\\/]", part)[-1]))
    if len(plain) > 8:
        yield from (f"{plain[:6]}~{number}" for number in range(1, 5))


def _mac_texts(mac: bytes) -> Iterable[str]:
    pairs = [f"{each:02x}" for each in mac]
    for sign in (":", "-", ".", " ", "_", ""):
        yield sign.join(pairs)
    bare = "".join(pairs)
    yield from (".".join(bare[i : i + 4] for i in (0, 4, 8)), "-".join((bare[:6], bare[6:])))
    yield str(int.from_bytes(mac, "big"))
    for first in (mac[0], mac[0] ^ 2):  # EUI-64, plain and as an interface identifier (RFC 4291, appendix A)
        whole = bytes([first]) + mac[1:3] + b"\xff\xfe" + mac[3:]
        pairs = [f"{each:02x}" for each in whole]
        yield from (sign.join(pairs) for sign in (":", "-", ""))
        groups = ["".join(pairs[i : i + 2]) for i in range(0, 8, 2)]
        yield ":".join(groups)
        yield ":".join(f"{int(group, 16):x}" for group in groups)
        yield IPv6Address(bytes(8) + whole).compressed.strip(":")


def _address_texts(address: str) -> Iterable[str]:
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return
    yield found.compressed
    yield found.exploded
    if isinstance(found, IPv4Address):
        octets = str(found).split(".")
        yield from (
            "-".join(octets),
            "_".join(octets),
            str(int(found)),
            f"{int(found):08x}",
        )
        yield ".".join(reversed(octets))
        yield ".".join(f"{int(each):o}".rjust(4, "0") for each in octets)
        yield IPv6Address(b"\0" * 10 + b"\xff\xff" + found.packed).compressed
    else:
        yield found.exploded.replace(":", "")
