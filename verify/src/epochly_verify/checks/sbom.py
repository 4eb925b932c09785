"""Layer `sbom`: do the SBOMs inside a wheel describe that wheel?

Looked at are the files below `sboms/` in the wheel's own dist-info folder (PEP 770). Honest differences are no findings:
a root that is no Python package describes a part of the wheel (maturin's crates), a list may be partial and may name its
root twice (auditwheel), names are compared normalised, a document may have no root. A hash of the whole wheel is never
asked for, since no file inside can hold it; one that is claimed is compared. https://peps.python.org/pep-0770/
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name
from packaging.version import Version

from epochly_verify.checks.sbom_hashes import contents_from_files, hashes_match
from epochly_verify.model import ArtifactKind, Finding, MemberKind, NotRun, Ran
from epochly_verify.parse.distinfo import files_by_name, find_dist_info, same_version, top_levels
from epochly_verify.parse.fields import Refusal
from epochly_verify.parse.filename import kind_from_filename, parse_filename
from epochly_verify.parse.quote import quoted
from epochly_verify.parse.sbom import MAX_SBOM_BYTES, MAX_SBOMS_BYTES, CycloneDx, Unchecked, parse_sbom

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from epochly_verify.checks.sbom_hashes import Contents
    from epochly_verify.model import Evidence, Outcome
    from epochly_verify.parse.filename import ArtifactName
    from epochly_verify.parse.sbom import Component
    from epochly_verify.policy import Policy

_WHOLE_TYPES = frozenset(
    {"application", "framework", "library"}
)  # what a Python project can be as a component
_NATIVE = re.compile(r"\.(so|dylib|dll)(\.|$)", re.IGNORECASE)
_NAME_CHARS = 512  # characters of a name or version that is parsed; file systems end at 255
_NAME_TAGS = 300  # tags a wheel's name may expand to; real ones have up to 30
_BOM_LINK = "urn:cdx:"  # a reference into another document, which is allowed and cannot be followed here


@dataclass(frozen=True, slots=True)
class _Wheel:
    """What an SBOM is compared with.

    Attributes:
        own: what the file name says, `None` when it is no wheel name.
        digests: of the wheel, `hashlib` name -> lower-case hexadecimal.
        importable: normalised top-level names, without what follows a dot.
    """

    filename: str
    own: ArtifactName | None
    digests: Mapping[str, str]
    importable: frozenset[str]
    contents: Contents
    most: int


def check(evidence: Evidence, policy: Policy) -> Outcome:
    """Compare every SBOM in the wheel with the wheel."""
    if evidence.kind is not ArtifactKind.WHEEL:
        return NotRun("only wheels have a place for SBOMs")
    files = {
        path: member
        for path, member in files_by_name(evidence.archive).items()
        if member.kind is MemberKind.FILE
    }
    if not any(member.digests for member in files.values()):
        return NotRun("the archive could not be read")
    info = find_dist_info(evidence.archive, evidence.filename)
    folder = f"{info.folder}/sboms/" if info else ""
    sboms = [member for path, member in files.items() if folder and path.startswith(folder)]
    if not sboms:
        return NotRun("no SBOM in the wheel", tuple(_vendored_without_sbom(files)))
    wheel = _Wheel(
        filename=evidence.filename,
        own=_name(evidence.filename),
        digests=evidence.digests,
        importable=frozenset(
            str(canonicalize_name(top.partition(".")[0])) for top in top_levels(evidence.archive)
        ),
        contents=contents_from_files(files),
        most=policy.limits.findings_per_id,
    )
    findings: list[Finding] = []
    versions: set[str] = set()
    components = checked = read_bytes = 0
    for sbom in sboms:
        if sbom.content is None or len(sbom.content) > min(MAX_SBOM_BYTES, MAX_SBOMS_BYTES - read_bytes):
            message = f"{sbom.size_bytes} bytes were not read; the bound is {MAX_SBOM_BYTES} for one SBOM"
            findings.append(Finding("sbom-unread", sbom.name, f"{message}, {MAX_SBOMS_BYTES} for all"))
            continue
        read_bytes += len(sbom.content)
        try:
            document = parse_sbom(sbom.content, sbom.name)
        except Refusal as refusal:
            findings.append(refusal.finding)
            continue
        if isinstance(document, Unchecked):
            findings.append(Finding("sbom-not-checked", sbom.name, f"is {document.what}"))
            continue
        findings += _contradictions(document, sbom.name, wheel)
        versions.add(document.version)
        components += len(document.components)
        checked += 1
    total = f"{len(sboms)} SBOM{'s' * (len(sboms) > 1)}"
    if not checked:
        return NotRun(f"{total}, none in a form that is checked", tuple(findings))
    which = total if checked == len(sboms) else f"{checked} of {total}"
    listed = f"{components} component{'s' * (components != 1)}"
    why = f"{which} (CycloneDX {', '.join(sorted(versions))}), {listed}"
    if wheel.own is None:
        why += "; the file name is no wheel name to compare with"
    return Ran(tuple(findings), why)


def _contradictions(document: CycloneDx, sbom: str, wheel: _Wheel) -> Iterator[Finding]:
    if document.root is not None and wheel.own is not None:
        yield from _root_is_wheel(document.root, sbom, wheel.own, wheel)
    yield from hashes_match(document.components, sbom, wheel.contents, wheel.most)
    dangling: dict[str, str] = {}
    for where, ref in document.links:
        if ref not in document.refs and not ref.startswith(_BOM_LINK):
            dangling.setdefault(ref, where)
    if dangling:
        ref, where = next(iter(dangling.items()))
        message = f"`{where}` names {quoted(ref)}, which is no `bom-ref` of this SBOM"
        yield Finding("sbom-dangling-ref", sbom, _counted(message, len(dangling)))
    if document.ambiguous:
        message = f"different components or services share the `bom-ref` {quoted(document.ambiguous[0])}"
        yield Finding("sbom-duplicate-ref", sbom, _counted(message, len(document.ambiguous)))


def _root_is_wheel(root: Component, sbom: str, own: ArtifactName, wheel: _Wheel) -> Iterator[Finding]:
    """The root is this project in this version, or no Python package at all."""
    purl = root.purl
    if purl is None:
        yield from _unidentified_root_is_wheel(root, sbom, own, wheel.importable)
        return
    if purl.kind != "pypi":
        return  # a part of the wheel
    expected = f"the wheel is `{own.project}` {own.version}"
    if purl.namespace or canonicalize_name(purl.name) != own.project:
        found = f"{purl.namespace}/{purl.name}".lstrip("/")
        yield Finding(
            "sbom-wrong-component", sbom, f"the root is the Python package {quoted(found)}, {expected}"
        )
        return
    for place, version in (("package URL", purl.version), ("`version`", root.version)):
        if version and not _is_version(version, own.version):
            message = f"the root's {place} says version {quoted(version)}, {expected}"
            yield Finding("sbom-wrong-component", sbom, message)
            return
    if root.name and kind_from_filename(root.name) is None and canonicalize_name(root.name) != own.project:
        message = f"the root is named {quoted(root.name)}, its package URL says `{own.project}`"
        yield Finding("sbom-component-name-differs", sbom, message)
    file_name = purl.qualifiers.get("file_name", "")
    if file_name and not _is_file(file_name, wheel.filename, own):
        message = f"was written for {quoted(file_name)}, this is {quoted(wheel.filename)}"
        yield Finding("sbom-file-name-mismatch", sbom, message)
    elif file_name:
        for algorithm, claimed in root.hashes:
            digest = wheel.digests.get(algorithm, claimed)
            if digest != claimed:
                message = (
                    f"the root says that the wheel has the {algorithm} {quoted(claimed)}, it has `{digest}`"
                )
                yield Finding("sbom-file-hash-mismatch", sbom, message)


def _unidentified_root_is_wheel(
    root: Component, sbom: str, own: ArtifactName, importable: frozenset[str]
) -> Iterator[Finding]:
    """A root without package URL: what a project can be called has to be this one, a file name is read as one.

    The name of something importable in the wheel is taken for a part of it (`cv2` in `opencv-python`).
    """
    named = _name(root.name) if kind_from_filename(root.name) is not None else None
    if named is None and root.type not in _WHOLE_TYPES:
        return
    project = named.project if named else str(canonicalize_name(root.name))
    version = str(named.version) if named else root.version
    expected = f"the wheel is `{own.project}` {own.version}"
    if project != own.project:
        if project not in importable:
            yield Finding("sbom-wrong-component", sbom, f"the root is {quoted(root.name)}, {expected}")
    elif version and not _is_version(version, own.version):
        yield Finding("sbom-wrong-component", sbom, f"the root says version {quoted(version)}, {expected}")


def _name(filename: str) -> ArtifactName | None:
    """A distribution's file name, taken apart; `None` when it is none, or has so many tags that it is an attack."""
    tags = prod(part.count(".") + 1 for part in filename.split("-")[-3:])
    if len(filename) > _NAME_CHARS or (tags > _NAME_TAGS and filename.endswith(".whl")):
        return None
    try:
        return parse_filename(filename)
    except ValueError:
        return None


