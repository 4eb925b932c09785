"""Wheels of the shape of two real ones, made of bytes that compress as theirs do: compiled code and Python source.

The code comes from shared objects of the running interpreter and its packages, the text from the standard library;
nothing is downloaded. `numpy` is a thousand members of which a few are large, `llvmlite` is one library and little else.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import sysconfig
import zipfile
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MIB = 1 << 20
NOT_BEFORE_1980 = (2020, 2, 2, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Shape:
    """What a wheel holds: compiled libraries by size in bytes, and so many Python files of about `text_bytes`."""

    project: str
    libraries: tuple[int, ...]
    texts: int
    text_bytes: int

    def scaled(self, factor: float) -> Shape:
        """The same with smaller libraries and fewer texts; a test has no time for the real sizes."""
        sizes = tuple(max(1, round(size * factor)) for size in self.libraries)
        return Shape(self.project, sizes, max(1, round(self.texts * factor)), self.text_bytes)


# After numpy 2.4 for manylinux x86_64 (OpenBLAS, two large extension modules, a dozen small ones, sources) and
# llvmlite 0.48 (all of LLVM in one library).
NUMPY = Shape("numpy_shaped", (24 * MIB, 10 * MIB, 3 * MIB, *[MIB] * 4, *[MIB // 4] * 12), 880, 14_000)
LLVMLITE = Shape("llvmlite_shaped", (130 * MIB,), 48, 9_000)


def shaped_wheel(folder: Path, shape: Shape) -> Path:
    """Write a valid wheel of that shape and return its path."""
    path = folder / f"{shape.project}-1.0-py3-none-manylinux_2_28_x86_64.whl"
    code, text = _stream(_shared_objects()), _stream(_sources())
    info = f"{shape.project}-1.0.dist-info"
    rows = io.StringIO(newline="")
    record = csv.writer(rows, lineterminator="\n")

    def put(name: str, data: bytes) -> None:
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        record.writerow([name, f"sha256={digest}", len(data)])
        _add(archive, name, data)

    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        put(f"{shape.project}/__init__.py", b"")
        for number, size in enumerate(shape.libraries):
            put(f"{shape.project}/lib/part{number}.so", _take(code, size))
        for number in range(shape.texts):
            size = shape.text_bytes * (1 + number % 5) // 3  # a third to five thirds of it
            put(f"{shape.project}/sub{number % 30}/module{number}.py", _take(text, size))
        put(f"{info}/METADATA", f"Metadata-Version: 2.4\nName: {shape.project}\nVersion: 1.0\n".encode())
        tag = "Root-Is-Purelib: false\nTag: py3-none-manylinux_2_28_x86_64\n"
        put(f"{info}/WHEEL", f"Wheel-Version: 1.0\nGenerator: benchmark 1.0\n{tag}".encode())
        record.writerow([f"{info}/RECORD", "", ""])
        _add(archive, f"{info}/RECORD", rows.getvalue().encode())
    return path


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    entry = zipfile.ZipInfo(name, NOT_BEFORE_1980)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o100644 << 16
    archive.writestr(entry, data)


def _shared_objects() -> list[Path]:
    """Compiled code on this machine: the packages' and the interpreter's own, the largest first."""
    places = {sysconfig.get_path("platlib"), sysconfig.get_path("stdlib"), sysconfig.get_config_var("LIBDIR")}
    found = {
        path.resolve()
        for place in places
        if place
        for path in (*Path(place).glob("*.so*"), *Path(place).glob("*/*.so*"))
        if path.is_file()
    }
    largest = sorted(found, key=lambda path: (-path.stat().st_size, path.name))
    return largest[:40] or _sources()


def _sources() -> list[Path]:
    return sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))


def _stream(paths: list[Path]) -> Iterator[bytes]:
    """The files' bytes in small pieces, from the beginning again when they are used up (further back than deflate looks)."""
    for path in cycle(paths):
        data = path.read_bytes()
        yield from (data[at : at + 4096] for at in range(0, len(data), 4096))


def _take(stream: Iterator[bytes], size: int) -> bytes:
    pieces: list[bytes] = []
    while size > 0:
        piece = next(stream)[:size]
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)
