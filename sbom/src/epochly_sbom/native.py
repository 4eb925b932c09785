"""Which files of a wheel are native code: by their first bytes, or by a name that promises it.

ELF, Mach-O (thin and fat) and PE are known; a Java class shares the fat magic and is told apart. Programs count too:
they are native code others may have written. Static archives are not linked at run time and are left out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from epochly_sbom.model import Native

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from epochly_sbom.model import Member

_NAMES = re.compile(r"\.(?:so(?:\.[0-9][\w.]*)?|pyd|dylib|dll)$", re.IGNORECASE)
_MACH_O = frozenset(
    bytes.fromhex(magic) for magic in ("feedface", "feedfacf", "cefaedfe", "cffaedfe", "bebafeca")
)
_FAT = bytes.fromhex("cafebabe")
_FIRST_JAVA_CLASS = 45  # the lowest major version of a class file; fat binaries hold a handful of parts


def form_of(data: bytes) -> str:
    """`ELF`, `Mach-O`, `PE`, or an empty text."""
    if data.startswith(b"\x7fELF"):
        return "ELF"
    if data[:4] in _MACH_O:
        return "Mach-O"
    if data.startswith(_FAT) and 0 < int.from_bytes(data[4:8], "big") < _FIRST_JAVA_CLASS:
        return "Mach-O"
    if data.startswith(b"MZ") and len(data) >= 64:
        at = int.from_bytes(data[60:64], "little")
        if data[at : at + 4] == b"PE\0\0":
            return "PE"
    return ""


def natives(members: Iterable[Member]) -> Iterator[Native]:
    """Every native file, in order."""
    for member in members:
        form = form_of(member.data)
        if form or _NAMES.search(member.path):
            folders = member.path.split("/")[:-1]
            copied = any(folder.endswith((".libs", ".dylibs")) for folder in folders)
            yield Native(member, form or "unknown", copied)
