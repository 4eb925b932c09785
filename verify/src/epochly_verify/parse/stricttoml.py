"""TOML 1.0 from untrusted bytes: `tomllib`, with its costs bounded and every failure made an `InputError`.

Refused besides what TOML refuses: keys of more than `MAX_KEY_PARTS` dotted parts, for which the standard reader
takes quadratic time, and a byte-order mark. The caller bounds the length. https://toml.io/en/v1.0.0
"""

from __future__ import annotations

import re
import tomllib
from typing import Any

from epochly_verify.errors import InputError
from epochly_verify.parse.quote import quoted

MAX_KEY_PARTS = 32  # dotted parts of one key; lock files and policies use up to 4
_HINT = "give a TOML file as its tool wrote it"
# Every character belongs to exactly one match, so that finding them all takes linear time on any text.
_TOKEN = re.compile(
    r"""(?P<part>"(?:[^"\\\n]++|\\.)*+"?|'[^'\n]*+'?|[\w-]++)|(?P<dot>\.)|(?P<space>[ \t]++)|#[^\n]*+|[\s\S]"""
)


def load_toml(data: bytes, origin: str) -> dict[str, Any]:
    """Read one TOML document.

    Args:
        data: its bytes; their number is the caller's to bound.
        origin: what to call it in an error.

    Raises:
        InputError: `bad-toml`, whatever is wrong with it.
    """
    try:
        text = data.decode("utf-8")
        if _longest_key(text) > MAX_KEY_PARTS:
            raise InputError("bad-toml", origin, f"a key has more than {MAX_KEY_PARTS} dotted parts", _HINT)
        return tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise InputError("bad-toml", origin, f"not UTF-8 at byte {error.start}", _HINT) from error
    except tomllib.TOMLDecodeError as error:
        raise InputError("bad-toml", origin, f"not TOML ({_printable(error)})", _HINT) from error
    except ValueError as error:  # the interpreter's bound on the digits of an integer
        raise InputError("bad-toml", origin, "a number has too many digits", _HINT) from error
    except RecursionError as error:
        raise InputError("bad-toml", origin, "nested too deep", _HINT) from error


def _longest_key(text: str) -> int:
    """The most parts joined by dots anywhere in the text; strings that look like keys count as keys."""
    longest = parts = 0
    after_dot = False
    for token in _TOKEN.finditer(text):
        match token.lastgroup:
            case "space":
                continue
            case "part":
                parts = parts + 1 if after_dot else 1
                longest = max(longest, parts)
                after_dot = False
            case "dot" if parts and not after_dot:
                after_dot = True
            case _:
                parts, after_dot = 0, False
    return longest


def _printable(error: Exception) -> str:
    """The reader's own words as one clause; it quotes the document, which may hold anything."""
    text = quoted(str(error))[1:-1]
    return text[:1].lower() + text[1:]
