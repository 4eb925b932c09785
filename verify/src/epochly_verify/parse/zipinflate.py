"""The data of one ZIP entry: inflated in pieces, counted, checked and hashed, whatever its headers claim.

Memory stays flat: no more than a piece is held, unless the member is one that checks read. Inflating stops one byte
after the declared size. Where data go on there, the declared bytes are what a seeking reader gets and all of them
what a careless streaming reader gets; both digests are given. (A CRC cannot tell: it is easily forged.)

Specification: RFC 1951 (deflate), PKWARE APPNOTE 4.4.7 to 4.4.9 (CRC and sizes).
"""

from __future__ import annotations

import hashlib
import zlib
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from epochly_verify.parse.zipformat import STORED, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from epochly_verify.parse.source import Source

READ_BYTES = 1 << 17  # compressed bytes read at once
QUICK_BYTES = 1 << 17  # compressed bytes from which loading the quick inflater pays
PIECE_BYTES = 1 << 19  # inflated bytes at once; stays in the processor's cache until it is hashed
MAX_RATIO = 1032  # deflate cannot do better (RFC 1951: 258 bytes from 2 bits)


class Request(NamedTuple):
    """Data to read: where they are and what the headers say of them.

    `keep` asks for the bytes themselves, `algorithms` for digests besides SHA-256, `beyond` bounds how many bytes
    after the declared size are looked at.
    """

    at: int
    compressed: int
    size: int
    crc: int
    method: int
    keep: bool = False
    algorithms: tuple[str, ...] = ()
    beyond: int = 1 << 20


class Content(NamedTuple):
    """Data read.

    `size` and `digests` are those of the declared bytes; `whole_size` and `whole_digests` those of all of them where
    there are more. `data` are the bytes, if they were asked for.
    """

    size: int
    digests: dict[str, bytes]
    data: bytes | None
    problems: tuple[Problem, ...]
    whole_size: int = -1
    whole_digests: dict[str, bytes] | None = None


class Sink:
    """Where inflated bytes go: checksum, digests and, if asked for, a copy."""

    def __init__(self, request: Request, inflater: ModuleType) -> None:
        self._crc32 = inflater.crc32
        self.crc = 0
        self.size = 0
        self._hashes = {name: hashlib.new(name) for name in ("sha256", *request.algorithms)}
        self._pieces: list[bytes] | None = [] if request.keep else None

    def take(self, piece: bytes) -> None:
        """Count, hash and perhaps keep the next bytes."""
        self.crc = self._crc32(piece, self.crc)
        self.size += len(piece)
        for state in self._hashes.values():
            state.update(piece)
        if self._pieces is not None:
            self._pieces.append(piece)

    def digests(self) -> dict[str, bytes]:
        """The digests of what came so far."""
        return {name: state.digest() for name, state in self._hashes.items()}

    def data(self) -> bytes | None:
        """What came so far, if it was to be kept; nothing is kept after this."""
        pieces, self._pieces = self._pieces, None
        return None if pieces is None else b"".join(pieces)


def read_content(source: Source, request: Request, pipe: Callable[[Sink], Pipe] | None = None) -> Content:
    """Read the data of one entry. Malformed data give problems, never an exception.

    The quick inflater is believed only where it finds nothing to say: everything else is read again with the
    standard one, so that no finding depends on what is installed.

    Args:
        source: the archive.
        request: what to read.
        pipe: makes a `Pipe` that hashes in another thread; `None` hashes in this one.

    Raises:
        InputError: the source cannot be read.
    """
    quick = quick_inflater() if request.compressed > QUICK_BYTES else zlib
    content = _read(source, request, pipe, quick)
    if content.problems and quick is not zlib:
        content = _read(source, request, pipe, zlib)
    return content


@cache
def quick_inflater() -> ModuleType:
    """zlib-ng's inflater where the extra `fast` is installed (twice as fast), else the standard one.

    A fork of zlib, it reads and refuses the same streams. Quicker ones that read more than zlib do not qualify.
    """
    try:
        from zlib_ng import zlib_ng  # noqa: PLC0415 - optional, and importing this module must cost nothing
    except ImportError:
        return zlib
    return zlib_ng


def _read(
    source: Source, request: Request, pipe: Callable[[Sink], Pipe] | None, inflater: ModuleType
) -> Content:
    if request.compressed <= READ_BYTES and request.size <= PIECE_BYTES:
        content = _in_one_piece(source, request, inflater)
        if content is not None:
            return content
    sink = Sink(request, inflater)
    problems: list[Problem] = []
    pieces = (
        _stored(source, request)
        if request.method == STORED
        else _inflated(source, request, problems, inflater)
    )
    rest = b""
    if pipe is None:
        for piece in pieces:
            room = request.size - sink.size
            if len(piece) > room:
                rest, piece = piece[room:], piece[:room]  # noqa: PLW2901 - the part that is declared
            sink.take(piece)
            if rest:
                break
    else:
        rest = _piped(pieces, request, pipe(sink))
    digests = sink.digests()
    data = sink.data()
    if not rest:
        problems += _shortfall(request, sink, problems)
        return Content(sink.size, digests, data, tuple(problems))
    if sink.crc != request.crc:
        problems.append(_crc_problem(request, sink))
    declared = sink.size
    complete = _take_rest(sink, rest, pieces, request)
    more = f"{sink.size - declared}{'' if complete else ' or more'} bytes"
    problems.append(("data-beyond-declared-size", f"{more} follow the {declared} that the headers declare"))
    return Content(declared, digests, data, tuple(problems), sink.size, sink.digests())


