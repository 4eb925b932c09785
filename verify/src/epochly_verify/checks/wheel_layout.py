"""Part of layer `metadata`: the folders of a wheel, and native code where the tags promise none.

One dist-info folder, one data folder of the same name, known installation schemes below it, and no file that only an
installer may write. What the files then do when they are installed is the layer `install`'s to say.

Specification: "Binary distribution format", sections "File contents" and "The .data directory"; "Recording installed
projects" for the files an installer writes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from epochly_verify.model import Finding
from epochly_verify.parse.distinfo import SUFFIX, dist_info_folders, files_by_name, stem_names, top_levels
from epochly_verify.parse.quote import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from epochly_verify.model import Archive, Member
    from epochly_verify.parse.distinfo import DistInfo
    from epochly_verify.parse.filename import ArtifactName
    from epochly_verify.parse.wheelfile import WheelFile

DATA_SUFFIX = ".data"
SCHEMES = frozenset({"purelib", "platlib", "headers", "scripts", "data"})
INSTALLED_ONLY = ("INSTALLER", "REQUESTED", "direct_url.json", "provenance_url.json")
_SPELLED_ONCE = {name.casefold(): name for name in ("METADATA", "WHEEL", "RECORD", "entry_points.txt")}

# Only file names that can be nothing but CPython's or PyPy's extension modules; `.dll` and `.exe` are left out, since
# pure wheels ship .NET assemblies and launchers.
_EXTENSION = re.compile(r"\.(?:(?:cpython-|cp3|pypy|graalpy|abi3)[\w.-]*\.so|pyd)$", re.IGNORECASE)
_NATIVE = re.compile(r"\.(?:so(?:\.[0-9]+)*|dylib|pyd)$", re.IGNORECASE)


def folder_findings(
    archive: Archive, filename: str, name: ArtifactName | None, info: DistInfo | None
) -> Iterator[Finding]:
    """Exactly one dist-info folder, of the file name's project and version, with each file spelled once."""
    folders = dist_info_folders(archive)
    if info is None:
        yield Finding("dist-info-missing", filename, "the wheel has no `.dist-info` folder")
        return
    if len(folders) > 1:
        more = ", ..." if len(folders) > 4 else ""
        shown = ", ".join(quoted(folder) for folder in folders[:4])
        yield Finding("dist-info-not-unique", filename, f"{len(folders)} dist-info folders: {shown}{more}")
    if name is not None and not stem_names(info.stem, name):
        message = (
            f"the folder is {quoted(info.folder)}, the file name says `{name.raw_project}-{name.raw_version}`"
        )
        yield Finding("dist-info-mismatch", info.folder, message)
    for path in info.files:
        proper = _SPELLED_ONCE.get(path.casefold(), path)
        if path != proper:
            message = f"{quoted(path)} is `{proper}` to a file system or reader that ignores case"
            yield Finding("dist-info-case-twin", f"{info.folder}/{path}", message)
    for path in INSTALLED_ONLY:
        if path in info.files:
            message = f"`{path}` is written by installers and has no place in a wheel"
            yield Finding("installed-only-file", f"{info.folder}/{path}", message)


def data_findings(archive: Archive, name: ArtifactName | None, info: DistInfo) -> Iterator[Finding]:
    """At most one data folder, named as the dist-info folder, with known schemes and no second dist-info below."""
    own = info.stem + DATA_SUFFIX
    folders = {
        top
        for top, is_folder in top_levels(archive).items()
        if is_folder and top.lower().endswith(DATA_SUFFIX)
    }
    for folder in sorted(folders - {own}):
        if name is not None and stem_names(folder[: -len(DATA_SUFFIX)], name):
            message = f"the data folder is {quoted(folder)}, expected `{own}`: some installers take it for a package"
            yield Finding("data-directory-spelling", folder, message)
        else:
            yield Finding("foreign-data-directory", folder, f"{quoted(folder)} belongs to no `{own}`")
    seen: set[str] = set()
    for path in files_by_name(archive):
        folder, _, below = path.partition("/")
        if folder not in folders:
            continue
        scheme, _, target = below.partition("/")
        top = target.partition("/")[0]
        if (scheme not in SCHEMES or not target) and f"{folder}/{scheme}" not in seen:
            seen.add(f"{folder}/{scheme}")
            message = (
                f"{quoted(scheme)} is no installation scheme, expected one of {', '.join(sorted(SCHEMES))}"
            )
            yield Finding("unknown-data-scheme", f"{folder}/{scheme}", message)
        elif (
            scheme in {"purelib", "platlib"}
            and top.lower().endswith(SUFFIX)
            and f"{scheme}/{top}" not in seen
        ):
            seen.add(f"{scheme}/{top}")
            message = f"{quoted(top)} would be installed as another project's metadata"
            yield Finding("dist-info-in-data", f"{folder}/{scheme}/{top}", message)


def native_findings(
    files: Mapping[str, Member], name: ArtifactName | None, wheel: WheelFile | None, info: DistInfo
) -> Iterator[Finding]:
    """No native code in a wheel for any platform, and no extension module that goes to `purelib`."""
    tags = (
        {str(tag) for tag in name.tags}
        if name is not None
        else wheel.tags
        if wheel is not None
        else frozenset()
    )
    anywhere = bool(tags) and all(tag.endswith("-any") for tag in tags)
    in_purelib = wheel is not None and wheel.purelib is True
    if not anywhere and not in_purelib:
        return
    data = info.stem + DATA_SUFFIX
    packages: dict[str, bool] = {}
    for path in files:
        if _NATIVE.search(path) is None:
            continue
        is_extension = _EXTENSION.search(path) is not None
        if anywhere and is_extension and _is_importable(path, data, files, packages):
            message = f"{quoted(path)} is an extension module, and the tags promise a wheel for any platform"
            yield Finding("extension-module-in-any-wheel", path, message)
        elif anywhere:
            message = f"{quoted(path)} is native code, and the tags promise a wheel for any platform"
            yield Finding("native-library-in-any-wheel", path, message)
        elif is_extension and not path.startswith(f"{data}/"):
            message = f"{quoted(path)} is an extension module, and WHEEL says `Root-Is-Purelib: true`"
            yield Finding("extension-module-in-purelib", path, message)


def _is_importable(path: str, data: str, files: Mapping[str, Member], packages: dict[str, bool]) -> bool:
    """Whether every folder above is a regular package.

    Debuggers and the like carry libraries for several platforms in folders that are data, and choose among them at
    run time; those are worth a warning only. `packages` remembers the answers, since paths can be deep.
    """
    roots = {"", f"{data}/purelib", f"{data}/platlib"}
    folder = path.rpartition("/")[0]
    asked: list[str] = []
    while folder not in roots and folder not in packages and f"{folder}/__init__.py" in files:
        asked.append(folder)
        folder = folder.rpartition("/")[0]
    answer = folder in roots or packages.get(folder, False)
    packages.update(dict.fromkeys([*asked, folder], answer))
    return answer
