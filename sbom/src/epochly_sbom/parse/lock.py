"""A lock file to a `Lock`: `requirements.txt` with hashes as pip-compile and uv write it, or `pylock.toml` (PEP 751).

Refused: a package without version or strong hash, because then nothing is locked; lines that bring in other files or
folders. The graph of a `requirements.txt` is read from its `# via` comments, which is all such a file tells.
https://packaging.python.org/en/latest/specifications/pylock-toml/
https://pip.pypa.io/en/stable/reference/requirements-file-format/
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from epochly_sbom.errors import InputError, quoted
from epochly_sbom.model import Lock, Locked

if TYPE_CHECKING:
    from collections.abc import Iterator

DIGEST_CHARS = {
    "sha256": 64,
    "sha384": 96,
    "sha512": 128,
}  # hexadecimal digits, per hash that may lock a file
_HASH = re.compile(r"\s--hash[= ](\w+):([0-9A-Fa-f]+)")
_OPTIONS_KEPT_OUT = re.compile(r"-(?:e|r|c)\b|--(?:editable|requirement|constraint)\b")
_HINT = "write the lock with hashes, e.g. `uv pip compile --generate-hashes` or `pip lock`"


def parse_lock(data: bytes, where: str) -> Lock:
    """Read a lock; a name that ends in `.toml` promises `pylock.toml`.

    Raises:
        InputError: it is no lock that holds every package by hash.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise InputError(where, "is not UTF-8", _HINT) from error
    return _pylock(text, where) if where.endswith(".toml") else _requirements(text, where)


def _requirements(text: str, where: str) -> Lock:
    packages: list[Locked] = []
    needs: set[tuple[str, str]] = set()
    current, via_open = "", False
    for line in re.sub(r"\\\r?\n", " ", text).splitlines():
        body, _, comment = line.partition("#") if line.lstrip().startswith("#") else _split(line)
        if body.strip():
            via_open = False
            if body.strip().startswith("-"):
                if _OPTIONS_KEPT_OUT.match(body.strip()):
                    raise InputError(where, f"{quoted(body.strip())} is not locked", _HINT)
                current = ""
                continue
            packages.append(_locked_line(body, where))
            current = packages[-1].project
        note = comment.strip()
        if note == "via" or note.startswith("via "):
            via_open, note = True, note[3:].strip()
        elif not comment.startswith("   ") or not note:
            via_open = False
        if via_open and current:
            needs |= {(parent, current) for parent in _parents(note)}
    return _lock(packages, needs, where)


def _split(line: str) -> tuple[str, str, str]:
    """A line and its comment, which starts after a blank as in pip."""
    body, mark, comment = line.partition(" #")
    return body, mark, comment


def _locked_line(body: str, where: str) -> Locked:
    hashes = {(algorithm.lower(), digest.lower()) for algorithm, digest in _HASH.findall(body)}
    bare = _HASH.sub("", body).strip()
    try:
        requirement = Requirement(bare)
    except InvalidRequirement as error:
        raise InputError(where, f"{quoted(bare)} is no requirement", _HINT) from error
    pins = [part.version for part in requirement.specifier if part.operator in {"==", "==="}]
    if len(pins) != 1 or len(requirement.specifier) != 1 or pins[0].endswith("*"):
        raise InputError(where, f"{quoted(bare)} is not pinned with `==`", _HINT)
    marker = str(requirement.marker) if requirement.marker else ""
    return _locked(requirement.name, pins[0], hashes, marker, where)


def _parents(note: str) -> Iterator[str]:
    """The projects a `# via` comment names; `-r file` and `name (pyproject.toml)` name inputs, not packages."""
    for part in note.split(","):
        word = part.strip()
        if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[^]]*\])?", word) and not word.endswith(".in"):
            yield str(canonicalize_name(word.partition("[")[0]))


def _pylock(text: str, where: str) -> Lock:
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(where, "is no TOML", _HINT) from error
    if not str(document.get("lock-version", "")).startswith("1."):
        raise InputError(where, "has no `lock-version` 1.x", _HINT)
    packages: list[Locked] = []
    needs: set[tuple[str, str]] = set()
    for package in _tables(document.get("packages"), where):
        name, version = package.get("name"), package.get("version")
        if not isinstance(name, str) or not name:
            raise InputError(where, "a package has no name", _HINT)
        if not isinstance(version, str):
            raise InputError(where, f"{quoted(name)} has no version, so nothing is locked", _HINT)
        files = [*_tables(package.get("wheels"), where)]
        files += [package[kind] for kind in ("sdist", "archive") if isinstance(package.get(kind), dict)]
        hashes = {
            (algorithm, digest.lower())
            for file in files
            if isinstance(file.get("hashes"), dict)
            for algorithm, digest in file["hashes"].items()
            if isinstance(digest, str)
        }
        packages.append(_locked(name, version, hashes, str(package.get("marker", "")), where))
        for needed in _tables(package.get("dependencies"), where):
            if isinstance(needed.get("name"), str):
                needs.add((packages[-1].project, str(canonicalize_name(needed["name"]))))
    return _lock(packages, needs, where)


def _tables(value: Any, where: str) -> list[dict[str, Any]]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise InputError(where, "has a value where a list of tables belongs", _HINT)
    return value


def _locked(name: str, version: str, hashes: set[tuple[str, str]], marker: str, where: str) -> Locked:
    strong = {
        (algorithm, digest)
        for algorithm, digest in hashes
        if DIGEST_CHARS.get(algorithm) == len(digest) and re.fullmatch("[0-9a-f]+", digest)
    }
    if not strong:
        raise InputError(where, f"{quoted(name)} has no hash of sha256 or better", _HINT)
    return Locked(str(canonicalize_name(name)), version, tuple(sorted(strong)), marker)


def _lock(packages: list[Locked], needs: set[tuple[str, str]], where: str) -> Lock:
    seen: set[tuple[str, str, str]] = set()
    for package in packages:
        key = (package.project, package.version, package.marker)
        if key in seen:
            raise InputError(where, f"{quoted(package.project)} is there twice", _HINT)
        seen.add(key)
    known = {package.project for package in packages}
    kept = frozenset((parent, child) for parent, child in needs if {parent, child} <= known)
    ordered = sorted(packages, key=lambda package: (package.project, package.version, package.marker))
    return Lock(tuple(ordered), kept)
