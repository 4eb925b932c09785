r"""Honest and hostile wheels, ZIPs and sdists, built in memory.

Honest: `build_wheel({"demo_pkg/__init__.py": "x = 1\n"})`. With one lie: `build_wheel(..., metadata=..., rows={"a.py": None})`.
Hostile containers: take `wheel_entries(...)`, change an `Entry`, give the list to `build_zip`, which writes exactly
what it is told (every field of the local header, the central directory and the end records can be overridden).
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import struct
import tarfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from epochly_verify.limits import DEFAULT, Limits
from epochly_verify.parse.archive import read_archive
from epochly_verify.parse.source import BytesSource

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from epochly_verify.model import Archive

WHEEL_NAME = "demo_pkg-1.0-py3-none-any.whl"
SDIST_NAME = "demo_pkg-1.0.tar.gz"
VECTORS = Path(__file__).parent.parent / "vectors"
STORED, DEFLATED = 0, 8
DOS_TIME, DOS_DATE = 0, 0x21  # 1980-01-01


def vector(*parts: str) -> bytes:
    """The bytes of a file under `tests/vectors/`."""
    return VECTORS.joinpath(*parts).read_bytes()


def attack_wheel(case: str) -> bytes:
    """The bytes of `tests/vectors/attack-wheels/CASE/...whl`."""
    return vector("attack-wheels", case, "demo_pkg-1.0-py3-none-any.whl")


@dataclass
class Entry:
    """One ZIP entry; `local` and `central` override single fields on one side only.

    Keys of both: name, flags, method, crc, size, compressed, extra, version. Of `central` also: offset, comment,
    mode, external, system, disk, internal.
    """

    name: bytes | str
    data: bytes = b""
    method: int = STORED
    mode: int = 0o100644
    flags: int | None = None
    payload: bytes | None = None  # the bytes in the file, when they are not `data` compressed by `method`
    descriptor: bytes = b""  # follows the payload; set `flags=8` with it
    local: dict[str, Any] = field(default_factory=dict)
    central: dict[str, Any] = field(default_factory=dict)
    in_local: bool = True
    in_central: bool = True


def _deflate(data: bytes) -> bytes:
    squeeze = zlib.compressobj(6, zlib.DEFLATED, -15)
    return squeeze.compress(data) + squeeze.flush()


def _fields(entry: Entry, payload: bytes, side: Mapping[str, Any]) -> dict[str, Any]:
    name = entry.name.encode() if isinstance(entry.name, str) else entry.name
    flags = entry.flags if entry.flags is not None else (0 if name.isascii() else 0x800)
    usual = {
        "name": name,
        "flags": flags,
        "method": entry.method,
        "crc": zlib.crc32(entry.data),
        "size": len(entry.data),
        "compressed": len(payload),
        "extra": b"",
        "version": 20,
        "time": DOS_TIME,
        "date": DOS_DATE,
        "offset": 0,
        "comment": b"",
        "mode": entry.mode,
        "system": 3,
        "disk": 0,
        "internal": 0,
    }
    usual.update(side)
    if isinstance(usual["name"], str):
        usual["name"] = usual["name"].encode()
    usual.setdefault("external", usual["mode"] << 16)
    return usual


def build_zip(
    entries: Sequence[Entry],
    *,
    prefix: bytes = b"",
    shift_offsets: bool = True,
    between: bytes = b"",
    before_end: bytes = b"",
    comment: bytes = b"",
    trailing: bytes = b"",
    end64: bool = False,
    end64_fields: Mapping[str, Any] | None = None,
    locator: bool | None = None,
    locator_fields: Mapping[str, Any] | None = None,
    end_fields: Mapping[str, int] | None = None,
) -> bytes:
    """A ZIP exactly as told.

    Args:
        entries: in local order, which is also the central directory's order.
        prefix: bytes before the first local header.
        shift_offsets: whether offsets count the prefix, or are as if it were absent.
        between: bytes between the last entry and the central directory.
        before_end: bytes between the central directory (and ZIP64 records) and the end record.
        comment: the end record's comment.
        trailing: bytes after everything.
        end64: write a ZIP64 end record and its locator.
        locator: `False` leaves the locator out, `True` writes one without a ZIP64 end record.
        end64_fields: record_size, made, needed, disk, cd_disk, disk_count, count, cd_size, cd_offset, extensible.
        locator_fields: disk, offset, disks.
        end_fields: disk, cd_disk, disk_count, count, cd_size, cd_offset, comment_length.
    """
    out = bytearray(prefix)
    shift = 0 if shift_offsets else len(prefix)
    central = bytearray()
    count = 0
    for entry in entries:
        payload = entry.payload
        if payload is None:
            payload = _deflate(entry.data) if entry.method == DEFLATED else entry.data
        offset = len(out) - shift
        if entry.in_local:
            f = _fields(entry, payload, entry.local)
            out += struct.pack(
                "<4s5H3L2H", b"PK\x03\x04", f["version"], f["flags"], f["method"], f["time"], f["date"],
                f["crc"], f["compressed"], f["size"], len(f["name"]), len(f["extra"]),
            )  # fmt: skip
            out += f["name"] + f["extra"] + payload + entry.descriptor
        if entry.in_central:
            f = _fields(entry, payload, {"offset": offset} | entry.central)
            central += struct.pack(
                "<4s4B4H3L5H2L", b"PK\x01\x02", 20, f["system"], f["version"], 0, f["flags"], f["method"], f["time"],
                f["date"], f["crc"], f["compressed"], f["size"], len(f["name"]), len(f["extra"]),
                len(f["comment"]), f["disk"], f["internal"], f["external"], f["offset"],
            )  # fmt: skip
            central += f["name"] + f["extra"] + f["comment"]
            count += 1
    out += between
    e = {"disk": 0, "cd_disk": 0, "disk_count": count, "count": count}
    e |= {"cd_size": len(central), "cd_offset": len(out) - shift, "comment_length": len(comment)}
    out += central
    if end64:
        at = len(out) - shift
        g: dict[str, Any] = e | {"made": 45, "needed": 45, "extensible": b""} | dict(end64_fields or {})
        record_size = g.get("record_size", 44 + len(g["extensible"]))
        out += struct.pack(
            "<4sQ2H2L4Q", b"PK\x06\x06", record_size, g["made"], g["needed"], g["disk"], g["cd_disk"],
            g["disk_count"], g["count"], g["cd_size"], g["cd_offset"],
        )  # fmt: skip
        out += g["extensible"]
        if locator is not False:
            h = {"disk": 0, "offset": at, "disks": 1} | dict(locator_fields or {})
            out += struct.pack("<4sLQL", b"PK\x06\x07", h["disk"], h["offset"], h["disks"])
    elif locator:
        h = {"disk": 0, "offset": len(out) - shift, "disks": 1} | dict(locator_fields or {})
        out += struct.pack("<4sLQL", b"PK\x06\x07", h["disk"], h["offset"], h["disks"])
    out += before_end
    e |= dict(end_fields or {})
    out += struct.pack(
        "<4s4H2LH", b"PK\x05\x06", e["disk"], e["cd_disk"], e["disk_count"], e["count"], e["cd_size"],
        e["cd_offset"], e["comment_length"],
    )  # fmt: skip
    return bytes(out + comment + trailing)


def record_row(path: str, data: bytes) -> str:
    """One honest RECORD row, without the line end."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    spelled = f'"{path}"' if "," in path else path
    return f"{spelled},sha256={digest},{len(data)}"


