"""A folder that is this user's alone, and files written into it whole or not at all: where compiled code and licences are kept.

What was checked is what is used: the folder is a descriptor, and files are reached through it. Where the system has no owners
to ask (Windows, whose profile's own access list holds) it is the path. It refuses symbolic links, folders of others, and folders
that others may write to. Sources: POSIX.1-2017 (openat, rename).
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    Folder = int | str

OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
OPEN = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
HAS_OWNERS = hasattr(os, "geteuid") and hasattr(os, "O_DIRECTORY")
LINK, FOREIGN, SHARED = (
    "is a symbolic link, or no folder",
    "belongs to another user",
    "is writable by others",
)


class NotPrivate(Exception):  # noqa: N818 - its users have errors of their own to make of it
    """A folder that is not this user's alone: `what` is one of `LINK`, `FOREIGN` and `SHARED`."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


@contextmanager
def opened(path: str) -> Iterator[Folder]:
    """The folder, for the functions below. Raises `NotPrivate`, `OSError`."""
    if not HAS_OWNERS:  # pragma: no cover - Windows
        if os.path.islink(path):
            raise NotPrivate(LINK)
        yield path
        return
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | OPEN)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise NotPrivate(LINK) from None
        raise
    try:
        seen = os.fstat(descriptor)
        if seen.st_uid != os.geteuid():
            raise NotPrivate(FOREIGN)
        if seen.st_mode & OTHERS_WRITE:
            raise NotPrivate(SHARED)
        yield descriptor
    finally:
        os.close(descriptor)


def open_in(folder: Folder, name: str, flags: int) -> int:
    """A descriptor of a file, which is not followed if it is a link; a new one is for this user only. Raises `OSError`."""
    if isinstance(folder, str):  # pragma: no cover - Windows
        return os.open(os.path.join(folder, name), flags | OPEN | getattr(os, "O_BINARY", 0), 0o600)
    return os.open(name, flags | OPEN, 0o600, dir_fd=folder)


def unlink_in(folder: Folder, name: str) -> None:
    """Remove a file. Raises `OSError`."""
    if isinstance(folder, str):  # pragma: no cover - Windows
        os.unlink(os.path.join(folder, name))
    else:
        os.unlink(name, dir_fd=folder)


def make(path: str) -> None:
    """Make a folder, and those above it that are missing, for this user only. Raises `OSError`."""
    missing, above = [], path
    while not os.path.lexists(above):
        missing.append(above)
        above = os.path.dirname(above)
    for folder in reversed(missing):
        with suppress(FileExistsError):  # by somebody else, just now
            os.mkdir(folder, 0o700)


def write_in(folder: Folder, name: str, data: bytes, *, temporary: str, flushed: bool = True) -> None:
    """Put a file in the place of what is there: under another name, flushed, renamed. Raises `OSError`, and leaves nothing then."""
    descriptor = open_in(folder, temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            if flushed:
                file.flush()
                os.fsync(descriptor)
        if isinstance(folder, str):  # pragma: no cover - Windows
            os.replace(os.path.join(folder, temporary), os.path.join(folder, name))
        else:
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        with suppress(OSError):
            unlink_in(folder, temporary)
        raise
