"""The sequential walk through a ZIP: local headers from byte 0 to the central directory, as a streaming reader goes.

After something unreadable it goes on at the next offset that the directory names, so that one fault does not hide
all later entries. Where a data descriptor leaves a size open, the directory's is taken, else the data's own.

Specification: PKWARE APPNOTE 6.3.10, sections 4.3.6 (overall format), 4.3.7 (local header), 4.3.9 (data descriptor).
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

from epochly_verify.model import Finding
from epochly_verify.parse.paths import shown
from epochly_verify.parse.zipformat import (
    CENTRAL,
    DEFLATED,
    DESCRIPTOR,
    DESCRIPTOR_LENGTHS,
    END,
    END64,
    HAS_DESCRIPTOR,
    Header,
    central_header,
    descriptor_problem,
    local_header,
)
from epochly_verify.parse.zipinflate import deflated_length

if TYPE_CHECKING:
    from collections.abc import Sequence

    from epochly_verify.limits import Limits
    from epochly_verify.parse.source import Source

WHOLE = "archive"  # the subject of findings that concern no single member


class Directory(NamedTuple):
    """A run of central directory headers: the entries, where they begin and end, and what to add to their offsets."""

    entries: tuple[Header, ...]
    start: int
    stop: int
    base: int = 0


class Walk(NamedTuple):
    """What the sequential walk saw: local headers with their final sizes, and where it ended."""

    locals: tuple[Header, ...]
    stop: int


def central_headers(
    source: Source, start: int, limit: int, limits: Limits, log: list[Finding]
) -> tuple[list[Header], int]:
    window = Window(source)
    entries: list[Header] = []
    at = start
    while 0 <= at < limit and len(entries) < limits.members and (entry := central_header(window, at)):
        entries.append(entry)
        at = entry.stop
    if len(entries) >= limits.members and at < limit:
        log.append(Finding("limit-exceeded", WHOLE, f"more than {limits.members} entries are not read"))
    return entries, at


class Window:
    """A source read through a buffer, for many small reads that follow each other."""

    def __init__(self, source: Source, window_bytes: int = 1 << 18) -> None:
        self._source = source
        self._window_bytes = window_bytes
        self._at = 0
        self._data = b""

    @property
    def size_bytes(self) -> int:
        """Length of the source."""
        return self._source.size_bytes

    def read_at(self, offset: int, length: int) -> bytes:
        """At most `length` bytes from `offset`."""
        skip = offset - self._at
        if not 0 <= skip <= len(self._data) - length:
            self._data = self._source.read_at(offset, max(length, self._window_bytes))
            self._at, skip = offset, 0
        return self._data[skip : skip + length]


def walk_locals(source: Source, directory: Directory, limits: Limits, log: list[Finding]) -> Walk:
    """Local headers from byte 0 on. After something unreadable it goes on at the next offset the directory names."""
    by_offset: dict[int, Header] = {}
    for entry in directory.entries:
        by_offset.setdefault(entry.offset + directory.base, entry)
    marks = sorted(offset for offset in {*by_offset, directory.start} if 0 <= offset < source.size_bytes)
    found: list[Header] = []
    described = 0
    at = 0
    while at != directory.start:
        if len(found) >= limits.members:
            log.append(Finding("limit-exceeded", WHOLE, f"more than {limits.members} entries are not read"))
            break
        position = bisect_right(marks, at)
        following = marks[position] if position < len(marks) else -1
        local = local_header(source, at)
        if local is None:
            if following < 0 or source.read_at(at, 4) in {CENTRAL, END, END64}:
                break
            _skipped(at, following, found, log)
            at = following
            continue
        local, at = _extent(source, local, by_offset.get(at), following, limits=limits, log=log)
        found.append(local)
        described += bool(local.flags & HAS_DESCRIPTOR)
        if at < 0:
            at = local.stop
            break
    if described:
        message = f"{described} entries have their sizes after the data, whose end a reader that does not seek must guess"
        log.append(Finding("data-descriptor", WHOLE, message))
    return Walk(tuple(found), at)


def _skipped(at: int, following: int, found: Sequence[Header], log: list[Finding]) -> None:
    length = following - at
    if found:
        name = shown(found[-1].name.decode("utf-8", "backslashreplace"))
        log.append(
            Finding(
                "data-between-entries", WHOLE, f"{length} bytes after `{name}`, at {at}, belong to no entry"
            )
        )
    else:
        log.append(Finding("leading-data", WHOLE, f"{length} bytes stand before the first entry"))


def _extent(
    source: Source,
    local: Header,
    central: Header | None,
    following: int,
    *,
    limits: Limits,
    log: list[Finding],
) -> tuple[Header, int]:
    """The header with its final sizes, and the offset after its data; -1 when the walk cannot go on."""
    subject = header_subject(local)
    described = bool(local.flags & HAS_DESCRIPTOR)
    if described:
        local = _completed(source, local, central, limits)
    stop = local.stop + local.compressed
    if described and stop <= source.size_bytes:
        stop = _after_descriptor(source, local, central or local, following, log)
    if 0 <= following < stop:
        message = f"its data reach {stop - following} bytes into the next entry, at {following}"
        log.append(Finding("overlapping-entries", subject, message))
        return local, following
    if stop > source.size_bytes:
        message = f"its data should end at {stop}, and the file ends at {source.size_bytes}"
        log.append(Finding("truncated-archive", subject, message))
        return local, -1
    return local, stop


def _completed(source: Source, local: Header, central: Header | None, limits: Limits) -> Header:
    """The header with what it leaves to a data descriptor: the directory's values, else those of the data."""
    if central is not None:
        compressed, size, crc = central.compressed, central.size, central.crc
    elif local.method == DEFLATED and not local.compressed:
        compressed, size, crc = deflated_length(source, local.stop, limits.ratio_free_bytes)
    else:
        return local
    return local._replace(
        compressed=local.compressed or compressed, size=local.size or size, crc=local.crc or crc
    )


def _after_descriptor(
    source: Source, local: Header, judge: Header, following: int, log: list[Finding]
) -> int:
    """The offset after the data descriptor, whose values must be those of `judge`."""
    at = local.stop + local.compressed
    raw = source.read_at(at, DESCRIPTOR_LENGTHS[-1])
    length = following - at
    if length not in DESCRIPTOR_LENGTHS:
        length = (16 if raw[:4] == DESCRIPTOR else 12) + 8 * local.zip64
    problem = "the data descriptor is cut short"
    if len(raw) >= length:
        problem = descriptor_problem(raw[:length], (judge.crc, judge.compressed, judge.size))
    if problem:
        log.append(Finding("data-descriptor-mismatch", header_subject(local), problem))
    return at + length


def header_subject(header: Header) -> str:
    """An entry's name as findings about its headers show it."""
    return shown(header.name.decode("utf-8", "backslashreplace"))
