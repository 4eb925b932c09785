"""The records of a ZIP file, one by one: bytes at an offset to a value, with what is wrong inside that record.

Reads records only; which of them belong together is `zipstructure.py`'s matter. A record that is cut short gives
`None`. Nothing is guessed: a value the format leaves open (a size after a data descriptor) stays as it stands.

Specification: PKWARE APPNOTE 6.3.10, sections 4.3.7 (local header), 4.3.9 (data descriptor), 4.3.12 (central
directory), 4.3.14 to 4.3.16 (end records), 4.5.3 (ZIP64 extra), 4.6.9 (Unicode path extra).
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from epochly_verify.parse.source import Source

LOCAL, CENTRAL, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
END64, LOCATOR, DESCRIPTOR = b"PK\x06\x06", b"PK\x06\x07", b"PK\x07\x08"

ENCRYPTED = 0x0001 | 0x0040 | 0x2000  # traditional, strong, masked headers
HAS_DESCRIPTOR = 0x0008
PATCHED = 0x0020
UTF8 = 0x0800
DEFLATE_HINTS = 0x0006  # how hard the compressor tried; means nothing to a reader
STORED, DEFLATED = 0, 8

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s4B4H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_ALL16, _ALL32 = 0xFFFF, 0xFFFFFFFF
_ZIP64_EXTRA, _UNICODE_PATH = 0x0001, 0x7075
_ZIP64_LENGTHS = frozenset({0, 8, 16, 24, 28})
MAX_COMMENT_BYTES = 0xFFFF
MAX_VERSION = 63  # tenths; the latest version of the specification, and the most `zipfile` reads
_GUESS_BYTES = 512  # one read gets nearly every local header with its name

Problem = tuple[str, str]  # finding id, message


class Header(NamedTuple):
    """One entry as one of its two headers states it (a tuple, because a wheel may have tens of thousands).

    `at` is the header's own offset, `stop` the offset after it (in a local header: where the data begin). `size`,
    `compressed` and `offset` already hold the ZIP64 values; `moment` is DOS time and date. The last four say something in the central directory only.
    """

    at: int
    stop: int
    name: bytes
    flags: int
    method: int
    crc: int
    compressed: int
    size: int
    zip64: bool
    needed: int
    moment: tuple[int, int]
    problems: tuple[Problem, ...]
    offset: int = 0
    external: int = 0
    disk: int = 0
    comment_bytes: int = 0


class EndRecord(NamedTuple):
    """The end of central directory record, ZIP64 included: `entries`, `cd_size` and `cd_offset` are the final values.

    `first` is where the first of the end records begins: everything before it should be central directory.
    """

    at: int
    stop: int
    first: int
    entries: int
    cd_size: int
    cd_offset: int
    comment: bytes
    problems: tuple[Problem, ...]
    zip64: bool = False


def local_header(source: Source, at: int) -> Header | None:
    """The local header at an offset; `None` when there is none, or not all of it."""
    raw = source.read_at(at, _GUESS_BYTES)
    if len(raw) < _LOCAL.size or raw[:4] != LOCAL:
        return None
    (_, needed, flags, method, time, date, crc, compressed, size, name_length,
     extra_length) = _LOCAL.unpack_from(raw)  # fmt: skip
    length = _LOCAL.size + name_length + extra_length
    if length > len(raw):
        raw = source.read_at(at, length)
        if len(raw) < length:
            return None
    name = raw[_LOCAL.size : _LOCAL.size + name_length]
    if not extra_length and needed & 0xFF <= MAX_VERSION and _ALL32 not in {compressed, size}:
        return Header(
            at, at + length, name, flags, method, crc, compressed, size, False, needed, (time, date), ()
        )
    extra = raw[_LOCAL.size + name_length : length]
    sizes, zip64, problems = _extras(extra, name, (size, compressed))
    problems += _version(needed)
    return Header(
        at, at + length, name, flags, method, crc, sizes[1], sizes[0], zip64, needed, (time, date), problems
    )


def central_header(source: Source, at: int) -> Header | None:
    """The central directory header at an offset; `None` when there is none, or not all of it."""
    raw = source.read_at(at, _CENTRAL.size)
    if len(raw) < _CENTRAL.size or raw[:4] != CENTRAL:
        return None
    (_, _, _, needed, _, flags, method, time, date, crc, compressed, size, name_length, extra_length, comment_length, disk, _,
     external, offset) = _CENTRAL.unpack(raw)  # fmt: skip
    length = name_length + extra_length + comment_length
    rest = source.read_at(at + _CENTRAL.size, length)
    if len(rest) < length:
        return None
    name = rest[:name_length]
    stop = at + _CENTRAL.size + length
    zip64 = False
    problems: tuple[Problem, ...] = ()
    if extra_length or _ALL32 in {compressed, size, offset}:
        extra = rest[name_length : name_length + extra_length]
        values, zip64, problems = _extras(extra, name, (size, compressed, offset, disk))
        size, compressed, offset, disk = values
    if needed > MAX_VERSION:
        problems += _version(needed)
    return Header(
        at,
        stop,
        name,
        flags,
        method,
        crc,
        compressed,
        size,
        zip64,
        needed,
        (time, date),
        problems,
        offset,
        external,
        disk,
        comment_length,
    )


def _version(needed: int) -> tuple[Problem, ...]:
    if needed & 0xFF <= MAX_VERSION:
        return ()
    major, minor = divmod(needed & 0xFF, 10)
    message = f"version {major}.{minor} of the format is needed; 6.3 is the latest there is"
    return (("unsupported-version", message),)


def _extras(
    extra: bytes, name: bytes, values: tuple[int, ...]
) -> tuple[tuple[int, ...], bool, tuple[Problem, ...]]:
    """The header's values with ZIP64 ones put in, whether there was a ZIP64 field, and what is wrong with the fields."""
    problems: list[Problem] = []
    zip64 = None
    seen: set[int] = set()
    at = 0
    while at < len(extra):
        if at + 4 > len(extra):
            problems.append(
                ("extra-field-malformed", f"{len(extra) - at} bytes too few for an extra field are left")
            )
            break
        kind, length = struct.unpack_from("<2H", extra, at)
        data = extra[at + 4 : at + 4 + length]
        at += 4 + length
        if len(data) < length:
            message = f"extra field 0x{kind:04x} says {length} bytes and only {len(data)} are left"
            problems.append(("extra-field-malformed", message))
            break
        if kind not in {_ZIP64_EXTRA, _UNICODE_PATH}:
            continue
        if kind in seen:
            message = f"extra field 0x{kind:04x} stands twice, readers choose differently"
            if ("extra-field-malformed", message) not in problems:
                problems.append(("extra-field-malformed", message))
            continue
        seen.add(kind)
        if kind == _ZIP64_EXTRA:
            zip64 = data
        else:
            problems += _unicode_path(data, name)
    if zip64 is None:
        wanted = [field for field, value in zip(_FIELDS, values[:3], strict=False) if value == _ALL32]
        if wanted:
            problems.append(
                ("zip64-malformed", f"the {wanted[0]} is left to a ZIP64 extra field, and there is none")
            )
        return values, False, tuple(problems)
    values, more = _zip64_values(zip64, values)
    return values, True, tuple(problems + more)


