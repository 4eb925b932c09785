"""Starting the process that compiles, and talking to it without ever waiting for it.

It is started on a thread that lives for some milliseconds, gets no descriptor but one socket, no variable but those that
decide how libraries load and compile, no signal of our terminal, and no name of the program's. It is not our child for
longer than it takes to start, so no `wait` of the program's meets it, and none of it is left when it ends. It ends with us
because its input does. A socket and no pipe, since writing to a broken pipe may kill a program that asked for that. It
refuses to write or read more than there is room for. POSIX only.
"""

from __future__ import annotations

import os
import sys
from _thread import allocate_lock, start_new_thread
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from epochly._builder.messages import BrokenError, packed, unpacked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from socket import socket

LIBRARIES = (
    "epochly",
    "numba",
    "llvmlite",
    "numpy",
)  # nothing else is on the process's path but Python's own
PASSED = (
    "NUMBA_",
    "OPENBLAS_",
    "OMP_",
    "MKL_",
    "BLIS_",
    "NPY_",
    "LD_",
    "GLIBC_TUNABLES",
    "TMPDIR",
    "LC_",
    "LANG",
)
START = "import sys; sys.path += sys.argv[2:]; from epochly._builder.worker import main; main()"
CHUNK = 1 << 16  # bytes
NO_SIGNAL = 0x4000  # MSG_NOSIGNAL of Linux


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that the process gets."""
    return {name: value for name, value in environ.items() if name.startswith(PASSED)}


def library_folders() -> list[str] | None:
    """Where the libraries are, told without importing them; None where one is not a folder of its own."""
    from importlib.util import find_spec  # noqa: PLC0415 - it takes milliseconds

    folders: list[str] = []
    for name in LIBRARIES:
        spec = find_spec(name)
        places = [] if spec is None else list(spec.submodule_search_locations or ())
        if len(places) != 1 or not os.path.isabs(places[0]):
            return None
        folders.append(os.path.dirname(places[0]))
    return list(dict.fromkeys(folders))


class Process:
    """One process. `gone` once it ended or could not be started, `why` then says how."""

    __slots__ = ("_busy", "_inbox", "_outbox", "_socket", "gone", "pid", "why")

    def __init__(self, folder: str, folders: Sequence[str], environ: Mapping[str, str]) -> None:
        self.pid, self.gone, self.why = 0, False, ""
        self._socket: socket | None = None
        self._inbox, self._outbox = bytearray(), bytearray()
        self._busy = allocate_lock()  # held while the starting thread lives
        self._busy.acquire()
        command = [sys.executable, "-I", "-S", "-W", "ignore", "-c", START, folder, *folders]
        try:
            start_new_thread(self._start, (command, environment(environ)))
        except RuntimeError:
            self._end("no thread to start it from")
            self._busy.release()

    @property
    def ran(self) -> bool:
        """Whether it came so far as to be ready for work."""
        return self.pid != 0

    @property
    def starting(self) -> bool:
        """Whether the thread that starts it still lives."""
        return self._busy.locked()

    def settled(self, timeout_s: float) -> bool:
        """Wait until that thread is done, so that a fork does not meet it."""
        if not self._busy.acquire(timeout=timeout_s):
            return False
        self._busy.release()
        return True

    def send(self, message: dict[str, Any]) -> None:
        """Queue a message; it leaves when the pipe has room."""
        self._outbox += packed(message)
        self._flush()

    def answers(self) -> list[dict[str, Any]]:
        """What it said since; sets `gone` when it has ended."""
        if self.starting or self.gone:
            return []
        self._flush()
        found: list[dict[str, Any]] = []
        try:
            while self._socket is not None and (chunk := self._socket.recv(CHUNK)):
                self._inbox += chunk
            self._end("it ended")
        except BlockingIOError:
            pass
        except OSError as error:
            self._end(str(error))
        try:
            for message in unpacked(self._inbox):
                if "pid" in message:
                    self.pid = int(message["pid"])
                else:
                    found.append(message)
        except (BrokenError, ValueError) as error:
            self._end(f"it said what is no message: {error}")
        return found

    def close(self) -> None:
        """Let it end, at once: its input does."""
        if not self.starting:
            self._end("closed")

    def _start(self, command: list[str], environ: dict[str, str]) -> None:
        try:
            from socket import socketpair  # noqa: PLC0415 - only who compiles pays for it
            from subprocess import DEVNULL, Popen  # noqa: PLC0415 - the same

            ours, theirs = socketpair()
            with theirs:
                launcher = Popen(
                    command,
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),
                    stderr=DEVNULL,
                    env=environ,
                    cwd="/",
                    start_new_session=True,
                )
            launcher.wait()  # it forks and exits, in some ten milliseconds
            ours.setblocking(False)
            self._socket = ours
        except Exception as error:  # noqa: BLE001 - no process is no harm
            self._end(f"{type(error).__name__}: {error}")
        finally:
            self._busy.release()

    def _flush(self) -> None:
        if self.starting or self.gone:
            return
        try:
            while self._outbox and self._socket is not None:
                del self._outbox[: self._socket.send(self._outbox[:CHUNK], NO_SIGNAL)]
        except BlockingIOError:
            return
        except OSError as error:
            self._end(str(error))

    def _end(self, why: str) -> None:
        if self.gone:
            return
        self.gone, self.why = True, why
        if self._socket is not None:
            with suppress(OSError):
                self._socket.close()
        if self.pid and os.getpid() == 1:  # in a container the program may be everybody's parent
            with suppress(OSError):
                os.waitpid(self.pid, os.WNOHANG)
