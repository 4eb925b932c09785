"""Lock files `pylock.toml` (PEP 751): the digests of each package's files, and who may have attested them.

Refused: a lock version other than 1.x, and anything whose types are not the specified ones. Packages from a
directory or a version control system have no digest and give nothing; markers are not evaluated.
https://packaging.python.org/specifications/pylock-toml/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name
from packaging.version import Version

from epochly_verify.errors import InputError
from epochly_verify.parse.hash_source import (
    Entry,
    HashSource,
    ensure_size,
    expected_hashes,
    filename_from_address,
)
from epochly_verify.parse.quote import quoted
from epochly_verify.parse.stricttoml import load_toml
from epochly_verify.parse.tables import Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from epochly_verify.limits import Limits


def parse_pylock(data: bytes, origin: str, limits: Limits) -> HashSource:
    """Read a lock file.

    A file the lock does not name, of a release it does, must have the digest of one of the files it names: an
    installer bound to the lock would refuse it as well.

    Raises:
        InputError: `too-large`, `bad-toml`, `unknown-format`, `unsupported-version`, `bad-field` or `bad-hash`.
    """
    ensure_size(data, origin, limits)
    document = Table(load_toml(data, origin), origin)
    _ensure_version(document)
    if not document.has("packages"):
        raise document.wrong("packages", "is missing")
    entries: list[Entry] = []
    for package in document.tables("packages"):
        project = str(canonicalize_name(package.text("name")))
        version = _version(package)
        identities = tuple(_identities(package))
        for file in _files(package):
            hashes = expected_hashes(
                file.table("hashes").texts(),
                origin=f"{origin}:{file.path}",
                source=origin,
                candidate=len(entries),
            )
            entries.append(
                Entry(hashes, _filename(file), project, version, any_local=False, identities=identities)
            )
    return HashSource(origin, "pylock", tuple(entries))


def _ensure_version(document: Table) -> None:
    if not document.has("lock-version"):
        raise InputError(
            "unknown-format",
            document.origin,
            "TOML without a top-level `lock-version`",
            "export the lock as a `pylock.toml` (PEP 751)",
        )
    version = document.text("lock-version")
    if version.partition(".")[0] != "1":
        raise InputError(
            "unsupported-version",
            document.origin,
            f"`lock-version` is {quoted(version, most=80)}, only 1.x is known",
            "export the lock in version 1.0",
        )


def _version(package: Table) -> Version | None:
    text = package.optional_text("version")
    if not text:
        return None
    try:
        return Version(text)
    except ValueError as error:
        raise package.wrong("version", f"is {quoted(text, most=80)}, no version by PEP 440") from error


def _identities(package: Table) -> Iterator[Mapping[str, Any]]:
    for identity in package.tables("attestation-identities"):
        identity.text("kind")
        yield identity.value


def _files(package: Table) -> Iterator[Table]:
    yield from package.tables("wheels")
    for key in ("sdist", "archive"):
        if package.has(key):
            yield package.table(key)


def _filename(file: Table) -> str:
    """The file's name: `name`, else what `path` or `url` ends with."""
    for key in ("name", "path", "url"):
        text = file.optional_text(key)
        name = text if key == "name" else filename_from_address(text)
        if name:
            return name
    raise file.wrong("", "has neither `name` nor `path` nor `url` with a file name")
