"""Typed reading of documents a user gave (lock files, index answers): a wrong type is an `InputError` with its path.

Unknown keys are left alone: these formats belong to others and grow. Signed evidence is read with `fields.py`,
because there a wrong type is a finding against the artifact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from epochly_verify.errors import InputError
from epochly_verify.parse.quote import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")

_HINT = "give the document as its tool or the index wrote it"
_NAMES: Mapping[type, str] = {
    str: "a string",
    list: "a list",
    dict: "a mapping",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    type(None): "null",
}


class Table:
    """One mapping of a parsed document, and the path that leads to it."""

    __slots__ = ("origin", "path", "value")

    def __init__(self, value: Any, origin: str, path: str = "") -> None:
        if not isinstance(value, dict):
            raise InputError("bad-field", origin, _wrong(path, value, dict), _HINT)
        self.value: Mapping[str, Any] = value
        self.origin = origin
        self.path = path

    def has(self, key: str) -> bool:
        """Whether the key is there, with any value."""
        return key in self.value

    def text(self, key: str) -> str:
        """A string that must be there."""
        return self._typed(key, str)

    def optional_text(self, key: str) -> str:
        """A string, empty when the key is absent."""
        return self._typed(key, str) if key in self.value else ""

    def table(self, key: str) -> Table:
        """A mapping that must be there."""
        return Table(self._typed(key, dict), self.origin, self._path(key))

    def tables(self, key: str) -> list[Table]:
        """A list of mappings, empty when the key is absent."""
        if key not in self.value:
            return []
        path = self._path(key)
        return [Table(item, self.origin, f"{path}[{i}]") for i, item in enumerate(self._typed(key, list))]

    def texts(self) -> Mapping[str, str]:
        """The whole mapping, every value of which must be a string."""
        for key, value in self.value.items():
            if not isinstance(value, str):
                raise self.wrong(key, _wrong("", value, str))
        return self.value

    def wrong(self, key: str, message: str) -> InputError:
        """An error about one key, or with an empty `key` about the mapping itself."""
        return InputError(
            "bad-field", self.origin, f"`{self._path(key) if key else self.path}` {message}", _HINT
        )

    def _typed(self, key: str, kind: type[T]) -> T:
        if key not in self.value:
            raise self.wrong(key, "is missing")
        value = self.value[key]
        if not isinstance(value, kind):
            raise self.wrong(key, _wrong("", value, kind))
        return value

    def _path(self, key: str) -> str:
        step = quoted(key, most=80)[1:-1]
        return f"{self.path}.{step}" if self.path else step


def _wrong(path: str, value: Any, kind: type) -> str:
    found = _NAMES.get(type(value), "a date or time")  # the only other types TOML and JSON have
    clause = f"is {found}, not {_NAMES[kind]}"
    if path:
        return f"`{path}` {clause}"
    return clause
