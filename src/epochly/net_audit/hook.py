"""Started with the program's own Python, by its path: adds an audit hook, then runs the program as that Python would have.

It imports nothing of epochly, which that Python may not have, and works on Python 3.8 and newer. Each line goes to the file
that is named first, which is opened anew for it: a descriptor kept open could become one of the program's own. It stops
nothing, changes nothing that a program prints, and never raises into it. Usage: `hook.py FILE (-c CODE | -m MODULE | SCRIPT) ...`.
PEP 578; the events: "Audit events table" in the Python documentation.
"""

from __future__ import annotations

import builtins
import io
import json
import os
import sys
import threading
import time
import types

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MOST = 100_000  # lines; then one says that there was more
MOST_FRAMES = 64  # looked at for the code that asked: a library's own way to a socket is some ten deep
FAMILIES = {1: "AF_UNIX", 2: "AF_INET", 10: "AF_INET6", 16: "AF_NETLINK", 17: "AF_PACKET"}
KINDS = {1: "tcp", 2: "udp", 3: "raw"}
PLACES = {
    "socket.connect": "connect",
    "socket.sendto": "send",
    "socket.sendmsg": "send",
    "socket.bind": "listen",
}
LOOKUPS = {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}
STARTS = {
    "subprocess.Popen": "a program was started",
    "os.system": "a program was started",
    "os.posix_spawn": "a program was started",
    "os.exec": "a program took the place of a process",
    "cpython.PyInterpreterState_New": "a sub-interpreter was made",
    "ctypes.dlopen": "`ctypes` was used",
}
BETWEEN = {"httpcore", "httpx", "h11", "anyio", "urllib3", "requests"}  # ask for somebody else
PARTS = (ValueError, TypeError, AttributeError, IndexError, KeyError, OSError, RecursionError)


class Hook:
    """Notes what leads out of the process; called by the interpreter before each event."""

    def __init__(self, path: str) -> None:
        """Write to the file at `path`, which is there."""
        self._path, self._here, self._lines, self.lost = path, threading.local(), 0, 0
        self._library = os.path.dirname(os.__file__) + os.sep

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Take an event; whatever is odd about it is counted, not raised."""
        if not (event in PLACES or event in LOOKUPS or event in STARTS) or getattr(self._here, "busy", False):
            return
        self._here.busy = True
        try:
            self._note(self._line(event, arguments))
        except PARTS:
            self.lost += 1
        finally:
            self._here.busy = False

    def _line(self, event: str, arguments: tuple[Any, ...]) -> dict[str, Any] | None:
        line = {"t": time.time(), "pid": os.getpid(), "thread": threading.get_ident()}
        if event in STARTS:
            return dict(line, e="start", what=STARTS[event])
        if event in LOOKUPS:
            name = arguments[0]
            name = name.decode("utf-8", "replace") if isinstance(name, (bytes, bytearray)) else str(name)
            port = arguments[1] if event == "socket.getaddrinfo" else None
            port = port if isinstance(port, int) else None
            return dict(line, e="ask", name=name[:300], port=port, code=self._code())
        made, address = arguments[0], arguments[1]
        if address is None:  # `sendmsg` on a socket that is connected: that was told before
            return None
        family, port = FAMILIES.get(int(made.family), f"AF_{int(made.family)}"), None
        if family in ("AF_INET", "AF_INET6"):
            address, port = address[0], int(address[1])
        if isinstance(address, (bytes, bytearray)):
            address = (
                "@" + bytes(address[1:]).decode("utf-8", "replace")
                if address[:1] == b"\0"
                else address.decode()
            )
        kind = KINDS.get(int(made.type) & 0xF, "") if port is not None else ""
        return dict(
            line,
            e=PLACES[event],
            family=family,
            address=str(address)[:300],
            port=port,
            kind=kind,
            code=self._code(),
        )

    def _code(self) -> str:
        """The module that asked: the innermost one that is neither the standard library nor a library that asks for others."""
        frame: Any = sys._getframe(3)  # noqa: SLF001 - who asks stands there
        for _ in range(MOST_FRAMES):
            if frame is None:
                break
            name, file = str(frame.f_globals.get("__name__", "?")), frame.f_code.co_filename
            within = file.startswith(self._library) and "-packages" not in file
            if not within and not file.startswith("<frozen") and name.partition(".")[0] not in BETWEEN:
                return name[:100]
            frame = frame.f_back
        return "?"

    def _note(self, line: dict[str, Any] | None) -> None:
        if line is None or self._lines > MOST:
            return
        self._lines += 1
        if self._lines > MOST:
            line = {"t": line["t"], "pid": line["pid"], "e": "start", "what": "more events than are kept"}
        opened = os.open(self._path, os.O_WRONLY | os.O_APPEND)
        try:
            os.write(
                opened, json.dumps(line).encode() + b"\n"
            )  # one write, which other processes' do not part
        finally:
            os.close(opened)


def main(words: list[str]) -> None:
    """Run what the words name; raises what it raises."""
    path, first, *rest = words
    with open(path, "a") as file:
        file.write(json.dumps({"e": "begun", "pid": os.getpid()}) + "\n")
    sys.addaudithook(Hook(path))
    if first == "-m":
        import runpy  # noqa: PLC0415 - with the program's own path, and only for what needs it

        sys.argv[:] = ["-m", *rest[1:]]
        runpy._run_module_as_main(rest[0])  # type: ignore[attr-defined]  # noqa: SLF001 - what `-m` is
    elif first == "-c":
        sys.argv[:] = ["-c", *rest[1:]]
        run(rest[0], "<string>", {})
    elif os.path.isfile(first) and not is_archive(first):
        sys.argv[:] = [first, *rest]
        with io.open_code(first) as file:
            source = file.read()
        run(source, first, {"__file__": first, "__cached__": None})
    else:
        import runpy  # noqa: PLC0415 - with the program's own path, and only for what needs it

        sys.argv[:] = [first, *rest]
        runpy.run_path(first, run_name="__main__")


def run(source: str | bytes, name: str, more: dict[str, Any]) -> None:
    """Run a source as the module `__main__`, which stays that until the interpreter ends."""
    made = types.ModuleType("__main__")
    made.__dict__.update({"__builtins__": builtins, "__spec__": None, "__package__": None}, **more)
    sys.modules["__main__"] = made
    exec(compile(source, name, "exec", dont_inherit=True), made.__dict__)  # noqa: S102 - the user's own program


def is_archive(path: str) -> bool:
    """Whether a file is a ZIP, which Python runs as well."""
    with open(path, "rb") as file:
        return file.read(4) == b"PK\x03\x04"


if __name__ == "__main__":
    if not getattr(sys.flags, "safe_path", False) and not sys.flags.isolated and sys.path:
        script = sys.argv[2] if len(sys.argv) > 2 else ""
        sys.path[0] = (
            os.getcwd()
            if script == "-m"
            else ""
            if script == "-c"
            else os.path.dirname(os.path.realpath(script))
        )
    main(sys.argv[1:])
