"""Where everything in a ZIP file is, as its two kinds of readers find it, and where the two disagree.

A seeking reader (Python's `zipfile`, pip) starts from the end record; a streaming reader starts from byte 0. An
honest archive is the same to both: local headers from byte 0 without a gap, central directory, end records, end of
file, every field equal. This module walks it both ways and reports each difference.

Specification: PKWARE APPNOTE 6.3.10, section 4.3.6 (overall format). Attacks: CVE-2025-54368, CVE-2024-0450 and
the differences between installers that the index's upload check refuses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from epochly_verify.model import Finding
from epochly_verify.parse.zipformat import (
    CENTRAL,
    DEFLATE_HINTS,
    END,
    END64,
    LOCAL,
    EndRecord,
    Header,
    end_record,
    find_end,
    local_header,
)
from epochly_verify.parse.zipwalk import WHOLE, Directory, Walk, central_headers, header_subject, walk_locals

if TYPE_CHECKING:
    from epochly_verify.limits import Limits
    from epochly_verify.parse.findinglog import FindingLog
    from epochly_verify.parse.source import Source


class Layout(NamedTuple):
    """Both views of the entries, before their content is read.

    Attributes:
        central: the central directory in its order, each with the local header at its offset (`None`: there is none).
        streamed: the local headers in their order, each with the central header that describes the same bytes
            (`None`: none does). Sizes that stand in a data descriptor are filled in.
        differing: offsets of central headers whose local header tells another size, checksum or method.
    """

    central: tuple[tuple[Header, Header | None], ...]
    streamed: tuple[tuple[Header, Header | None], ...]
    differing: frozenset[int]


def layout(source: Source, limits: Limits, log: FindingLog) -> Layout:
    """Walk a ZIP both ways. Any bytes give a layout; what is wrong with them goes to `log`."""
    end = find_end(source)
    directory = Directory((), -1, -1, whole=False)
    if end is not None:
        log.extend([Finding(kind, WHOLE, message) for kind, message in end.problems])
        directory = _seek_directory(source, end, limits, log)
    walk = walk_locals(source, directory, limits, log)
    listed = directory
    if end is not None and walk.stop == directory.start:
        _judge_end(source, end, log)
    elif source.read_at(walk.stop, 4) in {CENTRAL, END, END64}:
        # The walk came to an end that the seeking reader does not know: two archives in one file.
        listed = _streamed_end(source, walk.stop, end, limits, log)
        if end is None:
            directory = listed
    elif end is None:
        _no_end(source, walk, log)
    prefix = walk.locals[0].at if walk.locals else 0
    if end is not None and listed is directory and directory.start - end.cd_offset not in {0, prefix}:
        message = f"the end record puts the central directory at {end.cd_offset}, it is at {directory.start}"
        log.append(Finding("end-record-mismatch", WHOLE, message))
    if listed.whole:
        _unlisted(listed, walk, log)
    differing = _match(listed, walk, source, log)
    return Layout(
        tuple((entry, local_header(source, entry.offset + directory.base)) for entry in directory.entries)
        if listed is not directory
        else _paired(directory, walk, source),
        _streamed(listed, walk),
        differing,
    )


def _paired(directory: Directory, walk: Walk, source: Source) -> tuple[tuple[Header, Header | None], ...]:
    by_offset = {local.at: local for local in walk.locals}
    pairs: list[tuple[Header, Header | None]] = []
    for entry in directory.entries:
        at = entry.offset + directory.base
        pairs.append((entry, by_offset.get(at) or local_header(source, at)))
    return tuple(pairs)


def _streamed(directory: Directory, walk: Walk) -> tuple[tuple[Header, Header | None], ...]:
    by_offset: dict[int, Header] = {}
    for entry in directory.entries:
        by_offset.setdefault(entry.offset + directory.base, entry)
    return tuple((local, by_offset.get(local.at)) for local in walk.locals)


def _seek_directory(source: Source, end: EndRecord, limits: Limits, log: FindingLog) -> Directory:
    """The central directory where `zipfile` looks for it: as many bytes before the end record as that says.

    When that is not the offset in the end record, data before the archive were not counted, or a field lies.
    """
    start = end.first - end.cd_size
    if start < 0 or (end.cd_size and source.read_at(start, 4) != CENTRAL):
        start = end.cd_offset
    entries, stop = central_headers(source, start, end.first, limits, log)
    if stop < end.first and (stop - start, len(entries)) == (end.cd_size, end.entries):
        kind, message = "data-between-entries", f"ends at {stop}, and {end.first - stop} bytes follow it"
        if source.read_at(stop, 4) == END64:
            kind, message = (
                "zip64-malformed",
                f"is followed by a ZIP64 end record, at {stop}, that no locator leads to",
            )
        log.append(Finding(kind, WHOLE, f"the central directory {message}"))
    elif stop != end.first:
        message = f"the central directory ends at {stop}, and the end record begins at {end.first}"
        log.append(Finding("end-record-mismatch", WHOLE, message))
    elif stop - start != end.cd_size:
        message = f"the end record gives the central directory {end.cd_size} bytes, it has {stop - start}"
        log.append(Finding("end-record-mismatch", WHOLE, message))
    elif len(entries) != end.entries:
        message = f"the end record counts {end.entries} entries, the central directory has {len(entries)}"
        log.append(Finding("end-record-mismatch", WHOLE, message))
    base = start - end.cd_offset
    if base and entries and source.read_at(entries[0].offset + base, 4) != LOCAL:
        base = 0  # no prefix: it is the end record that lies
    return Directory(tuple(entries), start, stop, base)


# --- the end of the file ---


def _judge_end(source: Source, end: EndRecord, log: FindingLog) -> None:
    """What follows the directory, where both readers found the same one."""
    if end.stop < source.size_bytes:
        message = f"{source.size_bytes - end.stop} bytes follow the end of the archive"
        log.append(Finding("trailing-data", WHOLE, message))
    if any(signature in end.comment for signature in (LOCAL, CENTRAL, END, END64)):
        log.append(Finding("zip-in-comment", WHOLE, "the archive's comment holds records of another ZIP"))


def _streamed_end(
    source: Source, at: int, end: EndRecord | None, limits: Limits, log: FindingLog
) -> Directory:
    """The directory and end record the walk came to at `at`, and what they say of those the seeking reader took."""
    entries, stop = central_headers(source, at, source.size_bytes, limits, log)
    directory = Directory(tuple(entries), at, stop)
    first = _end_after(source, stop)
    if first is None:
        if end is None:
            log.append(Finding("truncated-archive", WHOLE, f"the file ends without an end record, at {stop}"))
            directory = directory._replace(whole=False)
        else:
            message = (
                f"a directory at {at} has no end record of its own; the one at {end.at} does not speak of it"
            )
            log.append(Finding("end-record-mismatch", WHOLE, message))
        return directory
    rest = source.size_bytes - first.stop
    if end is not None and first.at < end.at < first.stop:
        message = f"the archive's comment is a ZIP of its own, with an end record at {end.at}"
        log.append(Finding("zip-in-comment", WHOLE, message))
    elif rest and source.read_at(first.stop, 4) == LOCAL:
        message = f"another ZIP begins at {first.stop}, after the end of the first"
        log.append(Finding("concatenated-zip", WHOLE, message))
    elif rest:
        log.append(Finding("trailing-data", WHOLE, f"{rest} bytes follow the end of the archive"))
    else:
        message = f"a directory begins at {at}, and the end record does not speak of it"
        log.append(Finding("end-record-mismatch", WHOLE, message))
    return directory


def _end_after(source: Source, at: int) -> EndRecord | None:
    for skip in (0, 76, 20):  # ZIP64 end record with locator, locator alone
        if source.read_at(at + skip, 4) == END:
            return end_record(source, at + skip)
    return None


def _no_end(source: Source, walk: Walk, log: FindingLog) -> None:
    if walk.locals:
        log.append(
            Finding("truncated-archive", WHOLE, "the file ends without a central directory and end record")
        )
    elif not source.size_bytes:
        log.append(Finding("not-a-zip", WHOLE, "the file is empty"))
    else:
        start = source.read_at(0, 4)
        log.append(
            Finding("not-a-zip", WHOLE, f"a ZIP begins with `504b0304`, this file with `{start.hex()}`")
        )


# --- both together ---


def _match(directory: Directory, walk: Walk, source: Source, log: FindingLog) -> frozenset[int]:
    """Compare every central header with its local header; offsets of those that tell another size, CRC or method."""
    by_offset = {local.at: local for local in walk.locals}
    owners: dict[
        int, Header
    ] = {}  # whose the local header is: the first entry of its name, else the first at all
    for entry in directory.entries:
        at = entry.offset + directory.base
        owner = owners.setdefault(at, entry)
        described = by_offset.get(at)
        if described and entry.name == described.name != owner.name:
            owners[at] = entry
    differing: set[int] = set()
    previous = -1
    in_order = True
    for entry in directory.entries:
        at = entry.offset + directory.base
        in_order, previous = in_order and at >= previous, at
        local = by_offset.get(at)
        if local is None:
            _without_local(entry, at, source, log)
            continue
        if entry is not owners[at]:
            other = header_subject(local)
            message = f"the local header at {at} is that of `{other}`"
            log.append(
                Finding("overlapping-entries", header_subject(entry), f"{message}, which has its own entry")
            )
            if entry.name != local.name:
                log.append(Finding("central-entry-without-local-header", header_subject(entry), message))
            differing.add(entry.at)
        elif _compare(entry, local, log):
            differing.add(entry.at)
    if not in_order:
        message = "the central directory lists the entries in another order than they stand in the file"
        log.append(Finding("entry-order-differs", WHOLE, message))
    return frozenset(differing)


def _unlisted(directory: Directory, walk: Walk, log: FindingLog) -> None:
    listed = {entry.offset + directory.base for entry in directory.entries}
    for local in walk.locals:
        if local.at not in listed:
            message = f"only a reader that does not seek sees this entry, at {local.at}"
            log.append(Finding("local-entry-not-in-central-directory", header_subject(local), message))


def _without_local(entry: Header, at: int, source: Source, log: FindingLog) -> None:
    if 0 <= at < source.size_bytes and source.read_at(at, 4) == LOCAL:
        message = f"its local header at {at} stands inside other data, where a reader that does not seek never looks"
        log.append(Finding("overlapping-entries", header_subject(entry), message))
    else:
        message = f"there is no local header at {at}"
    log.append(Finding("central-entry-without-local-header", header_subject(entry), message))


def _compare(central: Header, local: Header, log: FindingLog) -> bool:
    """Report what the two headers of an entry say differently; whether it concerns how the data are read."""
    differ: list[str] = []
    if local.name != central.name:
        differ.append(f"name `{header_subject(local)}`")
    pairs = (
        ("size", local.size, central.size),
        ("compressed size", local.compressed, central.compressed),
        ("CRC", local.crc, central.crc),
        ("method", local.method, central.method),
    )
    data = [f"{label} {here}, not {there}" for label, here, there in pairs if here != there]
    differ += data
    details: list[str] = []
    other_flags = local.flags ^ central.flags
    if other_flags:
        weighty = differ if other_flags & ~DEFLATE_HINTS else details
        weighty.append(f"flags 0x{local.flags:04x}, not 0x{central.flags:04x}")
    if local.needed != central.needed:
        details.append(f"version {local.needed} needed, not {central.needed}")
    if local.moment != central.moment:
        details.append("another time of change")
    for finding_id, said in (("local-and-central-differ", differ), ("header-details-differ", details)):
        if said:
            message = f"the local header says {', '.join(said)} as the central directory"
            log.append(Finding(finding_id, header_subject(central), message))
    return bool(data)
