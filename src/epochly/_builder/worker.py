"""The process that compiles: jobs on standard input, answers on standard output, machine code into the cache.

It leaves its parent's list of children at once (a program that waits for all its children must not wait for us), is nice
to everybody, and ends when its input does, at whatever point it is then: nobody is left to want the result. It refuses to
import anything of the program's, to write anywhere but the cache, and to run what it compiles.
"""

from __future__ import annotations

import os
import sys
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any

from epochly._builder.messages import BrokenError, packed, unpacked

if TYPE_CHECKING:
    from collections.abc import Callable

NICE = 5  # the program goes first
IDLE_S = 300.0  # seconds without a job; numba takes 150 MB, and a new process half a second
CHUNK = 1 << 16  # bytes


def main() -> None:
    """Serve until the input ends; the cache folder is the first argument."""
    if os.fork():
        os._exit(0)
    os.nice(NICE)
    answers = os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDWR)
    jobs_from = os.dup(0)
    for stream in (0, 1, 2):  # numba, or an extension of it, may print
        os.dup2(nowhere, stream)
    _no_core_file()
    jobs: SimpleQueue[dict[str, Any]] = SimpleQueue()
    Thread(target=_read, args=(jobs_from, jobs), daemon=True).start()
    build = builder(sys.argv[1])
    _tell(answers, {"pid": os.getpid()})
    while True:
        try:
            job = jobs.get(timeout=IDLE_S)
        except Empty:
            os._exit(0)
        _tell(answers, build(job) | {"id": job["id"]})


def builder(folder: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """What turns a job into an answer."""
    from epochly._builder.rebuilt import function_and_arguments  # noqa: PLC0415 - numba, once the input is watched
    from epochly._cache.shelf import CodeShelf  # noqa: PLC0415
    from epochly._cache.store import Store, open_store  # noqa: PLC0415
    from epochly._exact.entry import compiled_or_rejected  # noqa: PLC0415

    store = open_store(folder)

    def build(job: dict[str, Any]) -> dict[str, Any]:
        if not isinstance(store, Store):
            return {"unkept": store.reason}
        try:
            function, args = function_and_arguments(job)
            shelf = CodeShelf(store, function, args)
            made = compiled_or_rejected(function, args, shelf)
        except Exception as error:  # noqa: BLE001 - the answer to whatever goes wrong is that it did
            return {"unkept": f"{type(error).__name__}: {error}"}
        call = getattr(made, "call", None)
        if call is None:
            return {"rejected": [made.reason, made.line, made.fix]}  # type: ignore[union-attr]
        if shelf.key is None or shelf.reason or store.trouble:
            return {"unkept": shelf.reason or store.trouble or "it cannot be described"}
        return {"kept": made.compile_s, "found": made.cached}  # type: ignore[union-attr]

    return build


def _read(source: int, jobs: SimpleQueue[dict[str, Any]]) -> None:
    buffer = bytearray()
    try:
        while chunk := os.read(source, CHUNK):
            buffer += chunk
            for job in unpacked(buffer):
                jobs.put(job)
    except (BrokenError, OSError):  # a program that ended before it read our last answer resets the socket
        pass
    os._exit(0)


def _tell(answers: int, message: dict[str, Any]) -> None:
    data = packed(message)
    try:
        while data:
            data = data[os.write(answers, data) :]
    except OSError:  # nobody listens any more
        os._exit(0)


def _no_core_file() -> None:
    from resource import RLIMIT_CORE, setrlimit  # noqa: PLC0415 - POSIX only, as the worker is

    setrlimit(RLIMIT_CORE, (0, 0))
