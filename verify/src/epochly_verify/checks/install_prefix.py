"""Part of layer `install`: what `.data` would overwrite outside the wheel's own folders.

`.data/purelib` and `.data/platlib` land beside every other project, `.data/data` in the folder of the environment
itself: its `bin`, its `lib/python3.X`, its `pyvenv.cfg`. Libraries in `lib`, headers in `include`, and everything in
`share`, `etc` or `man` are what honest wheels put there, and pass.

Specification: "Binary distribution format", section "The .data directory". Attack: rows i03 and i07.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from epochly_verify.checks.install_commands import prefix_command, shadowed
from epochly_verify.checks.install_names import is_foreign, may_own
from epochly_verify.model import Finding
from epochly_verify.parse.installplan import Root, import_name
from epochly_verify.parse.quote import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from epochly_verify.checks.install_names import NameTable
    from epochly_verify.parse.installplan import InstallPlan, Placed

# What belongs to the interpreter itself: its library, its headers, its start files on either kind of system.
_PYTHON = re.compile(
    r"(?:usr/)?(?:local/)?lib(?:64|32)?/(?:python|pypy)[0-9][^/]*/|include/(?:python|pypy)[0-9][^/]*/"
    r"|dlls/|pyvenv\.cfg\Z|[^/]*\._pth\Z|(?:python|pythonw|python[0-9.]+)\.(?:exe|dll|zip)\Z",
    re.IGNORECASE,
)


def prefix_findings(plan: InstallPlan, project: str, table: NameTable) -> Iterator[Finding]:
    """Files of `.data` that go where another project, the interpreter or the system has its own.

    Args:
        plan: where the members go.
        project: PEP 503-normalised name of the wheel's project.
        table: who owns which import name.
    """
    own = {name for name, files in plan.top_levels.items() if any(not each.scheme for each in files)}
    own = {name for name in own if not is_foreign(name, project, table)}
    told: set[str] = set()
    bin_files: list[Placed] = []
    for placed in plan.placed:
        if not placed.scheme:
            continue
        if placed.root is Root.SITE:
            owner = _site_owner(placed, project, table)
            first = placed.path.partition("/")[0]
            if owner and first not in told:
                told.add(first)
                message = f"goes to {quoted(placed.path)}, which belongs to {owner}"
                yield Finding("data-overwrites-project", placed.member.name, message)
            elif not owner and placed.scheme == "data" and not (first in own or may_own(project, first)):
                message = (
                    f"goes to {quoted(placed.path)} in site-packages, although `data` is not for modules"
                )
                yield Finding("data-into-site-packages", placed.member.name, message)
        elif placed.root is Root.PREFIX:
            command = prefix_command(placed)
            if command and shadowed(command, project):
                message = f"would take the place of the program {quoted(command)} in the environment"
                yield Finding("data-overwrites-program", placed.member.name, message)
            elif command:
                bin_files.append(placed)
            elif _PYTHON.match(placed.path) or _windows_library(placed.path) in table.stdlib:
                message = (
                    f"goes to {quoted(placed.path)}, a file of the interpreter or of the environment itself"
                )
                yield Finding("data-overwrites-python", placed.member.name, message)
    if bin_files:
        first_file = bin_files[0]
        more = f" and {len(bin_files) - 1} more" if len(bin_files) > 1 else ""
        message = f"{quoted(first_file.path)}{more} become commands without being declared as scripts"
        yield Finding("data-into-scripts", first_file.member.name, message)


def _windows_library(path: str) -> str:
    """The module a file of `lib` would be for a Python on Windows, which keeps its library there; else empty."""
    first, _, rest = path.partition("/")
    return import_name(rest) if first.lower() == "lib" else ""


def _described_project(folder: str) -> str:
    """The project that a `NAME-VERSION.dist-info` or `NAME[-VERSION].egg-info` folder is about; empty for others."""
    stem, _, ending = folder.rpartition(".")
    if ending not in {"dist-info", "egg-info"}:
        return ""
    dash = stem.find("-", 1)
    if dash > 0:
        return stem[:dash]
    return stem if ending == "egg-info" else ""


def _site_owner(placed: Placed, project: str, table: NameTable) -> str:
    """Who else owns the place of a file in site-packages, as words; empty when nobody known does."""
    first, slash, _ = placed.path.partition("/")
    described = _described_project(first) if slash else ""
    if described:
        other = re.sub(r"[-_.]+", "-", described).lower()
        return "" if other == project else f"the project {quoted(other)}"
    name = import_name(placed.path) or (first if slash else "")
    if table.is_shared(placed.path) or not is_foreign(name, project, table):
        return ""
    return f"the project {quoted(table.owners_of(name)[0])}" if table.owners_of(name) else "another project"
