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
    from collections.abc import Iterator

    from epochly_verify.limits import Limits

_LINE_END = re.compile(r"\r\n|\r|\n")
_HEADER = re.compile(r"([\x21-\x39\x3b-\x7e]+):(.*)", re.DOTALL)

Fields = tuple[tuple[str, str], ...]


class TooManyHeadersError(Exception):
    """The block has more headers than the limits allow; `line` is the first one too many."""

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
    names: list[str] = []
    values: list[list[str]] = []
    broken_line = broken_after = 0
    for number, line in enumerate(_lines(text), start=1):
        if not line:
            break
        if line[0] in " \t" and len(names) > broken_after:
            values[-1].append(line)
        elif found := _HEADER.fullmatch(line):
            if len(names) == limits.headers:
                raise TooManyHeadersError(number)
            names.append(found[1].lower())
            values.append([found[2]])
        elif not broken_line:
            broken_line, broken_after = number, len(names)
    joined = tuple((name, "\n".join(parts).strip()) for name, parts in zip(names, values, strict=True))
    if broken_line:
        return Headers(joined[:broken_after], broken_line, joined[broken_after:])
    return Headers(joined)


def _lines(text: str) -> Iterator[str]:
    start = 0
    for end in _LINE_END.finditer(text):
        yield text[start : end.start()]
        start = end.end()
    yield text[start:]
