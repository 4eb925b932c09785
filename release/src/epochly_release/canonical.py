"""The one canonical form of a wheel and of an sdist: same contents in, same bytes out. Pure: bytes -> bytes.

Everything that does not matter is fixed: order, times, modes, owners, comments, compression. Contents are kept
byte for byte; only RECORD's rows are sorted, after every row was checked against the member it speaks of. Entries
are STORED and gzip holds stored blocks, because a compressor's version would be an input otherwise
(`docs/adr/0003-stored-entries.md`). Both containers are written here field by field, so that no library's version
is an input either.

Refuses what has no canonical form: links, devices, names that leave the folder, duplicates, a RECORD that is wrong.

Sources: PKWARE APPNOTE 6.3; packaging.python.org "binary distribution format", "recording installed projects",
"source distribution format"; POSIX.1-2017 pax; RFC 1951, RFC 1952; reproducible-builds.org SOURCE_DATE_EPOCH.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import stat
import struct
import tarfile
import zipfile
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn

from epochly_release.errors import Refused

ZIP_EPOCH_MIN = 315_532_800  # seconds: 1980-01-01, the first moment a ZIP entry can name
ZIP_EPOCH_MAX = 4_354_819_198  # seconds: 2107-12-31T23:59:58, the last
MAX_ENTRIES = 65_534  # entries: more would need ZIP64
MAX_BYTES = 2_000_000_000  # bytes, unpacked: below the 2 GiB where readers begin to need ZIP64
STORED_BLOCK = 65_535  # bytes: the most one stored DEFLATE block holds (RFC 1951, 3.2.4)
TAR_RECORD = 10_240  # bytes: tar files end on a whole record
HASHES = {"sha256": hashlib.sha256, "sha384": hashlib.sha384, "sha512": hashlib.sha512}
UNHASHED = ("RECORD", "RECORD.jws", "RECORD.p7s")  # rows that may have neither hash nor size


@dataclass(frozen=True, slots=True)
class Member:
    """One file of a container: its name with `/`, its bytes, and whether anybody may execute it."""

    name: str
    data: bytes
    executable: bool = False


def canonical(name: str, data: bytes, epoch: int) -> bytes:
    """The canonical form of the file called `name`, a `.whl` or a `.tar.gz`; raises `Refused`."""
    if name.endswith(".whl"):
        return canonical_wheel(data, epoch, name)
    if name.endswith(".tar.gz"):
        return canonical_sdist(data, epoch, name)
    return _refuse("no-canonical-form", name, "is neither `.whl` nor `.tar.gz`", "release wheels and sdists")


def members(name: str, data: bytes) -> tuple[Member, ...]:
    """The files in a wheel or sdist, sorted by name; raises `Refused` for what has no canonical form."""
    return _zip_members(data, name) if name.endswith(".whl") else _tar_members(data, name)


def canonical_wheel(data: bytes, epoch: int, where: str = "wheel") -> bytes:
    """Sorted entries, dist-info last and RECORD last of all, one even time, mode 0644 or 0755, STORED, no extras."""
    found = {member.name: member for member in _zip_members(data, where)}
    folders = {name.partition("/")[0] for name in found if name.partition("/")[0].endswith(".dist-info")}
    if len(folders) != 1:
        _refuse("dist-info", where, f"has {len(folders)} `.dist-info` folders", "build one wheel a project")
    info = f"{folders.pop()}/"
    record = f"{info}RECORD"
    if record not in found:
        _refuse("no-record", where, f"has no `{record}`", "every wheel lists its files")
    found[record] = Member(record, _canonical_record(found, record, where))
    ordered = sorted(found.values(), key=lambda m: (m.name == record, m.name.startswith(info), m.name))
    return _zip(ordered, epoch, where)


def canonical_sdist(data: bytes, epoch: int, where: str = "sdist") -> bytes:
    """Sorted files under one top folder, owner 0 without names, mtime `epoch`, mode 0644 or 0755, stored gzip."""
    found = _tar_members(data, where)
    tops = {member.name.partition("/")[0] for member in found}
    if len(tops) != 1 or not any(member.name == f"{min(tops)}/PKG-INFO" for member in found):
        _refuse(
            "sdist-shape", where, "is not one top folder with a `PKG-INFO`", "build it with a PEP 517 backend"
        )
    if not 0 <= epoch < 2**32:
        _refuse("epoch", where, f"`{epoch}` is no time gzip can name", "use the commit's time")
    return _gzip(_tar(found, epoch), epoch)


def _canonical_record(found: dict[str, Member], record: str, where: str) -> bytes:
    try:
        rows: list[list[str]] = [
            row for row in csv.reader(io.StringIO(found[record].data.decode("utf-8"), newline="")) if row
        ]
    except (UnicodeDecodeError, csv.Error) as error:
        _refuse("record-wrong", where, f"`{record}` cannot be read: {error}", "mend the build backend")
    listed: dict[str, list[str]] = {}
    for row in rows:
        if len(row) != 3 or row[0] in listed:
            _refuse(
                "record-wrong",
                where,
                f"`{record}` has a bad or repeated row for `{row[0]}`",
                "mend the build backend",
            )
        listed[row[0]] = row
    unhashed = {record.removesuffix("RECORD") + name for name in UNHASHED}
    for name in sorted({*found, *listed}):
        if name not in listed or name not in found:
            fault = "lists no" if name in found else "lists the missing"
            _refuse("record-wrong", where, f"`{record}` {fault} `{name}`", "mend the build backend")
        if name in unhashed and listed[name][1:] == ["", ""]:
            continue
        if name == record or not _row_holds(listed[name], found[name].data):
            _refuse("record-wrong", where, f"`{record}` is wrong about `{name}`", "mend the build backend")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows(listed[name] for name in sorted(listed, key=lambda name: (name == record, name)))
    return text.getvalue().encode("utf-8")


def _row_holds(row: list[str], data: bytes) -> bool:
    algorithm, _, digest = row[1].partition("=")
    if algorithm not in HASHES or row[2] != str(len(data)):
        return False
    return digest == base64.urlsafe_b64encode(HASHES[algorithm](data).digest()).rstrip(b"=").decode()


def _zip_members(data: bytes, where: str) -> tuple[Member, ...]:
    found: dict[str, Member] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if len(entries) > MAX_ENTRIES or sum(entry.file_size for entry in entries) > MAX_BYTES:
                _refuse("too-large", where, "is too large for a canonical ZIP", "split it")
            for entry in entries:
                mode = entry.external_attr >> 16
                if stat.S_IFMT(mode) not in {0, stat.S_IFREG, stat.S_IFDIR}:
                    _refuse(
                        "not-a-file", where, f"`{entry.filename}` is no regular file", "ship files, not links"
                    )
                if entry.is_dir():
                    continue
                _claim(entry.orig_filename, found, where)
                found[entry.filename] = Member(entry.filename, archive.read(entry), bool(mode & 0o111))
    except (
        zipfile.BadZipFile,
        zlib.error,
        NotImplementedError,
        RuntimeError,
        EOFError,
        ValueError,
        OSError,
    ) as error:
        _refuse("unreadable", where, f"is no readable ZIP: {error}", "build it again")
    return tuple(found[name] for name in sorted(found))


def _tar_members(data: bytes, where: str) -> tuple[Member, ...]:
    found: dict[str, Member] = {}
    try:
        unpacker = zlib.decompressobj(wbits=31)
        plain = unpacker.decompress(data, MAX_BYTES)
        if not unpacker.eof or unpacker.unused_data:
            _refuse("unreadable", where, "is no single, complete gzip stream", "build it again")
        with tarfile.open(fileobj=io.BytesIO(plain), mode="r:") as archive:
            for entry in archive:
                if entry.isdir():
                    continue
                if not entry.isreg() or entry.issparse():
                    _refuse(
                        "not-a-file", where, f"`{entry.name}` is no regular file", "ship files, not links"
                    )
                _claim(entry.name, found, where)
                reader = archive.extractfile(entry)
                assert reader is not None  # `extractfile` gives a reader for every regular file
                content = reader.read()
                if len(content) != entry.size:
                    _refuse("unreadable", where, f"`{entry.name}` is cut short", "build it again")
                found[entry.name] = Member(entry.name, content, bool(entry.mode & 0o111))
    except (tarfile.TarError, zlib.error, EOFError, ValueError, OSError) as error:
        _refuse("unreadable", where, f"is no readable tar.gz: {error}", "build it again")
    if not found:
        _refuse("unreadable", where, "is empty", "build it again")
    return tuple(found[name] for name in sorted(found))


def _claim(name: str, found: dict[str, Member], where: str) -> None:
    if name in found:
        _refuse("duplicate", where, f"holds `{name}` twice", "mend the build backend")
    if (
        any(part in {"", ".", ".."} for part in name.split("/"))
        or "\\" in name
        or "\0" in name
        or ":" in name
    ):
        _refuse("unsafe-name", where, f"holds the name {name!r}", "use plain relative names with `/`")


def _zip(ordered: list[Member], epoch: int, where: str) -> bytes:
    epoch = max(epoch, ZIP_EPOCH_MIN)
    if epoch > ZIP_EPOCH_MAX:
        _refuse("epoch", where, f"`{epoch}` is past the year 2107", "use the commit's time")
    when = datetime.fromtimestamp(epoch, UTC)
    date = (when.year - 1980) << 9 | when.month << 5 | when.day
    time = when.hour << 11 | when.minute << 5 | when.second // 2
    body, directory = bytearray(), bytearray()
    for member in ordered:
        name = member.name.encode("utf-8")
        flags = 0 if member.name.isascii() else 0x800  # the name is UTF-8
        size = len(member.data)
        shared = struct.pack(
            "<HHHHHIIIHH", 20, flags, 0, time, date, zlib.crc32(member.data), size, size, len(name), 0
        )
        mode = stat.S_IFREG | (0o755 if member.executable else 0o644)
        directory += struct.pack("<4sH", b"PK\1\2", 3 << 8 | 20) + shared
        directory += struct.pack("<HHHII", 0, 0, 0, mode << 16, len(body)) + name
        body += b"PK\3\4" + shared + name + member.data
    count = len(ordered)
    end = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, count, count, len(directory), len(body), 0)
    return bytes(body + directory + end)


def _tar(ordered: tuple[Member, ...], epoch: int) -> bytes:
    body = bytearray()
    for member in ordered:
        entry = tarfile.TarInfo(member.name)
        entry.size, entry.mtime, entry.mode = len(member.data), epoch, 0o755 if member.executable else 0o644
        body += entry.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
        body += member.data + bytes(-len(member.data) % 512)
    body += bytes(1024)
    return bytes(body + bytes(-len(body) % TAR_RECORD))


def _gzip(plain: bytes, epoch: int) -> bytes:
    """RFC 1952 by hand: no name, OS byte 255 (unknown), stored blocks of a fixed size."""
    body = bytearray(struct.pack("<4sIBB", b"\x1f\x8b\x08\x00", epoch, 0, 255))
    for start in range(0, len(plain), STORED_BLOCK):
        block = plain[start : start + STORED_BLOCK]
        last = start + STORED_BLOCK >= len(plain)
        body += struct.pack("<BHH", last, len(block), len(block) ^ 0xFFFF) + block
    return bytes(body + struct.pack("<II", zlib.crc32(plain), len(plain) & 0xFFFFFFFF))


def _refuse(code: str, where: str, message: str, hint: str) -> NoReturn:
    raise Refused(code, where, message, hint)
