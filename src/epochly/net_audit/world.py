"""Where `net-audit` meets the machine: it starts the program under `strace`, the hook or both, and reads what they tell.

It refuses to open a socket or to look a name up itself: which addresses are the service's is taken from the answers that the
program got, and from the machine's own files. strace(1); the codes for a program that is not there: POSIX, "Exit Status for Commands".
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from epochly.net.base_url import BaseUrlError, base_url
from epochly.net.proxies import ProxyError, parse
from epochly.net_audit import kernel, seen, syntax
from epochly.net_audit.classes import Known
from epochly.net_audit.model import Ledger, short
from epochly.net_audit.questions import hosts, resolvers
from epochly.net_audit.report import NEVER_SEEN, Report, doubts, sorted_out

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from epochly.net_audit.report import By

NOT_FOUND, NOT_RUN, MISUSED = 127, 126, 2
MOST_FILE = 1 << 20  # bytes of hosts and resolv.conf that are read
MOST_SEEN = 256 << 20  # bytes that the hook's lines may have: a million of them
PROXIES = ("https_proxy", "http_proxy", "all_proxy")
STRACE = ("strace", "-f", "-qq", "-ttt", "-y", "-s", "320", "-e", "signal=none")
_PYTHON = re.compile(r"python(?:\d+(?:\.\d+)?)?t?(?:\.exe)?", re.ASCII)
_WITH_VALUE = ("-W", "-X", "--check-hash-based-pycs")


class AuditError(Exception):
    """The program cannot be run so; `code` is the exit code."""

    def __init__(self, message: str, hint: str, code: int) -> None:
        super().__init__(f"{message}; hint: {hint}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Way:
    """How the program is watched, and why not by the kernel where that was not asked for."""

    by: By
    why: str = ""


def way(by: By | None, environ: Mapping[str, str]) -> Way:
    """The way asked for, or the best there is. Raises `AuditError` where the one asked for is not here."""
    if by == "audit":
        return Way(by)
    trouble = _why_no_strace(environ)
    if not trouble:
        return Way(by or "strace")
    if by is not None:
        raise AuditError(trouble, "`apt-get install strace`, or leave `--by` out", MISUSED)
    return Way("audit", trouble)


def audit(command: tuple[str, ...], how: Way, environ: Mapping[str, str]) -> Report:
    """Run a command and say what it touched; what it prints stays its own. Raises `AuditError` where it cannot be run."""
    path = _found(command[0], environ)
    with tempfile.TemporaryDirectory(prefix="epochly-net-audit-") as folder:
        lines = os.path.join(folder, "hook")
        watched = [path, *command[1:]]
        if how.by != "strace":
            watched = _hooked(path, command, lines)
            with open(lines, "xb"):
                pass
        ledger, started_s = Ledger(), time.time()
        inherited = _sockets_at_hand()
        if how.by == "audit":
            code = _waited(subprocess.Popen(watched, env=dict(environ)), ledger)
        else:
            code = _under_strace(watched, os.path.join(folder, "trace"), ledger, environ)
        seconds = time.time() - started_s
        if how.by != "strace":
            _hook_read(lines, ledger, how.by)
    for number in inherited:
        ledger.note(f"the program was started with a socket as its descriptor {number}")
    known, host = _known(environ)
    destinations, asked = sorted_out(ledger, known, how.by, started_s)
    unseen = ((how.why,) if how.why else ()) + NEVER_SEEN[how.by]
    told = tuple(short(word) for word in command)
    return Report(
        told, code, how.by, round(seconds, 3), host, destinations, asked, unseen, doubts(ledger.notes)
    )


def _under_strace(watched: list[str], fifo: str, ledger: Ledger, environ: Mapping[str, str]) -> int:
    """Run under `strace`, which writes into a pipe, so that a long run needs no room."""
    os.mkfifo(fifo, 0o600)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)  # nobody writes yet, and nobody may
    held = os.open(fifo, os.O_WRONLY)
    os.set_blocking(reader, True)
    trace = kernel.Kernel(ledger)
    thread = threading.Thread(target=_take, args=(reader, trace), daemon=True)
    thread.start()
    options = [*STRACE, *_fast(environ), "-o", fifo, "-e", f"trace={kernel.TRACED}", "--"]
    try:
        code = _waited(subprocess.Popen([*options, *watched], env=dict(environ)), ledger)
    finally:
        os.close(held)
        thread.join()
    trace.finish()
    return code


def _take(reader: int, trace: kernel.Kernel) -> None:
    with open(reader, encoding="utf-8", errors="surrogateescape", newline="\n") as file:
        for line in _bounded(file):
            trace.line(line)


def _bounded(file: Iterator[str]) -> Iterator[str]:
    """Lines, of which none is longer than a line may be: of a longer one there is a piece that is no line."""
    read = file.readline  # type: ignore[attr-defined]
    while line := read(syntax.MOST_LINE + 2):
        if not line.endswith("\n"):
            while (rest := read(syntax.MOST_LINE)) and not rest.endswith("\n"):
                pass
            yield ""
        else:
            yield line


def _waited(process: subprocess.Popen[bytes], ledger: Ledger) -> int:
    """The program's exit code as a shell tells it. Ctrl-C is the program's own; a request to end is handed on to it."""

    def hand_on(number: int, _frame: object) -> None:
        with contextlib.suppress(OSError):
            os.kill(ledger.first_pid or process.pid, number)

    kept = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGQUIT):
            kept[number] = signal.signal(number, signal.SIG_IGN)
        for number in (signal.SIGTERM, signal.SIGHUP):
            kept[number] = signal.signal(number, hand_on)
    try:
        code = process.wait()
    finally:
        for number, before in kept.items():
            signal.signal(number, before)
    return 128 - code if code < 0 else code


def _hooked(path: str, command: tuple[str, ...], lines: str) -> list[str]:
    """The same command with the hook in between. Raises `AuditError` for what is no Python program."""
    if not _PYTHON.fullmatch(os.path.basename(command[0])) and not _PYTHON.fullmatch(
        os.path.basename(os.path.realpath(path))
    ):
        raise AuditError(
            f"`{short(command[0])}` is no Python, and only Python tells a hook",
            "install `strace`, or give `python app.py`",
            MISUSED,
        )
    options, rest = [], list(command[1:])
    while rest and rest[0].startswith("-") and rest[0] not in {"-", "-c", "-m"}:
        options.append(rest.pop(0))
        if options[-1] in _WITH_VALUE and rest:
            options.append(rest.pop(0))
    if not rest or rest[0] == "-" or (rest[0] in {"-c", "-m"} and len(rest) == 1):
        raise AuditError(
            "a program read from the standard input has no hook",
            "give a script, or `-m` and a module",
            MISUSED,
        )
    return [path, *options, os.path.join(os.path.dirname(os.path.abspath(__file__)), "hook.py"), lines, *rest]


def _hook_read(lines: str, ledger: Ledger, by: By) -> None:
    """What the hook wrote: all there is where it was alone, else the code for what the kernel saw."""
    told = ledger if by == "audit" else Ledger()
    with open(lines, encoding="utf-8", errors="replace", newline="\n") as file:
        begun = seen.read(_bounded(file), told)
    if not begun:
        ledger.note("the hook was not started: the program may have ended before")
    if by == "both":
        ledger.attribute(told)


def _found(name: str, environ: Mapping[str, str]) -> str:
    if not name:
        raise AuditError("a command is missing", "see `epochly net-audit --help`", MISUSED)
    path = shutil.which(name, path=environ.get("PATH"))
    if path is not None:
        return path
    if os.path.dirname(name) and os.path.exists(name):
        raise AuditError(f"`{short(name)}` cannot be run", "give `python` before a script", NOT_RUN)
    hint = "give `python app.py` for a script" if os.path.exists(name) else "is it spelled so, and on PATH?"
    raise AuditError(f"there is no command `{short(name)}`", hint, NOT_FOUND)


def _why_no_strace(environ: Mapping[str, str]) -> str:
    """Why the kernel cannot be asked here; empty where it can."""
    if sys.platform != "linux":
        return "`strace` is Linux's own"
    if shutil.which("strace", path=environ.get("PATH")) is None:
        return "`strace` is not installed"
    return "" if _runs([*STRACE, "-o", os.devnull], environ) else "`strace` may not trace a program here"


def _fast(environ: Mapping[str, str]) -> list[str]:
    """The option that stops a program at the calls of interest alone, where this `strace` and this machine have it."""
    option = ["--seccomp-bpf"]
    return option if _runs([*STRACE, *option, "-o", os.devnull], environ) else []


def _runs(command: list[str], environ: Mapping[str, str]) -> bool:
    try:
        done = subprocess.run(
            [*command, "-e", "trace=connect", sys.executable, "-I", "-S", "-c", ""],
            env=dict(environ),
            check=False,
            capture_output=True,
            stdin=subprocess.DEVNULL,
        )
    except OSError:
        return False
    return done.returncode == 0 and not done.stderr


def _sockets_at_hand() -> list[int]:
    """The standard descriptors that are sockets: a program can use such a one without a call that leads anywhere."""
    found = []
    for number in range(3):
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                found.append(number)
    return found


def _known(environ: Mapping[str, str]) -> tuple[Known, str]:
    """What this machine and its settings say of addresses, and how the service is called."""
    try:
        base = base_url(environ)
        who, told = (base.host, base.port), f"{base.host}:{base.port}"
    except BaseUrlError:
        who, told = ("", 0), "none: `EPOCHLY_API_URL` is no address"
    proxies = set()
    for name in PROXIES:
        text = (environ.get(name) or environ.get(name.upper()) or "").strip()
        with contextlib.suppress(ProxyError):
            if text:
                proxy = parse(text)
                proxies.add((proxy.host, proxy.port))
    known = Known(who, frozenset(proxies), resolvers(_file("/etc/resolv.conf")), hosts(_file("/etc/hosts")))
    return known, told


def _file(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(MOST_FILE)
    except OSError:
        return ""
