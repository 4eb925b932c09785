"""Layer `sbom`: do the SBOMs inside a wheel and beside it describe that wheel?

Looked at are the files below `sboms/` in the wheel's own dist-info folder (PEP 770) and those that the evidence attaches
or attests.
Honest differences are no findings: a root inside a wheel that is no Python package describes a part of it (maturin's
crates), a list may be partial and may name its root twice (auditwheel), names are compared normalised, a document in a
wheel may have no root. That all dependencies and native libraries are listed is asked of an SBOM that claims it. A hash of
the whole wheel is never asked for, since no file inside can hold it; one that is claimed is compared.

The parts: `sbom_signatures.py`, `sbom_root.py`, `sbom_hashes.py`, `sbom_contents.py`, `sbom_dependencies.py`, `sbom_agreement.py`.
https://peps.python.org/pep-0770/ and https://cyclonedx.org/docs/1.6/json/
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from epochly_verify.checks.sbom_agreement import sboms_agree, told_by
from epochly_verify.checks.sbom_contents import claims, parts_are_listed, parts_of_wheel
from epochly_verify.checks.sbom_dependencies import Dependencies, dependencies_match
from epochly_verify.checks.sbom_hashes import contents_from_files, hashes_match
from epochly_verify.checks.sbom_root import (
    Wheel,
    attached_root_is_wheel,
    embedded_root_is_wheel,
    project_of,
    wheel_name,
)
from epochly_verify.checks.sbom_signatures import sboms_from_outside
from epochly_verify.model import ArtifactKind, Finding, MemberKind, NotRun, Ran
from epochly_verify.parse.distinfo import files_by_name, find_dist_info, top_levels
from epochly_verify.parse.fields import Refusal
from epochly_verify.parse.metadata import parse_metadata
from epochly_verify.parse.quote import quoted
from epochly_verify.parse.requirements import MAX_DECLARED_CHARS, declared_dependencies
from epochly_verify.parse.sbom import MAX_SBOM_BYTES, MAX_SBOMS_BYTES, CycloneDx, Unchecked, parse_sbom

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from epochly_verify.checks.sbom_agreement import Told
    from epochly_verify.checks.sbom_contents import Parts
    from epochly_verify.checks.sbom_hashes import Contents
    from epochly_verify.model import Evidence, Member, Outcome
    from epochly_verify.parse.distinfo import DistInfo
    from epochly_verify.policy import Policy

_NATIVE = re.compile(r"\.(so|dylib|dll)(\.|$)", re.IGNORECASE)
_BOM_LINK = "urn:cdx:"  # a reference into another document, which is allowed and cannot be followed here


@dataclass(frozen=True, slots=True)
class _File:
    """An SBOM, unread; `content` is `None` where the archive could not be read."""

    name: str
    content: bytes | None
    size_bytes: int
    attached: bool


def check(evidence: Evidence, policy: Policy) -> Outcome:
    """Compare every SBOM in the wheel, and every attached one, with the wheel and with each other."""
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
    outside = sboms_from_outside(evidence, policy)
    sboms = [_File(origin, data, len(data), attached=True) for origin, data in outside.documents]
    read = len(sboms)
    sboms += [
        _File(path, member.content, member.size_bytes, attached=False)
        for path, member in files.items()
        if folder and path.startswith(folder)
    ]
    count = outside.count + len(sboms) - read
    if not count:
        return NotRun("no SBOM in the wheel", tuple(_vendored_without_sbom(files)))
    judge = _Judge(evidence, policy, files, info)
    findings = [*outside.findings, *(finding for sbom in sboms for finding in judge.findings(sbom))]
    total = f"{count} SBOM{'s' * (count > 1)}"
    if not judge.checked:
        return NotRun(f"{total}, none in a form that is checked", tuple(findings), outside.signers)
    which = total if judge.checked == count else f"{judge.checked} of {total}"
    listed = f"{judge.components} component{'s' * (judge.components != 1)}"
    why = f"{which} (CycloneDX {', '.join(sorted(judge.versions))}), {listed}"
    if outside.count:
        why += f", {outside.count} from outside the wheel"
    if judge.wheel.own is None:
        why += "; the file name is no wheel name to compare with"
    return Ran(tuple(findings), why, outside.signers)


class _Judge:
    """Judges the SBOMs of one wheel, one after the other, those from outside first; keeps what the next is compared with."""

    def __init__(
        self, evidence: Evidence, policy: Policy, files: Mapping[str, Member], info: DistInfo | None
    ) -> None:
        self.wheel = Wheel(
            filename=evidence.filename,
            own=wheel_name(evidence.filename),
            digests=evidence.digests,
            importable=frozenset(
                str(canonicalize_name(top.partition(".")[0])) for top in top_levels(evidence.archive)
            ),
        )
        self.checked = self.components = 0
        self.versions: set[str] = set()
        self._files, self._info, self._limits = files, info, policy.limits
        self._contents: Contents = contents_from_files(files)
        self._read_bytes = {
            True: 0,
            False: 0,
        }  # attached or not: what is in the wheel cannot crowd out the others
        self._told: list[Told] = []  # what those from outside say

    def findings(self, sbom: _File) -> Iterator[Finding]:
        """Everything against one SBOM."""
        bound = min(MAX_SBOM_BYTES, MAX_SBOMS_BYTES - self._read_bytes[sbom.attached])
        if sbom.content is None or len(sbom.content) > bound:
            message = f"{sbom.size_bytes} bytes were not read; the bound is {MAX_SBOM_BYTES} for one SBOM"
            yield Finding("sbom-unread", sbom.name, f"{message}, {MAX_SBOMS_BYTES} for all")
            return
        self._read_bytes[sbom.attached] += len(sbom.content)
        try:
            document = parse_sbom(sbom.content, sbom.name)
        except Refusal as refusal:
            yield refusal.finding
            return
        if isinstance(document, Unchecked):
            yield Finding("sbom-not-checked", sbom.name, f"is {document.what}")
            return
        self.checked += 1
        self.versions.add(document.version)
        self.components += len(document.components)
        yield from _form(document, sbom.name)
        yield from self._contradictions(document, sbom)

    def _contradictions(self, document: CycloneDx, sbom: _File) -> Iterator[Finding]:
        name, root = sbom.name, document.root
        if sbom.attached:
            against = list(attached_root_is_wheel(root, name, self.wheel))
        else:
            against = list(embedded_root_is_wheel(root, name, self.wheel)) if root is not None else []
        yield from against
        ids = {finding.id for finding in against}
        # What was written for other software says nothing of the parts of this.
        foreign = not ids.isdisjoint({"sbom-wrong-artifact", "sbom-wrong-component"})
        if not (foreign and sbom.attached):
            own_name = "" if sbom.attached else name
            yield from (
                Finding(finding.id, name, finding.message)
                for finding in hashes_match(
                    document.components, own_name, self._contents, self._limits.findings_per_id
                )
            )
        if not foreign and project_of(root, self.wheel.own):
            yield from self._lists_all(document, name)
        if sbom.attached or self._told:
            told = told_by(document, name, self.wheel.own, parts=not foreign)
            yield from sboms_agree(told, self._told)
            if sbom.attached:
                self._told.append(told)

    def _lists_all(self, document: CycloneDx, name: str) -> Iterator[Finding]:
        if claims(document, "assemblies"):
            yield from parts_are_listed(document, name, self._parts, self._contents)
        if isinstance(self._dependencies, Finding):
            yield self._dependencies
        elif self._dependencies is not None:
            yield from dependencies_match(document, name, self._dependencies, self._parts)

    @cached_property
    def _parts(self) -> Parts:
        return parts_of_wheel(self._files, self._info.folder if self._info else "", self._limits)

    @cached_property
    def _dependencies(self) -> Dependencies | Finding | None:
        """What METADATA declares; `None` when it cannot be read, which is for the metadata layer to say."""
        member = self._info.files.get("METADATA") if self._info else None
        if member is None or member.content is None or self.wheel.own is None:
            return None
        metadata, _ = parse_metadata(member.content, member.name, self._limits)
        declared = declared_dependencies(metadata.requires_dist) if metadata is not None else None
        if metadata is not None and declared is None:
            message = (
                f"has more than {MAX_DECLARED_CHARS} characters of `Requires-Dist`, which were not compared"
            )
            return Finding("sbom-unread", member.name, message)
        return None if declared is None else Dependencies(self.wheel.own.project, declared)


def _form(document: CycloneDx, sbom: str) -> Iterator[Finding]:
    """What is wrong with a document whatever it describes."""
    if document.problem:
        yield Finding("sbom-malformed", sbom, _counted(document.problem, 1 + document.more_problems))
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
