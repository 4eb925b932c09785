"""entry_points.txt: what a wheel registers, and the scripts an installer writes for it.

Read line by line, and everything that the readers in use (`importlib.metadata`, `configparser`, Rust's INI crates)
take differently is refused: duplicate sections and names, lines indented below an option, `;` comments, stray
separators. Names of scripts become file names (CVE-2026-8643) and their values become Python source in a wrapper, so
those of `console_scripts` and `gui_scripts` are held to plain names and object references. Nothing is imported.

Specification: "Entry points specification".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from epochly_verify.model import Finding
from epochly_verify.parse.quote import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from epochly_verify.limits import Limits

SCRIPTS = frozenset({"console_scripts", "gui_scripts"})
MAX_REFERENCE = 1_024  # characters; the longest seen has about 150

_STRAY = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x85\u2028\u2029]"
)  # `str.splitlines` breaks at most of these
_LINE_END = re.compile(r"\r\n|\r|\n")
_SECTION = re.compile(r"\[([^\[\]\s](?:[^\[\]]*[^\[\]\s])?)\]")
_PLAIN_NAME = re.compile(r"[\w.-]+")
_EXTRAS = re.compile(r"\[[A-Za-z0-9._,\s-]*\]")
_HARMLESS = re.compile(r"[\w.:]*\s*(?:\[[A-Za-z0-9._,\s-]*\])?")  # wrong perhaps, but no code in any wrapper


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """One entry; all three are as spelled, without surrounding white space."""

    group: str
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class EntryPoints:
    """The entries in order, and what is wrong with the file (findings of the `metadata` layer)."""

    entries: tuple[EntryPoint, ...] = ()
    problems: tuple[Finding, ...] = ()


def parse_entry_points(data: bytes, where: str, limits: Limits) -> EntryPoints:
    """Read entry_points.txt; `where` is its name in the wheel. Raises nothing.

    A line that cannot be read is a problem and is left out; at most `limits.headers` lines are read.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        at = data.count(b"\n", 0, error.start) + 1
        return EntryPoints(problems=(_malformed(where, f"line {at} is not UTF-8"),))
    if stray := _STRAY.search(text):
        at = text.count("\n", 0, stray.start()) + 1
        return EntryPoints(problems=(_malformed(where, f"line {at} has a control character"),))
    entries: list[EntryPoint] = []
    problems: list[Finding] = []
    sections: set[str] = set()
    names: set[tuple[str, str]] = set()
    group = ""
    option = ""  # the option that a deeper line would continue
    indent = 0
    told = 0
    for number, raw in enumerate(_lines(text), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        told += 1
        if told > limits.headers:
            problems.append(
                _malformed(where, f"has more than {limits.headers} lines; reading stopped at line {number}")
            )
            break
        deeper = len(raw) - len(raw.lstrip()) > indent
        if option and deeper:
            found = (
                f"line {number} is indented below {quoted(option)}: readers differ on whether it continues it"
            )
            problems.append(_malformed(where, found))
        indent = len(raw) - len(raw.lstrip())
        if line.startswith("["):
            header = _SECTION.fullmatch(line)
            option = ""
            group = header[1] if header else ""
            if group == "DEFAULT":
                problems.append(
                    _malformed(where, f"line {number} opens `[DEFAULT]`, which is every section to some")
                )
            if not group:
                problems.append(_malformed(where, f"line {number} is no section header: {quoted(line)}"))
            elif group in sections:
                message = f"line {number} opens {quoted(f'[{group}]')} again"
                problems.append(Finding("entry-points-duplicate-section", where, message))
            sections.add(group)
            continue
        name, equals, value = (part.strip() for part in line.partition("="))
        if not name or not equals or line.startswith(";") or not group:
            reason = "stands before any section" if name and equals and not group else "is no `name = value`"
            problems.append(_malformed(where, f"line {number} {reason}: {quoted(line)}"))
            continue
        option = name
        if (group, name) in names:
            message = f"line {number} gives {quoted(name)} of {quoted(f'[{group}]')} again"
            problems.append(Finding("entry-points-duplicate-name", where, message))
        names.add((group, name))
        entries.append(EntryPoint(group, name, value))
    problems += [problem for entry in entries for problem in _entry_problems(entry, where)]
    return EntryPoints(tuple(entries), tuple(problems))


def _lines(text: str) -> Iterator[str]:
    start = 0
    for end in _LINE_END.finditer(text):
        yield text[start : end.start()]
        start = end.end()
    yield text[start:]


def is_object_reference(value: str) -> bool:
    """Whether `value` is `module`, `module:object.attribute`, either with `[extras]` behind: identifiers and dots."""
    if len(value) > MAX_REFERENCE:
        return False
    path, bracket, extras = value.partition("[")
    if bracket and not _EXTRAS.fullmatch(bracket + extras):
        return False
    module, colon, attribute = path.partition(":")
    parts = module.strip().split(".") + (attribute.strip().split(".") if colon else [])
    return all(part.isidentifier() for part in parts)


def _entry_problems(entry: EntryPoint, where: str) -> Iterator[Finding]:
    place = f"{quoted(entry.name)} of {quoted(f'[{entry.group}]')}"
    reference = is_object_reference(entry.value)
    if entry.group not in SCRIPTS:
        if not reference:
            message = f"{place} is {quoted(entry.value)}, expected `module` or `module:object`"
            yield Finding("entry-point-value-invalid", where, message)
        return
    if entry.name in {".", ".."} or any(char in entry.name for char in "\\/:"):
        message = f"{place} is a path, and installers write a file of that name"
        yield Finding("entry-point-name-traversal", where, message)
    elif not _PLAIN_NAME.fullmatch(entry.name):
        message = f"{place} has characters other than letters, digits, `_`, `.` and `-`"
        yield Finding("entry-point-name-unsafe", where, message)
    if not reference and not _HARMLESS.fullmatch(entry.value):
        message = f"{place} is {quoted(entry.value)}, expected `module:function`"
        yield Finding("entry-point-code", where, message)
    elif not reference or ":" not in entry.value:
        message = f"{place} is {quoted(entry.value)}, which names no function to call"
        yield Finding("entry-point-without-callable", where, message)


def _malformed(where: str, message: str) -> Finding:
    return Finding("entry-points-malformed", where, message)
