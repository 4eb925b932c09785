"""An sdist's tree: where its links lead, and whether it is one folder named like the file.

Works on names alone. What a link leads to is computed, never looked up: nothing here touches a file system.

Specification: PEP 625 (one top folder `NAME-VERSION`), PEP 706 and 721 (links must stay inside), CVE-2007-4559,
CVE-2025-4517 and its kin (a link that leaves only by way of another link).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name
from packaging.version import Version

from epochly_verify.model import Finding, MemberKind
from epochly_verify.parse.nametree import NameTree
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
    links = {name: member for name, member in members.items() if member.kind in _LINKS}
    if not links:
        return
    tree = NameTree()
    symlinks = {tree.place(name): name for name, link in links.items() if link.kind is MemberKind.SYMLINK}
    for name in members if symlinks else ():
        if through := _written_through(name, tree, symlinks):
            message = f"the member would be written through the symbolic link `{shown(through)}`"
            yield Finding("file-directory-conflict", shown(name), message)
    for name, link in links.items():
        target = shown(link.link_target)
        if problem := _leaves(name, link, tree, symlinks):
            yield Finding("link-outside", shown(name), f"the link to `{target}` {problem}")
        elif link.kind is MemberKind.HARDLINK and link.link_target.removeprefix("./") not in members:
            yield Finding(
                "link-outside", shown(name), f"the hard link to `{target}` has no member to lead to"
            )
        else:
            yield Finding("link-in-sdist", shown(name), f"the member is a link to `{target}`")


def _written_through(name: str, tree: NameTree, symlinks: Mapping[int, str]) -> str:
    """The symbolic link that is a folder above this name, or empty."""
    node = 0
    for part in name.rstrip("/").split("/")[:-1]:
        node = tree.below(node, part)
        if node in symlinks:
            return symlinks[node]
    return ""


def _leaves(name: str, link: Member, tree: NameTree, symlinks: Collection[int]) -> str:
    """How a link gets out of the top folder; empty when it does not."""
    target = link.link_target
    if not target or "\0" in target:
        return "leads nowhere"
    if target.startswith("/") or "\\" in target or target[1:2] == ":":
        return "is absolute, or is so on Windows"
    parts = [part for part in target.split("/") if part not in {"", "."}]
    last_up = max((number for number, part in enumerate(parts) if part == ".."), default=-1)
    nodes = [0]
    if link.kind is MemberKind.SYMLINK:
        for part in name.rstrip("/").split("/")[:-1]:
            nodes.append(tree.below(nodes[-1], part))
    for number, part in enumerate(parts):
        if part == "..":
            if len(nodes) <= 2:
                return "leads out of the top folder"
            nodes.pop()
            continue
        nodes.append(tree.below(nodes[-1], part))
        if number < last_up and nodes[-1] in symlinks:
            return "goes up again after another link, so it ends somewhere else"
    return "" if len(nodes) > 1 else "leads nowhere"


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
    except ValueError:  # no version, or one of more digits than the interpreter reads
        return version == file_version
