"""Layer `metadata`: the file name, the dist-info folder and the files in it tell one story.

Name, version and tags are compared as the packaging specifications compare them (normalised), never as text, so that
the spellings honest tools have used over the years pass. The folders of a wheel are judged in `wheel_layout.py`.

Specifications: "Binary distribution format", "Source distribution format", "Core metadata specifications",
"Entry points specification".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name, is_normalized_name

from epochly_verify.checks.wheel_layout import data_findings, folder_findings, native_findings
from epochly_verify.model import ArtifactKind, Finding, NotRun, Outcome, Ran
from epochly_verify.parse.dependency_specifiers import is_requirement, is_version_range
from epochly_verify.parse.distinfo import files_by_name, find_dist_info, same_version, stem_names
from epochly_verify.parse.entry_points import parse_entry_points
from epochly_verify.parse.filename import parse_filename
from epochly_verify.parse.metadata import parse_metadata
from epochly_verify.parse.quote import quoted
from epochly_verify.parse.wheelfile import only_renamed, parse_wheel_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from epochly_verify.limits import Limits
    from epochly_verify.model import Evidence, Member
    from epochly_verify.parse.distinfo import DistInfo
    from epochly_verify.parse.filename import ArtifactName
    from epochly_verify.parse.metadata import Metadata
    from epochly_verify.parse.wheelfile import WheelFile
    from epochly_verify.policy import Policy

_REQUIRES_CHARS = 1 << 20  # of all dependencies; reading odd ones is slow, and the longest seen have 150,000
_PEP_639 = (2, 4)  # Metadata-Version that put licence files below `licenses/`


def check(evidence: Evidence, policy: Policy) -> Outcome:
    """Compare the file name with what the archive says of itself."""
    findings: list[Finding] = []
    read = _name(evidence.filename)
    name: ArtifactName | None = None
    if isinstance(read, Finding):
        findings.append(read)
    else:
        name = read
    files = files_by_name(evidence.archive)
    if not any(member.digests for member in files.values()):
        return NotRun("the archive could not be read", tuple(findings))
    unread: list[str] = []
    if evidence.kind is ArtifactKind.WHEEL:
        findings.extend(_wheel(evidence, policy.limits, name, files, unread))
    else:
        findings.extend(_sdist(policy.limits, name, files, unread))
    if unread:
        return NotRun(f"{' and '.join(quoted(path) for path in unread)} could not be read", tuple(findings))
    return Ran(tuple(findings), _story(name) if name is not None else "")


def _name(filename: str) -> ArtifactName | Finding:
    try:
        name = parse_filename(filename)
    except ValueError as error:
        text = " ".join(str(error).split()).rstrip(".")[:300]
        return Finding("filename-invalid", filename, text[:1].lower() + text[1:])
    if not is_normalized_name(name.project):
        message = f"the project name {quoted(name.raw_project)} does not begin and end with a letter or digit"
        return Finding("filename-invalid", filename, message)
    return name


def _wheel(
    evidence: Evidence,
    limits: Limits,
    name: ArtifactName | None,
    files: Mapping[str, Member],
    unread: list[str],
) -> Iterator[Finding]:
    info = find_dist_info(evidence.archive, evidence.filename)
    yield from folder_findings(evidence.archive, evidence.filename, name, info)
    if info is None:
        return
    yield from data_findings(evidence.archive, name, info)
    metadata: Metadata | None = None
    wheel: WheelFile | None = None
    problems: tuple[Finding, ...]
    match _content(f"{info.folder}/METADATA", info.files.get("METADATA"), "metadata-missing", unread):
        case Finding() as finding:
            yield finding
        case None:
            pass
        case bytes() as data:
            metadata, problems = parse_metadata(data, f"{info.folder}/METADATA", limits)
            yield from problems
    if metadata is not None:
        yield from _identity(metadata, name, f"{info.folder}/METADATA")
        yield from _licences_of_wheel(metadata, info)
    match _content(f"{info.folder}/WHEEL", info.files.get("WHEEL"), "wheel-file-missing", unread):
        case Finding() as finding:
            yield finding
        case None:
            pass
        case bytes() as data:
            wheel, problems = parse_wheel_file(data, f"{info.folder}/WHEEL", limits)
            yield from problems
    if wheel is not None and name is not None:
        yield from _tags(wheel, name, f"{info.folder}/WHEEL")
    yield from native_findings(files, name, wheel, info)
    if "entry_points.txt" in info.files:
        match _content(f"{info.folder}/entry_points.txt", info.files["entry_points.txt"], "", unread):
            case Finding() as finding:
                yield finding
            case None:
                pass
            case bytes() as data:
                yield from parse_entry_points(data, f"{info.folder}/entry_points.txt", limits).problems


def _sdist(
    limits: Limits, name: ArtifactName | None, files: Mapping[str, Member], unread: list[str]
) -> Iterator[Finding]:
    # `tar cf x.tar ./x` begins every name with `./`
    files = {path.removeprefix("./"): member for path, member in files.items()}
    folders = list(dict.fromkeys(path.partition("/")[0] for path in files if "/" in path))
    own = [folder for folder in folders if name is not None and stem_names(folder, name)]
    folder = (own or folders or [""])[0]
    if folder and name is not None and not own:
        message = (
            f"the top folder is {quoted(folder)}, the file name says {name.raw_project} {name.raw_version}"
        )
        yield Finding("sdist-folder-mismatch", folder, message)
    where = f"{folder}/PKG-INFO" if folder else "PKG-INFO"
    match _content(where, files.get(where), "pkg-info-missing", unread):
        case Finding() as finding:
            yield finding
        case None:
            pass
        case bytes() as data:
            metadata, problems = parse_metadata(data, where, limits)
            yield from problems
            if metadata is not None:
                yield from _identity(metadata, name, where)
                yield from _licences_of_sdist(metadata, folder, files)


def _content(where: str, member: Member | None, missing: str, unread: list[str]) -> bytes | Finding | None:
    """The member's bytes, or why it has none: it is `missing` (a finding's id), too large, or goes to `unread`."""
    if member is None:
        folder, _, name = where.rpartition("/")
        return Finding(missing, where, f"{quoted(folder)} holds no {name}" if folder else f"holds no {name}")
    if member.content is not None:
        return member.content
    if not member.digests:
        unread.append(where)
        return None
    return Finding("metadata-unreadable", where, f"is {member.size_bytes} bytes, too large to be judged")


def _identity(metadata: Metadata, name: ArtifactName | None, where: str) -> Iterator[Finding]:
    if name is not None and metadata.name and canonicalize_name(metadata.name) != name.project:
        message = f"`Name` is {quoted(metadata.name)}, the file name says {quoted(name.raw_project)}"
        yield Finding("metadata-name-mismatch", where, message)
    if name is not None and metadata.version and not same_version(metadata.version, name.version):
        message = f"`Version` is {quoted(metadata.version)}, the file name says {quoted(name.raw_version)}"
        yield Finding("metadata-version-mismatch", where, message)
    read = 0
    for text in metadata.requires_dist:
        read += len(text)
        if read > _REQUIRES_CHARS:
            message = (
                f"`Requires-Dist` lines are longer than {_REQUIRES_CHARS} characters; the rest was not read"
            )
            yield Finding("requires-dist-invalid", where, message)
            break
        if not is_requirement(text):
            message = f"`Requires-Dist` is {quoted(text)}, which is no dependency specifier"
            yield Finding("requires-dist-invalid", where, message)
    for text in metadata.requires_python:
        if not is_version_range(text):
            message = f"`Requires-Python` is {quoted(text)}, which is no version specifier"
            yield Finding("requires-python-invalid", where, message)


def _licences_of_wheel(metadata: Metadata, info: DistInfo) -> Iterator[Finding]:
    modern = metadata.format_version >= _PEP_639
    basenames = {path.rpartition("/")[2] for path in info.files} if metadata.license_files else set()
    for text in metadata.license_files:
        path = text.replace("\\", "/")  # some tools on Windows
        if f"licenses/{path}" in info.files or not path:
            continue
        place = f"{info.folder}/licenses/{text}"
        if path.rpartition("/")[2] in basenames:
            if modern:
                message = f"{quoted(text)} is not below `licenses/`"
                yield Finding("license-file-misplaced", place, message)
        elif modern:
            message = f"`License-File` names {quoted(text)}, and the wheel has no such file below `licenses/`"
            yield Finding("license-file-missing", place, message)
        else:
            message = f"`License-File` names {quoted(text)}, and `{info.folder}` has no such file"
            yield Finding("legacy-license-file-missing", f"{info.folder}/{text}", message)


def _licences_of_sdist(metadata: Metadata, folder: str, files: Iterable[str]) -> Iterator[Finding]:
    if metadata.format_version < _PEP_639:
        return
    for text in metadata.license_files:
        place = f"{folder}/{text.replace(chr(92), '/')}"
        if text and place not in files:
            message = f"`License-File` names {quoted(text)}, and the sdist has no such file"
            yield Finding("license-file-missing", place, message)


def _tags(wheel: WheelFile, name: ArtifactName, where: str) -> Iterator[Finding]:
    said = {str(tag) for tag in name.tags}
    if wheel.tags and wheel.tags != said:
        inside = _listed("`Tag` also says", wheel.tags - said)
        outside = _listed("the file name also says", said - wheel.tags)
        kind = "wheel-tag-renamed" if only_renamed(wheel.tags, said) else "wheel-tag-mismatch"
        yield Finding(kind, where, "; ".join(text for text in (inside, outside) if text))
    build = "".join(str(part) for part in name.build)
    if wheel.build != build:
        message = f"`Build` is {_or_absent(wheel.build)}, the file name's is {_or_absent(build)}"
        yield Finding("wheel-build-mismatch", where, message)


def _listed(intro: str, tags: Iterable[str]) -> str:
    texts = sorted(tags)
    more = ", ..." if len(texts) > 4 else ""
    return f"{intro} {', '.join(quoted(text) for text in texts[:4])}{more}" if texts else ""


def _or_absent(build: str) -> str:
    return quoted(build) if build else "absent"


def _story(name: ArtifactName) -> str:
    if name.kind is ArtifactKind.SDIST:
        return f"{name.project} {name.version}"
    return f"{name.project} {name.version}, {len(name.tags)} {'tag' if len(name.tags) == 1 else 'tags'}"
