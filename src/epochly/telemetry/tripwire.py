"""The tripwire behind the types: knows what this machine and its user are really called, and fires where an event holds any of it.

An event that it fires at is dropped whole, never edited. A text is looked at as it is and as it reads after up to two decodings: percent,
escapes of JSON and Python, base64 at each phase, hex, punycode, compatibility forms; letters' case, accents, invisible characters and the
way slashes lean do not matter. It refuses to judge words of the registry, which are nobody's, to look at more than 8 KiB of an event (more is
a hit), and to take longer than in proportion to its size. Section 3 of the design: Unicode TR15 (forms), RFC 3986, RFC 4648, RFC 3492.
"""

from __future__ import annotations

import binascii
import json
import re
import unicodedata
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

MOST_BYTES = 8_192  # of an event; the largest of the registry has 300
DEPTH = 2  # decodings, one upon the other
MOST_NUMBER = 10**9  # the largest a field of the registry can be
MOST_ROUNDS = 4  # of percent signs and of backslashes within one decoding
SHORT = 4  # characters of ASCII; a shorter name is looked for as a word of its own


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


# On folded text. None has a repetition within a repetition, so none takes longer than in proportion to what it reads.
PATTERNS = (
    Pattern("an e-mail address", re.compile(r"[^\s@]@[^\s@]")),
    Pattern("a path", re.compile(r"/[^\s/]+/|^/[^\s/]|\s/[^\s/]|\b[a-z]:/|~/|(?:^|\s|/)~[a-z]|[^\s~]~[0-9]\b|[/]root\b")),
    Pattern("an address", re.compile(r"[0-9]{1,3}[.-][0-9]{1,3}[.-][0-9]{1,3}[.-][0-9]{1,3}")),
    Pattern("an address", re.compile(r"[0-9a-f]{0,4}:[0-9a-f]{0,4}:[0-9a-f]{0,4}|[0-9a-f]{1,4}::")),
    Pattern("a hardware address", re.compile(r"(?:[0-9a-f]{2}[:. -]){5}[0-9a-f]{2}|[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4}")),
    Pattern("a long number", re.compile(r"[0-9]{8}|[0-9a-f]{12}")),
    Pattern("a key", re.compile(r"a[ks]ia[0-9a-z]{12}|gh[pousr]_[0-9a-z]{8}|xox[abprs]-|elk_|epochly-[0-9a-z]{5}-|begin [a-z ]{0,20}key|eyj[0-9a-z_-]{8}")),
    Pattern("a location", re.compile(r"[a-z]://|\bwww\.")),
)  # fmt: skip
_BASE64 = re.compile(r"[A-Za-z0-9+/\\_-]{6,}")  # a slash of it may have been turned round
_HEX = re.compile(r"[0-9A-Fa-f]{6,}")
_PUNYCODE = re.compile(r"xn--([a-z0-9-]{1,63})", re.IGNORECASE | re.ASCII)
_ESCAPE = re.compile(r"[\\/](?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|U([0-9a-fA-F]{8})|([\\/\"']))")
_SLASHES = re.compile(r"[\\/]+")
_PAIRED = re.compile(r"[\ud800-\udbff][\udc00-\udfff]")


class Tripwire:
    """Made once from what is known. `fires` says what a text gives away, `fires_at` the same of an event."""

    __slots__ = ("_raw", "_texts", "_words")

    def __init__(self, known: Known, registered: Iterable[str] = ()) -> None:
        self._words = frozenset(registered)
        self._texts = tuple(dict.fromkeys(_needles(known)))
        self._raw = tuple(mac.decode("latin-1") for mac in known.macs)

    def fires_at(self, event: Mapping[str, object]) -> str:
        """What an event gives away, in words that do not repeat it; empty where it is nothing."""
        if len(json.dumps(event, default=repr)) > MOST_BYTES:
            return "more than an event can hold"
        for part in _parts(event):
            if isinstance(part, str):
                if part not in self._words and (found := self.fires(part)):
                    return found
            elif isinstance(part, int) and abs(part) > MOST_NUMBER:
                return self.fires(str(part)) or "a long number"
        return ""

    def fires(self, text: str) -> str:
        """The same of a text."""
        if len(text) > MOST_BYTES:
            return "more than an event can hold"
        views = _views(text)
        for view in views:
            if any(raw in view for raw in self._raw):
                return "a hardware address of this machine"
        folded = list(dict.fromkeys(map(folded_text, views)))
        for name, needle, is_word in self._texts:
            for view in folded:
                if needle in view and (not is_word or re.search(rf"(?<!\w){re.escape(needle)}(?!\w)", view)):
                    return f"{name} of this machine"
        read = [folded_text(text), *(folded_text(line) for view in views[1:] for line in _lines(view))]
        for pattern in PATTERNS:
            if any(pattern.matches.search(line) for line in read):
                return pattern.name
        return ""


