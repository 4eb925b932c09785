"""RECORD: the CSV list of a wheel's files with their hashes and sizes.

Read strictly: UTF-8, exactly three columns, well-formed quoting. What breaks this is a finding, and reading goes on
with the next row where that is possible. Nothing is compared here; `checks/record.py` does that. RECORD is never
"healed", as some installers do.

Specifications: "Recording installed projects" (the CSV dialect), "Binary distribution format", section "Signed wheel
files" (`digestname=urlsafe_b64encode_nopad(digest)`, sha256 or better).
"""

from __future__ import annotations

import base64
import binascii
import csv
import re
import unicodedata
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from epochly_verify.model import Finding
from epochly_verify.parse.quote import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from epochly_verify.limits import Limits

# Name in RECORD -> digest length in bytes: the guaranteed algorithms of `hashlib` with at least 128 bits of collision
# resistance, which is what "sha256 or better" asks.
STRONG: Mapping[str, int] = MappingProxyType(
    {
        "sha256": 32,
        "sha384": 48,
        "sha512": 64,
        "sha3_256": 32,
        "sha3_384": 48,
        "sha3_512": 64,
        "blake2b": 64,
        "blake2s": 32,
    }
)
WEAK = frozenset({"md5", "sha1", "sha224", "sha3_224", "sha512_224", "md4", "ripemd160"})

SIGNATURES = (
    "RECORD.jws",
    "RECORD.p7s",
)  # the only files the specification leaves out of RECORD, beside RECORD

MAX_LINE = 32_768  # characters; room for a name of 4096 bytes with every byte quoted, and the longest hash

_LINE = re.compile(r"[^\r\n]*+(?:\r\n|\r|\n|\Z)")
_STANDARD = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_URLSAFE = re.compile(r"[A-Za-z0-9_-]+={0,2}")
_HEX = re.compile(r"[0-9A-Fa-f]+")
_ODD_PATH = re.compile(r"\\|//|^/|/$|^$|^[A-Za-z]:|(?:^|/)\.{1,2}(?:/|$)|[\x00-\x1f\x7f\x85\u2028\u2029]")
_ABSOLUTE = re.compile(r"[\\/]|[A-Za-z]:")
_SEPARATORS = re.compile(r"[\\/]")


@dataclass(frozen=True, slots=True)
class Row:
    """One row: `line` is where it ends in the file, counted from 1; the rest is as spelled."""

    line: int
    path: str
    hash: str
    size: str


@dataclass(frozen=True, slots=True)
class Record:
    """RECORD's rows in order.

    Attributes:
        rows: those with exactly three columns.
        named: paths of rows that have another number of columns: said, but not to be compared.
        complete: whether the whole file could be read; else rows are missing after the break.
        problems: findings of the `record` layer.
    """

    rows: tuple[Row, ...] = ()
    named: frozenset[str] = frozenset()
    complete: bool = False
    problems: tuple[Finding, ...] = ()


def parse_record(data: bytes, where: str, limits: Limits) -> Record:
    """Read RECORD; `where` is its name in the wheel. Raises nothing: what is wrong is in `problems`."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return Record(problems=(Finding("record-not-utf8", where, f"line {line} is not UTF-8"),))
    problems: list[Finding] = []
    if text.startswith("\ufeff"):
        problems.append(_malformed(where, "starts with a byte order mark"))
        text = text[1:]
    rows: list[Row] = []
    named: set[str] = set()
    complete = False
    reader = csv.reader(_lines(text), strict=True)
    try:
        for count, columns in enumerate(reader, start=1):
            if count > limits.record_rows:
                message = f"has more than {limits.record_rows} rows; those after were not read"
                problems.append(Finding("record-unreadable", where, message))
                break
            if len(columns) == 3:
                rows.append(Row(reader.line_num, *columns))
            elif not columns:
                problems.append(_malformed(where, f"line {reader.line_num} is blank"))
            else:
                named.add(columns[0])
                found = (
                    f"line {reader.line_num} has {_columns(len(columns))}, expected 3: {quoted(columns[0])}"
                )
                problems.append(_malformed(where, found))
        else:
            complete = True
    except csv.Error as error:
        problems.append(
            _malformed(where, f"line {reader.line_num} is no CSV ({error}); reading stopped there")
        )
    return Record(tuple(rows), frozenset(named), complete, tuple(problems))


def _lines(text: str) -> Iterator[str]:
    """The lines with their ends, as `csv` wants them; without a copy of the whole."""
    at = 0
    while at < len(text) and (found := _LINE.match(text, at)):
        if found.end() - at > MAX_LINE:
            raise csv.Error(f"line longer than {MAX_LINE} characters")
        yield found[0]
        at = found.end()


def digest_text(digest: bytes) -> str:
    """A digest as RECORD spells it: URL-safe Base64 without padding."""
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def read_digest(text: str, size_bytes: int) -> tuple[bytes | None, str]:
    """The digest a RECORD row means, and what is wrong with its spelling (empty when nothing is).

    Args:
        text: the part after `algorithm=`.
        size_bytes: length of that algorithm's digests.
    """
    if len(text) == size_bytes * 2 and _HEX.fullmatch(text):
        return bytes.fromhex(text), "is hexadecimal"
    url_safe = _URLSAFE.fullmatch(text) is not None
    if not url_safe and _STANDARD.fullmatch(text) is None:
        return None, "is not Base64"
    bare = text.rstrip("=")
    try:
        digest = base64.b64decode(
            bare.replace("-", "+").replace("_", "/") + "=" * (-len(bare) % 4), validate=True
        )
    except binascii.Error:
        return None, "is not Base64"
    if len(digest) != size_bytes:
        return None, f"is {len(digest)} bytes long, expected {size_bytes}"
    if not url_safe:
        return digest, "uses the standard Base64 alphabet (`+` and `/`), expected the URL-safe one"
    if bare != text:
        return digest, "is padded with `=`"
    return digest, "" if digest_text(digest) == text else "has spare bits that are not zero"


def path_problem(path: str) -> Finding | None:
    """What is wrong with a row's path in itself: it leaves the wheel, or it is not spelled the one right way."""
    if _ODD_PATH.search(path) is None:
        return None
    if _ABSOLUTE.match(path):
        return Finding("record-path-absolute", path, f"{quoted(path)} is an absolute path")
    parts = _SEPARATORS.split(path)
    if ".." in parts:
        return Finding("record-path-traversal", path, f"{quoted(path)} climbs with `..`")
    if not path:
        reason = "the path is empty"
    elif "\\" in path:
        reason = f"{quoted(path)} has a backslash"
    elif "." in parts:
        reason = f"{quoted(path)} has a `.` component"
    elif "" in parts[:-1]:
        reason = f"{quoted(path)} has an empty component"
    elif path.endswith("/"):
        return None  # a directory: told by the check, which knows whether there is one
    else:
        reason = f"{quoted(path)} has a control character"
    return Finding("record-path-spelling", path, reason)


def loose_key(path: str) -> str:
    """What two spellings of one file have in common on some file system: separators, `.`, case and Unicode form."""
    parts = [part for part in _SEPARATORS.split(path) if part not in {"", "."}]
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", "/".join(parts)).casefold())


def _malformed(where: str, message: str) -> Finding:
    return Finding("record-malformed-row", where, message)


def _columns(count: int) -> str:
    return "1 column" if count == 1 else f"{count} columns"
