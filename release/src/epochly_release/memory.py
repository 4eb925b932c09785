"""A machine in memory: files, a scripted program runner, a scripted network, and a disk that can fill up.

It stands in for `world.Machine` where nothing real is wanted, and behaves like it: the same errors for the same troubles.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from epochly_release.errors import InputError
from epochly_release.world import Ran, trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from epochly_release.world import Response


def _no_network(url: str, _method: str, _headers: Mapping[str, str], _body: bytes | None) -> Response:
    raise InputError("unreachable", url, "cannot be reached: there is no network", "connect it")


def _no_identity(_audience: str) -> str:
    raise InputError("no-identity", "OIDC", "is not offered on this machine", "run it in a job that has one")


def _no_program(arguments: Sequence[str], _cwd: str, _environ: Mapping[str, str]) -> Ran:
    raise InputError("no-program", arguments[0], "is not there", "install it, or put it on PATH")


@dataclass(slots=True)
class FakeWorld:
    """A machine in memory: files, a scripted program runner, a clock that stands still, and a disk that can fill up.

    Attributes:
        programs: called with arguments, folder and environment; by default there is no program at all.
        room: bytes the disk still takes.
        answers: called with address, method, headers and body of each request.
        identity: called with the audience of a token that is asked for.
    """

    environ: Mapping[str, str] = field(default_factory=dict)
    disk: dict[str, bytes] = field(default_factory=dict)
    programs: Callable[[Sequence[str], str, Mapping[str, str]], Ran] = _no_program
    room: int = 1 << 40
    answers: Callable[[str, str, Mapping[str, str], bytes | None], Response] = _no_network
    identity: Callable[[str], str] = _no_identity
    told: list[str] = field(default_factory=list)
    installed: frozenset[str] = frozenset()
    time: str = "2026-01-02T03:04:05Z"

    def now(self) -> str:
        """The time that stands still."""
        return self.time

    def tell(self, text: str) -> None:
        """Keep the line."""
        self.told.append(text)

    def run(
        self,
        arguments: Sequence[str],
        *,
        cwd: str = "/",
        environ: Mapping[str, str] | None = None,
        given: bytes = b"",  # noqa: ARG002 - scripted programs read nothing
        umask: int = 0o022,  # noqa: ARG002 - and there are no modes in memory
        user: int | None = None,  # noqa: ARG002 - nor users
    ) -> Ran:
        """Ask the script."""
        return self.programs(arguments, cwd, self.environ if environ is None else environ)

    def has_program(self, name: str) -> bool:
        """Whether the script has this program."""
        return name in self.installed

    def read(self, path: str) -> bytes:
        """A file's bytes."""
        if path not in self.disk:
            raise trouble(path, FileNotFoundError(errno.ENOENT, "No such file"))
        return self.disk[path]

    def write(self, path: str, data: bytes, *, mode: int = 0o644, mtime: int | None = None) -> None:  # noqa: ARG002
        """Put a file there if there is room."""
        self._take(path, data)
        self.disk[path] = data

    def append(self, path: str, data: bytes) -> None:
        """Add to a file if there is room."""
        self._take(path, data)
        self.disk[path] = self.disk.get(path, b"") + data

    def settle(self, path: str, mode: int, mtime: int) -> None:  # noqa: ARG002 - no modes and times in memory
        """See that the file is there."""
        self.read(path)

    def files(self, folder: str) -> list[str]:
        """Paths of the files right in a folder, sorted."""
        return sorted(path for path in self.disk if os.path.dirname(path) == folder)

    def fresh_folder(self, path: str) -> None:
        """Forget everything below the path."""
        for name in self._below(path):
            del self.disk[name]

    def fetch(
        self,
        url: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Response:
        """Ask the scripted network."""
        return self.answers(url, method, headers or {}, body)

    def identity_token(self, audience: str) -> str:
        """Ask the scripted platform."""
        return self.identity(audience)

    def pause(self, seconds: float) -> None:
        """Tell instead of waiting."""
        self.told.append(f"waited {seconds:g} s")

    def _below(self, path: str) -> Iterable[str]:
        return [name for name in self.disk if name.startswith(f"{path}/")]

    def _take(self, path: str, data: bytes) -> None:
        if len(data) > self.room:
            raise trouble(path, OSError(errno.ENOSPC, "No space left on device"))
        self.room -= len(data)
