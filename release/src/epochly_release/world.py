"""The one seam to the machine: files, programs, the clock, the network and the run's identity, as one small protocol.

`Machine` is the real one; a working one without a machine stands in `memory.py`. Both turn every trouble of the machine into an
`InputError` that names the file or program. Nothing here decides anything about a release. Programs are started from
lists, never through a shell, with exactly the environment they are given.
"""

from __future__ import annotations

import contextlib
import errno
import http.client as http_client
import os
import shutil
import ssl
import stat
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from epochly_release.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

PROGRAM_TIMEOUT_S = 1_800  # seconds: a large extension module builds in this; a hung one ends


FETCH_TIMEOUT_S = 60.0  # seconds without a byte: uploads of large wheels make a forge think for a while
MAX_ANSWER = (
    100_000_000  # bytes: the largest project pages are some 10 MB, the largest wheels are fetched by pip
)


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP answer, whatever its status; header names are in lower case."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ran:
    """How a program ended: its exit status, and what it wrote."""

    status: int
    stdout: bytes = b""
    stderr: bytes = b""


class World(Protocol):
    """What a step may ask of the machine. Paths are absolute; all methods raise `InputError`."""

    @property
    def environ(self) -> Mapping[str, str]:
        """The environment we were started with."""

    def now(self) -> str:
        """The time, RFC 3339 in UTC."""

    def tell(self, text: str) -> None:
        """Show a line of progress."""

    def run(
        self,
        arguments: Sequence[str],
        *,
        cwd: str = "/",
        environ: Mapping[str, str] | None = None,
        given: bytes = b"",
        umask: int = 0o022,
        user: int | None = None,
    ) -> Ran:
        """Start a program and wait for it; `environ` is all it gets, by default our own environment.

        With `user` it sees itself, and all that is ours, as that user's and group's (a namespace of `unshare`).
        """

    def has_program(self, name: str) -> bool:
        """Whether a program of this name is on the path."""

    def read(self, path: str) -> bytes:
        """A file's bytes."""

    def write(self, path: str, data: bytes, *, mode: int = 0o644, mtime: int | None = None) -> None:
        """Put a file there, whole or not at all, with its folders; one that is given a time is scratch, see `Machine`."""

    def append(self, path: str, data: bytes) -> None:
        """Add bytes to the end of a file, and see them on the disk."""

    def settle(self, path: str, mode: int, mtime: int) -> None:
        """Give a file its mode and time."""

    def files(self, folder: str) -> list[str]:
        """Paths of the files right in a folder, sorted; none if it is not there."""

    def fresh_folder(self, path: str) -> None:
        """An empty folder of ours at this path; what a run before left there is removed."""

    def fetch(
        self,
        url: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Response:
        """Ask an HTTP server, once; raises only when there is no answer. A credential is never sent on by a redirect."""

    def identity_token(self, audience: str) -> str:
        """An OIDC token for an audience, from the platform this runs on; there is no other way to be somebody."""

    def pause(self, seconds: float) -> None:
        """Wait."""


@dataclass(frozen=True, slots=True)
class Machine:
    """The real machine. Environment, clock and progress are handed in by the command line."""

    environ: Mapping[str, str]
    clock: Callable[[], str]
    show: Callable[[str], None]

    def now(self) -> str:
        """The time, RFC 3339 in UTC."""
        return self.clock()

    def tell(self, text: str) -> None:
        """Show a line of progress."""
        self.show(text)

    def run(
        self,
        arguments: Sequence[str],
        *,
        cwd: str = "/",
        environ: Mapping[str, str] | None = None,
        given: bytes = b"",
        umask: int = 0o022,
        user: int | None = None,
    ) -> Ran:
        """Start a program and wait for it; `user` in a namespace, which needs no root and leaves the files ours."""
        if user is not None:
            namespace = ["unshare", "--user", f"--map-user={user}", f"--map-group={user}", "--"]
            arguments = [*namespace, *arguments]
        try:
            done = subprocess.run(
                list(arguments),
                cwd=cwd,
                env=dict(self.environ if environ is None else environ),
                input=given,
                capture_output=True,
                check=False,
                timeout=PROGRAM_TIMEOUT_S,
                umask=umask,
            )
        except FileNotFoundError:
            hint = "install it, or put it on PATH"
            raise InputError("no-program", arguments[0], "is not there", hint) from None
        except subprocess.TimeoutExpired:
            message = f"did not end within {PROGRAM_TIMEOUT_S} seconds"
            raise InputError("timeout", arguments[0], message, "run it by hand to see why") from None
        except (OSError, ValueError) as error:
            raise InputError("no-program", arguments[0], f"cannot be started: {error}", "see PATH") from error
        return Ran(done.returncode, done.stdout, done.stderr)

    def has_program(self, name: str) -> bool:
        """Whether a program of this name is on the path."""
        return shutil.which(name, path=self.environ.get("PATH", "")) is not None

    def read(self, path: str) -> bytes:
        """A file's bytes."""
        try:
            with open(path, "rb") as file:
                return file.read()
        except OSError as error:
            raise trouble(path, error) from error

    def write(self, path: str, data: bytes, *, mode: int = 0o644, mtime: int | None = None) -> None:
        """Put a file there, whole or not at all. Sources to build from get a time, and need not survive a power cut."""
        part = f"{path}.part"
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(part, "wb") as file:
                file.write(data)
                file.flush()
                if mtime is None:
                    os.fsync(file.fileno())
            os.chmod(part, mode)
            if mtime is not None:
                os.utime(part, (mtime, mtime))
            os.replace(part, path)
        except OSError as error:
            with contextlib.suppress(OSError):  # the journal needs the room to say what happened
                os.unlink(part)
            raise trouble(path, error) from error

    def append(self, path: str, data: bytes) -> None:
        """Add bytes to the end of a file, and see them on the disk."""
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "ab") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise trouble(path, error) from error

    def settle(self, path: str, mode: int, mtime: int) -> None:
        """Give a file its mode and time."""
        try:
            os.chmod(path, mode)
            os.utime(path, (mtime, mtime))
        except OSError as error:
            raise trouble(path, error) from error

    def files(self, folder: str) -> list[str]:
        """Paths of the files right in a folder, sorted."""
        try:
            with os.scandir(folder) as entries:
                return sorted(entry.path for entry in entries if entry.is_file())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise trouble(folder, error) from error

    def fresh_folder(self, path: str) -> None:
        """An empty folder of ours: a link or a folder of somebody else at that path is refused, not followed."""
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            try:
                there = os.lstat(path)
            except FileNotFoundError:
                os.mkdir(path, 0o700)
                return
            if not stat.S_ISDIR(there.st_mode) or there.st_uid != os.getuid():
                raise InputError(
                    "foreign-folder", path, "belongs to somebody else", "name another `--build-root`"
                )
            shutil.rmtree(path)
            os.mkdir(path, 0o700)
        except OSError as error:
            raise trouble(path, error) from error

    def fetch(
        self,
        url: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Response:
        """Ask an HTTP server, trusting what `SSL_CERT_FILE` names or else what the machine trusts."""
        if not url.startswith(("https://", "http://")):
            raise InputError("address", url, "is no web address", "give one that begins with `https://`")
        try:
            trusted = ssl.create_default_context(cafile=self.environ.get("SSL_CERT_FILE") or None)
            handlers: list[urllib.request.BaseHandler] = [urllib.request.HTTPSHandler(context=trusted)]
            if any(name.lower() == "authorization" for name in headers or {}):
                handlers.append(_NoRedirect())
            request = urllib.request.Request(url, body, dict(headers or {}), method=method)  # noqa: S310 - see above
            opener = urllib.request.build_opener(*handlers)
            try:
                answer = opener.open(request, timeout=FETCH_TIMEOUT_S)
            except urllib.error.HTTPError as error:
                answer = error
            with answer:
                data = answer.read(MAX_ANSWER + 1)
        except (OSError, ValueError, http_client.HTTPException) as error:
            hint = "see the network and the address, then run it again"
            raise InputError("unreachable", url, f"cannot be reached: {error}", hint) from error
        if len(data) > MAX_ANSWER:
            raise InputError(
                "unreachable", url, f"answers with more than {MAX_ANSWER} bytes", "see the address"
            )
        return Response(answer.status, data, {name.lower(): value for name, value in answer.headers.items()})

    def identity_token(self, audience: str) -> str:
        """The platform's token, found by the `id` library in the environment of this process."""
        from id import IdentityError, detect_credential  # noqa: PLC0415 - only the steps that sign or publish

        hint = "run it in a job with `id-token: write`; tokens are never taken from anywhere else"
        try:
            token = detect_credential(audience)
        except IdentityError as error:
            raise InputError("no-identity", "OIDC", f"gives no token: {error}", hint) from error
        if token is None:
            raise InputError("no-identity", "OIDC", "is not offered on this machine", hint)
        return token

    def pause(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """An answer that points elsewhere is the answer."""

    def redirect_request(self, *_: object) -> None:
        """Follow nothing."""


def trouble(path: str, error: OSError) -> InputError:
    """The one way an operating system's refusal of a file is said."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return InputError(
            "disk-full", path, "cannot be written: the disk is full", "make room, then run it again"
        )
    return InputError(
        "file", path, f"cannot be used: {error.strerror or error}", "see the path and its permissions"
    )
