"""A folder of verified entries, one file each: written whole, read whole, checked before use, bounded, shared by processes.

A digest tells a damaged entry from a good one; it cannot tell who wrote it. So what keeps machine code honest is the
folder: it belongs to this user and nobody else may write to it, or it is not used at all. Entries are written under
another name, flushed and renamed, so a reader sees all or nothing. It refuses to wait for another process, to follow a
symbolic link, and to raise for anything a disk does: whatever goes wrong is a miss. Sources: POSIX.1-2017 (rename, openat),
flock(2), FIPS 180-4.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import stat
import struct
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from epochly._private import HAS_OWNERS, OTHERS_WRITE, SHARED, NotPrivate, open_in, opened, write_in

with suppress(ImportError):  # Windows has none, see `HAS_OWNERS`
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC, FORMAT = b"EPOCHLYC", 1
HEADER = struct.Struct(">8sI32sQ32s")  # magic, format, key, bytes of payload, SHA-256 of payload
SUFFIX, TEMPORARY, LOCK = ".entry", ".part", "lock"
KEEP = 0.9  # of a limit that was passed; so that not every write has to make room
STALE_S = 3600  # seconds; a file that is written takes milliseconds, so this one's writer is dead


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a folder; a process at work may pass them by the one entry it just wrote."""

    entry_bytes: int = 16 * 2**20  # one function's machine code is 10 kB; ten times the largest is far below
    total_bytes: int = 256 * 2**20
    entries: int = 4096


@dataclass(frozen=True, slots=True)
class Off:
    """There is no cache, and why; the program goes on without."""

    reason: str


class _Unfit(Exception):  # noqa: N818 - becomes `Off` or a miss
    """The folder or an entry is not one we use."""


@dataclass(slots=True)
class Store:
    """See `open_store`. `trouble` is the first thing that went wrong with writing; after it, nothing more is written."""

    folder: str
    limits: Limits
    trouble: str = field(default="")

    def get(self, digest: str) -> bytes | None:
        """The payload kept under a key of 64 hexadecimal digits, or None; a bad entry is removed."""
        try:
            with _folder(self.folder) as folder:
                try:
                    return _read(folder, digest, self.limits.entry_bytes)
                except FileNotFoundError:
                    return None
                except _Unfit:
                    os.unlink(digest + SUFFIX, dir_fd=folder)
                    return None
        except (OSError, _Unfit):
            return None

    def put(self, digest: str, payload: bytes) -> bool:
        """Keep a payload; whether it was. What had not been used for longest makes room."""
        if self.trouble or len(payload) > self.limits.entry_bytes:
            return False
        try:
            with _folder(self.folder) as folder:
                _write(folder, digest, payload)
                _make_room(folder, self.limits)
        except _Unfit as error:
            self.trouble = str(error)
            return False
        except OSError as error:
            self.trouble = (
                f"the cache in `{self.folder}` cannot be written: {os.strerror(error.errno or errno.EIO)}"
            )
            return False
        return True

    def drop(self, digest: str) -> None:
        """Remove an entry that turned out to be of no use."""
        with suppress(OSError, _Unfit), _folder(self.folder) as folder:
            os.unlink(digest + SUFFIX, dir_fd=folder)


def open_store(path: str, limits: Limits | None = None) -> Store | Off:
    """The cache in the folder `path`, which is made if it is not there; or why it is not used.

    Args:
        path: absolute. Folders above it are made for this user only.
        limits: bounds; the default is a quarter of a gibibyte.
    """
    if not HAS_OWNERS:  # pragma: no cover - Windows
        return Off("this system does not say who may write to a folder")
    if not os.path.isabs(path):
        return Off(f"the cache folder `{path}` is not an absolute path")
    parent, name = os.path.split(path.rstrip("/"))
    try:
        parent = os.path.realpath(parent)
        missing = _missing(parent)
        _nobody_else_may_replace(missing[0] if missing else parent)
        for folder in (*missing[1:], os.path.join(parent, name)):
            with suppress(FileExistsError):
                os.mkdir(folder, 0o700)
        _nobody_else_may_replace(parent)
        with _folder(os.path.join(parent, name)):
            return Store(os.path.join(parent, name), limits or Limits())
    except _Unfit as error:
        return Off(str(error))
    except OSError as error:
        return Off(f"the cache folder `{path}` cannot be used: {os.strerror(error.errno or errno.EIO)}")


