"""Where an installer would put each member of a wheel: the spread of `.data`, without a disk and without a scheme.

Both `purelib` and `platlib` are one place here, site-packages, because installers put them in one folder on nearly
every system. A file below `.data/data` that names a site-packages folder by its path is placed there too. Names that
cannot be installed at all (absolute, with `..`) are left out: the archive layer refuses them.

Specification: "Binary distribution format", sections "The .data directory" and "Installing a wheel".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

from epochly_verify.model import MemberKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from epochly_verify.model import Member


class Root(StrEnum):
    """The folders an installer writes to."""

    SITE = "site-packages"
    SCRIPTS = "scripts"
    HEADERS = "headers"
    PREFIX = "prefix"  # `.data/data`: the folder of the environment itself


_SCHEMES = {
    "purelib": Root.SITE,
    "platlib": Root.SITE,
    "scripts": Root.SCRIPTS,
    "headers": Root.HEADERS,
    "data": Root.PREFIX,
}
_SITE_PACKAGES = re.compile(
    r"(?:usr/)?(?:local/)?lib(?:64|32)?/(?:(?:python|pypy)[0-9.]*t?/)?(?:site|dist)-packages/", re.IGNORECASE
)
_IMPORTABLE = (".py", ".pyc", ".so", ".pyd")


@dataclass(frozen=True, slots=True)
class Placed:
    """One file in its place.

    Attributes:
        member: the file.
        root: the folder it goes to.
        path: below that folder, `/` between components, without `.` or empty ones.
        scheme: the part of `.data` it comes from, empty for a file outside `.data`.
    """

    member: Member
    root: Root
    path: str
    scheme: str = ""

    @property
    def top_level(self) -> bool:
        """Whether it lies directly in its folder."""
        return "/" not in self.path

    @property
    def base(self) -> str:
        """Its own name, without folders."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class InstallPlan:
    """Every file of a wheel in its place, in archive order; of duplicates, each."""

    placed: tuple[Placed, ...]

    @cached_property
    def site(self) -> tuple[Placed, ...]:
        """What goes to site-packages, whichever way."""
        return tuple(each for each in self.placed if each.root is Root.SITE)

    @cached_property
    def by_place(self) -> Mapping[tuple[Root, str], Placed]:
        """Place -> the file that is there in the end; of duplicates, the last."""
        return {(each.root, each.path): each for each in self.placed}

    @cached_property
    def top_levels(self) -> Mapping[str, tuple[Placed, ...]]:
        """Importable name -> the files below it: packages by their folder, modules by their file."""
        found: dict[str, list[Placed]] = {}
        for each in self.site:
            name = import_name(each.path)
            if name:
                found.setdefault(name, []).append(each)
        return {name: tuple(files) for name, files in found.items()}


def import_name(path: str) -> str:
    """The top-level name under which Python would import a file of site-packages; empty when it would not."""
    if not path.endswith(_IMPORTABLE):
        return ""
    first, slash, _ = path.partition("/")
    name = first if slash else first.partition(".")[0]
    return name if name.isidentifier() and name != "__pycache__" else ""


def install_plan(members: Iterable[Member]) -> InstallPlan:
    """Place every member that is no directory. Raises nothing."""
    placed = (_place(member) for member in members if member.kind is not MemberKind.DIRECTORY)
    return InstallPlan(tuple(each for each in placed if each is not None))


def _place(member: Member) -> Placed | None:
    name = member.name
    if ".data/" not in name and "./" not in name and "//" not in name and name[:1] != "/":
        return Placed(member, Root.SITE, name)
    parts = [part for part in name.split("/") if part not in {"", "."}]
    if ".." in parts or not parts or name[:1] == "/":
        return None
    # Any folder of that ending, as pip reads it; one that is not this project's is the metadata layer's finding.
    if not parts[0].endswith(".data") or len(parts) < 3:
        return Placed(member, Root.SITE, "/".join(parts))
    scheme, path = parts[1], "/".join(parts[2:])
    root = _SCHEMES.get(scheme)
    if root is None:
        return None  # installers stop at an unknown scheme, and the metadata layer says so
    if root is Root.PREFIX and (site := _SITE_PACKAGES.match(path)):
        root, path = Root.SITE, path[site.end() :]
    return Placed(member, root, path, scheme)
