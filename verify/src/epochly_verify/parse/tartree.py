"""An sdist's tree: where its links lead, and whether it is one folder named like the file.

Works on names alone. What a link leads to is computed, never looked up: nothing here touches a file system.

Specification: PEP 625 (one top folder `NAME-VERSION`), PEP 706 and 721 (links must stay inside), CVE-2007-4559,
CVE-2025-4517 and its kin (a link that leaves only by way of another link).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from epochly_verify.model import Finding, MemberKind
from epochly_verify.parse.paths import shown

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from epochly_verify.model import Member

_LINKS = frozenset({MemberKind.SYMLINK, MemberKind.HARDLINK})


def link_findings(members: Mapping[str, Member]) -> Iterator[Finding]:
    """Links out of the tree, links through links, members that would be written through a link; and the harmless.

    Args:
        members: by name, without a leading `./`, directories with a trailing `/`.
    """
    symlinks = {name.rstrip("/") for name, member in members.items() if member.kind is MemberKind.SYMLINK}
    for name, member in members.items():
        if symlinks:
            parent = name.rstrip("/").rpartition("/")[0]
            while parent:
                if parent in symlinks:
                    message = f"the member would be written through the symbolic link `{shown(parent)}`"
                    yield Finding("file-directory-conflict", shown(name), message)
                    break
                parent = parent.rpartition("/")[0]
        if member.kind not in _LINKS:
            continue
        target = member.link_target
        if problem := _leaves(name, member, symlinks):
            yield Finding("link-outside", shown(name), f"the link to `{shown(target)}` {problem}")
        elif member.kind is MemberKind.HARDLINK and target.removeprefix("./") not in members:
            yield Finding(
                "link-outside", shown(name), f"the hard link to `{shown(target)}` has no member to lead to"
            )
        else:
            yield Finding("link-in-sdist", shown(name), f"the member is a link to `{shown(target)}`")


def _leaves(name: str, member: Member, symlinks: Collection[str]) -> str:
    """How a link gets out of the top folder; empty when it does not."""
    target = member.link_target
    if not target or "\0" in target:
        return "leads nowhere"
    if target.startswith("/") or "\\" in target or target[1:2] == ":":
        return "is absolute, or is so on Windows"
    parts = target.split("/")
    folder = name.rstrip("/").split("/")[:-1] if member.kind is MemberKind.SYMLINK else []
    here: list[str] = list(folder)
    for number, part in enumerate(parts):
        if part in {"", "."}:
            continue
        if part == "..":
            if len(here) <= 1:
                return "leads out of the top folder"
            here.pop()
            continue
        here.append(part)
        if ".." in parts[number + 1 :] and "/".join(here) in symlinks:
            return "goes up again after another link, so it ends somewhere else"
    return "" if here else "leads nowhere"


def top_folder_findings(names: Collection[str], filename: str) -> Iterator[Finding]:
    """Whether everything is below one folder that is named like the file (PEP 625), as names and versions compare.

    A file name that is no `NAME-VERSION` is not this layer's matter: then only one folder is asked for.
    """
    tops = dict.fromkeys(
        name.partition("/")[0] for name in names if name not in {"./", "."} and not name.startswith("/")
    )
    if not tops:
        return
    stem = filename.removesuffix(".tar.gz").removesuffix(".tgz").removesuffix(".zip")
    wrong = [top for top in tops if "-" in stem and not _same(top, stem)]
    if not wrong and len(tops) > 1:
        wrong = list(tops)[1:]
    for top in wrong:
        message = f"everything should be below the one folder `{shown(stem)}/`"
        yield Finding("sdist-top-folder", shown(top), message)
    for top in tops:
        if top in names and top not in wrong:
            yield Finding("sdist-top-folder", shown(top), "the member at the top is a file, not a folder")


def _same(top: str, stem: str) -> bool:
    """Whether a folder and a file name say the same project and version."""
    if top == stem:
        return True
    name, _, version = top.rpartition("-")
    file_name, _, file_version = stem.rpartition("-")
    if canonicalize_name(name) != canonicalize_name(file_name):
        return False
    try:
        return Version(version) == Version(file_version)
    except InvalidVersion:
        return version == file_version
