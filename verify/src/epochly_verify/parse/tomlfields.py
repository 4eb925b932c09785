"""Typed reading of our own TOML: the value with the right type, or a `PolicyError` that names the key and its cure.

Unlike foreign documents, which may grow, a document of ours holds known keys only: a misspelt key would otherwise
be a rule that is silently not in force.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from epochly_verify.errors import PolicyError
from epochly_verify.parse.quote import quoted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

MAX_TEXT = 2048  # characters of one string; the longest URIs in certificates have some hundred
MAX_ITEMS = 1000  # items of one list or tables of one array; policies hold some dozens

_KINDS: Mapping[type, str] = {
    str: "a string",
    list: "a list",
    dict: "a table",
    bool: "a boolean",
    int: "a number",
    float: "a number",
}


@dataclass(frozen=True, slots=True)
class TomlTable:
    """One TOML table with the path that leads to it, e.g. `rule[1].identity[0]`, empty for the document."""

    values: Mapping[str, Any]
    origin: str
    path: str = ""

    def where(self, key: str = "") -> str:
        """The origin and the path to a key of this table, as errors name it."""
        step = key if key.isascii() and key.isprintable() and len(key) <= 80 else quoted(key, most=80)
        path = ".".join(part for part in (self.path, step) if part)
        return f"{self.origin}: {path}" if path else self.origin

    def bad(self, key: str, message: str, hint: str, code: str = "policy-value") -> PolicyError:
        """An error about one key, or with an empty `key` about the table."""
        return PolicyError(code, self.where(key), message, hint)

    def allow(self, known: Collection[str], what: str) -> None:
        """Refuse a key that is not in `known`; `what` says what the table is, as in "a rule"."""
        for key in self.values:
            if key not in known:
                hint = nearest(key, known, "keys")
                raise self.bad(key, f"{what} has no such key", hint, "policy-unknown-key")

    def text(self, key: str) -> str:
        """A string without control characters; empty when the key is absent, and only then."""
        return self._text(key, self.values[key]) if key in self.values else ""

    def texts(self, key: str) -> tuple[str, ...]:
        """A string or a list of strings; empty when the key is absent."""
        value = self.values.get(key, [])
        if isinstance(value, str):
            return (self._text(key, value),)
        if value == [] and key in self.values:
            raise self.bad(key, "is an empty list", "leave the key out if it does not matter")
        return tuple(self._text(f"{key}[{i}]", item) for i, item in enumerate(self._list(key, value)))

    def number_text(self, key: str) -> str:
        """A whole number, bare or between quotes, in digits; empty when the key is absent."""
        value = self.values.get(key, "")
        if key not in self.values:
            return ""
        if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**20:
            return str(value)
        if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 20:
            return value
        raise self.bad(key, "is no number in digits", 'give the number the forge shows, e.g. `"772247423"`')

    def flag(self, key: str) -> bool:
        """A boolean, false when the key is absent."""
        value = self.values.get(key, False)
        if not isinstance(value, bool):
            raise self._wrong(key, value, "a boolean", "write `true` or `false`, without quotes")
        return value

    def positive(self, key: str) -> int:
        """A whole number above zero that must be there."""
        value = self.values.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 2**63:
            raise self.bad(
                key, "is no whole number above zero", "write it in plain digits, without quotes or unit"
            )
        return value

    def table(self, key: str) -> TomlTable:
        """A table, empty when the key is absent."""
        return self._table(key, self.values.get(key, {}), f"[{key}]")

    def tables(self, key: str) -> tuple[TomlTable, ...]:
        """An array of tables, empty when the key is absent."""
        items = self._list(key, self.values.get(key, []), f"write each as `[[{key}]]`")
        return tuple(self._table(f"{key}[{i}]", item, f"[[{key}]]") for i, item in enumerate(items))

    def _table(self, key: str, value: Any, header: str) -> TomlTable:
        if not isinstance(value, dict):
            raise self._wrong(key, value, "a table", f"write it as `{header}`")
        path = f"{self.path}.{key}" if self.path else key
        return TomlTable(value, self.origin, path)

    def _list(self, key: str, value: Any, hint: str = 'write `["..."]`') -> list[Any]:
        if not isinstance(value, list):
            raise self._wrong(key, value, "a list", hint)
        if len(value) > MAX_ITEMS:
            raise self.bad(key, f"holds {len(value)} items, more than {MAX_ITEMS}", "use a pattern")
        return value

    def _text(self, key: str, value: Any) -> str:
        if not isinstance(value, str):
            raise self._wrong(key, value, "a string", 'write it between quotes: `"..."`')
        if not value:
            raise self.bad(key, "is empty", "leave the key out if it does not matter")
        if len(value) > MAX_TEXT:
            raise self.bad(key, f"has {len(value)} characters, more than {MAX_TEXT}", "shorten it")
        if not value.isprintable():
            raise self.bad(key, f"holds a character that does not print: {quoted(value)}", "type it anew")
        return value

    def _wrong(self, key: str, value: Any, wanted: str, hint: str) -> PolicyError:
        found = _KINDS.get(type(value), "a date or time")  # the only other types TOML has
        return self.bad(key, f"is {found}, not {wanted}", hint, "policy-type")


def nearest(word: str, known: Iterable[str], what: str) -> str:
    """A hint for a misspelt word: the nearest known one, or all of them when none is near."""
    from difflib import get_close_matches  # noqa: PLC0415 - only on the way to an error

    names = sorted(known)
    close = get_close_matches(word[:80].lower().replace("_", "-"), names, n=1)
    if close:
        return f"did you mean `{close[0]}`?"
    shown = ", ".join(f"`{name}`" for name in names[:20])
    return f"known {what} are {shown}" + (", ..." if len(names) > 20 else "")
