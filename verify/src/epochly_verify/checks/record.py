"""Layer `record`: RECORD and the archive are the same set, both ways, and every hash and size agrees.

Judged as a reader of the central directory sees the archive; what a streaming reader would see differently belongs to
the layers `archive` and `install`. Directories need no row. Only `RECORD` itself and the two signature files the
specification names are left out, by exact path: some installers forgive any file of that name, which hides payload.

Specification: "Binary distribution format", sections "The .dist-info directory" and "Signed wheel files".
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from epochly_verify.model import ArtifactKind, Finding, NotRun, Outcome, Ran
from epochly_verify.parse.distinfo import files_by_name, find_dist_info
from epochly_verify.parse.quote import quoted
from epochly_verify.parse.record import (
    SIGNATURES,
    STRONG,
    WEAK,
    digest_text,
    loose_key,
    parse_record,
    path_problem,
    read_digest,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from epochly_verify.model import Evidence, Member
    from epochly_verify.parse.record import Record, Row
    from epochly_verify.policy import Policy

# Rows and files for which another spelling is looked for, and how long their names may be: normalising Unicode costs
# the square of a name's length, and honest wheels have none to look for.
_TWINS = 1_000  # names on either side
_TWIN_CHARS = 1_024  # characters


def check(evidence: Evidence, policy: Policy) -> Outcome:
    """Compare RECORD with the archive, row by row and file by file."""
    if evidence.kind is ArtifactKind.SDIST:
        return NotRun("an sdist has no RECORD")
    files = files_by_name(evidence.archive)
    if not any(member.digests for member in files.values()):
        return NotRun("the archive could not be read")
    info = find_dist_info(evidence.archive, evidence.filename)
    if info is None:
        missing = Finding("record-missing", evidence.filename, "no `.dist-info` folder, so no RECORD")
        return Ran((missing,))
    where = f"{info.folder}/RECORD"
    member = info.files.get("RECORD")
    if member is None:
        return Ran((Finding("record-missing", where, f"`{info.folder}` holds no RECORD"),))
    if member.content is None:
        if not member.digests:
            return NotRun("RECORD could not be read")
        message = f"RECORD is {member.size_bytes} bytes, too large to be judged"
        return Ran((Finding("record-unreadable", where, message),))
    record = parse_record(member.content, where, policy.limits)
    findings = (*record.problems, *_compared(record, where, files))
    unread = sum(not member.digests for member in files.values())
    if unread:
        return NotRun(f"{unread} of {len(files)} files could not be read", findings)
    listed = len(files) - 1
    noun = "file" if listed == 1 else "files"
    return Ran(
        findings, f"{listed} {noun} compared with RECORD" if findings else f"{listed} {noun} match RECORD"
    )


def _compared(record: Record, where: str, files: Mapping[str, Member]) -> Iterator[Finding]:
    folder = where.removesuffix("RECORD")
    signatures = {folder + name for name in SIGNATURES}
    rows: dict[str, Row] = {}
    repeated: dict[str, list[Row]] = {}
    for row in record.rows:
        first = rows.setdefault(row.path, row)
        if first is not row:
            repeated.setdefault(row.path, [first]).append(row)
    absent: list[Row] = []
    for path, row in rows.items():
        if path not in files:
            absent.append(row)
            continue
        if problem := path_problem(path):
            yield problem
        if path in repeated:
            yield _repeated(repeated[path])
        if path == where:
            yield from _about_itself(row, files[path])
        elif path in signatures:
            yield Finding("record-signature-file-listed", path, "RECORD lists its own signature file")
        elif path not in repeated or len({(again.hash, again.size) for again in repeated[path]}) == 1:
            yield from _row_against_member(row, files[path])
    unlisted = [path for path in files if path not in rows and path not in record.named]
    twins = _twins(absent, unlisted)
    asked = {row.path for row in absent if row.path.endswith("/")}
    folders = _folders(files, asked) if asked else frozenset()
    for row in absent:
        yield from _absent(row, twins.get(row.path), where, files, folders)
        if row.path in repeated:
            yield _repeated(repeated[row.path])
    if record.complete:
        covered = set(twins.values())
        for path in unlisted:
            if path not in covered:
                yield _unlisted(path, where)


def _row_against_member(row: Row, member: Member) -> Iterator[Finding]:
    size = row.size
    same_size = size == str(member.size_bytes)
    algorithm, equals, text = row.hash.partition("=")
    if not row.hash:
        yield Finding("record-hash-missing", row.path, f"{quoted(row.path)} has no hash in RECORD")
    elif not equals:
        message = f"hash is {quoted(row.hash)}, expected `sha256=DIGEST`"
        yield Finding("record-hash-encoding", row.path, message)
    elif algorithm in WEAK:
        yield Finding("record-weak-hash", row.path, f"hash is {quoted(algorithm)}, expected sha256 or better")
    elif algorithm not in STRONG or (member.digests and algorithm not in member.digests):
        message = f"hash algorithm {quoted(algorithm)} is unknown, expected sha256 or better"
        yield Finding("record-unknown-hash", row.path, message)
    elif member.digests and text != digest_text(member.digests[algorithm]):
        digest, problem = read_digest(text, STRONG[algorithm])
        if problem:
            yield Finding("record-hash-encoding", row.path, f"{algorithm} digest {quoted(text)} {problem}")
        if digest is not None and digest != member.digests[algorithm]:
            sizes = "" if same_size else f"; {member.size_bytes} bytes, RECORD says {quoted(size)}"
            message = f"{algorithm} is `{digest_text(member.digests[algorithm])}`, RECORD says {quoted(text)}{sizes}"
            yield Finding("record-hash-mismatch", row.path, message)
            return  # other content has another size; one finding says it
    if same_size or not member.digests:
        return
    if not size:
        if row.hash:
            yield Finding("record-size-missing", row.path, f"{quoted(row.path)} has no size in RECORD")
    elif not (size.isascii() and size.isdigit()):
        message = f"line {row.line}: size is {quoted(size)}, expected a decimal number"
        yield Finding("record-malformed-row", row.path, message)
    elif size.lstrip("0") == str(member.size_bytes) or (not member.size_bytes and not size.strip("0")):
        message = f"line {row.line}: size is {quoted(size)}, expected no leading zeros"
        yield Finding("record-malformed-row", row.path, message)
    else:
        message = f"{member.size_bytes} bytes, RECORD says {quoted(size)}"
        yield Finding("record-size-mismatch", row.path, message)


def _about_itself(row: Row, member: Member) -> Iterator[Finding]:
    if row.hash:
        message = f"RECORD gives itself the hash {quoted(row.hash)}, expected none"
        yield Finding("record-hashes-itself", row.path, message)
    elif row.size not in {"", str(member.size_bytes)}:
        message = f"RECORD is {member.size_bytes} bytes and says {quoted(row.size)} of itself"
        yield Finding("record-size-mismatch", row.path, message)


def _repeated(rows: list[Row]) -> Finding:
    path = rows[0].path
    lines = ", ".join(str(row.line) for row in rows[:8]) + (", ..." if len(rows) > 8 else "")
    if len({(row.hash, row.size) for row in rows}) == 1:
        return Finding(
            "record-duplicate-row", path, f"{quoted(path)} has {len(rows)} equal rows, lines {lines}"
        )
    return Finding(
        "record-conflicting-rows", path, f"{quoted(path)} has {len(rows)} unequal rows, lines {lines}"
    )


def _absent(
    row: Row, twin: str | None, where: str, files: Mapping[str, Member], folders: frozenset[str]
) -> Iterator[Finding]:
    path = row.path
    problem = path_problem(path)
    if problem is not None and problem.id != "record-path-spelling":
        yield problem
    elif path in folders:
        yield Finding("record-lists-directory", path, f"{quoted(path)} is a directory; RECORD lists files")
    elif twin is not None:
        message = f"RECORD says {quoted(path)}, the archive {quoted(twin)}"
        yield Finding("record-path-spelling", path, message)
        judge = _about_itself if twin == where else _row_against_member
        yield from judge(row, files[twin])
    else:
        yield Finding(
            "record-names-missing-file", path, f"RECORD lists {quoted(path)}, the archive has no such file"
        )
        if problem is not None:
            yield problem


def _twins(absent: list[Row], unlisted: list[str]) -> dict[str, str]:
    """Paths of rows without a file -> the unlisted file that is the same one in another spelling."""
    if not absent or not unlisted:
        return {}
    by_key = {loose_key(path): path for path in unlisted[:_TWINS] if len(path) <= _TWIN_CHARS}
    twins: dict[str, str] = {}
    for row in absent[:_TWINS]:
        if len(row.path) <= _TWIN_CHARS and not row.path.endswith("/"):
            twin = by_key.pop(loose_key(row.path), None)
            if twin is not None:
                twins[row.path] = twin
    return twins


def _folders(files: Iterable[str], asked: Iterable[str]) -> frozenset[str]:
    """Those of the folders asked for (with trailing slash) that a file lies in."""
    ordered = sorted(files)
    found = ((folder, bisect_left(ordered, folder)) for folder in asked)
    return frozenset(folder for folder, at in found if at < len(ordered) and ordered[at].startswith(folder))


def _unlisted(path: str, where: str) -> Finding:
    folder = where.removesuffix("RECORD")
    name = path.rpartition("/")[2]
    if path == where:
        return Finding("record-not-self-listed", path, "RECORD has no row for itself")
    if name in SIGNATURES and path == folder + name:
        message = f"`{name}` is a deprecated signature that nothing checks, and RECORD cannot vouch for it"
        return Finding("record-signature-file", path, message)
    if name in SIGNATURES and path.startswith(folder):
        message = f"`{name}` is not beside RECORD, so it must be listed, and is not"
        return Finding("record-signature-file-nested", path, message)
    return Finding("file-not-in-record", path, f"{quoted(path)} is in the archive, RECORD does not list it")