def _is_file(named: str, filename: str, own: ArtifactName) -> bool:
    """Whether a wheel name is this one; compressed tags may stand in another order."""
    other = _name(named)
    if named == filename or other is None:
        return named == filename
    return (other.project, other.version, other.build, other.tags) == (
        own.project,
        own.version,
        own.build,
        own.tags,
    )


def _is_version(text: str, version: Version) -> bool:
    """Whether a text is this version; it may leave out the local part, which a build adds (`1.0` for `1.0+cu126`)."""
    return len(text) <= _NAME_CHARS and (
        same_version(text, version) or same_version(text, Version(version.public))
    )


def _vendored_without_sbom(paths: Iterable[str]) -> Iterator[Finding]:
    """Folders where auditwheel and delvewheel (`NAME.libs/`) or delocate (`NAME/.dylibs/`) put copied libraries."""
    counts: dict[str, int] = {}
    for path in paths:
        *folders, base = path.split("/")
        for depth, folder in enumerate(folders, start=1):
            bundled = folder == ".dylibs" and "." not in base  # the binary of a macOS framework has no ending
            if folder.endswith((".libs", ".dylibs")) and (bundled or _NATIVE.search(base)):
                place = "/".join(folders[:depth])
                counts[place] = counts.get(place, 0) + 1
                break
    for folder, count in counts.items():
        libraries = "a copied native library" if count == 1 else f"{count} copied native libraries"
        yield Finding(
            "vendored-library-without-sbom", folder, f"holds {libraries}, and the wheel has no SBOM"
        )


def _counted(message: str, count: int) -> str:
    return message if count == 1 else f"{message} (and {count - 1} more)"
