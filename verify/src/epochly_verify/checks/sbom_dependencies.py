"""A part of the layer `sbom`: the dependencies that an SBOM lists are those that METADATA declares.

Held against METADATA are the Python packages that the root depends on, by the SBOM's graph or, where the graph does not
speak of the root, all that stand beside it; what a wheel brings along is none. An SBOM that claims to list all of them has
to list exactly those of the lines without marker, and may list the others. Without that claim only a version that
contradicts METADATA is worth a warning. https://cyclonedx.org/docs/1.6/json/#dependencies
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from epochly_verify.checks.sbom_contents import claims
from epochly_verify.model import Finding
from epochly_verify.parse.quote import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from epochly_verify.checks.sbom_contents import Parts
    from epochly_verify.parse.requirements import Declared
    from epochly_verify.parse.sbom import Component, CycloneDx

MAX_COMPARISONS = 200_000  # of a version with a range, a wheel; half a second, and real wheels need hundreds


@dataclass(slots=True)
class Dependencies:
    """What METADATA declares, and what was compared with it so far: over all SBOMs of a wheel there is a bound.

    Attributes:
        project: the wheel's own, which is no dependency of its own.
        declared: normalised name -> what is declared of it.
    """

    project: str
    declared: Mapping[str, Declared]
    _allowed: dict[tuple[str, str], bool] = field(default_factory=dict)
    _spent: int = 0

    def allows(self, project: str, version: str) -> bool | None:
        """Whether a declared project may have a version; `None` when the bound is reached."""
        known = self._allowed.get((project, version))
        if known is None:
            self._spent += 1 + self.declared[project].clauses
            if self._spent > MAX_COMPARISONS:
                return None
            known = self._allowed[project, version] = self.declared[project].allows(version)
        return known


@dataclass(frozen=True, slots=True)
class _Listed:
    project: str
    version: str
    is_package: bool  # by its package URL; without one it may as well be a C library


def dependencies_match(
    document: CycloneDx, sbom: str, dependencies: Dependencies, parts: Parts
) -> Iterator[Finding]:
    """At most one finding of each kind; it counts the others."""
    declared = dependencies.declared
    beside = list(_direct(document))
    outside = [listed for component, listed in beside if not parts.holds(component)]
    named = {listed.project for _, listed in beside} | {dependencies.project}
    missing = [
        f"does not list {quoted(project)}, which METADATA requires"
        for project, each in declared.items()
        if each.required and project not in named
    ]
    foreign = dict.fromkeys(listed.project for listed in outside if listed.is_package)
    extra = [
        f"lists {quoted(project)} as a dependency, which METADATA does not require"
        for project in foreign
        if project not in declared and project != dependencies.project
    ]
    wrong, uncompared = _versions(outside, dependencies)
    if uncompared:
        message = f"{uncompared} versions of dependencies were not compared; the bound is {MAX_COMPARISONS} comparisons"
        yield Finding("sbom-unread", sbom, message)
    if claims(document, "dependencies"):
        if missing:
            yield Finding(
                "sbom-dependency-missing", sbom, _counted(f"claims to be complete and {missing[0]}", missing)
            )
        if extra:
            yield Finding(
                "sbom-dependency-extra", sbom, _counted(f"claims to be complete and {extra[0]}", extra)
            )
        if wrong:
            yield Finding("sbom-dependency-version", sbom, _counted(wrong[0], wrong))
        return
    if missing and any(listed.project in declared for listed in outside):
        yield Finding(
            "sbom-dependency-unlisted", sbom, _counted(f"lists dependencies and {missing[0]}", missing)
        )
    if wrong:
        yield Finding("sbom-dependency-version-differs", sbom, _counted(wrong[0], wrong))


def _versions(outside: Sequence[_Listed], dependencies: Dependencies) -> tuple[list[str], int]:
    """What is wrong with the versions, and how many were not compared."""
    wrong: list[str] = []
    uncompared = 0
    for listed in outside:
        each = dependencies.declared.get(listed.project)
        if each is None or not listed.version:
            continue
        allowed = dependencies.allows(listed.project, listed.version)
        uncompared += allowed is None
        if allowed is False:
            join = "," if each.required else " or "
            asked = join.join(str(range_) for range_ in each.ranges[:20] if range_)
            what = f"{quoted(listed.project)} in version {quoted(listed.version)}"
            wrong.append(f"lists {what}, METADATA requires {quoted(asked)}")
    return wrong, uncompared


def _direct(document: CycloneDx) -> Iterator[tuple[Component, _Listed]]:
    """What the root depends on, as far as it can be a Python package."""
    refs = None if document.depends_on is None else frozenset(document.depends_on)
    for component in document.components:
        if component is document.root or component.excluded:
            continue
        if not (component.at_top if refs is None else component.ref in refs):
            continue
        purl = component.purl
        if purl is None and component.type != "file":
            yield (
                component,
                _Listed(canonicalize_name(component.name), _stated(component.version), is_package=False),
            )
        elif purl is not None and purl.kind == "pypi" and not purl.namespace:
            for version in dict.fromkeys((_stated(component.version), _stated(purl.version))):
                yield component, _Listed(canonicalize_name(purl.name), version, is_package=True)


def _stated(version: str) -> str:
    return "" if version.lower() == "unknown" else version


def _counted(message: str, all_: Sequence[str]) -> str:
    return message if len(all_) == 1 else f"{message} (and {len(all_) - 1} more)"
