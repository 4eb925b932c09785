"""A part of the layer `sbom`: the root of an SBOM is the wheel.

An SBOM inside a wheel may describe a part of it: a root that is no Python package (a crate, a C library) is none of this
file's business, nor is a document without root. An SBOM from outside has nothing else that ties it to the wheel, so its
root has to name project and version, and a digest that it states has to be the wheel's.
https://cyclonedx.org/docs/1.6/json/#metadata_component
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name
from packaging.version import Version

from epochly_verify.model import Finding
from epochly_verify.parse.distinfo import same_version
from epochly_verify.parse.filename import kind_from_filename, parse_filename
from epochly_verify.parse.quote import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from epochly_verify.parse.filename import ArtifactName
    from epochly_verify.parse.sbom import Component

_WHOLE_TYPES = frozenset(
    {"application", "framework", "library"}
)  # what a Python project can be as a component
_NAME_CHARS = 512  # characters of a name or version that is parsed; file systems end at 255
_NAME_TAGS = 300  # tags a wheel's name may expand to; real ones have up to 30
_WHEEL_PURLS = frozenset({"pypi", "generic"})  # purl types under which a whole wheel goes


@dataclass(frozen=True, slots=True)
class Wheel:
    """What the root of an SBOM is compared with.

    Attributes:
        own: what the file name says, `None` when it is no wheel name.
        digests: of the wheel, `hashlib` name -> lower-case hexadecimal.
        importable: normalised top-level names, without what follows a dot.
    """

    filename: str
    own: ArtifactName | None
    digests: Mapping[str, str]
    importable: frozenset[str]


def embedded_root_is_wheel(root: Component, sbom: str, wheel: Wheel) -> Iterator[Finding]:
    """The root of an SBOM in the wheel is this project in this version, or no Python package at all."""
    own, purl = wheel.own, root.purl
    if own is None:
        return
    if purl is None:
        yield from _unidentified_root_is_wheel(root, sbom, own, wheel.importable)
        return
    if purl.kind != "pypi":
        return  # a part of the wheel
    message = _other_package(root, own)
    if message:
        yield Finding("sbom-wrong-component", sbom, message)
        return
    yield from _plain_name_is_project(root, sbom, own)
    file_name = purl.qualifiers.get("file_name", "")
    if file_name and not _is_file(file_name, wheel.filename, own):
        message = f"was written for {quoted(file_name)}, this is {quoted(wheel.filename)}"
        yield Finding("sbom-file-name-mismatch", sbom, message)
    elif file_name:
        for algorithm, claimed in root.hashes:
            message = _other_digest(algorithm, claimed, wheel)
            if message:
                yield Finding("sbom-file-hash-mismatch", sbom, message)


def attached_root_is_wheel(root: Component | None, sbom: str, wheel: Wheel) -> Iterator[Finding]:
    """The root of an SBOM from outside is this very wheel; at most one finding says that it is not."""
    message = _not_this_wheel(root, wheel)
    if message:
        yield Finding("sbom-wrong-artifact", sbom, message)
    elif root is not None and root.purl is not None and wheel.own is not None:
        yield from _plain_name_is_project(root, sbom, wheel.own)


def project_of(root: Component | None, own: ArtifactName | None) -> bool:
    """Whether a root stands for this wheel's project as a whole, in whatever version."""
    if root is None or own is None:
        return False
    if root.purl is not None:
        is_whole = root.purl.kind == "pypi" and not root.purl.namespace
        return is_whole and canonicalize_name(root.purl.name) == own.project
    named = _named(root)
    if named is not None:
        return named.project == own.project
    return root.type in _WHOLE_TYPES and canonicalize_name(root.name) == own.project


def versions_of(root: Component) -> Iterator[str]:
    """Every version that a root states: in its package URL, its own field, and a wheel's name."""
    if root.purl is not None and root.purl.version:
        yield root.purl.version
    if root.version:
        yield root.version
    named = _named(root)
    if named is not None:
        yield str(named.version)


def is_version(text: str, version: Version) -> bool:
    """Whether a text is this version; it may leave out the local part, which a build adds (`1.0` for `1.0+cu126`)."""
    return len(text) <= _NAME_CHARS and (
        same_version(text, version) or same_version(text, Version(version.public))
    )


def wheel_name(filename: str) -> ArtifactName | None:
    """A distribution's file name, taken apart; `None` when it is none, or has so many tags that it is an attack."""
    tags = prod(part.count(".") + 1 for part in filename.split("-")[-3:])
    if len(filename) > _NAME_CHARS or (tags > _NAME_TAGS and filename.endswith(".whl")):
        return None
    try:
        return parse_filename(filename)
    except ValueError:
        return None


