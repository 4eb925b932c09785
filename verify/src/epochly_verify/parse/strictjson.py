"""JSON with one meaning: the same bytes cannot be read as two different values by two readers.

Refused: anything but UTF-8 without byte-order mark, a key that stands twice in one object, numbers JSON does not
have (`NaN`, `Infinity`, `1e999`), escapes that are half a surrogate pair, and nesting deeper than `MAX_DEPTH`.
The caller bounds the length. https://www.rfc-editor.org/rfc/rfc8259 and https://www.rfc-editor.org/rfc/rfc7493
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any

from epochly_verify.errors import InputError
from epochly_verify.parse.quote import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_DEPTH = 100  # nested objects and arrays; bundles, provenance and index documents stay below 20
MAX_CONTAINERS = (
    1_000_000  # objects and arrays, some 64 bytes each and more; the largest index documents have 100k
)
_HINT = "give the file as it was published"
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")


def load_json(data: bytes, origin: str) -> Any:
    """Read one JSON document.

    Args:
        data: its bytes; their number is the caller's to bound.
        origin: what to call it in an error.

    Raises:
        InputError: `bad-json`, whatever is wrong with it.
    """

    def refuse(message: str) -> InputError:
        return InputError("bad-json", origin, message, _HINT)

    def unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
        table = dict(pairs)
        if len(table) != len(pairs):  # RFC 8259 section 4: what readers do with such an object differs
            seen: set[str] = set()
            twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
            raise refuse(f"the key {quoted(twice, most=80)} stands twice in one object")
        return table

    def finite(text: str) -> float:
        number = float(text)
        if not math.isfinite(number):
            raise refuse(f"the number {text[:40]} is too large")
        return number

    def constant(text: str) -> Any:
        raise refuse(f"{text} is no JSON number")

    if data.count(b"[") + data.count(b"{") > MAX_CONTAINERS:
        raise refuse(f"more than {MAX_CONTAINERS} objects and arrays")
    try:
        value = json.loads(
            data.decode("utf-8"), object_pairs_hook=unique, parse_float=finite, parse_constant=constant
        )
    except UnicodeDecodeError as error:
        raise refuse(f"not UTF-8 at byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise refuse(f"not JSON at line {error.lineno} column {error.colno}") from error
    except ValueError as error:  # the interpreter's bound on the digits of an integer
        raise refuse("a number has too many digits") from error
    except RecursionError as error:
        raise refuse(f"nested deeper than {MAX_DEPTH}") from error
    if _deeper_than(value, MAX_DEPTH):
        raise refuse(f"nested deeper than {MAX_DEPTH}")
    if _SURROGATE_ESCAPE.search(data):
        try:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError as error:
            raise refuse("half of a surrogate pair stands alone in a string") from error
    return value


def _deeper_than(value: Any, depth: int) -> bool:
    """Whether containers nest deeper; level by level, so that the answer needs no stack."""
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(depth):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return False
    return True
