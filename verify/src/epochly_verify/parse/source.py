"""Bytes by position: the one way a parser reads an artifact, so that it never depends on a file.

A source is read at offsets, not as a stream, so that members can be read by several threads at once.
"""

from __future__ import annotations

import os
from typing import Protocol

from epochly_verify.errors import InputError


class Source(Protocol):
    """Random access to bytes that do not change while they are read."""

    @property
    def size_bytes(self) -> int:
        """Length of the whole."""
        ...

    def read_at(self, offset: int, length: int) -> bytes:
        """At most `length` bytes from `offset`; fewer only at the end."""
        ...


class BytesSource:
    """A source in memory, for tests and for nested evidence."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    @property
    def size_bytes(self) -> int:
        """Length of the whole."""
        return len(self._data)

    def read_at(self, offset: int, length: int) -> bytes:
        """At most `length` bytes from `offset`."""
        return self._data[offset : offset + length]


class FileSource:
    """An open file. `ensure_unchanged` tells whether somebody wrote to it meanwhile."""

    def __init__(self, descriptor: int, path: str) -> None:
        self._descriptor = descriptor
        self._path = path
        self._before = self._stamp()

    @property
    def size_bytes(self) -> int:
        """Length of the file when it was opened."""
        return self._before[0]

    def read_at(self, offset: int, length: int) -> bytes:
        """At most `length` bytes from `offset`; safe in several threads at once."""
        try:
            data = os.pread(self._descriptor, length, offset)
            while 0 < len(data) < length:  # pread may stop early, at 2 GiB or on a signal
                more = os.pread(self._descriptor, length - len(data), offset + len(data))
                if not more:
                    break
                data += more
        except OSError as error:
            raise InputError(
                "unreadable", self._path, f"reading failed ({error.strerror})", "check the disk or the mount"
            ) from error
        return data

    def ensure_unchanged(self) -> None:
        """Raise `InputError` when the file's size or change time moved since it was opened."""
        if self._stamp() != self._before:
            raise InputError(
                "changed", self._path, "the file changed while it was read", "judge a copy nobody writes to"
            )

    def _stamp(self) -> tuple[int, int, int]:
        status = os.fstat(self._descriptor)
        return status.st_size, status.st_mtime_ns, status.st_ctime_ns
