"""A part of the layer `sbom`: an SBOM that claims to be complete lists what the wheel brings along.

Asked for are native libraries (`.so`, `.pyd`, `.dylib`, `.dll`), each by its SHA-256, and vendored projects that kept
their metadata, each by name and version. Where an SBOM puts them, and under which name, is its own business. Vendored
projects without metadata cannot be told from the wheel's own code and are not asked for.
https://peps.python.org/pep-0770/ and https://cyclonedx.org/docs/1.6/json/#compositions
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name
from packaging.version import Version

from epochly_verify.checks.sbom_hashes import members_meant
from epochly_verify.checks.sbom_root import is_version, wheel_name
from epochly_verify.model import Finding
from epochly_verify.parse.distinfo import MAX_VERSION, SUFFIX
from epochly_verify.parse.metadata import parse_metadata
from epochly_verify.parse.quote import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from epochly_verify.checks.sbom_hashes import Contents
    from epochly_verify.limits import Limits
    from epochly_verify.model import Member
    from epochly_verify.parse.sbom import Component, CycloneDx

_NATIVE = frozenset({"so", "pyd", "dylib", "dll"})
_VENDOR_FOLDERS = frozenset(
    {"_vendor", "vendor", "_vendored", "vendored", "extern", "externals", "third_party"}
)
OWN_TOOL = "epochly-sbom"  # what it writes of a wheel is always meant to be complete


@dataclass(frozen=True, slots=True)
class Parts:
    """What of a wheel is software of its own.

    Attributes:
        native: native libraries.
        vendored: metadata file of a vendored project -> normalised name and version.
        projects: normalised names of everything that may be vendored, also by mere folder names.
        sha256: of every member, raw.
        paths: of every member, sorted.
    """

    native: tuple[Member, ...]
    vendored: Mapping[str, tuple[str, Version]]
    projects: frozenset[str]
    sha256: frozenset[bytes]
    paths: tuple[str, ...]

    def holds(self, component: Component) -> bool:
        """Whether a component is a part of the wheel and not something it needs from elsewhere."""
        if component.where.startswith("metadata.component."):
            return True
        if component.purl is not None and str(canonicalize_name(component.purl.name)) in self.projects:
            return True
        if any(self._has(place) for place in (component.name, *component.places)):
            return True
        return any(
            algorithm == "sha256" and _raw(content) in self.sha256 for algorithm, content in component.hashes
        )

    def _has(self, place: str) -> bool:
        """Whether a path is a member or a folder of the wheel."""
        path = place.replace("\\", "/").removeprefix("./").strip("/")
        if not path or len(path) > 4096:
            return False
        found = bisect_left(self.paths, path)
        if found < len(self.paths) and self.paths[found] == path:
            return True
        below = bisect_left(self.paths, f"{path}/")
        return "/" in place and below < len(self.paths) and self.paths[below].startswith(f"{path}/")


def parts_of_wheel(files: Mapping[str, Member], info: str, limits: Limits) -> Parts:
    """Take apart the files of a wheel whose own dist-info folder is `info`."""
    native: list[Member] = []
    vendored: dict[str, tuple[str, Version]] = {}
    projects: set[str] = set()
    for path, member in files.items():
        *folders, base = path.split("/")
        if folders[:1] == [info]:
            continue
        if is_native(base):
            native.append(member)
        if base.endswith(".whl") and (name := wheel_name(base)) is not None:
            projects.add(name.project)
        if base == "METADATA" and len(folders) > 1 and folders[-1].endswith(SUFFIX):
            project = _project(member, limits)
            if project is not None:
                vendored[path] = project
                projects.add(project[0])
        for folder, inside in pairwise((*folders, base)):
            if folder in _VENDOR_FOLDERS:
                projects.add(str(canonicalize_name(inside.removesuffix(".py"))))
    digests = frozenset(member.digests["sha256"] for member in files.values() if "sha256" in member.digests)
    return Parts(tuple(native), vendored, frozenset(projects), digests, tuple(sorted(files)))


def is_native(base: str) -> bool:
    """Whether a file is a native library by its name, with or without a version at the end (`libz.so.1.3`)."""
    steps = base.lower().split(".")
    if steps[-1] in _NATIVE:
        return len(steps) > 1
    while len(steps) > 2 and steps[-1].isdigit():
        steps.pop()
    return steps[-1] == "so"


def claims(document: CycloneDx, what: str) -> bool:
    """Whether an SBOM says that it lists all `dependencies` or `assemblies` of its root."""
    return what in document.complete or OWN_TOOL in document.tools


def parts_are_listed(document: CycloneDx, sbom: str, parts: Parts, contents: Contents) -> Iterator[Finding]:
    """One finding that names the first part that is not listed; it counts the others.

    A file that is listed with another hash is not told again: `sbom_hashes.py` reports it.
    """
    hashed = [each for each in document.components if "sha256" in dict(each.hashes)]
    sha256 = {content for each in hashed for algorithm, content in each.hashes if algorithm == "sha256"}
    compared = {member.name for each in hashed for member in members_meant(each, contents)}
    missing = [
        f"does not list {quoted(member.name)} with its SHA-256"
        for member in parts.native
        if "sha256" in member.digests
        and member.digests["sha256"].hex() not in sha256
        and member.name not in compared
    ]
    missing += _vendored_missing(document, parts.vendored) if parts.vendored else []
    if missing:
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        yield Finding("sbom-part-missing", sbom, f"claims to be complete and {missing[0]}{more}")


def _project(metadata: Member, limits: Limits) -> tuple[str, Version] | None:
    """Which project a nested METADATA is of; `None` when it does not say, as in a project's test data."""
    parsed = parse_metadata(metadata.content, metadata.name, limits)[0] if metadata.content else None
    if parsed is None or not parsed.name or not 0 < len(parsed.version) <= MAX_VERSION:
        return None
    try:
        return str(canonicalize_name(parsed.name)), Version(parsed.version)
    except ValueError:  # `InvalidVersion`, or a number too long for `int`
        return None


def _vendored_missing(document: CycloneDx, vendored: Mapping[str, tuple[str, Version]]) -> Iterator[str]:
    """Vendored projects that no component names, or only in other versions."""
    versions: dict[str, set[str]] = {}
    for each in document.components:
        name = each.purl.name if each.purl is not None else each.name
        stated = each.version or (each.purl.version if each.purl is not None else "")
        versions.setdefault(str(canonicalize_name(name)), set()).add(stated)
    for path, (project, version) in vendored.items():
        listed = versions.get(project)
        if listed is None:
            yield f"does not list {quoted(project)}, whose metadata is {quoted(path)}"
        elif not any(not each or is_version(each, version) for each in listed):
            yield f"lists {quoted(project)} in version {quoted(min(listed))}, and {quoted(path)} is of {version}"


def _raw(content: str) -> bytes:
    try:
        return bytes.fromhex(content)
    except ValueError:
        return b""
