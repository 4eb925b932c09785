"""A `.tar.gz` sdist to its members, with every defect named.

Never unpacks anything and never raises for bad bytes. Reads once from front to end, so both views of the `Archive`
are the same. Reading stops at a header that cannot be trusted, because nothing after it has a certain place.
Links that stay inside are told, links that leave are errors; devices, FIFOs and sparse members are not read.

Specification: PEP 625 and PEP 643 (sdists), PEP 706 and PEP 721 (safe extraction), POSIX.1-2017 pax, RFC 1952.
"""

from __future__ import annotations

import hashlib
import stat
from typing import TYPE_CHECKING, NamedTuple

from epochly_verify.model import EMPTY, Archive, Finding, Member, MemberKind
from epochly_verify.parse.findinglog import FindingLog
from epochly_verify.parse.gzipstream import PIECE_BYTES, WHOLE, GzipStream
from epochly_verify.parse.paths import SOURCE_TREE, collision_findings, name_findings, shown
from epochly_verify.parse.retain import retained_in_sdist
from epochly_verify.parse.tarformat import (
    BLOCK,
    BLOCK_DEVICE,
    CHARACTER,
    DIRECTORY,
    FIFO,
    FILE_TYPES,
    GNU_LONG_LINK,
    GNU_LONG_NAME,
    GNU_SPARSE,
    HARDLINK,
    PAX,
    PAX_GLOBAL,
    PAX_SOLARIS,
    SYMLINK,
    ZEROS,
    TarCutShortError,
    TarError,
    TarHeader,
    parse_header,
    parse_pax,
)
from epochly_verify.parse.tartree import link_findings, top_folder_findings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from epochly_verify.limits import Limits
    from epochly_verify.parse.source import Source

MAX_EXTENSION_BYTES = 1 << 20  # bytes of one pax or GNU long-name header; real ones hold a path
_NO_FILES = {CHARACTER: "a character device", BLOCK_DEVICE: "a block device", FIFO: "a FIFO"}


class _Known(NamedTuple):
    """What extension headers say of the next member, or of all later ones."""

    name: bytes | None = None
    link: bytes | None = None
    size: int | None = None
    sparse: bool = False


def read_tar(source: Source, filename: str, limits: Limits) -> Archive:
    """Read a gzip-compressed tar.

    Args:
        source: its bytes.
        filename: the sdist's name, which its one top folder repeats.
        limits: bounds on what reading may cost.

    Raises:
        InputError: the source itself cannot be read.
    """
    log = FindingLog()
    stream = GzipStream(source, limits)
    members: list[Member] = []
    room = limits.retained_bytes
    for header, known in _headers(stream, log):
        member = _member(stream, header, known, limits=limits, room=room, log=log)
        members.append(member)
        room -= len(member.content or b"")
        if len(members) >= limits.members:
            log.append(Finding("limit-exceeded", WHOLE, f"more than {limits.members} members are not read"))
            break
    log.extend(stream.findings)
    log.extend(_tree_findings(members, filename, limits))
    return Archive(tuple(members), tuple(members), log.findings())


def _headers(stream: GzipStream, log: FindingLog) -> Iterator[tuple[TarHeader, _Known]]:
    """Each member's header with what extension headers said of it; the caller reads its data before the next."""
    known = _Known()
    begun = False
    try:
        while True:
            block = _block(stream)
            if not block:
                return
            if block == ZEROS:
                _end(stream, log)
                return
            header = parse_header(block)
            begun = True
            if header.type in {PAX, PAX_SOLARIS, PAX_GLOBAL, GNU_LONG_NAME, GNU_LONG_LINK}:
                known = _extended(stream, header, known)
                continue
            position = stream.position
            size = header.size if known.size is None else known.size
            header = header._replace(size=size)
            yield header, known
            known = _Known()
            _finish(stream, position, _stored_bytes(header))
    except TarCutShortError as error:
        if not stream.broken:  # else the stream has a better finding
            log.append(Finding("truncated-archive" if begun else "not-a-tar", WHOLE, str(error)))
    except TarError as error:
        message = f"the header before {stream.position} cannot be read: {error}"
        log.append(Finding("tar-header-malformed" if begun else "not-a-tar", WHOLE, message))


