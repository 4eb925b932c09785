r"""The `Name: value` header block that METADATA, PKG-INFO and WHEEL share.

The format is that of e-mail headers (RFC 822 as Python's `email` package reads it), without its encodings: UTF-8,
lines that start with white space continue the value, the first blank line ends the block, `\n`, `\r\n` and a lone
`\r` all end a line. A line that is none of these ends the block for `email`, while other readers skip it and go on;
so what follows it is kept apart, to be compared but not to be relied on.

Specification: "Core metadata specifications", introduction; "Binary distribution format", `WHEEL`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from epochly_verify.limits import Limits

_END = r"(?:\r\n|\r|\n)"
_LINE_END = re.compile(_END)
_HEADER = re.compile(rf"([\x21-\x39\x3b-\x7e]++):([^\r\n]*+(?:{_END}[ \t][^\r\n]*+)*+)(?:{_END}|\Z)")
_OTHER_LINE = re.compile(rf"[^\r\n]*+(?:{_END}|\Z)")

Fields = tuple[tuple[str, str], ...]


class TooManyHeadersError(Exception):
    """The block has more headers (with the lines that are none) than the limits allow; `line` is the first too many."""

    def __init__(self, line: int) -> None:
        super().__init__(f"more headers than allowed at line {line}")
        self.line = line


@dataclass(frozen=True, slots=True)
class Headers:
    """A header block.

    Attributes:
        fields: (lower-case name, value without surrounding white space) in order; continuation lines are joined with
            a line feed.
        broken_line: number of the first line that is no header, from 1; 0 when there is none.
        late: the headers after that line, as a lenient reader would read them.
    """

    fields: Fields
    broken_line: int = 0
    late: Fields = ()

    def values(self, name: str) -> tuple[str, ...]:
        """The values of one header (lower-case name), in order; those that `email` would see."""
        return tuple(value for found, value in self.fields if found == name)

    def all_values(self, name: str) -> tuple[str, ...]:
        """The same with the late ones: what any reader could take for the value."""
        return self.values(name) + tuple(value for found, value in self.late if found == name)


def parse_headers(text: str, limits: Limits) -> Headers:
    """Read the header block at the start of `text`; the body is not looked at.

    Raises:
        TooManyHeadersError: there are more than `limits.headers`.
    """
    before: list[tuple[str, str]] = []
    late: list[tuple[str, str]] = []
    broken_line = lines = at = 0
    while at < len(text) and text[at] not in "\r\n":
        lines += 1
        if lines > limits.headers:
            raise TooManyHeadersError(_line_number(text, at))
        found = _HEADER.match(text, at)
        if found is not None:
            value = found[2].replace("\r\n", "\n").replace("\r", "\n").strip()
            (late if broken_line else before).append((found[1].lower(), value))
        else:
            broken_line = broken_line or _line_number(text, at)
            found = _OTHER_LINE.match(text, at)
        assert found is not None  # the second pattern matches anything
        at = found.end()
    return Headers(tuple(before), broken_line, tuple(late))


def _line_number(text: str, at: int) -> int:
    return sum(1 for _ in _LINE_END.finditer(text, 0, at)) + 1
