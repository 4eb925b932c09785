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
    from epochly_verify.parse.findinglog import FindingLog
    from epochly_verify.parse.source import Source

WHOLE = "archive"  # the subject of findings that concern no single member


class Directory(NamedTuple):
    """A run of central directory headers.

    Attributes:
        entries: the headers in their order.
        start, stop: where they begin and end; -1 when there is no directory.
        base: what to add to their offsets to find the local headers.
        whole: an end record follows, so that nothing is missing.
    """

    entries: tuple[Header, ...]
    start: int
    stop: int
    base: int = 0
    whole: bool = True


class Walk(NamedTuple):
    """What the sequential walk saw: local headers with their final sizes, and where it ended."""

    locals: tuple[Header, ...]
    stop: int


def central_headers(
    source: Source, start: int, limit: int, limits: Limits, log: FindingLog
) -> tuple[list[Header], int]:
    """The central directory headers from `start` on, as long as they follow each other, and where they end."""
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


def walk_locals(source: Source, directory: Directory, limits: Limits, log: FindingLog) -> Walk:
    """Walk from byte 0 to the directory. What is wrong on the way goes to `log`."""
    by_offset: dict[int, Header] = {}
    for entry in directory.entries:
        by_offset.setdefault(entry.offset + directory.base, entry)
    marks = sorted(offset for offset in {*by_offset, directory.start} if 0 <= offset < source.size_bytes)
    found: list[Header] = []
    described = 0
    budget = max(
        limits.ratio_free_bytes, limits.ratio * source.size_bytes
    )  # bytes out, to find where data end
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
        if local.flags & HAS_DESCRIPTOR:
            described += 1
            if at not in by_offset:
                local, budget = _measured(source, local, budget)
        local, at = _extent(source, local, by_offset.get(at), following, log)
        found.append(local)
        if at < 0:
            at = local.stop
            break
    if described:
        message = f"in {described} of {len(found)} entries the sizes stand after the data, whose end must be guessed"
        log.append(Finding("data-descriptor", WHOLE, message))
    return Walk(tuple(found), at)


def _skipped(at: int, following: int, found: Sequence[Header], log: FindingLog) -> None:
    length = following - at
    if found:
        message = f"{length} bytes after `{header_subject(found[-1])}`, at {at}, belong to no entry"
        log.append(Finding("data-between-entries", WHOLE, message))
    else:
        log.append(Finding("leading-data", WHOLE, f"{length} bytes stand before the first entry"))


def _measured(source: Source, local: Header, budget: int) -> tuple[Header, int]:
    """A header that leaves its sizes to a descriptor and is in no directory: with those of its data; what is left."""
    if local.method != DEFLATED or local.compressed or budget <= 0:
        return local, budget
    compressed, size, crc = deflated_length(source, local.stop, budget)
    return local._replace(compressed=compressed, size=local.size or size, crc=local.crc or crc), budget - size


def _extent(
    source: Source, local: Header, central: Header | None, following: int, log: FindingLog
) -> tuple[Header, int]:
    """The header with its final sizes, and the offset after its data; -1 when the walk cannot go on."""
    described = bool(local.flags & HAS_DESCRIPTOR)
    if described and central is not None:
        local = local._replace(
            compressed=local.compressed or central.compressed,
            size=local.size or central.size,
            crc=local.crc or central.crc,
        )
    stop = local.stop + local.compressed
    if described and stop <= source.size_bytes:
        stop = _after_descriptor(source, local, central or local, following, log)
    if 0 <= following < stop:
        message = f"its data reach {stop - following} bytes into the next entry, at {following}"
        log.append(Finding("overlapping-entries", header_subject(local), message))
        return local, following
    if stop > source.size_bytes:
        message = f"its data should end at {stop}, and the file ends at {source.size_bytes}"
        log.append(Finding("truncated-archive", header_subject(local), message))
        return local, -1
    return local, stop


def _after_descriptor(source: Source, local: Header, judge: Header, following: int, log: FindingLog) -> int:
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
