r"""The text of `strace -f -ttt`: one line to a call's name, arguments and result. Pure, bounded, and never an error.

A traced program chooses what stands between quotes, and paths; both can look like anything. So quotes are read as C has them,
and nothing inside of them is looked into. strace(1), "The general format"; what is escaped: its `util.c`, `string_quote`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MOST_LINE = 4 << 20  # characters; 64 datagrams of QUIC in one `sendmmsg` have some 100,000
_LINE = re.compile(r"(\d{1,10}) +(\d{1,12}\.\d{1,9}) (.*)", re.ASCII | re.DOTALL)
_CALL = re.compile(r"([a-z_][a-z0-9_]{0,40})\((.*)", re.ASCII | re.DOTALL)
_RESUMED = re.compile(r"<\.\.\. ([a-z_][a-z0-9_]{0,40}) resumed>(.*)", re.ASCII | re.DOTALL)
_UNFINISHED = re.compile(r"\s*<unfinished \.\.\.>\s*\Z", re.ASCII)
_MARK = re.compile(
    r'"(?:[^"\\]|\\.)*+"?|[\[{(\]}),]', re.DOTALL
)  # a quote that never ends goes on to the end
_RESULT = re.compile(
    r"\s*= (-?\d{1,20}|0x[0-9a-f]{1,16}|\?)(?:<(.{0,4096})>)?(?: ([A-Z][A-Z0-9_]{0,40}))?", re.ASCII
)
_ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_LETTERS = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"v": b"\v", b"f": b"\f", b"a": b"\a", b"b": b"\b"}


@dataclass(frozen=True, slots=True)
class Line:
    """A line's process, time in seconds since the epoch, and the text after them."""

    pid: int
    at_s: float
    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """A call that ended: `value` is what it gave, None where that is not known; `error` the kernel's word, as `ECONNREFUSED`."""

    name: str
    arguments: tuple[str, ...]
    value: int | None
    error: str = ""
    result_fd: str = ""


def line(text: str) -> Line | None:
    """A line's parts; None where it is no line of a trace."""
    found = _LINE.fullmatch(text.rstrip("\n")) if len(text) <= MOST_LINE else None
    return Line(int(found[1]), float(found[2]), found[3]) if found else None


def begun(text: str) -> str | None:
    """The text of a call that goes on in a later line, without the mark that says so."""
    found = _UNFINISHED.search(text)
    return text[: found.start()] if found and _CALL.match(text) else None


def resumed(text: str) -> tuple[str, str] | None:
    """The name of a call that goes on, and the rest of its text."""
    found = _RESUMED.match(text)
    return (found[1], found[2]) if found else None


def call(text: str) -> Call | None:
    """The call in a text; None where there is none, as for a signal."""
    found = _CALL.match(text)
    if found is None:
        return None
    arguments, rest = split(found[2])
    result = _RESULT.match(rest)
    if result is None:
        return Call(found[1], arguments, None)
    value = None if result[1] == "?" else int(result[1], 0)
    return Call(found[1], arguments, value, result[3] or "", result[2] or "")


def split(text: str) -> tuple[tuple[str, ...], str]:
    """What stands between commas up to the bracket that closes, and what follows that."""
    parts: list[str] = []
    start = depth = 0
    for found in _MARK.finditer(text):
        mark = found[0]
        if mark in "[{(":
            depth += 1
        elif mark in "]})":
            if not depth:
                parts.append(text[start : found.start()].strip())
                return tuple(parts), text[found.end() :]
            depth -= 1
        elif mark == "," and not depth:
            parts.append(text[start : found.start()].strip())
            start = found.end()
    return (*parts, text[start:].strip()), ""


def members(text: str) -> dict[str, str]:
    """The members of `{a=b, c=d}`; one without a name, such as `inet_pton(...)`, is there under its own text before the bracket."""
    if not text.startswith("{"):
        return {}
    found: dict[str, str] = {}
    for part in split(text[1:])[0]:
        bracket, equals = part.find("("), part.find("=")
        if equals < 0 or 0 <= bracket < equals:
            found.setdefault(part[: max(bracket, 0)], part)
        else:
            found.setdefault(part[:equals], part[equals + 1 :])
    return found


def elements(text: str) -> tuple[str, ...]:
    """The elements of `[a, b]`."""
    return split(text[1:])[0] if text.startswith("[") else ()


def quoted(text: str) -> bytes | None:
    """The bytes of a quoted text, which may be cut off (`"..."...`); None where it is none."""
    found = re.match(r'@?"((?:[^"\\]|\\.)*+)"', text, re.DOTALL)
    if found is None:
        return None
    return _ESCAPE.sub(_unescaped, found[1].encode("utf-8", "surrogateescape"))


def _unescaped(found: re.Match[bytes]) -> bytes:
    octal, hexadecimal, letter = found.groups()
    if octal is not None:
        return bytes([int(octal, 8) & 255])
    return bytes.fromhex(hexadecimal.decode()) if hexadecimal else _LETTERS.get(letter, letter)
