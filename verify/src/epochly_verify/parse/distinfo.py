"""The `.dist-info` folder of a wheel, and the files in it.

A wheel has exactly one at the top, `{distribution}-{version}.dist-info`, and installers find everything else from
there. Where a hostile wheel has several, the one that agrees with the file name is taken; saying that there are
several is the metadata layer's job. Nested ones (vendored projects) are ordinary files.

Specification: "Binary distribution format", sections "File contents" and "Escaping and Unicode".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.version import Version

from epochly_verify.model import MemberKind
from epochly_verify.parse.filename import parse_filename

if TYPE_CHECKING:
    from collections.abc import Mapping

    from epochly_verify.model import Archive, Member
    from epochly_verify.parse.filename import ArtifactName

SUFFIX = ".dist-info"
MAX_VERSION = 256  # characters; a file name has room for no more


@dataclass(frozen=True, slots=True)
class DistInfo:
    """A dist-info folder.

    Attributes:
        folder: its name, without a slash.
        files: path below the folder -> member; of a name that stands twice, the last.
    """

    folder: str
    files: Mapping[str, Member]

    @property
    def stem(self) -> str:
        """The folder's name without `.dist-info`; the data folder is this with `.data`."""
        return self.folder[: -len(SUFFIX)]


def files_by_name(archive: Archive) -> dict[str, Member]:
    """Every member that is no directory, by exact name, in archive order; of a name that stands twice, the last."""
    return {
        member.name: member
        for member in archive.members
        if member.kind is not MemberKind.DIRECTORY and not member.name.endswith("/")
    }


def top_levels(archive: Archive) -> dict[str, bool]:
    """First path components in archive order -> whether something lies below them (they are folders)."""
    found: dict[str, bool] = {}
    for member in archive.members:
        top, slash, _ = member.name.partition("/")
        found[top] = found.get(top, False) or bool(slash)
    return found


def dist_info_folders(archive: Archive) -> tuple[str, ...]:
    """Top-level names that end in `.dist-info`, in archive order, each once.

    The ending is compared without case, as `importlib.metadata` does, and a plain file of that name counts, as pip
    counts it.
    """
    return tuple(top for top in top_levels(archive) if top.lower().endswith(SUFFIX))


def stem_names(stem: str, name: ArtifactName) -> bool:
    """Whether `{project}-{version}` means the same project and version as the file name.

    Spelling is forgiven (`Foo.Bar-1.0` for `foo_bar-1.0.0`): the specification asks tools to accept the names that
    earlier versions of it produced.
    """
    project = "[-_.]+".join(re.escape(part) for part in name.project.split("-"))
    found = re.match(f"{project}-", stem, re.IGNORECASE | re.ASCII)
    return found is not None and same_version(stem[found.end() :], name.version)


def same_version(text: str, version: Version) -> bool:
    """Whether `text` is that version in any spelling."""
    if len(text) > MAX_VERSION:
        return False
    try:
        return Version(text) == version
    except ValueError:  # `InvalidVersion`, or a number too long for `int`
        return False


def find_dist_info(archive: Archive, filename: str) -> DistInfo | None:
    """The dist-info folder that counts: the file name's own, else the first; `None` when there is none."""
    folders = dist_info_folders(archive)
    if not folders:
        return None
    try:
        name = parse_filename(filename)
    except ValueError:
        name = None
    folder = min(folders, key=lambda candidate: _distance(candidate, filename, name))
    prefix = f"{folder}/"
    below = {
        path[len(prefix) :]: member
        for path, member in files_by_name(archive).items()
        if path.startswith(prefix)
    }
    return DistInfo(folder, below)


def _distance(folder: str, filename: str, name: ArtifactName | None) -> tuple[int, bool]:
    """How far a folder is from the one the file name asks for; the smallest wins."""
    stem = folder[: -len(SUFFIX)]
    odd = not folder.endswith(SUFFIX)
    if filename.startswith(f"{stem}-"):
        return 0, odd
    return (1, odd) if name is not None and stem_names(stem, name) else (2, odd)