def _not_this_wheel(root: Component | None, wheel: Wheel) -> str:
    """Why the root is not this wheel; empty when it is."""
    if root is None:
        return "has no `metadata.component`, so nothing says that it describes this wheel"
    message = _other_project_or_version(root, wheel.filename, wheel.own) if wheel.own else ""
    digests = (_other_digest(algorithm, claimed, wheel) for algorithm, claimed in root.hashes)
    message = message or next(filter(None, digests), "")
    if message or wheel.own is None:
        return message
    if not any(versions_of(root)) and not any(algorithm in wheel.digests for algorithm, _ in root.hashes):
        return f"the root says no version and no digest, {_expected(wheel.own)}"
    return ""


def _other_project_or_version(root: Component, filename: str, own: ArtifactName) -> str:
    purl = root.purl
    if purl is not None and purl.kind not in _WHEEL_PURLS:
        return f"the root is {quoted(f'{purl.kind}/{purl.name}')} and no Python package, {_expected(own)}"
    named = _named(root)
    if purl is not None and purl.kind == "pypi":
        message = _other_package(root, own)
    else:
        project = named.project if named else str(canonicalize_name(root.name))
        message = "" if project == own.project else f"the root is {quoted(root.name)}, {_expected(own)}"
    if message:
        return message
    for version in versions_of(root):
        if not is_version(version, own.version):
            return f"the root says version {quoted(version)}, {_expected(own)}"
    for file_name in (
        purl.qualifiers.get("file_name", "") if purl else "",
        _base(root.name) if named else "",
    ):
        if file_name and not _is_file(file_name, filename, own):
            return f"was written for {quoted(file_name)}, this is {quoted(filename)}"
    return ""


def _other_package(root: Component, own: ArtifactName) -> str:
    """How a root with a package URL of Python says that it is another project or version."""
    purl = root.purl
    assert purl is not None
    if purl.namespace or canonicalize_name(purl.name) != own.project:
        found = f"{purl.namespace}/{purl.name}".lstrip("/")
        return f"the root is the Python package {quoted(found)}, {_expected(own)}"
    for place, version in (("package URL", purl.version), ("`version`", root.version)):
        if version and not is_version(version, own.version):
            return f"the root's {place} says version {quoted(version)}, {_expected(own)}"
    return ""


def _other_digest(algorithm: str, claimed: str, wheel: Wheel) -> str:
    digest = wheel.digests.get(algorithm, claimed)
    if digest == claimed:
        return ""
    return f"the root says that the wheel has the {algorithm} {quoted(claimed)}, it has `{digest}`"


def _plain_name_is_project(root: Component, sbom: str, own: ArtifactName) -> Iterator[Finding]:
    if root.name and kind_from_filename(root.name) is None and canonicalize_name(root.name) != own.project:
        message = f"the root is named {quoted(root.name)}, its package URL says `{own.project}`"
        yield Finding("sbom-component-name-differs", sbom, message)


def _unidentified_root_is_wheel(
    root: Component, sbom: str, own: ArtifactName, importable: frozenset[str]
) -> Iterator[Finding]:
    """A root without package URL: what a project can be called has to be this one, a file name is read as one.

    The name of something importable in the wheel is taken for a part of it (`cv2` in `opencv-python`).
    """
    named = wheel_name(root.name) if kind_from_filename(root.name) is not None else None
    if named is None and root.type not in _WHOLE_TYPES:
        return
    project = named.project if named else str(canonicalize_name(root.name))
    version = str(named.version) if named else root.version
    if project != own.project:
        if project not in importable:
            message = f"the root is {quoted(root.name)}, {_expected(own)}"
            yield Finding("sbom-wrong-component", sbom, message)
    elif version and not is_version(version, own.version):
        message = f"the root says version {quoted(version)}, {_expected(own)}"
        yield Finding("sbom-wrong-component", sbom, message)


def _expected(own: ArtifactName) -> str:
    return f"the wheel is `{own.project}` {own.version}"


def _base(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2]


def _named(root: Component) -> ArtifactName | None:
    """What a root that is called as a file says; scanners of files write the path before it."""
    base = _base(root.name)
    return wheel_name(base) if kind_from_filename(base) is not None else None


def _is_file(named: str, filename: str, own: ArtifactName) -> bool:
    """Whether a wheel name is this one; compressed tags may stand in another order."""
    other = wheel_name(named)
    if named == filename or other is None:
        return named == filename
    return (other.project, other.version, other.build, other.tags) == (
        own.project,
        own.version,
        own.build,
        own.tags,
    )
