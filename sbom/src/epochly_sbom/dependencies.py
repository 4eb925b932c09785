"""What a wheel needs: `Requires-Dist` joined with a lock into packages and who needs whom.

With a lock that tells a graph, what cannot be reached from the wheel's own requirements is not part of it (a lock often
serves a whole repository) and is left out. With one that tells none, everything in it is kept and said to be of unknown
parentage: a guessed edge would be a false statement. A locked version that the wheel's own requirement excludes is
refused. https://packaging.python.org/en/latest/specifications/dependency-specifiers/
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion

from epochly_sbom.errors import RefusedError, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from packaging.requirements import Requirement

    from epochly_sbom.model import Lock, Metadata

_EXTRA = re.compile(r'\bextra\s*==\s*"([^"]+)"|"([^"]+)"\s*==\s*extra\b')


@dataclass(frozen=True, slots=True)
class Dependency:
    """One package the wheel needs.

    Attributes:
        project: normalised name.
        version: the locked one, empty without a lock.
        hashes: (`hashlib` name, hexadecimal) of the files the lock allows.
        requirements: the wheel's own `Requires-Dist` lines for it; empty when only others need it.
        lock_marker: when the lock installs it.
        orphan: the lock does not tell who needs it.
    """

    project: str
    version: str = ""
    hashes: tuple[tuple[str, str], ...] = ()
    requirements: tuple[Requirement, ...] = ()
    lock_marker: str = ""
    orphan: bool = False

    @property
    def optional(self) -> bool:
        """Whether it comes with an extra only."""
        return bool(self.requirements) and all(extras_of(line) for line in self.requirements)


@dataclass(frozen=True, slots=True)
class Graph:
    """Everything needed: `packages` sorted, and (project, project it needs) between them."""

    packages: tuple[Dependency, ...]
    needs: frozenset[tuple[str, str]]


def graph_of(metadata: Metadata, lock: Lock | None) -> Graph:
    """Join requirements and lock.

    Raises:
        RefusedError: the lock holds a version that the wheel's own requirements exclude.
    """
    declared: dict[str, tuple[Requirement, ...]] = {}
    for line in metadata.requires:
        project = str(canonicalize_name(line.name))
        if project != metadata.project:  # `demo[all]` asks for the wheel's own extras
            declared[project] = (*declared.get(project, ()), line)
    if lock is None:
        packages = [Dependency(project, requirements=lines) for project, lines in declared.items()]
        return Graph(tuple(sorted(packages, key=_order)), frozenset())
    kept = _reached(declared, lock.needs)
    packages = []
    for locked in lock.packages:
        if locked.project == metadata.project or (lock.needs and locked.project not in kept):
            continue
        lines = declared.get(locked.project, ())
        if lines and not any(_allows(line, locked.version) for line in lines):
            wanted = " or ".join(str(line) for line in lines)
            message = f"is locked at {quoted(locked.version)}, the wheel requires {quoted(wanted)}"
            raise RefusedError(locked.project, message, "lock again after changing requirements")
        orphan = locked.project not in kept
        packages.append(
            Dependency(locked.project, locked.version, locked.hashes, lines, locked.marker, orphan)
        )
    there = {package.project for package in packages}
    packages += [
        Dependency(project, requirements=lines) for project, lines in declared.items() if project not in there
    ]
    there |= set(declared)
    needs = frozenset((parent, child) for parent, child in lock.needs if {parent, child} <= there)
    return Graph(tuple(sorted(_merged(packages), key=_order)), needs)


def extras_of(line: Requirement) -> tuple[str, ...]:
    """The extras of the wheel that bring this requirement in; empty when it always comes."""
    found = _EXTRA.findall(str(line.marker)) if line.marker else []
    return tuple(sorted({first or second for first, second in found}))


def _reached(start: Iterable[str], needs: frozenset[tuple[str, str]]) -> set[str]:
    children: dict[str, list[str]] = {}
    for parent, child in needs:
        children.setdefault(parent, []).append(child)
    reached: set[str] = set()
    stack = list(start)
    while stack:
        project = stack.pop()
        if project not in reached:
            reached.add(project)
            stack += children.get(project, ())
    return reached


def _merged(packages: list[Dependency]) -> Iterable[Dependency]:
    """One package a version: a lock tells a version again for each marker."""
    merged: dict[tuple[str, str], Dependency] = {}
    for package in packages:
        key = (package.project, package.version)
        before = merged.get(key)
        if before is None:
            merged[key] = package
        else:
            marker = ""
            if before.lock_marker and package.lock_marker:
                marker = f"({before.lock_marker}) or ({package.lock_marker})"
            hashes = tuple(sorted({*before.hashes, *package.hashes}))
            merged[key] = replace(before, hashes=hashes, lock_marker=marker)
    return merged.values()


def _allows(line: Requirement, version: str) -> bool:
    try:
        return line.specifier.contains(version, prereleases=True)
    except InvalidVersion:
        return False


def _order(package: Dependency) -> tuple[str, str]:
    return package.project, package.version
