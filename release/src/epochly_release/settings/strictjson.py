"""JSON bytes -> plain values, strictly and bounded; what is not as it should be is an `InputError` that names the file.

Specification: RFC 8259; keys that stand twice are refused (section 4 leaves them open).
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

from epochly_release.errors import InputError

MOST_BYTES = 4 * 1024 * 1024  # bytes; a ruleset is about 2 KiB
MOST_DEPTH = 20  # levels; the API's answers have about eight


def json_value(data: bytes, path: str, most_bytes: int = MOST_BYTES) -> Any:
    """The one JSON value in the bytes; keys are unique, numbers are numbers, and nothing is deeper than `MOST_DEPTH`.

    Raises:
        InputError: it is no such JSON.
    """
    if len(data) > most_bytes:
        refuse("too-large", path, f"longer than {most_bytes} bytes", "give the answer about one setting")
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        refuse("not-json", path, f"no JSON: {str(error)[:120]}", "give the file as the API answered")
    if _depth(value) > MOST_DEPTH:
        refuse("too-deep", path, f"deeper than {MOST_DEPTH} levels", "give the file as the API answered")
    return value


def _depth(value: Any) -> int:
    """Levels of a JSON value, counted without descending by calls."""
    depth, level = 0, [value]
    while level:
        depth += 1
        inner: list[Any] = []
        for one in level:
            inner += one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
        level = inner
    return depth


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a key stands twice")
    return table


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def table_in(value: Any, path: str) -> dict[str, Any]:
    """The value, which must be an object."""
    if not isinstance(value, dict):
        refuse(
            "odd-setting",
            path,
            "holds something else where an object belongs",
            "compare it with the API's answer",
        )
    return value


def list_in(value: Any, path: str) -> list[Any]:
    """The value, which must be a list."""
    if not isinstance(value, list):
        refuse(
            "odd-setting",
            path,
            "holds something else where a list belongs",
            "compare it with the API's answer",
        )
    return value


def name_in(value: Any, path: str) -> str:
    """The value, which must be a text that is not empty."""
    if not isinstance(value, str) or not value:
        refuse(
            "odd-setting",
            path,
            "holds something else where a name belongs",
            "compare it with the API's answer",
        )
    return value


def refuse(code: str, path: str, message: str, hint: str) -> NoReturn:
    """Raise an `InputError` about the file."""
    raise InputError(code, path, message, hint) from None
