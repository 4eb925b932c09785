"""A wheel's bytes to a `Wheel`: every file, read whole, with the names and sizes checked first.

Refused: what is no ZIP or no wheel, members that would land outside, that are there twice, encrypted, links, or of more
bytes than the bounds; a file name, dist-info folder and METADATA that disagree about what this is. This is a reader for
wheels one is about to publish, not a judge of hostile ones: that is `epochly-verify`.
https://packaging.python.org/en/latest/specifications/binary-distribution-format/
"""

from __future__ import annotations

import hashlib
import io
import re
import stat
import struct
import zipfile
import zlib

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from epochly_sbom.errors import InputError
from epochly_sbom.model import Member, Wheel
from epochly_sbom.parse.metadata import parse_metadata

MAX_MEMBERS = 200_000  # files; the largest real wheel seen has 31,000 (torch)
MAX_UNPACKED_BYTES = 4 * 1024**3  # bytes of all files; the largest real wheels unpack to 2 GiB
_UNSAFE = re.compile(r"\\|//|^/|^[A-Za-z]:|(?:^|/)\.{1,2}(?:/|$)|[\x00-\x1f\x7f]|^$")
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    ValueError,
    OSError,
)  # what `zipfile` raises on damaged input
_HINT_REBUILD = "build the wheel again with a current build backend"


def parse_wheel(data: bytes, filename: str) -> Wheel:
    """Read a wheel.

    Args:
        data: the whole file.
        filename: its name, without folders.

    Raises:
        InputError: it is no wheel that can be described.
    """
    try:
        project, version, _, _ = parse_wheel_filename(filename)
    except (InvalidWheelFilename, InvalidVersion) as error:
        raise InputError(
            filename, "is no name of a wheel", "keep the name the build backend gave it"
        ) from error
    members = _members(data, filename)
    info = _info(members, filename)
    found = next((member for member in members if member.path == f"{info}/METADATA"), None)
    if found is None:
        raise InputError(filename, f"has no `{info}/METADATA`", _HINT_REBUILD)
    metadata = parse_metadata(found.data, f"{filename}/{info}/METADATA")
    for where, name, said in (
        ("its dist-info folder", *info.removesuffix(".dist-info").partition("-")[::2]),
        ("METADATA", metadata.name, metadata.version),
    ):
        if canonicalize_name(name) != project or not _same(said, version):
            raise InputError(filename, f"{where} is of another project or version", "the three have to agree")
    return Wheel(filename, len(data), hashlib.sha256(data).hexdigest(), info, metadata, members)


def _members(data: bytes, filename: str) -> tuple[Member, ...]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            _refuse_unsafe(entries, filename)
            return tuple(
                Member(entry.filename, archive.read(entry), bool(entry.external_attr >> 16 & 0o111))
                for entry in entries
                if not entry.is_dir()
            )
    except _BROKEN as error:
        raise InputError(filename, "cannot be read as a ZIP archive", "fetch or build it again") from error


def _refuse_unsafe(entries: list[zipfile.ZipInfo], filename: str) -> None:
    problem = ""
    if len(entries) > MAX_MEMBERS:
        problem = f"has more than {MAX_MEMBERS} members"
    elif sum(entry.file_size for entry in entries) > MAX_UNPACKED_BYTES:
        problem = f"unpacks to more than {MAX_UNPACKED_BYTES} bytes"
    seen: set[str] = set()
    for entry in entries:
        where = f"{filename}/{entry.filename}"
        if entry.orig_filename != entry.filename or _UNSAFE.search(entry.filename):
            raise InputError(where, "is no plain relative path", _HINT_REBUILD)
        if entry.filename in seen:
            raise InputError(where, "is in the archive twice", _HINT_REBUILD)
        if entry.flag_bits & 1 or entry.compress_type not in _METHODS:
            raise InputError(where, "is encrypted or compressed in a way wheels do not allow", _HINT_REBUILD)
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise InputError(where, "is a link, which wheels do not allow", _HINT_REBUILD)
        seen.add(entry.filename)
    if problem:
        raise InputError(filename, problem, "this is beyond any known wheel; look at what it is")


def _info(members: tuple[Member, ...], filename: str) -> str:
    folders = sorted(
        {
            member.path.partition("/")[0]
            for member in members
            if "/" in member.path and member.path.partition("/")[0].endswith(".dist-info")
        }
    )
    if len(folders) != 1:
        message = f"has {len(folders) or 'no'} `.dist-info` folder{'s' * (len(folders) > 1)}"
        raise InputError(filename, message, _HINT_REBUILD)
    return folders[0]


def _same(text: str, version: Version) -> bool:
    try:
        return Version(text.replace("_", "+", 1) if "+" not in text else text) == version
    except InvalidVersion:
        return False