_FIELDS = ("size", "compressed size", "offset", "disk")


def _zip64_values(data: bytes, values: tuple[int, ...]) -> tuple[tuple[int, ...], list[Problem]]:
    """Put the ZIP64 values in: APPNOTE 4.5.3 has only those whose ordinary field is all ones, in a fixed order.

    Some writers list all of them always, and some readers believe them always: then both readings must agree.
    """
    if len(data) not in _ZIP64_LENGTHS:
        return values, [
            (
                "zip64-malformed",
                f"the ZIP64 extra field has {len(data)} bytes; 0, 8, 16, 24 or 28 are possible",
            )
        ]
    listed = list(struct.unpack_from(f"<{min(len(data) // 8, 3)}Q", data))
    if len(data) == 28:
        listed.append(struct.unpack_from("<L", data, 24)[0])
    missing = [i for i, value in enumerate(values) if value == (_ALL16 if i == 3 else _ALL32)]
    if len(missing) > len(listed):
        field = _FIELDS[missing[len(listed)]]
        return values, [("zip64-malformed", f"the ZIP64 extra field of {len(data)} bytes lacks the {field}")]
    merged = list(values)
    for value, index in zip(listed, missing, strict=False):
        merged[index] = value
    problems: list[Problem] = []
    if len(listed) > len(missing):
        for i, value in enumerate(listed[: len(values)]):
            if value == merged[i]:
                continue
            message = f"the {_FIELDS[i]} is {merged[i]}, but an unasked-for ZIP64 value says {value}"
            problems.append(("zip64-extra-differs" if i == 0 and not missing else "zip64-malformed", message))
        if len(listed) > len(values):
            problems.append(
                ("zip64-malformed", "the ZIP64 extra field has more values than the header has fields")
            )
    return tuple(merged), problems


def _unicode_path(data: bytes, name: bytes) -> list[Problem]:
    if len(data) < 5 or data[0] != 1:
        return [("extra-field-malformed", "extra field 0x7075 (Unicode path) is not of version 1")]
    path = data[5:]
    try:
        path.decode("utf-8")
    except UnicodeDecodeError:
        return [("extra-field-malformed", "extra field 0x7075 (Unicode path) is not UTF-8")]
    if path == name:
        return []
    holds = int.from_bytes(data[1:5], "little") == zlib.crc32(name)
    stale = "" if holds else ", although its checksum is of yet another name"
    return [
        (
            "unicode-path-mismatch",
            f"extra field 0x7075 gives the entry the other name {path.decode()!a}{stale}",
        )
    ]


