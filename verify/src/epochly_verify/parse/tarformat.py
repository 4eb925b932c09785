"""Tar headers, one by one: 512 bytes, or a pax record, to a value or to the reason why not.

Reads the ustar, GNU and V7 layouts as Python's `tarfile` does and refuses what readers take differently: a wrong
checksum, negative or unreadable numbers, pax records that do not add up, global headers that rename members.

Specification: POSIX.1-2017 pax, "ustar Interchange Format" and "pax Header Block"; the GNU tar manual, "Basic Tar Format".
"""

from __future__ import annotations

from typing import NamedTuple

BLOCK = 512  # bytes; everything in a tar is a multiple of it
ZEROS = bytes(BLOCK)

FILE_TYPES = frozenset(b"0\x007")
HARDLINK, SYMLINK, CHARACTER, BLOCK_DEVICE, DIRECTORY, FIFO = b"123456"
GNU_SPARSE = ord("S")
GNU_LONG_NAME, GNU_LONG_LINK = b"LK"
PAX, PAX_GLOBAL, PAX_SOLARIS = b"xgX"
_UNUSED_NUMBERS = (
    ("owner", 108, 116),
    ("group", 116, 124),
    ("time stamp", 136, 148),
    ("device number", 329, 337),
    ("device number", 337, 345),
)
_GNU_TYPES = frozenset({GNU_SPARSE, GNU_LONG_NAME, GNU_LONG_LINK})


class TarError(Exception):
    """A header that cannot be read; the text says why. Never leaves the parser."""


class TarCutShortError(TarError):
    """The archive ends before it is complete."""


class TarHeader(NamedTuple):
    """One 512-byte header: names as bytes, `type` as the byte's number."""

    name: bytes
    mode: int
    size: int
    type: int
    link: bytes


def parse_header(block: bytes) -> TarHeader:
    """Read a header block that is not all zeros.

    Raises:
        TarError: it is no tar header.
    """
    stored = _number(block[148:156], "checksum")
    plain = sum(block) - sum(block[148:156]) + 8 * ord(" ")
    if stored != plain:
        signed = plain - 256 * sum(byte > 127 for byte in block[:148] + block[156:])
        if stored != signed:  # some old writers added the bytes as signed numbers
            raise TarError(f"its checksum is {plain}, the header says {stored}")
    name = _text(block[:100])
    kind = block[156]
    if block[345] and kind not in _GNU_TYPES:
        if block[257:263] != b"ustar\0":
            raise TarError("it has bytes where ustar headers have a prefix of the name, and is not one")
        name = _text(block[345:500]) + b"/" + name
    if kind == 0 and name.endswith(b"/"):
        kind = DIRECTORY  # V7 had no type for it
    for label, start, stop in _UNUSED_NUMBERS:  # readers that use them give up here
        if block[start] != 0xFF:  # a negative time stamp is odd and harmless
            _number(block[start:stop], label)
    return TarHeader(
        name, _number(block[100:108], "mode"), _number(block[124:136], "size"), kind, _text(block[157:257])
    )


def _text(field: bytes) -> bytes:
    return field.partition(b"\0")[0]


def _number(field: bytes, label: str) -> int:
    if field[0] & 0x80:  # GNU base-256
        number = int.from_bytes(field[1:], "big")
        if field[0] & 0x7F or number >= 1 << 63:
            raise TarError(f"its {label} is negative or absurdly large")
        return number
    digits = field.partition(b"\0")[0].strip(b" ")
    if not digits:
        return 0
    if digits.strip(b"01234567"):
        raise TarError(f"its {label} {digits.decode('latin-1')!a} is no octal number")
    return int(digits, 8)


def parse_pax(data: bytes) -> dict[str, bytes]:
    """Read the records of a pax header: `LENGTH KEYWORD=VALUE` and a line end, each.

    Raises:
        TarError: the records do not add up, or one keyword stands twice.
    """
    records: dict[str, bytes] = {}
    at = 0
    while at < len(data):
        digits, space, _ = data[at : at + 20].partition(b" ")
        if not space or not digits.isdigit():
            raise TarError("a pax record does not begin with its length")
        length = int(digits)
        record = data[at + len(digits) + 1 : at + length]
        if length <= len(digits) + 1 or at + length > len(data) or record[-1:] != b"\n":
            raise TarError(f"a pax record of {length} bytes does not end with a line end there")
        keyword, equals, value = record[:-1].partition(b"=")
        key = keyword.decode("utf-8", "backslashreplace")
        if not equals or not key:
            raise TarError("a pax record has no keyword")
        if key in records:
            raise TarError(f"the pax keyword {key[:40]!a} stands twice")
        records[key] = value
        at += length
    return records
