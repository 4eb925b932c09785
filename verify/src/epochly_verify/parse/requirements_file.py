"""Requirements files with hashes, as `pip install --require-hashes` reads them.

A row `name==1.0 --hash=sha256:...` accepts any file of that release with any of its digests; a row that is a URL
names one file. Rows without a digest or without one exact version give nothing. Not followed: nested files (`-r`,
`-c`), environment variables, markers (a digest counts on every platform).
https://pip.pypa.io/en/stable/reference/requirements-file-format/
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from epochly_verify.errors import InputError
from epochly_verify.parse.filename import kind_from_filename
from epochly_verify.parse.hash_source import (
    Entry,
    HashSource,
    algorithm_from_name,
    expected_hash,
    filename_from_address,
    text_from_bytes,
)
from epochly_verify.parse.quote import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from epochly_verify.limits import Limits

MAX_SPECIFIER_CHARS = 4096  # characters of name, extras and version; real ones stay below 200
_NESTED = re.compile(r"(?:-r|-c|--requirement|--constraint)[ \t=]*(\S.*)")
_DIRECT = re.compile(r"[A-Za-z0-9._-]+[ \t]*(?:\[[^\]]*\])?[ \t]*@[ \t]*(\S+)")
_FRAGMENT_HASH = re.compile(r"[#&]([a-z0-9_]+)=([0-9a-fA-F]+)(?=&|$)")


def parse_requirements(data: bytes, origin: str, limits: Limits) -> HashSource:
    """Read a requirements file.

    Raises:
        InputError: `too-large`, `not-text`, `empty`, `bad-line` or `bad-hash`.
    """
    entries: list[Entry] = []
    notes: list[str] = []
    for number, line in logical_lines(text_from_bytes(data, origin, limits)):
        where = f"{origin}:{number}"
        if line.startswith("-"):
            if match := _NESTED.fullmatch(line):
                notes.append(
                    f"`{where}`: {quoted(match[1], most=80)} is not followed; give that file as well"
                )
            continue
        requirement, options = _split(line)
        hashes = [*_option_hashes(options, where), *_address_hashes(requirement, where)]
        if not hashes:
            continue
        target = _target(requirement, where)
        if not target.filename and target.version is None:
            notes.append(
                f"`{where}`: {quoted(requirement, most=80)} names no single release, its digests are not used"
            )
            continue
        for algorithm, digest in hashes:
            candidate = len(entries)
            expected = expected_hash(algorithm, digest, origin=where, source=origin, candidate=candidate)
            entries.append(
                Entry(
                    (expected,),
                    target.filename,
                    target.project,
                    target.version,
                    any_local=target.any_local,
                )
            )
    return HashSource(origin, "requirements", tuple(entries), tuple(notes))


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Rows with the number of their first line, continuation lines joined, comments and blank rows left out.

    As in pip, a comment line ends a continuation, and a `#` starts a comment only after white space.
    """
    parts: list[str] = []
    first = 0
    for number, raw in enumerate(text.splitlines(), 1):
        if not parts:
            first = number
        is_comment = raw.lstrip().startswith("#")
        if raw.endswith("\\") and not is_comment:
            parts.append(raw.rstrip("\\"))
            continue
        parts.append("" if is_comment else raw)
        row = _without_comment("".join(parts)).strip()
        parts = []
        if row:
            yield first, row
    row = _without_comment("".join(parts)).strip()
    if row:
        yield first, row


def _without_comment(row: str) -> str:
    start = row.find("#")
    while start > 0 and not row[start - 1].isspace():
        start = row.find("#", start + 1)
    return row if start < 0 else row[:start]


def _split(line: str) -> tuple[str, Sequence[str]]:
    """The requirement, and the words from the first option on."""
    words = line.split()
    options = next((i for i, word in enumerate(words) if word.startswith("-")), len(words))
    return " ".join(words[:options]), words[options:]


def _option_hashes(options: Sequence[str], where: str) -> Iterator[tuple[str, str]]:
    words = iter(options)
    for word in words:
        if word == "--hash":
            value = next(words, "")
        elif word.startswith("--hash="):
            value = word.removeprefix("--hash=")
        else:
            continue
        name, _, digest = value.strip("\"'").partition(":")
        yield _known(name, where), digest


def _address_hashes(requirement: str, where: str) -> Iterator[tuple[str, str]]:
    """Digests in a URL's fragment, e.g. `#sha256=...`; fragments also say other things, which are left alone."""
    if "#" in requirement:
        address = requirement.partition(" ;")[0]
        for name, digest in _FRAGMENT_HASH.findall(address):
            if algorithm_from_name(name):
                yield _known(name, where), digest


def _known(name: str, where: str) -> str:
    algorithm = algorithm_from_name(name)
    if algorithm is None:
        raise InputError(
            "bad-hash",
            where,
            f"{quoted(name, most=80)} is no known digest algorithm",
            "write `--hash=sha256:` and 64 hexadecimal digits",
        )
    return algorithm


def _target(requirement: str, where: str) -> Entry:
    """What a row speaks of, as an entry without digests; an empty one when it is no single file or release."""
    direct = _DIRECT.match(requirement)
    address = direct[1] if direct else requirement.partition(" ")[0]
    if direct or "/" in address:
        return _file(address)
    release = _release(requirement.partition(";")[0].strip(), where)
    if not release.project and kind_from_filename(address) is not None:
        return _file(address)
    return release


def _file(address: str) -> Entry:
    filename = filename_from_address(address)
    return Entry((), filename=filename if kind_from_filename(filename) else "")


def _release(text: str, where: str) -> Entry:
    hint = "a row is `name==version --hash=...`"
    if len(text) > MAX_SPECIFIER_CHARS:
        message = f"a requirement of {len(text)} characters, more than {MAX_SPECIFIER_CHARS}"
        raise InputError("bad-line", where, message, hint)
    try:
        requirement = Requirement(text)
    except ValueError as error:
        raise InputError("bad-line", where, f"{quoted(text, most=80)} is no requirement", hint) from error
    pins = list(requirement.specifier)
    if len(pins) != 1 or pins[0].operator not in ("==", "==="):
        return Entry(())
    try:
        version = Version(pins[0].version)
    except ValueError:  # `==1.*` is no one version, and what only `===` can compare is in no file name
        return Entry(())
    any_local = pins[0].operator == "==" and version.local is None
    return Entry((), project=str(canonicalize_name(requirement.name)), version=version, any_local=any_local)
