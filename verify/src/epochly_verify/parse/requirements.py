"""The dependencies that METADATA declares, as far as a list of them can be compared: projects, versions, conditions.

No marker is evaluated: a line with one may not apply where an SBOM was written, so its project may be listed or not.
Lines that are no dependency specifiers are reported elsewhere; here they only make their project a known one. Refused
are more than `MAX_DECLARED_CHARS` of lines, since every version of an SBOM is held against every range.

Specification: "Dependency specifiers", "Core metadata specifications" (Requires-Dist).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name
from packaging.version import Version

from epochly_verify.parse.dependency_specifiers import is_requirement
from epochly_verify.parse.distinfo import MAX_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from packaging.specifiers import SpecifierSet

MAX_DECLARED_CHARS = 256 * 1024  # of all lines; the longest list seen (apache-airflow) has about 50,000
_NAME = re.compile(r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]{0,200}[A-Za-z0-9])?)")


@dataclass(frozen=True, slots=True)
class Declared:
    """One project among the dependencies.

    Attributes:
        ranges: of the lines without marker when there are any, which then all hold; else of each line, any of which may.
        required: it has a line without marker.
    """

    ranges: tuple[SpecifierSet, ...]
    required: bool

    @property
    def clauses(self) -> int:
        """How many comparisons one version costs."""
        return sum(map(len, self.ranges))

    def allows(self, version: str) -> bool:
        """Whether the ranges allow a version; one that cannot be read is allowed only where there is no range."""
        if not self.clauses:
            return True
        try:
            parsed = Version(version) if len(version) <= MAX_VERSION else None
        except ValueError:  # `InvalidVersion`, or a number too long for `int`
            parsed = None
        if parsed is None:
            return not self.required and not all(self.ranges)
        held = (range_.contains(parsed, prereleases=True) for range_ in self.ranges)
        return all(held) if self.required else any(held)


def declared_dependencies(lines: Iterable[str]) -> Mapping[str, Declared] | None:
    """Normalised project name -> what is declared of it; `None` when there are too many lines to compare with."""
    from packaging.requirements import Requirement  # noqa: PLC0415 - 10 ms, only when an SBOM lists dependencies
    from packaging.specifiers import SpecifierSet  # noqa: PLC0415 - as above

    lines = tuple(lines)
    if sum(map(len, lines)) > MAX_DECLARED_CHARS:
        return None
    found: dict[str, tuple[list[SpecifierSet], list[SpecifierSet]]] = {}
    for line in lines:
        if is_requirement(line):
            requirement = Requirement(line)
            name, range_, conditional = (
                requirement.name,
                requirement.specifier,
                requirement.marker is not None,
            )
        elif match := _NAME.match(line):
            name, range_, conditional = match[1], SpecifierSet(), True
        else:
            continue
        found.setdefault(str(canonicalize_name(name)), ([], []))[conditional].append(range_)
    return {
        project: Declared(tuple(always or sometimes), required=bool(always))
        for project, (always, sometimes) in found.items()
    }