def end_record(source: Source, at: int) -> EndRecord | None:
    """The end record at an offset, and the ZIP64 records before it; `None` when it is cut short."""
    raw = source.read_at(at, _END.size)
    if len(raw) < _END.size or raw[:4] != END:
        return None
    _, disk, cd_disk, disk_count, count, cd_size, cd_offset, comment_length = _END.unpack(raw)
    comment = source.read_at(at + _END.size, comment_length)
    problems: list[Problem] = []
    first, zip64 = at, False
    fields: tuple[int, ...] = (disk, cd_disk, disk_count, count, cd_size, cd_offset)
    limits = (_ALL16, _ALL16, _ALL16, _ALL16, _ALL32, _ALL32)
    locator = source.read_at(at - _LOCATOR.size, _LOCATOR.size) if at >= _LOCATOR.size else b""
    if locator[:4] == LOCATOR:
        found, first, problems = _end64(source, at - _LOCATOR.size, locator)
        if found:
            zip64 = True
            for label, value, wide, ones in zip(_END_FIELDS, fields, found, limits, strict=True):
                if value not in {ones, wide}:
                    message = f"the {label} is {value} in the end record and {wide} in the ZIP64 end record"
                    problems.append(("zip64-malformed", message))
            fields = found
    elif _ALL32 in {cd_size, cd_offset}:
        problems.append(
            (
                "zip64-malformed",
                "the end record refers to a ZIP64 end record, and there is no locator for one",
            )
        )
    disk, cd_disk, disk_count, count, cd_size, cd_offset = fields
    if disk or cd_disk or disk_count != count:
        message = f"the end record is of disk {disk}, with {disk_count} of {count} entries on it; one disk is allowed"
        problems.append(("multi-disk", message))
    if len(comment) < comment_length:
        message = f"the comment should have {comment_length} bytes and the file ends after {len(comment)}"
        problems.append(("truncated-archive", message))
    stop = at + _END.size + len(comment)
    return EndRecord(at, stop, first, count, cd_size, cd_offset, comment, tuple(problems), zip64)


_END_FIELDS = ("disk", "central directory's disk", "entries on this disk", "entries", "central directory's size",
               "central directory's offset")  # fmt: skip


def _end64(source: Source, at: int, locator: bytes) -> tuple[tuple[int, ...] | None, int, list[Problem]]:
    """The ZIP64 end record a locator (at `at`) leads to: its six values, its offset, what is wrong."""
    problems: list[Problem] = []
    _, disk, offset, disks = _LOCATOR.unpack(locator)
    if disk or disks > 1:
        problems.append(
            ("multi-disk", f"the ZIP64 locator speaks of disk {disk} of {disks}; one disk is allowed")
        )
    usual = at - _END64.size
    raw = source.read_at(usual, _END64.size) if usual >= 0 else b""
    where = usual
    if raw[:4] != END64 or offset != usual:
        problems.append(
            ("zip64-malformed", f"the ZIP64 locator gives offset {offset}, the record should be at {usual}")
        )
    if raw[:4] != END64 and offset < at:
        where = offset
        raw = source.read_at(offset, _END64.size)
    if raw[:4] != END64 or len(raw) < _END64.size:
        return None, at, problems
    _, record_size, _, _, disk, cd_disk, disk_count, count, cd_size, cd_offset = _END64.unpack(raw)
    if record_size != _END64.size - 12:
        message = f"the ZIP64 end record has {record_size} bytes; with extensible data it is not accepted, without it has 44"
        problems.append(("zip64-malformed", message))
    return (disk, cd_disk, disk_count, count, cd_size, cd_offset), where, problems


def find_end(source: Source) -> EndRecord | None:
    """The end record a seeking reader takes: at the very end, else the last signature in the last 64 KiB."""
    size = source.size_bytes
    plain = size - _END.size
    if plain < 0:
        return None
    raw = source.read_at(plain, _END.size)
    if raw[:4] == END and raw[-2:] == b"\0\0":
        return end_record(source, plain)
    start = max(plain - MAX_COMMENT_BYTES, 0)
    tail = source.read_at(start, size - start)
    found = tail.rfind(END, 0, len(tail) - _END.size + 4)
    return end_record(source, start + found) if found >= 0 else None


def descriptor_problem(raw: bytes, expected: tuple[int, int, int]) -> str:
    """What is wrong with the bytes of a data descriptor (APPNOTE 4.3.9), of 12, 16, 20 or 24 bytes; empty when nothing.

    Args:
        raw: exactly the descriptor.
        expected: CRC, compressed size and size.
    """
    if len(raw) in {16, 24}:
        if raw[:4] != DESCRIPTOR:
            return "the data descriptor has no signature where one should be"
        raw = raw[4:]
    form = "<3L" if len(raw) == 12 else "<L2Q"
    found = struct.unpack(form, raw)
    for label, seen, wanted in zip(("CRC", "compressed size", "size"), found, expected, strict=True):
        if seen != wanted:
            return f"the data descriptor's {label} is {seen}, the directory's {wanted}"
    return ""


DESCRIPTOR_LENGTHS = (12, 16, 20, 24)  # without and with signature, in 32-bit and in ZIP64 form
