"""One parsed source of published digests: which files it speaks of, and which digests it accepts for them.

The formats are read in `sums.py`, `requirements_file.py`, `pylock.py` and `index_json.py`; `hashes.py` chooses. A source
is parsed once and asked for hundreds of artifacts. It never decides: digests are compared in `checks/hash.py`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from packaging.version import Version

from epochly_verify.errors import InputError
from epochly_verify.model import ExpectedHash
from epochly_verify.parse.filename import parse_filename
from epochly_verify.parse.quote import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from epochly_verify.limits import Limits

# Bytes of a digest by `hashlib` name: the fixed-length members of `hashlib.algorithms_guaranteed`.
DIGEST_BYTES: Mapping[str, int] = MappingProxyType(
    {
        "md5": 16,
        "sha1": 20,
        "sha224": 28,
        "sha256": 32,
        "sha384": 48,
        "sha512": 64,
        "sha3_224": 28,
        "sha3_256": 32,
        "sha3_384": 48,
        "sha3_512": 64,
        "blake2b": 64,
        "blake2s": 32,
    }
)
# Below the 128-bit collision strength of SHA-256: they never vouch for an artifact.
WEAK_ALGORITHMS = frozenset({"md5", "sha1", "sha224", "sha3_224"})
_OTHER_SPELLINGS: Mapping[str, str] = {
    "sha_1": "sha1",
    "sha_224": "sha224",
    "sha_256": "sha256",
    "sha_384": "sha384",
    "sha_512": "sha512",
    "sha2_224": "sha224",
    "sha2_256": "sha256",
    "sha2_384": "sha384",
    "sha2_512": "sha512",
}
_HEX = re.compile(r"[0-9a-fA-F]+")


@dataclass(frozen=True, slots=True)
class Entry:
    """What a source says of one file, or of any one file of a release.

    Attributes:
        hashes: all share the entry's `candidate` number; may be empty.
        filename: the file as the source spells it, directories included; empty when it names only a release.
        project: PEP 503-normalised; empty when it names only a file.
        version: the release; `None` when it names only a file.
        any_local: `version` also stands for its local versions (`1.0` for `1.0+cu118`), as `==` does.
        identities: PEP 751 `attestation-identities` of the package, as parsed.
    """

    hashes: tuple[ExpectedHash, ...]
    filename: str = ""
    project: str = ""
    version: Version | None = None
    any_local: bool = False
    identities: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class HashSource:
    """A parsed source of digests.

    Attributes:
        origin: the source as the user named it; every `ExpectedHash.source` in it is equal to it.
        format: `sums`, `requirements`, `pylock` or `index`.
        entries: what it lists, in its order.
        notes: lower-case clauses about what was not followed, for the user.
    """

    origin: str
    format: str
    entries: tuple[Entry, ...]
    notes: tuple[str, ...] = ()
    _by_file: Mapping[str, list[Entry]] = field(init=False, repr=False, compare=False)
    _by_project: Mapping[str, list[Entry]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_file: dict[str, list[Entry]] = {}
        by_project: dict[str, list[Entry]] = {}
        for entry in self.entries:
            if entry.filename:
                by_file.setdefault(_last_component(entry.filename), []).append(entry)
            if entry.project and entry.version is not None:
                by_project.setdefault(entry.project, []).append(entry)
        object.__setattr__(self, "_by_file", by_file)
        object.__setattr__(self, "_by_project", by_project)

    def expected_for(self, filename: str) -> tuple[ExpectedHash, ...]:
        """The digests this source publishes for the artifact of that file name; empty when it gives none."""
        found = dict.fromkeys(digest for entry in self._entries_for(filename) for digest in entry.hashes)
        return tuple(found)

    def identities_for(self, filename: str) -> tuple[Mapping[str, Any], ...]:
        """The `attestation-identities` tables of the packages the artifact belongs to (only a `pylock.toml` has any)."""
        found: list[Mapping[str, Any]] = []
        for entry in self._entries_for(filename):
            found += [identity for identity in entry.identities if identity not in found]
        return tuple(found)

    def _entries_for(self, filename: str) -> list[Entry]:
        """The entries that name the file; where none does, those that name its release."""
        named = self._by_file.get(filename, [])
        if named:
            # `a/x.whl` and `b/x.whl` with different digests: which one is meant cannot be known.
            digests = {frozenset((one.algorithm, one.digest) for one in entry.hashes) for entry in named}
            same_file = len({entry.filename for entry in named}) == 1
            return named if same_file or len(digests) == 1 else [e for e in named if e.filename == filename]
        try:
            name = parse_filename(filename)
        except ValueError:
            return []
        return [entry for entry in self._by_project.get(name.project, []) if _is_release(entry, name.version)]


def algorithm_from_name(text: str) -> str | None:
    """The `hashlib` name for a name as people write it (`SHA-256`, `SHA2-256`, `sha3_256`); `None` if unknown."""
    lowered = text.lower().replace("-", "_")
    lowered = _OTHER_SPELLINGS.get(lowered, lowered)
    return lowered if lowered in DIGEST_BYTES else None


def expected_hash(
    algorithm: str, digest: str, *, origin: str, source: str = "", candidate: int = 0
) -> ExpectedHash:
    """One digest, checked for its alphabet and length.

    Raises:
        InputError: `bad-hash`.
    """
    digits = 2 * DIGEST_BYTES[algorithm]
    if len(digest) != digits or not _HEX.fullmatch(digest):
        seen = f"{len(digest)} characters" if _HEX.fullmatch(digest) else quoted(digest, most=20)
        raise InputError(
            "bad-hash",
            origin,
            f"a {algorithm} digest has {digits} hexadecimal digits, this is {seen}",
            "copy the digest again, whole",
        )
    return ExpectedHash(algorithm, digest.lower(), origin, source or origin, candidate)


def expected_hashes(
    table: Mapping[str, str], *, origin: str, source: str, candidate: int
) -> tuple[ExpectedHash, ...]:
    """The digests of one file, as lock files and indexes give them: algorithm name to hexadecimal.

    Algorithms this tool cannot compute are left out, and so are weak ones that a strong one stands beside.

    Raises:
        InputError: `bad-hash`.
    """
    found = [
        expected_hash(algorithm, digest, origin=origin, source=source, candidate=candidate)
        for name, digest in table.items()
        if (algorithm := algorithm_from_name(name)) is not None
    ]
    return tuple([one for one in found if one.algorithm not in WEAK_ALGORITHMS] or found)


def algorithms_to_compute(expected: Iterable[ExpectedHash]) -> frozenset[str]:
    """The algorithms, by `hashlib` name, an artifact must be digested with to be compared; weak ones are not."""
    return frozenset(one.algorithm for one in expected) - WEAK_ALGORITHMS


def filename_from_address(address: str) -> str:
    """The file name a URL or path ends with, percent-decoded; empty when it ends with none."""
    from urllib.parse import unquote  # noqa: PLC0415 - importing takes longer than parsing most sources

    return unquote(_last_component(re.split(r"[?#]", address, maxsplit=1)[0]))


def text_from_bytes(data: bytes, origin: str, limits: Limits) -> str:
    """A text source, without its byte-order mark.

    Raises:
        InputError: `too-large`, `not-text` or `empty`.
    """
    ensure_size(data, origin, limits)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            "not-text", origin, f"not UTF-8 at byte {error.start}", "save it as UTF-8 text"
        ) from error
    if "\0" in text:
        raise InputError("not-text", origin, "holds a NUL byte", "save it as UTF-8 text with a line an entry")
    if not text.strip():
        raise InputError("empty", origin, "is empty", "give a file that lists digests")
    return text


def ensure_size(data: bytes, origin: str, limits: Limits) -> None:
    """Refuse what is longer than `limits.text_bytes` with `InputError` `too-large`."""
    if len(data) > limits.text_bytes:
        raise InputError(
            "too-large",
            origin,
            f"is {len(data)} bytes, more than {limits.text_bytes}",
            "give only the part that lists the artifacts",
        )


def _is_release(entry: Entry, version: Version) -> bool:
    if entry.version is None:
        return False
    if entry.version == version:
        return True
    return entry.any_local and version.local is not None and entry.version == Version(version.public)


def _last_component(path: str) -> str:
    return re.split(r"[/\\]", path)[-1]
