"""A part of the layer `sbom`: SBOMs from outside the wheel tell the same story as those in it, and as each other.

Compared are the version and digests of the root, where both are about the whole wheel, and the digests of components that
go by the same package URL or, without one, by the same type, name and version. Two that list different parts do not
contradict each other; neither do two digests of different algorithms, nor lists of digests that share one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name
from packaging.version import Version

from epochly_verify.checks.sbom_root import is_version, project_of, versions_of
from epochly_verify.model import Finding
from epochly_verify.parse.distinfo import MAX_VERSION
from epochly_verify.parse.quote import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from epochly_verify.parse.filename import ArtifactName
    from epochly_verify.parse.sbom import Component, CycloneDx

    _ByAlgorithm = Mapping[str, set[str]]


@dataclass(frozen=True, slots=True)
class Told:
    """What of an SBOM another can contradict.

    Attributes:
        sbom: where it stands.
        root: `None` when it is not about the whole wheel.
        digests: what tells a component from others -> (its place, algorithm -> every digest given for it).
    """

    sbom: str
    root: Component | None
    digests: Mapping[tuple[object, ...], tuple[str, _ByAlgorithm]]


def told_by(document: CycloneDx, sbom: str, own: ArtifactName | None, *, parts: bool) -> Told:
    """What is compared of a document; without `parts` only its root."""
    root = document.root if project_of(document.root, own) else None
    found: dict[tuple[object, ...], tuple[str, dict[str, set[str]]]] = {}
    for component in document.components if parts else ():
        if component is document.root or not component.hashes or not (component.at_top or component.purl):
            continue
        _digests(component, found.setdefault(_key(component), (component.where, {}))[1])
    return Told(sbom, root, found)


def sboms_agree(told: Told, others: Sequence[Told]) -> Iterator[Finding]:
    """One finding for each of the others that `told` contradicts, with the first contradiction."""
    for other in others:
        message = _roots_differ(told, other) or _digests_differ(told, other)
        if message:
            yield Finding("sboms-disagree", other.sbom, message)


def _roots_differ(one: Told, other: Told) -> str:
    if one.root is None or other.root is None:
        return ""
    versions = next(versions_of(one.root), ""), next(versions_of(other.root), "")
    if all(versions) and not _same_version(*versions):
        return f"says that the wheel has version {quoted(versions[1])}, {quoted(one.sbom)} says {quoted(versions[0])}"
    difference = _difference(_digests(one.root), _digests(other.root))
    if difference:
        algorithm, mine, theirs = difference
        return f"says that the wheel has the {algorithm} {quoted(theirs)}, {quoted(one.sbom)} says {quoted(mine)}"
    return ""


def _digests_differ(one: Told, other: Told) -> str:
    few, many = sorted((one.digests, other.digests), key=len)
    for key in few:
        if key in many:
            difference = _difference(one.digests[key][1], other.digests[key][1])
            if difference:
                algorithm, mine, theirs = difference
                return (
                    f"`{other.digests[key][0]}` has the {algorithm} {quoted(theirs)}, "
                    f"`{one.digests[key][0]}` of {quoted(one.sbom)} is the same and has {quoted(mine)}"
                )
    return ""


def _difference(one: _ByAlgorithm, other: _ByAlgorithm) -> tuple[str, str, str] | None:
    for algorithm, digests in one.items():
        theirs = other.get(algorithm, digests)
        if digests.isdisjoint(theirs):
            return algorithm, min(digests), min(theirs)
    return None


def _digests(component: Component, known: dict[str, set[str]] | None = None) -> dict[str, set[str]]:
    """Algorithm -> digests of a component, put to those already known."""
    found: dict[str, set[str]] = {} if known is None else known
    for algorithm, content in component.hashes:
        found.setdefault(algorithm, set()).add(content)
    return found


def _key(component: Component) -> tuple[object, ...]:
    purl = component.purl
    if purl is None:
        return (component.type, component.name, component.version)
    name = str(canonicalize_name(purl.name)) if purl.kind == "pypi" else purl.name
    version = purl.version or component.version
    qualifiers = frozenset(
        pair for pair in purl.qualifiers.items() if pair[0] != "checksum"
    )  # a digest itself
    return (purl.kind, purl.namespace, name, version, qualifiers)


def _same_version(one: str, other: str) -> bool:
    """Whether two versions are the same, or one is the other without its local part."""
    if one == other:
        return True
    try:
        parsed = [Version(text) for text in (one, other) if len(text) <= MAX_VERSION]
    except ValueError:  # `InvalidVersion`, or a number too long for `int`
        return False
    return len(parsed) == 2 and (is_version(one, parsed[1]) or is_version(other, parsed[0]))
