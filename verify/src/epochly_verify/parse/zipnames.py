"""ZIP names from bytes to text, as the readers of both kinds decode them, and what the headers say besides sizes.

Specification: PKWARE APPNOTE 4.4.4 (flags), 4.4.5 (methods), 4.4.15 (attributes), appendix D (UTF-8 names).
"""

from __future__ import annotations

import stat
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from epochly_verify.model import Finding, MemberKind
from epochly_verify.parse.paths import Reach, collision_findings, name_findings, shown
from epochly_verify.parse.zipformat import DEFLATED, ENCRYPTED, PATCHED, STORED, UTF8, Header

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_METHODS = {9: "deflate64", 12: "bzip2", 14: "LZMA", 20: "zstd", 93: "zstd", 95: "xz", 98: "PPMd", 99: "AES"}
_SPECIAL = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFCHR: "a character device",
    stat.S_IFBLK: "a block device",
    stat.S_IFSOCK: "a socket",
}


class Name(NamedTuple):
    """A name as a seeking reader has it (`zipfile`: code page 437 without the flag, cut at a NUL), and in full."""

    seen: str
    full: str
    finding: Finding | None = None


def decoded(header: Header) -> Name:
    """The name of an entry, and the finding when its bytes do not say it plainly."""
    raw = header.name
    if raw.isascii():
        full = raw.decode("ascii")
        return Name(full if b"\0" not in raw else full.partition("\0")[0], full)
    try:
        full = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        full = raw.decode("cp437")  # what `zipfile` makes of it without the flag; with the flag it gives up
        message = f"the name's bytes are not UTF-8: `{raw[error.start : error.start + 8].hex()}` at byte {error.start}"
        return Name(full.partition("\0")[0], full, Finding("name-not-utf8", shown(full), message))
    if header.flags & UTF8:
        return Name(full.partition("\0")[0], full)
    seen = raw.decode("cp437").partition("\0")[0]
    message = f"the name is not ASCII and lacks the UTF-8 flag, so some readers take it for `{shown(seen)}`"
    return Name(seen, full, Finding("name-without-utf8-flag", shown(full), message))


def readable(header: Header) -> bool:
    """Whether the data are in a form that may be read at all."""
    if header.method not in {STORED, DEFLATED} or header.flags & (ENCRYPTED | PATCHED):
        return False
    return all(kind != "zip64-malformed" for kind, _ in header.problems)  # else the sizes are unknown


def header_findings(header: Header, name: Name) -> list[Finding]:
    """What one header, local or central, says that no reader should accept."""
    plain = header.method in {STORED, DEFLATED} and not header.flags & (ENCRYPTED | PATCHED)
    if plain and not (header.problems or header.comment_bytes or header.disk):
        return []
    return list(_header_findings(header, shown(name.full)))


def _header_findings(header: Header, subject: str) -> Iterator[Finding]:
    for kind, message in header.problems:
        yield Finding(kind, subject, message)
    if header.flags & ENCRYPTED:
        yield Finding("encrypted-entry", subject, f"the entry is encrypted (flags 0x{header.flags:04x})")
    if header.flags & PATCHED:
        yield Finding("unsupported-compression", subject, "the data are a patch to other data (flag 5)")
    elif header.method not in {STORED, DEFLATED}:
        name = _METHODS.get(header.method, "unknown")
        message = f"compression method {header.method} ({name}); installers read stored and deflate"
        yield Finding("unsupported-compression", subject, message)
    if header.comment_bytes:
        yield Finding("central-comment", subject, f"the entry has a comment of {header.comment_bytes} bytes")
    if header.disk:
        yield Finding("multi-disk", subject, f"the entry is on disk {header.disk}; one disk, 0, is allowed")


def kind_of(header: Header, name: str) -> MemberKind:
    """What a central directory entry is, by its mode and name."""
    kind = stat.S_IFMT(header.external >> 16)
    if kind == stat.S_IFLNK:
        return MemberKind.SYMLINK
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
        return MemberKind.OTHER
    return MemberKind.DIRECTORY if name.endswith("/") else MemberKind.FILE


def mode_findings(header: Header, name: Name) -> list[Finding]:
    """What a central directory entry's Unix mode says that a wheel cannot mean."""
    mode = header.external >> 16
    if not mode or mode & ~0o777 == stat.S_IFREG:
        return []
    return list(_mode_findings(mode, name))


def _mode_findings(mode: int, name: Name) -> Iterator[Finding]:
    subject = shown(name.full)
    kind = stat.S_IFMT(mode)
    if kind == stat.S_IFLNK:
        message = f"the mode {mode:06o} makes it a symbolic link; installers write its target into a file"
        yield Finding("symlink-entry", subject, message)
    elif kind == stat.S_IFDIR and not name.full.endswith("/"):
        yield Finding("special-file", subject, f"the mode {mode:06o} makes it a folder, its name a file")
    elif kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
        yield Finding(
            "special-file", subject, f"the mode {mode:06o} makes it {_SPECIAL.get(kind, 'no file')}"
        )
    if (
        mode & (stat.S_ISUID | stat.S_ISGID) and kind != stat.S_IFDIR
    ):  # on folders it is a habit of shared builds
        which = "setuid" if mode & stat.S_ISUID else "setgid"
        yield Finding("setuid-mode", subject, f"the mode {mode:06o} has the {which} bit")


def all_names_findings(
    central: Sequence[tuple[Header, Name]],
    streamed: Sequence[tuple[Header, Name]],
    reach: Reach,
    max_bytes: int,
) -> Iterator[Finding]:
    """Everything wrong with the names: one by one, doubled in either view, and against each other."""
    names = dict.fromkeys(name.full for _, name in (*central, *streamed))
    for _, name in (*central, *streamed):
        if name.finding:
            yield name.finding
    for full in names:
        yield from name_findings(full, reach, max_bytes)
    doubled: dict[str, str] = {}
    for view, entries in (("central directory has", central), ("local headers have", streamed)):
        for subject, count in _doubled(entries):
            doubled.setdefault(
                subject, f"the {view} {count} entries of this name; readers choose differently"
            )
    for subject, message in doubled.items():
        yield Finding("duplicate-entry", subject, message)
    yield from collision_findings(dict.fromkeys((*names, *(name.seen for _, name in central))), reach)


def _doubled(entries: Iterable[tuple[Header, Name]]) -> Iterator[tuple[str, int]]:
    """Names (as shown) that occur more than once, as bytes or as text, and how often."""
    raw = Counter(header.name for header, _ in entries)
    text = Counter(name.seen for _, name in entries)
    if len(raw) == len(text) == raw.total():
        return
    for header, name in entries:
        count = max(raw[header.name], text[name.seen])
        if count > 1:
            yield shown(name.seen), count