def folded_text(text: str) -> str:
    """A text without what does not matter: case, accents, forms, invisible characters, and which way slashes lean."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).upper().casefold())
    if not plain.isascii():
        plain = "".join(each for each in plain if unicodedata.category(each) not in {"Mn", "Cf", "Cc", "Cs"})
    elif not plain.isprintable():
        plain = "".join(each for each in plain if each.isprintable() or each in "\n\t")
    return _SLASHES.sub("/", plain)


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


def _lines(view: str) -> Iterable[str]:
    """What of a decoded text was text before: the rest is what decoding makes of anything."""
    return (
        line for line in view.split("\n") if len(line) > 7 and line.isprintable() and "\ufffd" not in line
    )


def _views(text: str) -> list[str]:
    """A text, and what it reads after up to `DEPTH` decodings."""
    views, last = {text: None}, [text]
    for _ in range(DEPTH):
        fresh = [made for view in last for decode in _DECODERS for made in decode(view) if made not in views]
        last = list(dict.fromkeys(fresh))
        views |= dict.fromkeys(last)
    return list(views)


def _plain(text: str) -> Iterable[str]:
    if not text.isascii():
        yield "".join(
            each for each in unicodedata.normalize("NFKC", text) if unicodedata.category(each) != "Cf"
        )


def _percent(text: str) -> Iterable[str]:
    rounds = 0
    while "%" in text and rounds < MOST_ROUNDS:
        text, rounds = _text_of(unquote_to_bytes(text.encode("utf-8", "replace"))), rounds + 1
    if rounds:
        yield text


def _escapes(text: str) -> Iterable[str]:
    rounds = 0
    while ("\\" in text or "/" in text) and rounds < MOST_ROUNDS:
        changed = _ESCAPE.sub(_unescaped, text)
        if changed == text:
            break
        text, rounds = changed, rounds + 1
    if rounds:
        text = _PAIRED.sub(lambda pair: pair[0].encode("utf-16", "surrogatepass").decode("utf-16"), text)
        yield text
        if all(ord(each) < 256 for each in text) and not text.isascii():  # bytes that were written as escapes
            yield _text_of(text.encode("latin-1"))


def _unescaped(found: re.Match[str]) -> str:
    digits = found[1] or found[2] or found[3]
    if digits is None:
        return str(found[4])
    code = int(digits, 16)
    return chr(code) if code < 0x110000 else ""


def _base64(text: str) -> Iterable[str]:
    made = []
    for run in _BASE64.findall(text):
        plain = run.replace("-", "+").replace("_", "/").replace("\\", "/")
        for phase in range(4):
            part = plain[phase:]
            part = part[: len(part) - 1] if len(part) % 4 == 1 else part
            if len(part) > 1:
                made.append(binascii.a2b_base64(part + "=" * (-len(part) % 4)))
    return _texts_of(made)


def _hex(text: str) -> Iterable[str]:
    made = []
    for run in _HEX.findall(text):
        for phase in range(2):
            part = run[phase:]
            made.append(bytes.fromhex(part[: len(part) // 2 * 2]))
    return _texts_of(made)


def _punycode(text: str) -> Iterable[str]:
    def decoded(found: re.Match[str]) -> str:
        try:
            return found[1].encode("ascii").decode("punycode")
        except UnicodeError:
            return str(found[0])

    if "xn--" in text.lower():
        yield _PUNYCODE.sub(decoded, text)


_DECODERS: tuple[Callable[[str], Iterable[str]], ...] = (_plain, _percent, _escapes, _base64, _hex, _punycode)


def _texts_of(found: list[bytes]) -> Iterable[str]:
    if found:
        yield "\n".join(map(_text_of, found))
        if not all(each.isascii() for each in found):
            yield "\n".join(each.decode("latin-1") for each in found)
        wide = [each[start:] for each in found if b"\0" in each or len(each) > 3 for start in (0, 1)]
        yield "\n".join(each.decode("utf-16-le", "replace") for each in wide)


def _text_of(data: bytes) -> str:
    return data.decode("utf-8", "replace").replace("\0", "")  # UTF-16 of ASCII is ASCII with zeros between


def _needles(known: Known) -> Iterable[tuple[str, str, bool]]:
    """What is looked for in folded text: its name, it, and whether it has to be a word of its own."""
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
                    yield name, text, len(text) < SHORT and text.isascii()
                yield from ((name, short, False) for short in _short_names(part))
    for mac in known.macs:
        for text in _mac_texts(mac):
            yield "a hardware address", text, False
    for address in known.addresses:
        for text in _address_texts(address):
            yield "an address", text, len(text) < SHORT * 2


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
            f"0x{int(found):08x}",
        )
        yield ".".join(reversed(octets))
        yield ".".join(f"{int(each):o}".rjust(4, "0") for each in octets)
        yield IPv6Address(b"\0" * 10 + b"\xff\xff" + found.packed).compressed
    else:
        yield found.exploded.replace(":", "")
