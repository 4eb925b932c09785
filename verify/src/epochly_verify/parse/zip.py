"""A ZIP archive (a wheel, or an old sdist) to the members both kinds of readers see, with every defect named.

Never unpacks anything and never raises for bad bytes: what can be read safely is read, the rest is a finding.
Structure is `zipstructure.py`'s, names and modes are `zipnames.py`'s, data are `zipinflate.py`'s; here they meet.

Specification: the binary distribution format (PEP 427), PKWARE APPNOTE 6.3.10; PEP 778 for links in wheels.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from epochly_verify.model import EMPTY, Archive, ArtifactKind, Finding, Member, MemberKind
from epochly_verify.parse.digests import RECORD_ALGORITHMS
from epochly_verify.parse.filename import parse_filename
from epochly_verify.parse.findinglog import FindingLog
from epochly_verify.parse.paths import reach_from_filename, shown
from epochly_verify.parse.retain import members_to_retain, retention_order
from epochly_verify.parse.tartree import top_folder_findings
from epochly_verify.parse.zipcontent import read_contents
from epochly_verify.parse.zipformat import STORED
from epochly_verify.parse.zipinflate import Content, Request
from epochly_verify.parse.zipnames import (
    Name,
    all_names_findings,
    decoded,
    header_findings,
    kind_of,
    mode_findings,
    readable,
)
from epochly_verify.parse.zipstructure import Layout, layout
from epochly_verify.parse.zipwalk import WHOLE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from epochly_verify.limits import Limits
    from epochly_verify.parse.source import Source
    from epochly_verify.parse.zipformat import Header

_READS = (
    3  # times the file's length that is read of compressed data; two views of an honest file share all of it
)
_ROW_HASH = re.compile(r",(?P<algorithm>[A-Za-z0-9_-]+)=[^,]*,[^,]*\Z")


class _Entry(NamedTuple):
    """One entry of one view: `request` is what to read of it (`None`: nothing, or nothing safely)."""

    header: Header
    name: Name
    text: str
    request: Request | None
    quiet: bool = False  # its headers contradict each other, so what its data are is not worth more findings


def read_zip(source: Source, filename: str, limits: Limits, *, jobs: int = 1) -> Archive:
    """Read a ZIP archive.

    Args:
        source: its bytes.
        filename: the artifact's name; the platform tags decide which names are dangerous.
        limits: bounds on what reading may cost.
        jobs: how many members to read at once.

    Returns:
        Members with digests, in both views, and the defects found, none twice.

    Raises:
        InputError: the source itself cannot be read.
    """
    log = FindingLog()
    found = layout(source, limits, log)
    central, streamed = _entries(found, source.size_bytes, limits)
    for entry in (*central, *streamed):
        log.extend(header_findings(entry.header, entry.name))
    for entry in central:
        log.extend(mode_findings(entry.header, entry.name))
    log.extend(
        all_names_findings(
            [(entry.header, entry.name) for entry in central],
            [(entry.header, entry.name) for entry in streamed],
            reach_from_filename(filename),
            limits.name_bytes,
        )
    )
    if _is_sdist(filename):
        log.extend(top_folder_findings({entry.name.full for entry in central}, filename))
    contents = _contents(source, (*central, *streamed), limits, jobs, log)
    members = [_member(entry, contents, log, whole=False) for entry in central]
    by_header = {entry.header.at: (entry, member) for entry, member in zip(central, members, strict=True)}
    seen: list[Member] = []
    for entry, (_, described) in zip(streamed, found.streamed, strict=True):
        other = by_header.get(described.at) if described else None
        if other and entry.request == other[0].request and entry.text == other[0].text:
            seen.append(_as_streamed(entry, other[1], contents))
        else:
            seen.append(_member(entry, contents, log, whole=True))
    return Archive(tuple(members), tuple(seen), log.findings())


def _is_sdist(filename: str) -> bool:
    try:
        return parse_filename(filename).kind is ArtifactKind.SDIST
    except ValueError:
        return False


def _entries(found: Layout, size_bytes: int, limits: Limits) -> tuple[list[_Entry], list[_Entry]]:
    """Both views with decoded names; data that both describe alike become one and the same request."""
    central: list[_Entry] = []
    by_header: dict[int, _Entry] = {}
    for header, local in found.central:
        name = decoded(header)
        request = None if local is None else _request(header, local.stop, size_bytes, limits)
        entry = _Entry(header, name, name.seen, request, header.at in found.differing)
        central.append(entry)
        by_header[header.at] = entry
    streamed: list[_Entry] = []
    for header, other in found.streamed:
        listed = by_header.get(other.at) if other else None
        quiet = other is not None and other.at in found.differing
        if listed and not quiet and header.name == listed.header.name and header.flags == listed.header.flags:
            streamed.append(_Entry(header, listed.name, listed.name.full, listed.request))
        else:
            name = decoded(header)
            streamed.append(
                _Entry(header, name, name.full, _request(header, header.stop, size_bytes, limits), quiet)
            )
    return central, streamed


def _request(header: Header, at: int, size_bytes: int, limits: Limits) -> Request | None:
    if not readable(header) or header.size > limits.member_bytes or at + header.compressed > size_bytes:
        return None
    beyond = max(1 << 16, limits.ratio * header.compressed)
    return Request(at, header.compressed, header.size, header.crc, header.method, beyond=beyond)


# --- data ---


def _contents(
    source: Source, entries: Sequence[_Entry], limits: Limits, jobs: int, log: FindingLog
) -> Mapping[Request, Content]:
    """The content of everything that may be read, by the request its entry holds."""
    allowed = _within_limits(source, entries, limits, log)
    kept = _kept(entries, allowed, limits, log)
    records = list(
        dict.fromkeys(e.request for e in entries if e.request and e.request in kept and _is_record(e.text))
    )
    first = read_contents(source, [request._replace(keep=True) for request in records], 1)
    done = dict(zip(records, first, strict=True))
    algorithms = _named_algorithms(content.data for content in first)
    rest: dict[Request, Request] = {}
    for entry in entries:
        request = entry.request
        if request and request in allowed and request not in done:
            before = rest[request].algorithms if request in rest else ()
            named = tuple(sorted({*before, *algorithms.get(entry.text, ())}))
            rest[request] = request._replace(keep=request in kept, algorithms=named)
    return done | dict(zip(rest, read_contents(source, list(rest.values()), jobs), strict=True))


def _within_limits(
    source: Source, entries: Iterable[_Entry], limits: Limits, log: FindingLog
) -> frozenset[Request]:
    """The requests that together stay below the limits, the smallest first, so that metadata are among them."""
    by_request = {entry.request: entry for entry in entries if entry.request}
    total = sum(request.size for request in by_request)
    read = sum(request.compressed for request in by_request)
    ratio_bytes = max(limits.ratio_free_bytes, limits.ratio * source.size_bytes)
    most = min(limits.total_bytes, ratio_bytes)
    for entry in entries:
        if entry.header.size > limits.member_bytes:
            message = f"{entry.header.size} bytes are declared, at most {limits.member_bytes} are read"
            log.append(Finding("limit-exceeded", shown(entry.text), message))
    room = _READS * source.size_bytes
    if total <= most and read <= room:
        return frozenset(by_request)
    ordered = sorted(by_request, key=lambda request: request.size)
    largest = shown(by_request[ordered[-1]].text)
    if total > limits.total_bytes:
        message = f"all members declare {total} bytes, at most {limits.total_bytes} are read"
        log.append(Finding("limit-exceeded", WHOLE, message))
    if total > ratio_bytes:
        ratio = total // max(source.size_bytes, 1)
        message = f"{total} bytes come out of {source.size_bytes}, {ratio} times as much; at most {limits.ratio} times is read"
        log.append(Finding("decompression-bomb", largest, message))
    if read > room:
        message = f"the entries claim {read} bytes of data in a file of {source.size_bytes}; they share them"
        log.append(Finding("limit-exceeded", WHOLE, message))
    allowed: set[Request] = set()
    for request in ordered:
        most -= request.size
        room -= request.compressed
        if most < 0 or room < 0:
            break
        allowed.add(request)
    return frozenset(allowed)


def _kept(
    entries: Iterable[_Entry], allowed: Collection[Request], limits: Limits, log: FindingLog
) -> frozenset[Request]:
    """The requests whose bytes a check needs and that fit in memory."""
    wanted = members_to_retain({entry.text for entry in entries})
    ordered = sorted(
        (entry for entry in entries if entry.text in wanted), key=lambda e: retention_order(e.text)
    )
    room = limits.retained_bytes
    kept: set[Request] = set()
    for entry in ordered:
        request = entry.request
        if request is None or request not in allowed or request in kept:
            continue
        if request.size > min(room, limits.retained_member_bytes):
            message = f"its {request.size} bytes are too many to be looked into, so no check has read them"
            log.append(Finding("content-over-limit", shown(entry.text), message))
            continue
        room -= request.size
        kept.add(request)
    return frozenset(kept)


def _is_record(name: str) -> bool:
    return name.endswith(".dist-info/RECORD")


def _named_algorithms(records: Iterable[bytes | None]) -> dict[str, set[str]]:
    """Digests that RECORD files name besides SHA-256, by member; a tolerant look, the `record` layer judges."""
    found: dict[str, set[str]] = {}
    for data in records:
        text = (data or b"").decode("utf-8", "replace")
        if text.count("=") == text.count(",sha256="):
            continue
        for line in text.splitlines():
            row = _ROW_HASH.search(line)
            algorithm = row["algorithm"].lower() if row else ""
            if row and algorithm in RECORD_ALGORITHMS and algorithm != "sha256":
                name = line[: row.start()]
                if name.startswith('"'):
                    name = name.strip('"').replace('""', '"')
                found.setdefault(name, set()).add(algorithm)
    return found


# --- members ---


def _member(entry: _Entry, contents: Mapping[Request, Content], log: FindingLog, *, whole: bool) -> Member:
    """The member an entry makes, with what is wrong with its data in the log."""
    header = entry.header
    mode = header.external >> 16 or None
    kind = kind_of(header, entry.text)
    content = contents.get(entry.request) if entry.request else None
    subject = shown(entry.name.full)
    if kind is MemberKind.DIRECTORY:
        carried = max(
            header.size, content.whole_size if content else 0, header.compressed * (header.method == STORED)
        )
        if carried:
            log.append(Finding("directory-with-content", subject, f"a folder with {carried} bytes of data"))
        elif content is None or content.problems == ():
            return Member(entry.text, kind, 0, EMPTY, mode)
    if content is None:
        return Member(entry.text, kind, 0, EMPTY, mode)
    if not entry.quiet:
        log.extend([Finding(problem, subject, message) for problem, message in content.problems])
    if whole and content.whole_digests is not None:
        return Member(entry.text, kind, content.whole_size, content.whole_digests, mode)
    return Member(entry.text, kind, content.size, content.digests, mode, content.data)


def _as_streamed(entry: _Entry, member: Member, contents: Mapping[Request, Content]) -> Member:
    """The same member as a streaming reader has it: nearly always the very same."""
    content = contents.get(entry.request) if entry.request else None
    if content is not None and content.whole_digests is not None:
        return replace(member, size_bytes=content.whole_size, digests=content.whole_digests, content=None)
    return member