def _in_one_piece(source: Source, request: Request, inflater: ModuleType) -> Content | None:
    """The content of a small member without fault: most there are. `None` for any other, to be read with care."""
    raw = data = source.read_at(request.at, request.compressed)
    if request.method != STORED:
        stream = inflater.decompressobj(-zlib.MAX_WBITS)
        try:
            data = stream.decompress(raw, request.size + 1)
        except inflater.error:
            return None
        if not stream.eof or stream.unused_data:
            return None
    if len(raw) != request.compressed or len(data) != request.size or inflater.crc32(data) != request.crc:
        return None
    digests = {"sha256": hashlib.sha256(data).digest()}
    for name in request.algorithms:
        digests[name] = hashlib.new(name, data).digest()
    return Content(request.size, digests, data if request.keep else None, ())


class Pipe:
    """Hands pieces to a sink; `zipcontent.py` has one that does it in another thread."""

    def put(self, piece: bytes) -> None:
        """Hand over the next piece."""
        raise NotImplementedError

    def close(self) -> None:
        """Wait until everything handed over has been taken."""
        raise NotImplementedError


def _piped(pieces: Iterator[bytes], request: Request, pipe: Pipe) -> bytes:
    room = request.size
    rest = b""
    try:
        for piece in pieces:
            if len(piece) > room:
                rest = piece[room:]
                pipe.put(piece[:room])
                break
            room -= len(piece)
            pipe.put(piece)
    finally:
        pipe.close()
    return rest


def _shortfall(request: Request, sink: Sink, problems: list[Problem]) -> Iterator[Problem]:
    """What a complete member must satisfy; a member that could not be read to its end has a better finding."""
    if problems and problems[0][0] != "trailing-compressed-data":
        return
    if sink.size != request.size:
        yield "size-mismatch", f"the headers declare {request.size} bytes, and {sink.size} come out"
    elif sink.crc != request.crc:
        yield _crc_problem(request, sink)


def _crc_problem(request: Request, sink: Sink) -> Problem:
    return "crc-mismatch", f"the headers declare CRC {request.crc:08x}, the data have {sink.crc:08x}"


def _take_rest(sink: Sink, rest: bytes, pieces: Iterator[bytes], request: Request) -> bool:
    """Hash on after the declared size, a bounded way; whether the end was reached."""
    end = sink.size + min(request.beyond, MAX_RATIO * request.compressed)
    sink.take(rest)
    while sink.size < end:
        piece = next(pieces, b"")
        if not piece:
            return True
        sink.take(piece)
    return False


def _stored(source: Source, request: Request) -> Iterator[bytes]:
    at, left = request.at, request.compressed
    while left:
        piece = source.read_at(at, min(left, PIECE_BYTES))
        if not piece:
            return
        at += len(piece)
        left -= len(piece)
        yield piece


def _inflated(
    source: Source, request: Request, problems: list[Problem], inflater: ModuleType
) -> Iterator[bytes]:
    """The pieces of a deflated member, of which the first that exceeds the declared size does so by one byte."""
    if not request.compressed and not request.size:
        return
    stream = inflater.decompressobj(-zlib.MAX_WBITS)
    at, left = request.at, request.compressed
    out = 0
    pending = b""
    ended = False
    while not ended:
        if not pending and left:
            pending = source.read_at(at, min(left, READ_BYTES))
            at += len(pending)
            left = left - len(pending) if pending else 0
        most = min(PIECE_BYTES, request.size - out + 1) if out <= request.size else PIECE_BYTES
        try:
            piece = stream.decompress(pending, most)
        except inflater.error as error:
            problems.append(("compressed-data-malformed", f"the data are not a deflate stream ({error})"))
            return
        fed, pending = bool(pending), stream.unconsumed_tail
        ended = stream.eof
        if piece:
            out += len(piece)
            yield piece
        elif not (ended or pending or left or fed):
            problems.append(
                ("compressed-data-malformed", f"the deflate stream has no end; {out} bytes came out")
            )
            return
    surplus = left + len(stream.unused_data)
    if surplus:
        message = f"{surplus} of {request.compressed} compressed bytes follow the end of the deflate stream"
        problems.append(("trailing-compressed-data", message))


def deflated_length(source: Source, at: int, limit: int) -> tuple[int, int, int]:
    """Compressed size, size and CRC of a deflate stream whose length is not written down; what was read if it has no end.

    Stops at `limit` bytes out, times the best ratio in.
    """
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    used = size = crc = 0
    pending = b""
    while not stream.eof and size < limit:
        if not pending:
            pending = source.read_at(at + used, READ_BYTES)
            used += len(pending)
        try:
            piece = stream.decompress(pending, PIECE_BYTES)
        except zlib.error:
            break
        if not piece and not pending:
            break
        pending = stream.unconsumed_tail
        size += len(piece)
        crc = zlib.crc32(piece, crc)
    return used - len(stream.unused_data) - len(pending), size, crc
