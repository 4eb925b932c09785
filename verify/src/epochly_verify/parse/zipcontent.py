"""Reads the data of many ZIP entries, on several cores where that helps.

`zlib` and `hashlib` let other threads run while they work. Members go to the threads by size, the largest first; a
member too large to share the time evenly (a 180 MB library in a 181 MB wheel) is inflated in one thread and hashed
in another, a bounded queue between them. One job means no thread at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from epochly_verify.parse.zipinflate import Content, Pipe, Request, Sink, read_content

if TYPE_CHECKING:
    from collections.abc import Sequence

    from epochly_verify.parse.source import Source

ALONE_BYTES = 1 << 20  # inflated bytes; starting threads for less costs more than it gains
QUEUED_PIECES = 4  # pieces between inflating and hashing: 2 MiB at most
PIPED_BYTES = 4 << 20  # inflated bytes; smaller members are never split over two threads


def read_contents(source: Source, requests: Sequence[Request], jobs: int) -> list[Content]:
    """The content of every request, in the order of the requests.

    Args:
        source: the archive; read at several offsets at once when `jobs` is more than one.
        requests: what to read; none twice.
        jobs: how many members to read at once.

    Raises:
        InputError: the source cannot be read.
    """
    total = sum(request.size for request in requests)
    if jobs < 2 or total < ALONE_BYTES:
        return [read_content(source, request) for request in requests]
    return _threaded(source, requests, jobs, total)


def _threaded(source: Source, requests: Sequence[Request], jobs: int, total: int) -> list[Content]:
    import threading  # noqa: PLC0415 - not needed for small archives

    contents: dict[int, Content] = {}
    failures: list[BaseException] = []
    waiting = sorted(range(len(requests)), key=lambda index: requests[index].size)

    def work() -> None:
        try:
            while not failures:
                index = waiting.pop()
                request = requests[index]
                lopsided = request.size > PIPED_BYTES and request.size * jobs > total
                contents[index] = read_content(source, request, ThreadPipe if lopsided else None)
        except IndexError:
            return  # nothing is waiting any more
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that asked
            failures.append(error)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(jobs, len(requests)) - 1)]
    for thread in threads:
        thread.start()
    work()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return [contents[index] for index in range(len(requests))]


class ThreadPipe(Pipe):
    """Hands pieces to a sink in a thread of its own."""

    def __init__(self, sink: Sink) -> None:
        import queue  # noqa: PLC0415 - not needed for small archives
        import threading  # noqa: PLC0415

        self._sink = sink
        self._queue: queue.Queue[bytes] = queue.Queue(QUEUED_PIECES)
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._drain, daemon=True)
        self._thread.start()

    def put(self, piece: bytes) -> None:
        """Hand over the next piece; waits when the queue is full. An empty piece is nothing."""
        if piece:
            self._queue.put(piece)

    def close(self) -> None:
        """Wait until everything handed over has been taken."""
        self._queue.put(b"")
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _drain(self) -> None:
        while piece := self._queue.get():
            try:
                if self._failure is None:
                    self._sink.take(piece)
            except BaseException as error:  # noqa: BLE001 - raised again by `close`
                self._failure = error