def _block(stream: GzipStream) -> bytes:
    """The next block; empty when the stream broke off, which is in its findings."""
    block = stream.read(BLOCK)
    if len(block) == BLOCK or stream.broken:
        return block if len(block) == BLOCK else b""
    if not stream.position:
        raise TarCutShortError("the archive is empty")
    raise TarCutShortError("the archive ends without the two blocks of zeros that mark its end")


def _end(stream: GzipStream, log: FindingLog) -> None:
    """Read to the end of the stream: nothing but zeros may follow the first block of zeros."""
    at = stream.position
    while piece := stream.read(PIECE_BYTES):
        if piece.strip(b"\0"):
            log.append(Finding("trailing-data", WHOLE, f"data follow the end of the archive at {at}"))
            while stream.read(PIECE_BYTES):
                pass  # the gzip checksum is at the end
            return


def _stored_bytes(header: TarHeader) -> int:
    if header.type in FILE_TYPES or header.type not in {HARDLINK, SYMLINK, DIRECTORY, *_NO_FILES}:
        return header.size
    if header.size:
        raise TarError(
            f"it is no file and says that {header.size} bytes of data follow, where readers disagree"
        )
    return 0


def _finish(stream: GzipStream, position: int, size: int) -> None:
    """Skip what is left of a member's data, and the padding."""
    end = position + -(-size // BLOCK) * BLOCK
    while stream.position < end:
        if not stream.read(min(end - stream.position, PIECE_BYTES)):
            if stream.broken:
                return
            raise TarCutShortError("the archive ends in the middle of a member")


def _extended(stream: GzipStream, header: TarHeader, known: _Known) -> _Known:
    """What an extension header adds."""
    if header.size > MAX_EXTENSION_BYTES:
        raise TarError(
            f"it is an extension header of {header.size} bytes; at most {MAX_EXTENSION_BYTES} are read"
        )
    position = stream.position
    data = stream.read(header.size)
    _finish(stream, position, header.size)
    if header.type == GNU_LONG_NAME:
        return known._replace(name=data.rstrip(b"\0"))
    if header.type == GNU_LONG_LINK:
        return known._replace(link=data.rstrip(b"\0"))
    records = parse_pax(data)
    if header.type == PAX_GLOBAL:
        if odd := {"path", "linkpath", "size"}.intersection(records):
            raise TarError(f"it is a global pax header that sets `{min(odd)}` of every member")
        return known
    size = records.get("size")
    if size is not None and not (size.isdigit() and len(size) < 20):
        raise TarError("its pax size is no number")
    return _Known(
        records.get("path", known.name),
        records.get("linkpath", known.link),
        known.size if size is None else int(size),
        any(key.startswith("GNU.sparse.") for key in records),
    )


def _member(
    stream: GzipStream, header: TarHeader, known: _Known, *, limits: Limits, room: int, log: FindingLog
) -> Member:
    """The member a header makes; a file's data are read and hashed."""
    name = _decoded(header.name if known.name is None else known.name, "name", log)
    link = _decoded(header.link if known.link is None else known.link, "link target", log)
    subject = shown(name)
    mode = header.mode & 0o7777
    if mode & (stat.S_ISUID | stat.S_ISGID) and header.type in FILE_TYPES:
        which = "setuid" if mode & stat.S_ISUID else "setgid"
        log.append(Finding("setuid-mode", subject, f"the mode {mode:04o} has the {which} bit"))
    if known.sparse or header.type == GNU_SPARSE:
        log.append(
            Finding("sparse-member", subject, "the member is sparse: its data are not all in the archive")
        )
        return Member(name, MemberKind.OTHER, 0, EMPTY, mode)
    if header.type == DIRECTORY:
        if header.size:
            log.append(
                Finding("directory-with-content", subject, f"a folder with {header.size} bytes of data")
            )
        return Member(name.rstrip("/") + "/", MemberKind.DIRECTORY, 0, EMPTY, stat.S_IFDIR | mode)
    if header.type == SYMLINK:
        return Member(name, MemberKind.SYMLINK, 0, EMPTY, stat.S_IFLNK | mode, None, link)
    if header.type == HARDLINK:
        return Member(name, MemberKind.HARDLINK, 0, EMPTY, stat.S_IFREG | mode, None, link)
    if header.type not in FILE_TYPES:
        what = _NO_FILES.get(header.type, f"of the unknown type `{ascii(chr(header.type))[1:-1]}`")
        log.append(Finding("special-file", subject, f"the member is {what}"))
        return Member(name, MemberKind.OTHER, 0, EMPTY, mode)
    if header.size > limits.member_bytes:
        message = f"{header.size} bytes are declared, at most {limits.member_bytes} are read"
        log.append(Finding("limit-exceeded", subject, message))
        return Member(name, MemberKind.FILE, 0, EMPTY, stat.S_IFREG | mode)
    if name.endswith("/"):
        message = f"a file by its type, a folder by its name, with {header.size} bytes of data"
        log.append(Finding("directory-with-content", subject, message))
    keep = retained_in_sdist(name)
    if keep and header.size > min(room, limits.retained_member_bytes):
        message = f"its {header.size} bytes are too many to be looked into, so no check has read them"
        log.append(Finding("content-over-limit", subject, message))
        keep = False
    return _file(stream, name, header.size, stat.S_IFREG | mode, keep=keep)


def _file(stream: GzipStream, name: str, size: int, mode: int, *, keep: bool) -> Member:
    state = hashlib.sha256()
    kept: list[bytes] = []
    left = size
    while left and (piece := stream.read(min(left, PIECE_BYTES))):
        left -= len(piece)
        state.update(piece)
        if keep:
            kept.append(piece)
    if left:  # what is missing is a finding of the stream, or of the padding
        return Member(name, MemberKind.FILE, size - left, EMPTY, mode)
    digests = {"sha256": state.digest()}
    return Member(name, MemberKind.FILE, size, digests, mode, b"".join(kept) if keep else None)


def _decoded(raw: bytes, what: str, log: FindingLog) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        text = raw.decode("cp437")
        message = f"the {what}'s bytes are not UTF-8: `{raw[error.start : error.start + 8].hex()}` at byte {error.start}"
        log.append(Finding("name-not-utf8", shown(text), message))
        return text


def _short(member: Member, limits: Limits) -> bool:
    return max(len(member.name), len(member.link_target)) <= limits.name_bytes


def _tree_findings(members: list[Member], filename: str, limits: Limits) -> Iterator[Finding]:
    """What is wrong with the names and links of all members together."""
    # `./pkg-1.0/x` and `pkg-1.0/x` are one path, and tar itself writes the first when it packs `.`.
    names = [member.name.removeprefix("./") or "./" for member in members if _short(member, limits)]
    counts: dict[str, int] = {}
    for member in members:
        if not _short(member, limits):
            message = f"the name or link target is longer than {limits.name_bytes} characters"
            yield Finding("name-too-long", shown(member.name), message)
    for name in names:
        path = name.rstrip("/")
        counts[path] = counts.get(path, 0) + (not name.endswith("/"))
        if name != "./":
            yield from name_findings(name, SOURCE_TREE, limits.name_bytes)
    for path, count in counts.items():
        if count > 1:
            yield Finding(
                "duplicate-entry", shown(path), f"{count} members have this name; the last one remains"
            )
    yield from collision_findings(names, SOURCE_TREE)
    short = (member for member in members if _short(member, limits))
    yield from link_findings(dict(zip(names, short, strict=True)))
    yield from top_folder_findings(names, filename)
