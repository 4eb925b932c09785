"""Digest lists as `sha256sum`, `sha512sum` and their BSD relatives write them (`SHA256SUMS`).

Read: `HASH  name` and `HASH *name` with the algorithm told by the digest's length, `SHA256 (name) = HASH`, and names
escaped with a leading backslash. Refused: any other line, for a list that is half understood vouches for nothing.
A list's own signature (`SHA256SUMS.asc`) is not looked at.
https://www.gnu.org/software/coreutils/manual/html_node/cksum-output-modes.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from epochly_verify.errors import InputError
from epochly_verify.parse.hash_source import (
    DIGEST_BYTES,
    Entry,
    HashSource,
    algorithm_from_name,
    expected_hash,
    text_from_bytes,
)
from epochly_verify.parse.quote import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from epochly_verify.limits import Limits
    from epochly_verify.model import ExpectedHash

_UNTAGGED = re.compile(r"(\\)?([0-9a-fA-F]{32,128})(?:  | \*|[ \t]+)([^ \t].*)")
_TAGGED = re.compile(r"(\\)?([A-Za-z0-9/_-]{1,20}) ?\((.+)\) ?= ?([0-9a-fA-F]+)")
_BY_LENGTH = {
    2 * DIGEST_BYTES[name]: name for name in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")
}
_ESCAPE = re.compile(r"\\(.?)")
_ESCAPED = {"\\": "\\", "n": "\n", "r": "\r"}


def parse_sums(data: bytes, origin: str, limits: Limits) -> HashSource:
    """Read a digest list.

    Raises:
        InputError: `too-large`, `not-text`, `empty`, `bad-line` or `bad-hash`.
    """
    found: dict[str, list[ExpectedHash]] = {}
    notes: dict[str, None] = {}
    candidates: dict[str, int] = {}
    for number, line in significant_lines(text_from_bytes(data, origin, limits)):
        where = f"{origin}:{number}"
        escaped, tag, name, digest = _fields(line, where)
        algorithm = algorithm_from_name(tag) if tag else _BY_LENGTH.get(len(digest))
        if algorithm is None and tag:
            notes[f"`{origin}`: {quoted(tag, most=80)} digests are not known and were passed over"] = None
            continue
        if algorithm is None:
            raise InputError(
                "bad-hash",
                where,
                f"no known digest has {len(digest)} hexadecimal digits",
                "copy the digest again",
            )
        name = (_unescaped(name, where) if escaped else name).removeprefix("./")
        candidate = candidates.setdefault(name, len(candidates))
        found.setdefault(name, []).append(
            expected_hash(algorithm, digest, origin=where, source=origin, candidate=candidate)
        )
    entries = tuple(Entry(tuple(hashes), filename=name) for name, hashes in found.items())
    return HashSource(origin, "sums", entries, tuple(notes))


def is_sums_line(line: str) -> bool:
    """Whether a line is an entry of a digest list, by its form alone."""
    return bool(_UNTAGGED.fullmatch(line) or _TAGGED.fullmatch(line))


def significant_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines with their number from 1, without line ends; blank lines and comments left out."""
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.removesuffix("\r")
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, line


def _fields(line: str, where: str) -> tuple[bool, str, str, str]:
    """Whether the name is escaped, the tag (empty in the untagged form), the name, the digest."""
    if match := _TAGGED.fullmatch(line):
        escape, tag, name, digest = match.groups()
        return bool(escape), tag, name, digest
    if match := _UNTAGGED.fullmatch(line):
        escape, digest, name = match.groups()
        return bool(escape), "", name, digest
    raise InputError(
        "bad-line",
        where,
        f"{quoted(line, most=80)} is no entry of a digest list",
        "a line is `HASH  name` or `SHA256 (name) = HASH`",
    )


def _unescaped(name: str, where: str) -> str:
    def plain(match: re.Match[str]) -> str:
        if match[1] not in _ESCAPED:
            raise InputError(
                "bad-line",
                where,
                f"the name has the unknown escape {quoted(match[0], most=80)}",
                "write the list again",
            )
        return _ESCAPED[match[1]]

    return _ESCAPE.sub(plain, name)
