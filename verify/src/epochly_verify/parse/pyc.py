"""The head of a `.pyc` file: for which Python it is, and how that Python decides whether it still fits its source.

Only the head is read here; `parse/marshal.py` reads the code behind it. Nothing is ever loaded or executed.

Specification: PEP 552 (deterministic pycs), PEP 3147 (`__pycache__` names).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

HEAD_BYTES = 16
_CHECKED, _HASHED = 0b10, 0b01
# First magic number of each CPython series; a series goes up to the next one's first.
_SERIES = (
    (3390, "3.7"),
    (3400, "3.8"),
    (3420, "3.9"),
    (3430, "3.10"),
    (3450, "3.11"),
    (3500, "3.12"),
    (3550, "3.13"),
    (3600, "3.14"),
    (3650, "3.15"),
    (3700, ""),
)
_CACHED = re.compile(r"(?P<module>[^./]+)\.(?P<tag>[^./]+)(?:\.opt-(?P<level>\w+))?\.pyc")


class Freshness(StrEnum):
    """How Python decides whether a `.pyc` fits its source."""

    TIMESTAMP = "timestamp"
    CHECKED_HASH = "checked-hash"
    UNCHECKED_HASH = "unchecked-hash"  # it does not look: the source is never read again


@dataclass(frozen=True, slots=True)
class PycHead:
    """The first 16 bytes.

    Attributes:
        magic: the first four bytes.
        python: CPython series that writes this magic number, e.g. `3.11`; empty when none is known.
        freshness: how it is checked against its source.
        source_hash: 8 bytes, for the two hashed kinds.
        source_size: bytes of the source modulo 2**32, for a timestamp.
    """

    magic: bytes
    python: str
    freshness: Freshness
    source_hash: bytes
    source_size: int


def parse_pyc_head(data: bytes) -> PycHead:
    """Read the head of a `.pyc` of Python 3.7 or later.

    Raises:
        ValueError: it is shorter than its head, or not of the form PEP 552 gives; the text says what is wrong.
    """
    if len(data) < HEAD_BYTES:
        raise ValueError(f"has {len(data)} bytes, expected a head of {HEAD_BYTES}")
    magic = data[:4]
    if magic[2:] != b"\r\n":
        raise ValueError(f"starts with {magic.hex()}, expected a magic number and a line end")
    number = int.from_bytes(magic[:2], "little")
    if 3000 <= number < _SERIES[0][0]:
        raise ValueError(f"has the magic number {number}, older than Python 3.7")
    flags = int.from_bytes(data[4:8], "little")
    if flags & ~(_CHECKED | _HASHED) or flags == _CHECKED:
        raise ValueError(f"has the flags {flags:#x}, which PEP 552 does not define")
    freshness = Freshness.TIMESTAMP
    if flags & _HASHED:
        freshness = Freshness.CHECKED_HASH if flags & _CHECKED else Freshness.UNCHECKED_HASH
    return PycHead(
        magic=magic,
        python=next((series for first, series in reversed(_SERIES) if number >= first), ""),
        freshness=freshness,
        source_hash=data[8:16],
        source_size=int.from_bytes(data[12:16], "little"),
    )


def source_path(path: str) -> str:
    """Where the source of a `.pyc` lies: `a/__pycache__/b.cpython-311.pyc` and `a/b.pyc` both give `a/b.py`."""
    folder, _, base = path.rpartition("/")
    above, _, last = folder.rpartition("/")
    module = base.removesuffix(".pyc")
    if last == "__pycache__":
        folder, module = above, base.partition(".")[0]
    return f"{folder}/{module}.py" if folder else f"{module}.py"


def is_cached(path: str) -> bool:
    """Whether it lies in a `__pycache__` folder, where Python uses it only beside its source."""
    return path.rpartition("/")[0].rpartition("/")[2] == "__pycache__"


def optimisation_levels(path: str) -> tuple[int, ...]:
    """The levels of `-O` a `.pyc` of this name may be compiled with; none when no Python looks for the name.

    Such are the rewritten modules that pytest caches (`x.cpython-311-pytest-8.0.0.pyc`).
    """
    if not is_cached(path):
        return (0, 1, 2)
    found = _CACHED.fullmatch(path.rpartition("/")[2])
    if found is None:
        return ()
    return {None: (0,), "1": (1,), "2": (2,)}.get(found["level"], ())
