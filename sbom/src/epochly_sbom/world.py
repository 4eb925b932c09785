"""The one seam to the machine: read a file, write a file, run a program. `Memory` is a working stand-in for tests.

A file is written whole or not at all: beside its place first, then moved there.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from epochly_sbom.errors import InputError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

RUN_SECONDS = 300  # seconds one program may take; the largest environments need under a minute


@dataclass(frozen=True, slots=True)
class Done:
    """How a program ended, and what it wrote."""

    status: int
    stdout: str
    stderr: str


class World(Protocol):
    """What this package needs of a machine."""

    def read(self, path: str, limit: int) -> bytes:
        """The bytes of a file of at most `limit` bytes; `InputError` when there is none to be had."""

    def write(self, path: str, data: bytes) -> None:
        """Write a file whole; `RefusedError` when that fails."""

    def run(self, arguments: Sequence[str]) -> Done:
        """Run a program to its end; `RefusedError` when it cannot be started."""


@dataclass(frozen=True, slots=True)
class Machine:
    """The real one. `environ` is what programs get."""

    environ: Mapping[str, str]

    def read(self, path: str, limit: int) -> bytes:
        """See `World`."""
        try:
            with open(path, "rb") as file:
                data = file.read(limit + 1)
        except (OSError, ValueError) as error:
            reason = (getattr(error, "strerror", None) or "no usable path").lower()
            raise InputError(path, f"cannot be read: {reason}", "check the path and its rights") from error
        if len(data) > limit:
            raise InputError(path, f"has more than {limit} bytes", "this is beyond what is read here")
        return data

    def write(self, path: str, data: bytes) -> None:
        """See `World`."""
        beside = ""
        try:
            folder = os.path.dirname(path) or "."
            os.makedirs(folder, exist_ok=True)
            handle, beside = tempfile.mkstemp(prefix=".epochly-sbom-", dir=folder)
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(beside, 0o644)
            os.replace(beside, path)
        except (OSError, ValueError) as error:
            if beside:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(beside)
            reason = (getattr(error, "strerror", None) or "no usable path").lower()
            raise RefusedError(
                path, f"cannot be written: {reason}", "check the folder and its space"
            ) from error

    def run(self, arguments: Sequence[str]) -> Done:
        """See `World`."""
        try:
            done = subprocess.run(
                list(arguments),
                capture_output=True,
                check=False,
                encoding="utf-8",
                errors="replace",
                env=dict(self.environ),
                stdin=subprocess.DEVNULL,
                timeout=RUN_SECONDS,
            )
        except OSError as error:
            hint = "check that it is installed"
            raise RefusedError(arguments[0], "cannot be started", hint) from error
        except subprocess.TimeoutExpired as error:
            hint = "run it by hand to see why"
            raise RefusedError(arguments[0], f"took more than {RUN_SECONDS} seconds", hint) from error
        return Done(done.returncode, done.stdout, done.stderr)


@dataclass(slots=True)
class Memory:
    """A machine made of a dictionary; `programs` answers what is run."""

    files: dict[str, bytes] = field(default_factory=dict)
    programs: Callable[[Sequence[str]], Done] | None = None

    def read(self, path: str, limit: int) -> bytes:
        """See `World`."""
        if path not in self.files:
            raise InputError(
                path, "cannot be read: no such file or directory", "check the path and its rights"
            )
        if len(self.files[path]) > limit:
            raise InputError(path, f"has more than {limit} bytes", "this is beyond what is read here")
        return self.files[path]

    def write(self, path: str, data: bytes) -> None:
        """See `World`."""
        self.files[path] = data

    def run(self, arguments: Sequence[str]) -> Done:
        """See `World`."""
        if self.programs is None:
            raise RefusedError(arguments[0], "cannot be started", "check that it is installed")
        return self.programs(arguments)