def wheel_entries(
    files: Mapping[str, bytes | str],
    *,
    name: str = "demo_pkg",
    version: str = "1.0",
    tags: Sequence[str] = ("py3-none-any",),
    metadata: bytes | str | None = None,
    wheel: bytes | str | None = None,
    record: bytes | str | None = None,
    rows: Mapping[str, str | None] | None = None,
    omit: Iterable[str] = (),
    unlisted: Mapping[str, bytes | str] | None = None,
    method: int = DEFLATED,
) -> list[Entry]:
    """The entries of an honest wheel, RECORD last; the keywords tell its lies (see `build_wheel`)."""
    info = f"{name}-{version}.dist-info"
    if metadata is None:
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    if wheel is None:
        pure = str(all(tag.endswith("-none-any") for tag in tags)).lower()
        wheel = f"Wheel-Version: 1.0\nGenerator: demo 1\nRoot-Is-Purelib: {pure}\n"
        wheel += "".join(f"Tag: {tag}\n" for tag in tags)
    named = dict(files)
    named.setdefault(f"{info}/METADATA", metadata)
    named.setdefault(f"{info}/WHEEL", wheel)
    contents = {
        path: _bytes(data) for path, data in named.items() if path.removeprefix(f"{info}/") not in set(omit)
    }
    listed = {path: record_row(path, data) for path, data in contents.items() if not path.endswith("/")}
    listed[f"{info}/RECORD"] = f"{info}/RECORD,,"
    for path, row in (rows or {}).items():
        if row is None:
            listed.pop(path, None)
        else:
            listed[path] = row
    if record is None:
        record = "".join(f"{row}\n" for row in listed.values())
    contents |= {path: _bytes(data) for path, data in (unlisted or {}).items()}
    if "RECORD" not in set(omit):
        contents[f"{info}/RECORD"] = _bytes(record)
    return [
        Entry(
            path,
            data,
            method=STORED if path.endswith("/") else method,
            mode=0o040755 if path.endswith("/") else 0o100644,
        )
        for path, data in contents.items()
    ]


