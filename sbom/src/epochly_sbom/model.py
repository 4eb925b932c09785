"""What is known about a wheel and a lock before anything is written. Frozen values only, no behaviour to speak of.

Specifications: https://packaging.python.org/en/latest/specifications/binary-distribution-format/ and
https://packaging.python.org/en/latest/specifications/core-metadata/
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from packaging.requirements import Requirement


@dataclass(frozen=True, slots=True)
class Member:
    """One file of a wheel: its path, its bytes, and whether it is marked executable."""

    path: str
    data: bytes
    executable: bool = False

    @property
    def sha256(self) -> str:
        """The hash of its bytes, hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True, slots=True)
class Metadata:
    """The fields of METADATA an SBOM is made of.

    Attributes:
        project: normalised name.
        name: as the wheel spells it.
        version: as the wheel spells it.
        supplier: author or maintainer, empty when neither is told.
        license_expression: `License-Expression`, empty when absent.
        license_name: the older free-form `License` when it is one short line, else empty.
        requires: `Requires-Dist`, in order.
    """

    project: str
    name: str
    version: str
    supplier: str = ""
    license_expression: str = ""
    license_name: str = ""
    requires: tuple[Requirement, ...] = ()


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel in memory.

    Attributes:
        filename: without folders.
        size_bytes: of the whole file.
        sha256: of the whole file, hexadecimal.
        info: the name of its `.dist-info` folder.
        metadata: what METADATA says.
        members: its files in the order of the archive; folders are left out.
    """

    filename: str
    size_bytes: int
    sha256: str
    info: str
    metadata: Metadata
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Locked:
    """One package of a lock: `hashes` are (`hashlib` name, hexadecimal), sorted, of all files the lock allows."""

    project: str
    version: str
    hashes: tuple[tuple[str, str], ...]
    marker: str = ""


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock: its packages, and (project, project it needs) as far as it tells them."""

    packages: tuple[Locked, ...]
    needs: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Native:
    """A native library or program in the wheel.

    Attributes:
        member: the file.
        form: `ELF`, `Mach-O`, `PE`, or `unknown` when only the name tells.
        copied: it lies where auditwheel, delvewheel or delocate put other projects' libraries.
    """

    member: Member
    form: str
    copied: bool


@dataclass(frozen=True, slots=True)
class Vendored:
    """Another project's package inside the wheel.

    Attributes:
        name: as its own metadata or the list beside it spells it, else its folder.
        version: empty when nothing tells.
        place: path of its folder or module, or of the list that names it when it cannot be found.
        sha256: of the module's file, or of the tree (see `vendored.tree_sha256`); empty when there is nothing to hash.
        is_tree: whether `sha256` is a tree's.
        known: whether its metadata or a list says which project it is; a mere folder name does not.
        license_expression: from its own metadata, empty when absent.
    """

    name: str
    version: str
    place: str
    sha256: str
    is_tree: bool
    known: bool
    license_expression: str = ""


@dataclass(frozen=True, slots=True)
class Options:
    """What the caller decides.

    Attributes:
        tool_version: of this distribution, told in the SBOM.
        epoch: seconds since 1970 for the timestamp (`SOURCE_DATE_EPOCH`); `None` leaves the timestamp out.
        spec_version: of CycloneDX, `1.6` or `1.7`.
        author: who makes the SBOM; empty: this tool.
        supplier: who supplies the wheel; empty: what METADATA says.
    """

    tool_version: str
    epoch: int | None = None
    spec_version: str = "1.6"
    author: str = ""
    supplier: str = ""
