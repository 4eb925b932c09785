"""METADATA of a wheel and PKG-INFO of an sdist: the core metadata headers that identity depends on.

Only what is compared with the archive and its file name is kept; descriptions, classifiers and the like are not
judged. Requirement lines are kept as text.

Specification: "Core metadata specifications" (PEP 566, 643, 639, 794).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from epochly_verify.model import Finding
from epochly_verify.parse.headers import TooManyHeadersError, parse_headers
from epochly_verify.parse.quote import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from epochly_verify.limits import Limits
    from epochly_verify.parse.headers import Headers

NEWEST = (2, 5)  # newest Metadata-Version this version knows (PEP 794)
_IDENTITY = ("Metadata-Version", "Name", "Version")  # required, and exactly once
_VERSION = re.compile(r"([0-9]{1,4})\.([0-9]{1,4})")


@dataclass(frozen=True, slots=True)
class Metadata:
    """Core metadata, as far as it is judged. An absent header is an empty text.

    Attributes:
        format_version: `Metadata-Version` as numbers, `(0, 0)` when absent or unreadable.
        license_files: PEP 639 paths, as spelled.
        requires_dist, requires_python: requirement texts, unread.
    """

    format_version: tuple[int, int] = (0, 0)
    name: str = ""
    version: str = ""
    license_files: tuple[str, ...] = ()
    requires_dist: tuple[str, ...] = ()
    requires_python: tuple[str, ...] = ()


def parse_metadata(data: bytes, where: str, limits: Limits) -> tuple[Metadata | None, tuple[Finding, ...]]:
    """Read core metadata; `where` is the file's name in the archive.

    Returns `None` for the value when the headers cannot be read at all, and the findings of the `metadata` layer about
    the file's form. Raises nothing.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return None, (Finding("metadata-not-utf8", where, f"line {line} is not UTF-8"),)
    try:
        headers = parse_headers(text, limits)
    except TooManyHeadersError as error:
        message = f"has more than {limits.headers} headers at line {error.line}; it was not judged"
        return None, (Finding("metadata-unreadable", where, message),)
    return _read(headers), tuple(_problems(headers, where))


def _read(headers: Headers) -> Metadata:
    found = _VERSION.fullmatch(_first(headers, "metadata-version"))
    return Metadata(
        format_version=(int(found[1]), int(found[2])) if found else (0, 0),
        name=_first(headers, "name"),
        version=_first(headers, "version"),
        license_files=headers.values("license-file"),
        requires_dist=headers.values("requires-dist"),
        requires_python=headers.values("requires-python"),
    )


def _first(headers: Headers, name: str) -> str:
    return next(iter(headers.values(name)), "")


def _problems(headers: Headers, where: str) -> Iterator[Finding]:
    if headers.broken_line:
        message = (
            f"line {headers.broken_line} is neither a header nor its continuation; readers differ on the rest"
        )
        yield Finding("metadata-malformed", where, message)
    for name in _IDENTITY:
        values = headers.all_values(name.lower())
        if len(values) > 1:
            shown = ", ".join(quoted(value, most=40) for value in values[:4]) + (
                ", ..." if len(values) > 4 else ""
            )
            message = f"`{name}` stands {len(values)} times: {shown}"
            yield Finding("metadata-duplicate-header", where, message)
        if not _first(headers, name.lower()):
            yield Finding("metadata-header-missing", where, f"has no `{name}`")
    text = _first(headers, "metadata-version")
    found = _VERSION.fullmatch(text)
    if text and (found is None or not 1 <= int(found[1]) <= NEWEST[0]):
        message = f"`Metadata-Version` is {quoted(text)}, expected 1.x or 2.x"
        yield Finding("core-metadata-version-unsupported", where, message)
    elif found and (int(found[1]), int(found[2])) > NEWEST:
        message = f"`Metadata-Version` is {quoted(text)}, newer than {NEWEST[0]}.{NEWEST[1]}"
        yield Finding("core-metadata-version-newer", where, message)
