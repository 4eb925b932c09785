"""Whether a lock holds every requirement by hash, and answers the requirements file it was made from. Pure.

Freshness is judged by content, never by file times, which a checkout sets at will: every requirement asked for is
pinned to a version it accepts, and nothing is pinned for a requirement that is no longer asked for. Reads the common
form of pip's requirements files: one requirement a line, `--hash` options, `-r` to another file, comments.

Source: pip "requirements file format", "secure installs"; PEP 508.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from epochly_release.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAX_FILES = 50  # files joined by `-r`: more is a loop


@dataclass(frozen=True, slots=True)
class Pin:
    """One row of a lock: a project held at a version, with who asked for it as far as the lock says."""

    name: str
    version: str
    requirement: Requirement
    asked_by_files: tuple[str, ...]


def parse_lock(data: bytes, where: str) -> tuple[Pin, ...]:
    """The pins in a lock; raises `Refused` for a row without exact version or sha256, or any option."""
    rows: list[tuple[str, list[str]]] = []
    for line in re.sub(r"\\\r?\n", " ", _text(data, where)).splitlines():
        statement, _, comment = line.partition(" #") if not line.lstrip().startswith("#") else ("", "", line)
        if statement.strip():
            rows.append((statement.strip(), []))
        if comment and rows:
            rows[-1][1].append(comment)
    pins = []
    for statement, comments in rows:
        head, *hashes = re.split(r"\s--hash=", statement)
        if statement.startswith("-"):
            _refuse(
                "lock", where, f"has the option `{statement.split()[0]}`", "lock without options: `make lock`"
            )
        requirement = _requirement(head, where)
        exact = re.fullmatch(r"==\s*([^*,\s]+)", str(requirement.specifier))
        if exact is None or not any(re.fullmatch(r"sha256:[0-9a-f]{64}", one.strip()) for one in hashes):
            _refuse(
                "lock", where, f"does not hold `{requirement.name}` by version and sha256", "lock with hashes"
            )
        files = tuple(re.findall(r"-r (\S+)", " ".join(comments)))
        pins.append(Pin(canonicalize_name(requirement.name), exact[1], requirement, files))
    if not pins:
        _refuse("lock", where, "holds nothing", "write the lock")
    return tuple(pins)


def asked_for(path: str, read: Callable[[str], bytes]) -> tuple[Requirement, ...]:
    """Every requirement in a file written by hand, with those of the files it includes by `-r`."""
    waiting, seen, found = [path], [], []
    while waiting:
        current = waiting.pop()
        if current in seen:
            continue
        seen.append(current)
        if len(seen) > MAX_FILES:
            _refuse("lock", path, f"includes more than {MAX_FILES} files", "join them")
        for line in _text(read(current), current).splitlines():
            statement = re.split(r"(?:^|\s)#", line)[0].strip()
            included = re.fullmatch(r"(?:-r|--requirement)[ =](.+)", statement)
            if included:
                waiting.append(
                    posixpath.normpath(posixpath.join(posixpath.dirname(current), included[1].strip()))
                )
            elif statement.startswith("-"):
                _refuse(
                    "lock", current, f"has the option `{statement.split()[0]}`", "only `-r` can be judged"
                )
            elif statement:
                found.append(_requirement(statement, current))
    return tuple(found)


def refuse_stale(lock: str, data: bytes, source: str, read: Callable[[str], bytes]) -> None:
    """Raises `Refused` when the lock is not what its source asks for today."""
    pins = parse_lock(data, lock)
    requirements = asked_for(source, read)
    for requirement in requirements:
        name = canonicalize_name(requirement.name)
        held = [pin for pin in pins if pin.name == name]
        if not held and requirement.marker is None:
            _refuse(
                "lock-stale",
                lock,
                f"does not hold `{name}`, which `{source}` asks for",
                "write the lock anew",
            )
        for pin in held:
            if not requirement.specifier.contains(pin.version, prereleases=True):
                message = f"holds `{name}` at {pin.version}, but `{source}` asks for `{requirement}`"
                _refuse("lock-stale", lock, message, "write the lock anew")
    names = {canonicalize_name(requirement.name) for requirement in requirements}
    for pin in pins:
        if pin.asked_by_files and pin.name not in names:
            message = f"still holds `{pin.name}` for `{pin.asked_by_files[0]}`, which asks for it no more"
            _refuse("lock-stale", lock, message, "write the lock anew")


def refuse_other_tools(
    lock: str, pins: tuple[Pin, ...], installed: Mapping[str, str], markers: Mapping[str, str]
) -> None:
    """Raises `Refused` when an interpreter has not got exactly what the lock says it needs."""
    for pin in pins:
        marker = pin.requirement.marker
        if marker is not None and not marker.evaluate(dict(markers)):
            continue
        there = installed.get(pin.name, "nothing")
        if there != pin.version:
            hint = f"install with `pip install --require-hashes -r {lock}`, or use `--tools lock`"
            _refuse("build-tools", pin.name, f"is there as {there}, but `{lock}` holds {pin.version}", hint)


def _requirement(text: str, where: str) -> Requirement:
    try:
        return Requirement(text.strip())
    except InvalidRequirement:
        return _refuse(
            "lock", where, f"has a row that is no requirement: {text[:60]!r}", "write it as in PEP 508"
        )


def _text(data: bytes, where: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return _refuse("lock", where, "is not UTF-8", "save it as UTF-8")


def _refuse(code: str, where: str, message: str, hint: str) -> NoReturn:
    raise Refused(code, where, message, hint)
