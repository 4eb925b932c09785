"""The files of telemetry, in a folder of the state folder: the user's choice, a seed, what waits, the log, what was sent and when.

All are this user's alone (0700, 0600), bounded in number and size, and never waited for: nothing here is flushed to the disk by force. It refuses
folders and files that others may write to or that are links, and raises nothing but `OSError`. Sources: POSIX.1-2017.
"""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager

from epochly._private import HAS_OWNERS, NotPrivate, make, open_in, opened, unlink_in, write_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from dataclasses import dataclass

    from epochly._private import Folder
else:
    from epochly._records import dataclass

SWITCH, NOTICE, SEED, SENDINGS, LOCK, LENS_KEY = (
    "switch",
    "notice",
    "seed",
    "sendings.json",
    "lock",
    "lens.key",
)
SPOOL, LOG = "spool", "log"  # folders
MOST_BYTES = 1_048_576 + 65_536  # of any file of ours
OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class Files:
    """The files of one folder; those of a folder that is not there are none."""

    path: str

    def inside(self, name: str) -> Files:
        """A folder in it."""
        return Files(os.path.join(self.path, name))

    def read(self, name: str) -> bytes | None:
        """A file's bytes, None where there is none. Raises `OSError`."""
        try:
            with self._opened() as folder:
                descriptor = open_in(folder, name, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
                with open(descriptor, "rb") as file:
                    _ours_alone(os.fstat(descriptor))
                    data = file.read(MOST_BYTES + 1)
        except FileNotFoundError:
            return None
        if len(data) > MOST_BYTES:
            raise OSError(f"`{name}` is too large")
        return data

    def write(self, name: str, data: bytes) -> None:
        """A file in the place of what is there, whole or not at all. Raises `OSError`."""
        make(self.path)
        with self._opened() as folder:
            write_in(folder, name, data, temporary=f".{name}.{os.urandom(8).hex()}", flushed=False)

    def append(self, name: str, data: bytes) -> None:
        """Bytes at the end of a file, which is made where there is none. Raises `OSError`."""
        make(self.path)
        with self._opened() as folder:
            descriptor = open_in(folder, name, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            with open(descriptor, "ab", buffering=0) as file:
                _ours_alone(os.fstat(descriptor))
                if file.write(data) != len(data):  # the disk is full
                    raise OSError(f"`{name}` was not written whole")

    def remove(self, name: str) -> None:
        """No such file any more; one that is not there is none. Raises `OSError`."""
        try:
            with self._opened() as folder:
                unlink_in(folder, name)
        except FileNotFoundError:
            return

    def sizes(self) -> dict[str, tuple[int, int]]:
        """Size in bytes and time in Unix seconds of each file by its name, but hidden ones. Raises `OSError`."""
        try:
            with self._opened() as folder, os.scandir(folder) as entries:
                found = [(entry.name, entry.stat(follow_symlinks=False)) for entry in entries]
        except FileNotFoundError:
            return {}
        return {
            name: (seen.st_size, int(seen.st_mtime))
            for name, seen in found
            if not name.startswith(".") and stat.S_ISREG(seen.st_mode)
        }

    def sweep(self, before: int) -> None:
        """Take away what a process that was killed had half written before that time, in Unix seconds. Raises `OSError`."""
        try:
            with self._opened() as folder, os.scandir(folder) as entries:
                found = [entry for entry in entries if entry.name.startswith(".")]
                for name in [
                    each.name for each in found if each.stat(follow_symlinks=False).st_mtime < before
                ]:
                    unlink_in(folder, name)
        except FileNotFoundError:
            return

    @contextmanager
    def held(self) -> Iterator[bool]:
        """Hold the folder against other processes that send; gives False where one does, and does not wait for it. Raises `OSError`."""
        from filelock import FileLock, Timeout  # noqa: PLC0415 - only who sends pays for it

        make(self.path)
        with self._opened():
            lock = FileLock(os.path.join(self.path, LOCK), mode=0o600)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()

    @contextmanager
    def _opened(self) -> Iterator[Folder]:
        try:
            with opened(self.path) as folder:
                yield folder
        except NotPrivate as error:
            raise OSError(f"`{self.path}` {error.what}") from error


def _ours_alone(seen: os.stat_result) -> None:
    if not stat.S_ISREG(seen.st_mode):
        raise OSError("no plain file")
    if HAS_OWNERS and (seen.st_uid != os.geteuid() or seen.st_mode & OTHERS):
        raise OSError("it belongs to others, or they may read it")
