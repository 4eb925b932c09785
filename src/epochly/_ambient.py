"""Where the runtime meets its process: environment, clock, stderr, installed versions, other tools that look on.

Everything else gets these as arguments. It refuses to look before it is asked, and is asked when the first function is
watched.
"""

from __future__ import annotations

import os
import sys
from time import perf_counter_ns

from epochly._compiler import find_compiler
from epochly._config import Config
from epochly._rights import rights_of
from epochly._session import Outside, Session
from epochly.telemetry.start import watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from epochly._builder.errands import Errands
    from epochly._compiler import Compiler
    from epochly._machine import Machine

DEBUGGER, COVERAGE, PROFILER = 0, 1, 2  # the ids `sys.monitoring` keeps for tools that have to see Python


def say(line: str) -> None:
    """A line to stderr, where there is one."""
    if sys.stderr is not None:
        sys.stderr.write(f"epochly: {line}\n")


def at_terminal() -> bool:
    """Whether somebody reads stderr as it is written."""
    return sys.stderr is not None and sys.stderr.isatty()


def show(text: str) -> None:
    """Text to stdout, where there is one."""
    if sys.stdout is not None:
        sys.stdout.write(text)


def traced() -> bool:
    """Whether this thread is being traced or profiled."""
    return sys.gettrace() is not None or sys.getprofile() is not None


def monitored() -> bool:
    """Whether a debugger, coverage or a profiler uses `sys.monitoring` (Python 3.12+)."""
    monitoring: Any = getattr(sys, "monitoring", None)
    return monitoring is not None and any(
        monitoring.get_tool(tool) is not None for tool in (DEBUGGER, COVERAGE, PROFILER)
    )


def installed_version(name: str) -> str | None:
    """The version of an installed distribution, from its metadata; None where there is none.

    The name of its folder tells it (PyPA, "Recording installed projects"). Where there is no such folder or more than one,
    `importlib.metadata` is asked: its fifty modules would stay in the heap of each program that is watched.
    """
    for folder in sys.path:
        found = _recorded(folder, name)
        if len(found) == 1 and os.path.isfile(os.path.join(folder, found[0], "METADATA")):
            return found[0].removesuffix(".dist-info").partition("-")[2]
        if found:
            break
    from importlib.metadata import version  # noqa: PLC0415 - it takes milliseconds

    try:
        return version(name)
    except (ImportError, OSError, KeyError, DeprecationWarning):
        return None  # it is not there, or a folder is left of it without its metadata, of which later Pythons warn


def _recorded(folder: str, name: str) -> list[str]:
    """What a folder of the path has that is, or may be, the record of a distribution."""
    try:
        there = os.listdir(folder or os.curdir)
    except (OSError, TypeError, ValueError):  # what is on the path is anybody's
        return []
    wanted = name.lower().replace("-", "_").replace(".", "_")
    return [
        each
        for each in there
        if each.endswith((".dist-info", ".egg-info", ".egg"))
        and each.rpartition(".")[0].partition("-")[0].lower().replace(".", "_") == wanted
    ]


def machine() -> Machine:
    """This computer and this Python."""
    from epochly._machine import read_machine  # noqa: PLC0415 - only a function that is hot needs to know

    affinity = getattr(os, "sched_getaffinity", None)
    return read_machine(
        version_of=installed_version,
        cores=len(affinity(0)) if affinity is not None else os.cpu_count() or 1,
        python=sys.version_info[:3],
        implementation=sys.implementation.name,
        free_threaded=not getattr(sys, "_is_gil_enabled", lambda: True)(),
    )


def fingerprint() -> str:
    """What a refusal by the compiler may depend on beside the function: versions, settings, processor, our own files."""
    folder = os.path.dirname(os.path.abspath(__file__))
    files = []
    for part in ("_exact", "_cache", "_builder"):
        with os.scandir(os.path.join(folder, part)) as entries:
            seen = [(each.name, each.stat()) for each in entries if each.name.endswith(".py")]
        files += [
            f"{part}/{name} {stat.st_size} {stat.st_mtime_ns}"
            for name, stat in sorted(seen, key=lambda each: each[0])
        ]
    versions = [f"{name} {installed_version(name)}" for name in ("numba", "llvmlite", "numpy")]
    settings = [f"{name}={value}" for name, value in sorted(os.environ.items()) if name.startswith("NUMBA_")]
    return "\n".join([sys.version, _processor(), *versions, *settings, *files])


def _processor() -> str:
    """The first processor's lines of `/proc/cpuinfo` that do not change by the second, and the C library."""
    try:
        with open("/proc/cpuinfo", "rb") as file:
            lines = file.read(8192).partition(b"\n\n")[0].decode("ascii", "replace").splitlines()
        library = os.confstr("CS_GNU_LIBC_VERSION")
    except (OSError, ValueError):
        return "unknown"
    return "\n".join(
        [str(library), *(line for line in lines if "MHz" not in line and "bogomips" not in line)]
    )


def errands(compiler: Compiler) -> Errands | None:
    """The way to another process that compiles: on Linux, where there is a cache to bring the result back in."""
    folder = getattr(compiler.store, "folder", None)
    if folder is None or sys.platform != "linux" or not sys.executable or getattr(sys, "frozen", False):
        return None
    from epochly._builder.errands import Errands, of_multiprocessing  # noqa: PLC0415 - only what is hot needs it
    from epochly._builder.process import Process, library_folders  # noqa: PLC0415 - the same

    def start() -> Process | None:
        folders = library_folders()
        return None if folders is None else Process(folder, folders, os.environ)

    return Errands(compiler, fingerprint(), start, perf_counter_ns, of_multiprocessing)


def outside(config: Callable[[], Config]) -> Outside:
    """The real process, under settings that may change."""
    return Outside(
        clock=perf_counter_ns,
        say=say,
        machine=machine,
        compiler=lambda: find_compiler(os.environ, config().cache),
        traced=traced,
        monitored=monitored,
        errands=errands,
        rights=rights_of(os.environ, sys.platform),
    )


def new_session(*, telemetry: bool = True) -> Session:
    """A session of this process; it says which settings it could not read, and is counted where that is on."""
    config, lines = Config.from_env(os.environ)
    made: list[Session] = []
    made.append(Session(outside(lambda: made[0].config), config))
    for line in lines:
        made[0].say_once(line)
    if telemetry:
        watch(made[0], os.environ)
    return made[0]