def _missing(path: str) -> list[str]:
    """Empty when `path` exists; else the deepest folder that does, and those below it that are to be made."""
    found = [path]
    while not os.path.lexists(found[0]):
        found.insert(0, os.path.dirname(found[0]))
    return found if len(found) > 1 else []


def _nobody_else_may_replace(path: str) -> None:
    """Each folder on the way belongs to root or this user, and is not open to all unless it is sticky."""
    while True:
        seen = os.lstat(path)
        if seen.st_uid not in (0, os.geteuid()):
            raise _Unfit(f"`{path}`, which the cache folder is in, belongs to another user")
        if seen.st_mode & stat.S_IWOTH and not seen.st_mode & stat.S_ISVTX:
            raise _Unfit(f"`{path}`, which the cache folder is in, is writable by everybody")
        if path == os.path.dirname(path):
            return
        path = os.path.dirname(path)


@contextmanager
def _folder(path: str) -> Iterator[int]:
    """See `_private`."""
    try:
        with opened(path) as folder:
            assert isinstance(folder, int)  # `open_store` needs owners
            yield folder
    except NotPrivate as error:
        hint = "; hint: `chmod 700` it" if error.what == SHARED else ""
        raise _Unfit(f"the cache folder `{path}` {error.what}{hint}") from None


def _read(folder: int, digest: str, most: int) -> bytes:
    try:
        descriptor = open_in(folder, digest + SUFFIX, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _Unfit("a symbolic link") from None
        raise
    with open(descriptor, "rb") as file:
        seen = os.fstat(descriptor)
        if not stat.S_ISREG(seen.st_mode) or seen.st_uid != os.geteuid() or seen.st_mode & OTHERS_WRITE:
            raise _Unfit("not a file of this user alone")
        if not HEADER.size <= seen.st_size <= HEADER.size + most:
            raise _Unfit("of a wrong size")
        data = file.read(seen.st_size + 1)
        os.utime(descriptor)  # used just now
    magic, version, key, length, sum_ = HEADER.unpack_from(data)
    payload = data[HEADER.size :]
    if (magic, version, key, length) != (MAGIC, FORMAT, bytes.fromhex(digest), len(payload)):
        raise _Unfit("a wrong header")
    if hashlib.sha256(payload).digest() != sum_:
        raise _Unfit("a wrong digest")
    return payload


def _write(folder: int, digest: str, payload: bytes) -> None:
    header = HEADER.pack(MAGIC, FORMAT, bytes.fromhex(digest), len(payload), hashlib.sha256(payload).digest())
    temporary = f"{secrets.token_hex(8)}{TEMPORARY}"
    write_in(folder, digest + SUFFIX, header + payload, temporary=temporary)


def _make_room(folder: int, limits: Limits) -> None:
    """Remove what was not used for longest until the limits hold, unless another process is doing so."""
    lock = open_in(folder, LOCK, os.O_RDWR | os.O_CREAT)
    with closing(os.fdopen(lock, "rb", closefd=True)):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return
        os.utime(lock)
        now = os.fstat(lock).st_mtime  # the file system's own clock, which the other times are by
        entries: list[tuple[float, int, str]] = []
        for name in os.listdir(folder):
            with suppress(FileNotFoundError):
                seen = os.stat(name, dir_fd=folder, follow_symlinks=False)
                if name.endswith(SUFFIX):
                    entries.append((seen.st_mtime, seen.st_size, name))
                elif name.endswith(TEMPORARY) and now - seen.st_mtime > STALE_S:
                    os.unlink(name, dir_fd=folder)
        count, total = len(entries), sum(size for _, size, _ in entries)
        if count <= limits.entries and total <= limits.total_bytes:
            return
        for _, size, name in sorted(entries):
            if count <= KEEP * limits.entries and total <= KEEP * limits.total_bytes:
                break
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folder)
            count, total = count - 1, total - size
