"""A gzip file as a bounded stream of bytes: one member, nothing after it, never more out than the limits allow.

A reader that stops at the first member and one that goes on would see two archives, so a second member is refused.
Zero bytes after the end are padding and accepted.

Specification: RFC 1952.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from epochly_verify.model import Finding

if TYPE_CHECKING:
    from epochly_verify.limits import Limits
    from epochly_verify.parse.source import Source

MAGIC = b"\x1f\x8b"
READ_BYTES = 1 << 17  # compressed bytes read at once
PIECE_BYTES = 1 << 18  # inflated bytes at once
WHOLE = "archive"  # the subject of findings that concern no single member


class GzipStream:
    """The inflated bytes, read from the front. `findings` says why they end where they end, if that is wrong."""

    def __init__(self, source: Source, limits: Limits) -> None:
        self.findings: list[Finding] = []
        self.position = 0  # bytes handed out
        self.broken = False  # the bytes end before the stream does
        self._source = source
        self._limits = limits
        self._most = min(limits.total_bytes, max(limits.ratio_free_bytes, limits.ratio * source.size_bytes))
        self._stream = zlib.decompressobj(zlib.MAX_WBITS | 16)
        self._at = 0
        self._out = 0
        self._pending = b""
        self._ready = b""  # inflated, of which `_taken` bytes were handed out
        self._taken = 0
        self._ended = False

    def read(self, length: int) -> bytes:
        """The next `length` bytes, fewer only at the end."""
        if len(self._ready) - self._taken < length:
            pieces = [self._ready[self._taken :]]
            have = len(pieces[0])
            while have < length and (piece := self._inflate()):
                pieces.append(piece)
                have += len(piece)
            self._ready, self._taken = b"".join(pieces), 0
        data = self._ready[self._taken : self._taken + length]
        self._taken += len(data)
        self.position += len(data)
        return data

    def _inflate(self) -> bytes:
        while not self._ended:
            if not self._pending:
                self._pending = self._source.read_at(self._at, READ_BYTES)
                self._at += len(self._pending)
            exhausted = not self._pending
            try:
                piece = self._stream.decompress(self._pending, PIECE_BYTES)
            except zlib.error as error:
                what = "the file is not gzip" if not self._out else "the gzip stream is damaged"
                self._stop("compressed-data-malformed", f"{what} ({error})")
                return b""
            self._pending = self._stream.unconsumed_tail
            self._out += len(piece)
            if self._stream.eof:
                self._ended = True
                self._after()
            elif self._out > self._most:
                self._too_much()
                return b""
            elif exhausted and not piece:
                self._stop("truncated-archive", f"the gzip stream has no end; {self._out} bytes came out")
            if piece:
                return piece
        return b""

    def _stop(self, finding: str, message: str) -> None:
        self.findings.append(Finding(finding, WHOLE, message))
        self._ended = self.broken = True

    def _too_much(self) -> None:
        if self._out > self._limits.total_bytes:
            self._stop(
                "limit-exceeded", f"more than {self._limits.total_bytes} bytes come out, and are not read"
            )
            return
        size = self._source.size_bytes
        message = (
            f"more than {self._most} bytes come out of {size}; at most {self._limits.ratio} times is read"
        )
        self._stop("decompression-bomb", message)

    def _after(self) -> None:
        """Judge what follows the gzip member."""
        at = self._at - len(self._stream.unused_data)
        begin = self._stream.unused_data[:4] or self._source.read_at(at, 4)
        if begin.startswith(MAGIC):
            message = f"a second gzip member begins at {at}; some readers stop at the first"
            self.findings.append(Finding("gzip-multi-member", WHOLE, message))
            return
        position = at
        while chunk := self._source.read_at(position, READ_BYTES):
            if chunk.strip(b"\0"):
                length = self._source.size_bytes - at
                self.findings.append(
                    Finding("trailing-data", WHOLE, f"{length} bytes follow the end of the gzip member")
                )
                return
            position += len(chunk)