def build_wheel(files: Mapping[str, bytes | str], **lies: Any) -> bytes:
    """A wheel of `files` with METADATA, WHEEL and a right RECORD, unless a keyword says otherwise.

    Args:
        files: path in the wheel -> content; a path under the dist-info folder replaces the usual file.
        **lies: `name`, `version`, `tags`; `metadata`, `wheel`, `record` (whole replacement texts); `rows` (path ->
            RECORD row without line end, `None` leaves it out); `omit` (dist-info file names to leave out, RECORD
            too); `unlisted` (members that RECORD does not name); `method` (`STORED` or `DEFLATED`).
    """
    return build_zip(wheel_entries(files, **lies))


def build_sdist(
    files: Mapping[str, bytes | str],
    *,
    name: str = "demo_pkg",
    version: str = "1.0",
    members: Sequence[tuple[tarfile.TarInfo, bytes]] = (),
) -> bytes:
    """A `.tar.gz` of `files` below `NAME-VERSION/` with a PKG-INFO, then `members` exactly as given."""
    top = f"{name}-{version}"
    contents = {"PKG-INFO": f"Metadata-Version: 2.2\nName: {name}\nVersion: {version}\n"} | dict(files)
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path, data in contents.items():
            info = tarfile.TarInfo(f"{top}/{path}")
            info.size = len(_bytes(data))
            tar.addfile(info, io.BytesIO(_bytes(data)))
        for info, data in members:
            tar.addfile(info, io.BytesIO(data))
    return gzip.compress(raw.getvalue(), mtime=0)


def _bytes(data: bytes | str) -> bytes:
    return data if isinstance(data, bytes) else data.encode()


def archive_of(
    data: bytes, filename: str = WHEEL_NAME, limits: Limits = DEFAULT, *, jobs: int = 1
) -> Archive:
    """What the archive parser makes of some bytes."""
    return read_archive(BytesSource(data), filename, limits, jobs=jobs)


def defect_ids(data: bytes, filename: str = WHEEL_NAME, limits: Limits = DEFAULT) -> list[str]:
    """The ids of the archive's defects, each once, sorted."""
    return sorted({finding.id for finding in archive_of(data, filename, limits).defects})
