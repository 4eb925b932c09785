"""What a forge answers about releases and their assets, as values: JSON in, frozen values out, or one clear error.

Pure. A field that is missing or of another type is an `InputError` that names it; nothing is guessed.

Specification: GitHub's REST API, "releases" and "release assets".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from epochly_release.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T", str, int, bool)


@dataclass(frozen=True, slots=True)
class Release:
    """A release as the forge has it."""

    id: int
    tag: str
    name: str
    body: str
    draft: bool
    prerelease: bool
    immutable: bool
    upload_url: str


@dataclass(frozen=True, slots=True)
class Asset:
    """An asset as the forge has it; `digest` is empty where the forge gives none."""

    id: int
    name: str
    state: str
    size: int
    digest: str


def release_in(where: str, value: Any) -> Release:
    """The release in an answer; raises `InputError`."""
    table = table_in(where, value)
    return Release(
        id=value_in(where, table, "id", int),
        tag=value_in(where, table, "tag_name", str),
        name=value_in(where, table, "name", str, absent=""),
        body=value_in(where, table, "body", str, absent=""),
        draft=value_in(where, table, "draft", bool),
        prerelease=value_in(where, table, "prerelease", bool),
        immutable=value_in(where, table, "immutable", bool, absent=False),
        upload_url=value_in(where, table, "upload_url", str),
    )


def asset_in(where: str, value: Any) -> Asset:
    """The asset in an answer; raises `InputError`."""
    table = table_in(where, value)
    return Asset(
        id=value_in(where, table, "id", int),
        name=value_in(where, table, "name", str),
        state=value_in(where, table, "state", str),
        size=value_in(where, table, "size", int),
        digest=value_in(where, table, "digest", str, absent=""),
    )


def table_in(where: str, value: Any) -> Mapping[str, Any]:
    """The value, which must be an object."""
    return value if isinstance(value, dict) else _odd(where, "an object")


def list_in(where: str, value: Any) -> list[Any]:
    """The value, which must be a list."""
    return value if isinstance(value, list) else _odd(where, "a list")


def value_in(where: str, table: Mapping[str, Any], key: str, kind: type[T], *, absent: T | None = None) -> T:
    """The value of a key; `absent` stands for null or no key, where that may be."""
    value = table.get(key)
    if value is None and absent is not None:
        return absent
    return value if type(value) is kind else _odd(where, f"`{key}` as {kind.__name__}")


def _odd(where: str, what: str) -> NoReturn:
    message = f"holds something else where {what} belongs"
    raise InputError("forge-answer", where, message, "see whether this is the forge's API")
