"""Tar members, headers and archives for tests, honest or with chosen lies."""

from __future__ import annotations

import gzip
import tarfile

TOP = "demo_pkg-1.0"


def info(name, *, kind=tarfile.REGTYPE, target="", mode=0o644, size=0):
    """A tar member."""
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.mode, member.size = kind, target, mode, size
    return member


def header(block, **fields):
    """A header block with fields overwritten and its checksum made right."""
    places = {"name": (0, 100), "mode": (100, 108), "uid": (108, 116), "size": (124, 136), "type": (156, 157),
              "magic": (257, 265), "prefix": (345, 500)}  # fmt: skip
    out = bytearray(block)
    for field, value in fields.items():
        start, stop = places[field]
        out[start:stop] = value.ljust(stop - start, b"\0")
    out[148:156] = b" " * 8
    out[148:156] = f"{sum(out):06o}\0 ".encode()
    return bytes(out)


def block(name, size=0, kind=tarfile.REGTYPE):
    """One ustar header block."""
    return info(name, kind=kind, size=size).tobuf(tarfile.USTAR_FORMAT)


def packed(*blocks, end=b"\0" * 1024):
    """Blocks and an end, gzip-compressed."""
    return gzip.compress(b"".join(blocks) + end, 1, mtime=0)
