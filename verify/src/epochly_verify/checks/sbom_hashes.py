"""A part of the layer `sbom`: the hashes an SBOM gives for files of the wheel are those of the files.

A component's hash can be that of a file in the wheel or that of a tarball from elsewhere, and CycloneDX does not say
which. It is held against a member that the component is named after; else against one that its evidence or a property
names, unless the component was downloaded and the member is no archive (virtualenv brings whole wheels). What is left is
not guessed at.
https://cyclonedx.org/docs/1.6/json/#components_items_hashes
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from epochly_verify.model import Finding
from epochly_verify.parse.quote import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from epochly_verify.model import Member
    from epochly_verify.parse.sbom import Component

_ARCHIVES = (".whl", ".zip", ".jar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")  # kept as they were downloaded
_NO_REGISTRY = frozenset({"", "generic"})  # purl types that no registry serves


@dataclass(frozen=True, slots=True)
class Contents:
    """The members whose content is known.

    Attributes:
        by_path: by path in the wheel, and by the path that installing `.data/purelib` and `platlib` gives it.
        by_last_step: those outside dist-info whose last path step no other has.
    """

    by_path: Mapping[str, Member]
    by_last_step: Mapping[str, Member]


def contents_from_files(files: Mapping[str, Member]) -> Contents:
    """Index the files of a wheel, without RECORD and its signatures: they hold the SBOM's hash, so it cannot hold theirs."""
    installed: dict[str, Member] = {}
    packed: dict[str, Member] = {}
    last_steps: dict[str, Member | None] = {}
    for path, member in files.items():
        steps = path.split("/")
        in_info = steps[0].endswith(".dist-info")
        if not member.digests or (in_info and len(steps) == 2 and steps[1].startswith("RECORD")):
            continue
        packed[path] = member
        if len(steps) > 2 and steps[0].endswith(".data") and steps[1] in {"purelib", "platlib"}:
            installed["/".join(steps[2:])] = member
        if not in_info:
            last_steps[steps[-1]] = None if steps[-1] in last_steps else member
    unique = {step: member for step, member in last_steps.items() if member is not None}
    return Contents(installed | packed, unique)


def hashes_match(
    components: Iterable[Component], sbom: str, contents: Contents, most: int
) -> Iterator[Finding]:
    """One finding a file whose hash the SBOM has wrong, for at most `most` files; the last one counts the rest."""
    wrong: dict[str, str] = {}
    for component in components:
        if not component.hashes:
            continue
        for member in members_meant(component, contents):
            if member.name == sbom or member.name in wrong:
                continue
            message = _contradiction(component, member)
            if message:
                wrong[member.name] = message if len(wrong) < most else ""
    for i, message in enumerate(wrong.values(), start=1):
        if i < most or i == len(wrong) == most:
            yield Finding("sbom-file-hash-mismatch", sbom, message)
        elif i == most:
            yield Finding("sbom-file-hash-mismatch", sbom, f"{message} (and {len(wrong) - most} more files)")


def _contradiction(component: Component, member: Member) -> str:
    for algorithm, claimed in component.hashes:
        digest = member.digests.get(algorithm)
        if digest is not None and digest.hex() != claimed:
            return (
                f"`{component.where}` gives {quoted(member.name)} the {algorithm} {quoted(claimed)}, "
                f"its content has `{digest.hex()}`"
            )
    return ""


def members_meant(component: Component, contents: Contents) -> Iterator[Member]:
    """The members that a component's hashes are held against."""
    named = _named_member(component, contents)
    if named is not None:
        yield named
        return
    elsewhere = component.type != "file" and _comes_from_elsewhere(component)
    for place in component.places:
        member = contents.by_path.get(_path(place))
        if member is not None and (not elsewhere or member.name.endswith(_ARCHIVES)):
            yield member


def _named_member(component: Component, contents: Contents) -> Member | None:
    """The member whose path is the component's name, or for a file the only one whose last step it is.

    A part of another component is named from that component's folder, so a name without folder says nothing there.
    """
    path = _path(component.name)
    if "/" not in path and not component.at_top:
        return None
    found = contents.by_path.get(path)
    if found is None and component.type == "file":
        return contents.by_last_step.get(path)
    return found


def _comes_from_elsewhere(component: Component) -> bool:
    purl = component.purl
    if component.has_download or purl is None:
        return component.has_download
    return purl.kind not in _NO_REGISTRY or "download_url" in purl.qualifiers


def _path(text: str) -> str:
    """A place as a member's name would spell it."""
    path = text.replace("\\", "/")
    while path.startswith("./"):
        path = path[2:]
    return path.lstrip("/")
