"""The state folder: the device's key and what it holds, files that only this user can read, written whole or not at all.

The folder is the user's own (0700) and its files are (0600), or they are refused: what others may write is no state of
ours, and what others could read is no secret any more. Files are written under another name, flushed and renamed. It
refuses to follow a symbolic link, to read a file of more than 64 KiB, and to raise anything but `StateProblem`, which is
one line for the user. Sources: POSIX.1-2017 (openat, rename); the XDG base directory specification; section 1.3 of PASETO's
advice on keys at rest is not followed, since a passphrase would have to be in the program.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from epochly._private import HAS_OWNERS, LINK, SHARED, NotPrivate, make, open_in, opened, unlink_in, write_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from epochly._private import Folder

KEY, NODE, INSTALL, ENROLLED, HELD, LOCK = (
    "device.key",
    "node_id",
    "install_id",
    "fp_local.json",
    "licence.json",
    "lock",
)
MOST_BYTES = 65_536  # bytes; a keyset of 32 keys and a lease have 9 kB
LOCK_S = 25.0  # seconds; who holds it may wait for four answers of the service, 5 s each at most
OTHERS = stat.S_IRWXG | stat.S_IRWXO


class StateProblem(Exception):  # noqa: N818 - it is told to the user, not caught as an error of theirs
    """The state folder, or a file in it, cannot be used: which, why, and what helps, in one line."""

    def __init__(self, where: str, what: str, hint: str) -> None:
        super().__init__(f"`{where}` {what}; hint: {hint}")
        self.where, self.what, self.hint = where, what, hint


@dataclass(frozen=True, slots=True)
class State:
    """The files of one folder, which is looked at anew each time; a folder that is not there holds no files."""

    path: str

    def read(self, name: str) -> bytes | None:
        """A file, or None where there is none. Raises `StateProblem`."""
        place = os.path.join(self.path, name)
        try:
            with _folder(self.path) as folder:
                descriptor = open_in(folder, name, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
                with open(descriptor, "rb") as file:
                    _ours_alone(place, os.fstat(descriptor))
                    data = file.read(MOST_BYTES + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _told(place, error) from error
        if len(data) > MOST_BYTES:
            raise StateProblem(place, f"has more than {MOST_BYTES} bytes", "move it away")
        return data

    def stamp(self, name: str) -> tuple[int, int, int] | None:
        """What changes when a file does: its inode, size and time; None where it cannot be told."""
        try:
            seen = os.lstat(os.path.join(self.path, name))
        except OSError:
            return None
        return seen.st_ino, seen.st_size, seen.st_mtime_ns

    def write(self, name: str, data: bytes) -> None:
        """Write a file in the place of what is there; a reader sees the old or the new one. Raises `StateProblem`."""
        place = os.path.join(self.path, name)
        try:
            self.make()
            with _folder(self.path) as folder:
                write_in(folder, name, data, temporary=f".{name}.{secrets.token_hex(8)}")
                if isinstance(folder, int):
                    os.fsync(folder)
        except OSError as error:
            raise _told(place, error) from error

    def remove(self, name: str) -> None:
        """Remove a file; one that is not there is no problem. Raises `StateProblem`."""
        try:
            with _folder(self.path) as folder:
                unlink_in(folder, name)
        except FileNotFoundError:
            return
        except OSError as error:
            raise _told(os.path.join(self.path, name), error) from error

    def make(self) -> None:
        """Make the folder, and those above it that are missing, for this user only. Raises `OSError`, `StateProblem`."""
        if not os.path.isabs(self.path):
            raise StateProblem(self.path, "is no absolute path", "give `EPOCHLY_STATE_DIR` an absolute path")
        make(self.path)

    @contextmanager
    def locked(self, timeout_s: float = LOCK_S) -> Iterator[None]:
        """Hold the folder against other processes and threads that change it. Raises `StateProblem`."""
        from filelock import FileLock, Timeout  # noqa: PLC0415 - only who changes something pays for it

        place = os.path.join(self.path, LOCK)
        try:
            self.make()
            with _folder(self.path) as folder, suppress(FileExistsError):
                os.close(open_in(folder, LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL))
            lock = FileLock(place, mode=0o600)
            lock.acquire(timeout=timeout_s)
        except Timeout:
            raise StateProblem(
                place, "is held by another process", "try again once that one is done"
            ) from None
        except OSError as error:
            raise _told(place, error) from error
        try:
            yield
        finally:
            lock.release()


@contextmanager
def _folder(path: str) -> Iterator[Folder]:
    """See `_private`."""
    try:
        with opened(path) as folder:
            yield folder
    except NotPrivate as error:
        hints = {LINK: "name the folder itself in `EPOCHLY_STATE_DIR`", SHARED: f"`chmod 700 {path}`"}
        hint = hints.get(error.what, "name one of yours in `EPOCHLY_STATE_DIR`")
        raise StateProblem(path, error.what, hint) from None


def _ours_alone(place: str, seen: os.stat_result) -> None:
    if not stat.S_ISREG(seen.st_mode):
        raise StateProblem(place, "is no plain file", "move it away")
    if not HAS_OWNERS:  # pragma: no cover - Windows
        return
    if seen.st_uid != os.geteuid():
        raise StateProblem(place, "belongs to another user", "move it away")
    if seen.st_mode & OTHERS:
        raise StateProblem(place, "may be read or written by others", f"`chmod 600 {place}`")


def _told(place: str, error: OSError) -> StateProblem:
    code = error.errno or errno.EIO
    hints = {
        errno.ELOOP: "remove the symbolic link",
        errno.ENOSPC: "make room on the disk",
        errno.EDQUOT: "make room in your quota",
        errno.EFBIG: "raise the limit on the size of files",
        errno.EROFS: "name a folder that can be written in `EPOCHLY_STATE_DIR`",
        errno.EISDIR: "move it away",
        errno.EACCES: "name a folder of yours in `EPOCHLY_STATE_DIR`",
    }
    what = "is a symbolic link" if code == errno.ELOOP else f"cannot be used: {os.strerror(code).lower()}"
    return StateProblem(place, what, hints.get(code, "name another folder in `EPOCHLY_STATE_DIR`"))
