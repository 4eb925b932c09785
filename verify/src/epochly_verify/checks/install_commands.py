"""Part of layer `install`: commands the wheel would put on PATH, from `.data/scripts`, `.data/data/bin` and entry points.

A command called `python` or `sudo` in an environment's `bin` is found before the real one, by the user and by every
tool that starts `python`. The lists are short on purpose: programs that run code, that take secrets, or that every
script calls. A project may install commands of its own name, the Python family excepted.

Attack: rows i04 and i06b (`python` as a script and as an entry point), i07 (`bin/ls` through `.data/data`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from epochly_verify.model import Finding
from epochly_verify.parse.entry_points import SCRIPTS, parse_entry_points
from epochly_verify.parse.installplan import Root
from epochly_verify.parse.quote import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from epochly_verify.limits import Limits
    from epochly_verify.parse.installplan import InstallPlan, Placed

_SUFFIX = re.compile(r"(?:-script)?\.(?:exe|com|bat|cmd|ps1|pyw?|pyz)\Z")
_PIP = re.compile(r"pip(?:[0-9.]+)?")
_PYTHON = re.compile(
    r"(?:python|pypy)w?(?:[0-9.]+)?t?d?w?(?:-config|-intel64)?"
    r"|(?:de)?activate(?:\.\w+)?|activate_this"
)
# Shells, and programs that take a password or a key.
_INTERPRETERS = frozenset(
    """
    ash bash cmd csh dash doas env fish git gpg gpg2 ksh powershell pwsh scp sftp sh ssh ssh-add
    ssh-agent ssh-keygen su sudo tcsh zsh
    """.split()  # noqa: SIM905 - easier to read than a column of strings
)
_COMMANDS = frozenset(
    """
    apt apt-get awk cat cc chmod chown clang conda cp crontab curl docker find g++ gcc grep idle kill
    kubectl ls make mount mv pipx podman poetry ps py pydoc pyw rm rsync sed systemctl tar twine uv uvx
    wget
    """.split()  # noqa: SIM905 - easier to read than a column of strings
)
_OWNERS = {"uvx": "uv"}
_BIN = re.compile(r"(?:usr/)?(?:local/)?s?bin/|Scripts/", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Command:
    """A program an installer would create: its name, the member it comes from, and by which way."""

    name: str
    subject: str
    way: str


def commands(plan: InstallPlan, limits: Limits) -> tuple[Command, ...]:
    """Every command the wheel would install as one: its scripts, then those of its entry points."""
    found = [
        Command(placed.base, placed.member.name, "script")
        for placed in plan.placed
        if placed.root is Root.SCRIPTS
    ]
    for placed in plan.site:
        folder, _, base = placed.path.partition("/")
        if base == "entry_points.txt" and folder.endswith(".dist-info") and placed.member.content is not None:
            entries = parse_entry_points(placed.member.content, placed.member.name, limits).entries
            found += [
                Command(
                    entry.name.replace("\\", "/").rpartition("/")[2],
                    placed.member.name,
                    f"entry point of `[{entry.group}]`",
                )
                for entry in entries
                if entry.group in SCRIPTS
            ]
    return tuple(found)


def command_findings(found: tuple[Command, ...], plan: InstallPlan, project: str) -> Iterator[Finding]:
    """Commands that take another program's place, and scripts that lie where no installer expects them.

    Args:
        found: what `commands` gave.
        plan: where the members go.
        project: PEP 503-normalised name of the wheel's project.
    """
    for command in found:
        kind = shadowed(command.name, project)
        if kind:
            message = f"the {command.way} {quoted(command.name)} would be run in place of {_victim(kind)} of that name"
            yield Finding(kind, command.subject, message)
    for placed in plan.placed:
        if placed.root is Root.SCRIPTS and not placed.top_level:
            message = "lies in a subfolder of the scripts, where installers disagree about what to do"
            yield Finding("script-in-subfolder", placed.member.name, message)


def prefix_command(placed: Placed) -> str:
    """The command a file of `.data/data` becomes, when it goes to the folder of the commands; else empty."""
    folder = _BIN.match(placed.path)
    return placed.base if folder and placed.root is Root.PREFIX else ""


def shadowed(name: str, project: str) -> str:
    """The finding id for a command of that name in a wheel of that project; empty when it takes nobody's place."""
    command = _SUFFIX.sub("", name.casefold())
    if _PIP.fullmatch(command):
        return "" if project == "pip" else "script-shadows-interpreter"
    if _PYTHON.fullmatch(command):
        return "script-shadows-interpreter"
    owner = _OWNERS.get(command, command)
    if owner == project or owner in project.split("-"):
        return ""
    if command in _INTERPRETERS:
        return "script-shadows-interpreter"
    return "script-shadows-command" if command in _COMMANDS else ""


def _victim(kind: str) -> str:
    return (
        "the interpreter or trusted program"
        if kind == "script-shadows-interpreter"
        else "the system's program"
    )
