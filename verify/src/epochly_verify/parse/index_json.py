"""What a package index says of its files, saved as JSON: the Simple API (PEP 691) and the older project document.

Only digests and file names are read. Refused: a Simple API of another major version, and anything whose types are
not the documented ones. Fetching is not done here. https://packaging.python.org/specifications/simple-repository-api/
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from epochly_verify.errors import InputError
from epochly_verify.parse.hash_source import Entry, HashSource, ensure_size, expected_hashes
from epochly_verify.parse.quote import quoted
from epochly_verify.parse.strictjson import load_json
from epochly_verify.parse.tables import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from epochly_verify.limits import Limits

_HINT = "give the index's Simple API JSON (PEP 691) or its project JSON"


def parse_index_json(data: bytes, origin: str, limits: Limits) -> HashSource:
    """Read an index's answer.

    Raises:
        InputError: `too-large`, `bad-json`, `unknown-format`, `unsupported-version`, `bad-field` or `bad-hash`.
    """
    ensure_size(data, origin, limits)
    document = Table(load_json(data, origin), origin)
    if document.has("files"):
        _ensure_version(document)
        files = _simple_files(document)
    elif document.has("urls") or document.has("releases"):
        files = _project_files(document)
    else:
        raise InputError(
            "unknown-format", origin, "JSON with neither `files` nor `urls` nor `releases`", _HINT
        )
    entries = tuple(
        Entry(
            expected_hashes(
                digests.texts(), origin=f"{origin}:{file.path}", source=origin, candidate=candidate
            ),
            filename=file.text("filename"),
        )
        for candidate, (file, digests) in enumerate(files)
    )
    return HashSource(origin, "index", entries)


def _ensure_version(document: Table) -> None:
    """PEP 629: another major version may mean anything; a missing one is 1.0."""
    if not document.has("meta"):
        return
    meta = document.table("meta")
    version = meta.optional_text("api-version") or "1.0"
    if version.partition(".")[0] != "1":
        raise InputError(
            "unsupported-version",
            document.origin,
            f"`meta.api-version` is {quoted(version, most=80)}, only 1.x is known",
            _HINT,
        )


def _simple_files(document: Table) -> Iterator[tuple[Table, Table]]:
    for file in document.tables("files"):
        yield file, file.table("hashes")


def _project_files(document: Table) -> Iterator[tuple[Table, Table]]:
    for file in document.tables("urls"):
        yield file, file.table("digests")
    if document.has("releases"):
        releases = document.table("releases")
        for version in releases.value:
            for file in releases.tables(version):
                yield file, file.table("digests")
