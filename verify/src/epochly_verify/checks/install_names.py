"""Part of layer `install`: top-level import names that belong to somebody else.

Whatever a wheel puts at the top of site-packages is importable under that name, so a wheel of one project can bring,
or overwrite, the package of another. Who owns which name is a table written by hand (`data/top_level_names.txt`) of a
few hundred well-known projects; a name it does not know is nobody's, and a project that plausibly owns a name (its own
name contains it or is contained in it) is believed, except for the names that everything else trusts.

Attack: row i12, a wheel that brings its own `pip`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pkgutil import get_data
from typing import TYPE_CHECKING

from epochly_verify.model import Finding
from epochly_verify.parse.quote import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from epochly_verify.parse.installplan import InstallPlan

_MIN_CONTAINED = 3  # characters; shorter names are contained in too many others to mean anything


@dataclass(frozen=True, slots=True)
class NameTable:
    """Who owns which top-level import name.

    Attributes:
        owners: import name -> normalised names of the projects that install it.
        exact: the names only those projects may install.
        shared: namespace packages and plug-in folders, as paths.
        stdlib: modules of the standard library.
        generic: folders nobody owns.
    """

    owners: Mapping[str, tuple[str, ...]]
    exact: frozenset[str]
    shared: frozenset[str]
    stdlib: frozenset[str]
    generic: frozenset[str]

    def owners_of(self, name: str) -> tuple[str, ...]:
        """The projects that install a name; empty when none is known."""
        return self.owners.get(name, ())

    def is_shared(self, path: str) -> bool:
        """Whether a file lies in a namespace package or a folder for plug-ins."""
        first, _, rest = path.partition("/")
        return first in self.shared or f"{first}/{rest.partition('/')[0]}" in self.shared


def parse_name_table(text: str) -> NameTable:
    """Read the table; its form is told at its top.

    Raises:
        ValueError: a line stands in no known section.
    """
    owners: dict[str, tuple[str, ...]] = {}
    exact: set[str] = set()
    sections: dict[str, set[str]] = {"shared": set(), "stdlib": set(), "generic": set()}
    section = ""
    for line in text.splitlines():
        words = line.split()
        if not words or line.startswith("#"):
            continue
        if line.startswith("["):
            section = line.strip("[]")
        elif section == "projects":
            name = words[0].removeprefix("=")
            owners[name] = tuple(words[1:])
            if words[0] != name:
                exact.add(name)
        elif section in sections:
            sections[section].update(words)
        else:
            raise ValueError(f"line {line!r} stands in no known section")
    return NameTable(
        owners, frozenset(exact), *(frozenset(sections[name]) for name in ("shared", "stdlib", "generic"))
    )


@cache
def name_table() -> NameTable:
    """The table that ships with the package."""
    data = get_data("epochly_verify", "data/top_level_names.txt")
    assert data is not None  # only where a package was loaded in a way that cannot hold data
    return parse_name_table(data.decode())


def may_own(project: str, name: str) -> bool:
    """Whether a project's name makes it the plausible owner of an import name: one contains the other."""
    one, other = (re.sub(r"[-_.]", "", text).lower() for text in (project, name))
    if one == other:
        return True
    return (len(other) >= _MIN_CONTAINED and other in one) or (len(one) >= _MIN_CONTAINED and one in other)


def is_foreign(name: str, project: str, table: NameTable) -> bool:
    """Whether an import name belongs to other projects and not to this one."""
    if name not in table.owners or project in table.owners_of(name):
        return False
    return name in table.exact or not may_own(project, name)


def name_findings(plan: InstallPlan, project: str, table: NameTable) -> Iterator[Finding]:
    """Top-level names, brought directly and not through `.data`, that belong to somebody else or to nobody.

    Args:
        plan: where the members go.
        project: PEP 503-normalised name of the wheel's project.
        table: who owns which import name.
    """
    for name, files in plan.top_levels.items():
        own_files = [each for each in files if not table.is_shared(each.path)]
        direct = [each for each in own_files if not each.scheme]
        if direct and is_foreign(name, project, table):
            owners = table.owners_of(name)
            belongs = f"belongs to the project {quoted(owners[0])}" if owners else "belongs to Python itself"
            message = f"the top-level name {quoted(name)} {belongs}, not to {quoted(project)}"
            yield Finding("foreign-top-level", direct[0].member.name, message)
        elif own_files and name in table.stdlib and not may_own(project, name):
            message = f"the top-level name {quoted(name)} is a module of the standard library"
            yield Finding("stdlib-top-level", own_files[0].member.name, message)
        elif own_files and name.lower() in table.generic and not may_own(project, name):
            message = f"the top-level name {quoted(name)} says nothing about {quoted(project)}, and others use it too"
            yield Finding("generic-top-level", own_files[0].member.name, message)
