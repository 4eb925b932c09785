"""Published digests, whatever form they come in: the form is told by the content, never by the file's name.

Read: digest lists (`SHA256SUMS`), requirements files with hashes, `pylock.toml`, an index's JSON, and one digest on
the command line. Anything else is an `InputError` with one clear line. Nothing is fetched and nothing is compared.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from epochly_verify.errors import InputError
from epochly_verify.limits import DEFAULT, Limits
from epochly_verify.parse.hash_source import (
    HashSource,
    algorithm_from_name,
    algorithms_to_compute,
    expected_hash,
    text_from_bytes,
)
from epochly_verify.parse.index_json import parse_index_json
from epochly_verify.parse.pylock import parse_pylock
from epochly_verify.parse.quote import quoted
from epochly_verify.parse.requirements_file import parse_requirements
from epochly_verify.parse.sums import is_sums_line, parse_sums, significant_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from epochly_verify.model import ExpectedHash

__all__ = [
    "HASH_OPTION",
    "PARSERS",
    "HashSource",
    "algorithms_to_compute",
    "expected_from",
    "parse_hash_option",
    "parse_hash_source",
]

HASH_OPTION = "--hash"
PARSERS: Mapping[str, Callable[[bytes, str, Limits], HashSource]] = {
    "sums": parse_sums,
    "requirements": parse_requirements,
    "pylock": parse_pylock,
    "index": parse_index_json,
}
_LOCK_VERSION = re.compile(r"^[ \t]*[\"']?lock-version[\"']?[ \t]*=", re.MULTILINE)
_HINT = "give a SHA256SUMS, a requirements file with hashes, a pylock.toml or the index's JSON; one digest goes to `--hash`"


def parse_hash_source(data: bytes, origin: str, limits: Limits = DEFAULT) -> HashSource:
    """Read a source of digests of any known format.

    Args:
        data: the whole file.
        origin: the file as the user named it; findings and errors repeat it.
        limits: `text_bytes` bounds the file.

    Raises:
        InputError: with the code `unknown-format`, or what the format's own parser raises.
    """
    return PARSERS[_format(text_from_bytes(data, origin, limits), origin)](data, origin, limits)


def expected_from(
    format_name: str, data: bytes, filename: str, *, origin: str, limits: Limits = DEFAULT
) -> tuple[ExpectedHash, ...]:
    """The digests one source of a known format (a key of `PARSERS`) publishes for one artifact.

    Raises:
        InputError: what the format's parser raises.
    """
    return PARSERS[format_name](data, origin, limits).expected_for(filename)


def parse_hash_option(text: str) -> ExpectedHash:
    """Read the value of `--hash`: `sha256:HEX`, `sha256=HEX`, or 64 hexadecimal digits alone.

    Raises:
        InputError: `bad-hash`.
    """
    value = text.strip()
    name, separator, digest = value.partition(":") if ":" in value else value.partition("=")
    if not separator:
        name, digest = "sha256", value
    algorithm = algorithm_from_name(name)
    if algorithm is None:
        raise InputError(
            "bad-hash",
            HASH_OPTION,
            f"{quoted(name, most=80)} is no known digest algorithm",
            "write `--hash sha256:` and 64 hexadecimal digits",
        )
    return expected_hash(algorithm, digest, origin=HASH_OPTION)


def _format(text: str, origin: str) -> str:
    start = text.lstrip()[:200]
    if start.startswith("{"):
        return "index"
    if _LOCK_VERSION.search(text):
        return "pylock"
    first = next((line for _, line in significant_lines(text)), "")
    if is_sums_line(first):
        return "sums"
    if "--hash" in text or "#sha256=" in text:
        return "requirements"
    if start.startswith("<"):
        raise InputError("unknown-format", origin, "is HTML or XML", "ask the index for JSON (PEP 691)")
    if start.startswith("-----BEGIN PGP"):
        raise InputError(
            "unknown-format",
            origin,
            "is wrapped in a PGP signature",
            "check that signature with its own tool, then give the text inside",
        )
    raise InputError("unknown-format", origin, "holds no digests in a form this tool knows", _HINT)
