"""WHEEL: what a wheel says of itself, in the header format of METADATA.

Read more strictly than METADATA, because only build tools write it: a line that is no header makes it unreadable.

Specification: "Binary distribution format", section "File contents".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from epochly_verify.model import Finding
from epochly_verify.parse.headers import TooManyHeadersError, parse_headers
from epochly_verify.parse.quote import quoted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from epochly_verify.limits import Limits
    from epochly_verify.parse.headers import Headers

SUPPORTED = (1, 0)  # Wheel-Version
MAX_TAGS = 10_000  # expanded tags of one wheel; the widest real ones have about 40
_ONCE = ("Wheel-Version", "Root-Is-Purelib", "Build")
_REQUIRED = ("Wheel-Version", "Root-Is-Purelib", "Tag")
_PLATFORM = re.compile(
    r"(?P<system>linux|manylinux|musllinux|macosx)(?:[0-9]{1,4}|_[0-9]{1,3}_[0-9]{1,3})?_(?P<processor>[a-z][a-z0-9_]*)"
)
_FAT = {  # macOS platforms that promise several processors in one file
    "fat": {"i386", "ppc"},
    "fat3": {"i386", "ppc", "x86_64"},
    "fat64": {"ppc64", "x86_64"},
    "intel": {"i386", "x86_64"},
    "universal": {"i386", "ppc", "ppc64", "x86_64"},
    "universal2": {"arm64", "x86_64"},
}
_VERSION = re.compile(r"([0-9]{1,4})\.([0-9]{1,4})")


@dataclass(frozen=True, slots=True)
class WheelFile:
    """The headers of WHEEL.

    Attributes:
        purelib: `Root-Is-Purelib`; `None` when it is absent or no boolean.
        tags: expanded and in lower case, e.g. `py3-none-any`.
        build: the build tag as spelled, empty when absent.
    """

    purelib: bool | None
    tags: frozenset[str]
    build: str


def parse_wheel_file(data: bytes, where: str, limits: Limits) -> tuple[WheelFile | None, tuple[Finding, ...]]:
    """Read WHEEL; `where` is its name in the wheel.

    Returns `None` for the value when it cannot be read at all, and the findings of the `metadata` layer about it.
    Raises nothing.
    """
    try:
        headers = parse_headers(data.decode(), limits)
    except UnicodeDecodeError:
        return None, (Finding("wheel-file-unreadable", where, "is not UTF-8"),)
    except TooManyHeadersError:
        return None, (Finding("wheel-file-unreadable", where, f"has more than {limits.headers} headers"),)
    if headers.broken_line:
        message = f"line {headers.broken_line} is neither a header nor its continuation"
        return None, (Finding("wheel-file-unreadable", where, message),)
    problems = list(_problems(headers, where))
    tags: set[str] = set()
    for tag in headers.values("tag"):
        expanded = _expanded(tag, MAX_TAGS - len(tags))
        if expanded is None:
            message = f"`Tag` is {quoted(tag)}, expected `python-abi-platform`"
            problems.append(Finding("wheel-file-unreadable", where, message))
            return None, tuple(problems)
        tags |= expanded
    purelib = _BOOLEANS.get("".join(headers.values("root-is-purelib")[:1]).lower())
    build = "".join(headers.values("build")[:1])
    return WheelFile(purelib, frozenset(tags), build), tuple(problems)


_BOOLEANS = {"true": True, "false": False}


def _problems(headers: Headers, where: str) -> Iterator[Finding]:
    for name in _REQUIRED:
        if not any(headers.values(name.lower())):
            yield Finding("wheel-header-missing", where, f"has no `{name}`")
    for name in _ONCE:
        count = len(headers.values(name.lower()))
        if count > 1:
            yield Finding("wheel-duplicate-header", where, f"`{name}` stands {count} times")
    version = "".join(headers.values("wheel-version")[:1])
    found = _VERSION.fullmatch(version)
    if version and (found is None or int(found[1]) != SUPPORTED[0]):
        message = f"`Wheel-Version` is {quoted(version)}, expected 1.x"
        yield Finding("wheel-version-unsupported", where, message)
    elif found and (int(found[1]), int(found[2])) > SUPPORTED:
        message = f"`Wheel-Version` is {quoted(version)}, newer than {SUPPORTED[0]}.{SUPPORTED[1]}"
        yield Finding("wheel-version-newer", where, message)
    purelib = "".join(headers.values("root-is-purelib")[:1])
    if purelib and purelib.lower() not in _BOOLEANS:
        message = f"`Root-Is-Purelib` is {quoted(purelib)}, expected `true` or `false`"
        yield Finding("wheel-purelib-invalid", where, message)


def _expanded(tag: str, most: int) -> set[str] | None:
    """A tag with compressed parts (`py2.py3-none-any`) as single ones; `None` when malformed or more than `most`."""
    parts = [part.split(".") for part in tag.lower().split("-")]
    if len(parts) != 3 or not all(all(part) for part in parts):
        return None
    pythons, abis, platforms = parts
    if len(pythons) * len(abis) * len(platforms) > most:
        return None
    return {f"{python}-{abi}-{platform}" for python in pythons for abi in abis for platform in platforms}


def only_renamed(inside: Collection[str], outside: Collection[str]) -> bool:
    """Whether tags differ as they do when an honest publisher renames a finished wheel.

    That is: `any` made one platform, or the same processor with a `linux`, `manylinux` or `macosx` platform made more
    or less specific, or some of the processors of a fat macOS platform (`intel` made `x86_64`), and pure interpreter
    tags (`py2`, `py3`) added outside. All else stays.

    Args:
        inside: expanded tags of WHEEL.
        outside: expanded tags of the file name.
    """
    if len(inside) * len(outside) > MAX_TAGS:
        return False
    known, said = [tag.split("-") for tag in inside], [tag.split("-") for tag in outside]
    return all(any(_renames(old, new, wider=False) for new in said) for old in known) and all(
        any(_renames(old, new, wider=True) for old in known) for new in said
    )


def _renames(old: list[str], new: list[str], *, wider: bool) -> bool:
    pure = wider and old[1] == new[1] == "none" and {old[0], new[0]} <= {"py2", "py3"}
    if old[1] != new[1] or not (old[0] == new[0] or pure):
        return False
    if old[2] == new[2] or old[2] == "any":
        return True
    before, after = _PLATFORM.fullmatch(old[2]), _PLATFORM.fullmatch(new[2])
    if before is None or after is None:
        return False
    same = before["system"] == after["system"] or (
        before["system"] == "linux" and after["system"] != "macosx"
    )
    return same and _processors(after) <= _processors(before)


def _processors(platform: re.Match[str]) -> set[str]:
    only = {platform["processor"]}
    return _FAT.get(platform["processor"], only) if platform["system"] == "macosx" else only
