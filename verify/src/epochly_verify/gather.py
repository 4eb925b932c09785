"""All the I/O: files, embedded data, (only when asked) the network. Everything has a byte limit.

`gather` turns a path into `Evidence`; nothing here decides whether it is good. Trust roots come from the package,
a file or `refresh.py`, always as bytes; no cache is read and the home directory is never touched.
"""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pkgutil import get_data
from typing import TYPE_CHECKING, Any

from epochly_verify.errors import InputError
from epochly_verify.limits import DEFAULT, Limits
from epochly_verify.model import ArtifactKind, Attached, AttachedSbom, Evidence, EvidenceKind
from epochly_verify.parse.archive import read_archive
from epochly_verify.parse.digests import digest_source
from epochly_verify.parse.filename import kind_from_filename
from epochly_verify.parse.hash_source import WEAK_ALGORITHMS
from epochly_verify.parse.source import FileSource

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from epochly_verify.model import Archive, ExpectedHash
    from epochly_verify.parse.hash_source import HashSource

# Beside `x.whl`: which endings hold evidence, and of which form. `.slsa.attestation` and `.publish.attestation` are
# the names PyPI's own tools write; a bare `.attestation` is not looked for, since its meaning is not fixed.
BESIDE = (
    (".sigstore.json", EvidenceKind.BUNDLE),
    (".sigstore", EvidenceKind.BUNDLE),
    (".publish.attestation", EvidenceKind.ATTESTATION),
    (".slsa.attestation", EvidenceKind.ATTESTATION),
    (".provenance", EvidenceKind.PROVENANCE),
)
SBOMS_BESIDE = (".cdx.json", ".sbom.json", ".cdx.sigstore.json")
SBOM_SIGNATURE = ".sigstore.json"  # beside an SBOM file: a signature over it
# What is called so and given as an SBOM attests one, and is never read as an SBOM without signature.
_ATTESTS = (".sigstore.json", ".sigstore")
_TOGETHER_BYTES = 1 << 20  # bytes of an artifact; starting a thread for less costs more than it gains
_STAGING, _PUBLIC_GOOD = "staging", "public-good"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to gather beside the artifact itself.

    Attributes:
        hashes: digests given for the one artifact (`--hash`).
        hash_sources: parsed files of published digests.
        evidence: signature evidence named by the user; `None` means look beside the artifact.
        sboms: SBOMs named by the user, or attestations that hold one; `None` means look beside the artifact, when it
            is a wheel.
        jobs: threads for reading one archive.
    """

    hashes: tuple[ExpectedHash, ...] = ()
    hash_sources: tuple[HashSource, ...] = ()
    evidence: tuple[Attached, ...] | None = None
    sboms: tuple[AttachedSbom, ...] | None = None
    jobs: int = 1


def gather(path: str, wanted: Wanted, limits: Limits = DEFAULT) -> Evidence:
    """Read one artifact and what belongs to it.

    Raises:
        InputError: it cannot be read, or is neither a wheel nor an sdist by its name.
    """
    filename = os.path.basename(path.rstrip("/")) or path
    kind = kind_from_filename(filename)
    with open_source(path) as source:
        if kind is None:
            raise InputError(
                "not-an-artifact",
                path,
                "neither a wheel nor an sdist by its name",
                "name a `.whl` or `.tar.gz` file",
            )
        if source.size_bytes > limits.artifact_bytes:
            raise InputError(
                "too-large",
                path,
                f"{source.size_bytes} bytes, more than {limits.artifact_bytes}",
                "raise the limit in a policy",
            )
        expected = [*wanted.hashes]
        sources = list(dict.fromkeys(given.origin for given in wanted.hashes))
        identities: list[Mapping[str, Any]] = []
        for hash_source in wanted.hash_sources:
            expected += hash_source.expected_for(filename)
            sources.append(hash_source.origin)
            identities += hash_source.identities_for(filename)
        algorithms = {each.algorithm for each in expected} - WEAK_ALGORITHMS
        names = ("sha256", *sorted(algorithms - {"sha256"}))
        digests, archive = _digests_and_archive(source, names, filename, limits, wanted.jobs)
        source.ensure_unchanged()
    attached = beside(path, limits) if wanted.evidence is None else wanted.evidence
    sboms = wanted.sboms
    if sboms is None:
        sboms = sboms_beside(path, limits) if kind is ArtifactKind.WHEEL else ()
    attested = {each: form for each in sboms if (form := _attests(each)) is not None}
    return Evidence(
        path=path,
        filename=filename,
        kind=kind,
        size_bytes=source.size_bytes,
        digests=digests,
        archive=archive,
        expected=tuple(expected),
        expected_sources=tuple(sources),
        attached=_with_sboms(attached, attested),
        lock_identities=tuple(identities),
        sboms=tuple(each for each in sboms if each not in attested),
    )


def _digests_and_archive(
    source: FileSource, algorithms: tuple[str, ...], filename: str, limits: Limits, jobs: int
) -> tuple[Mapping[str, str], Archive]:
    """The file's digests and its members: two readings, at the same time where that pays."""
    if jobs < 2 or source.size_bytes < _TOGETHER_BYTES:
        return digest_source(source, algorithms), read_archive(source, filename, limits, jobs=jobs)
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - only for large artifacts

    with ThreadPoolExecutor(max_workers=1) as other:
        digests = other.submit(digest_source, source, algorithms)
        archive = read_archive(source, filename, limits, jobs=jobs)
        return digests.result(), archive


def beside(path: str, limits: Limits) -> tuple[Attached, ...]:
    """The evidence files that lie beside an artifact, in a fixed order."""
    found = []
    for ending, kind in BESIDE:
        candidate = path + ending
        if os.path.lexists(candidate):
            found.append(Attached(candidate, kind, read_file(candidate, limits.evidence_bytes)))
    return tuple(found)


def sboms_beside(path: str, limits: Limits) -> tuple[AttachedSbom, ...]:
    """The SBOMs that lie beside a wheel, in a fixed order."""
    candidates = [path + ending for ending in SBOMS_BESIDE]
    return tuple(attached_sbom(candidate, limits) for candidate in candidates if os.path.lexists(candidate))


def attached_sbom(path: str, limits: Limits) -> AttachedSbom:
    """An SBOM from a file, with the signature that lies beside it; raises as `read_file`."""
    over = path + SBOM_SIGNATURE
    signatures: tuple[Attached, ...] = ()
    if os.path.lexists(over):
        signatures = (Attached(over, EvidenceKind.BUNDLE, read_file(over, limits.evidence_bytes)),)
    return AttachedSbom(path, read_file(path, limits.evidence_bytes), signatures)


def _attests(sbom: AttachedSbom) -> EvidenceKind | None:
    """In which form of evidence an SBOM comes; `None` for a plain document.

    Told by its name, else by its content; what could be read as either is an unsigned document, which claims less.
    """
    if b'"verification_material"' in sbom.data:
        kind = EvidenceKind.ATTESTATION
    elif b'"verificationMaterial"' in sbom.data or sbom.origin.endswith(_ATTESTS):
        kind = EvidenceKind.BUNDLE
    else:
        return None
    plain = b'"bomFormat"' in sbom.data or b'"spdxVersion"' in sbom.data
    return None if plain and not sbom.origin.endswith(_ATTESTS) else kind


def _with_sboms(
    attached: tuple[Attached, ...], attested: Mapping[AttachedSbom, EvidenceKind]
) -> tuple[Attached, ...]:
    """The evidence with the attestations that were given as SBOMs; a file that was given as both counts once."""
    found = tuple(Attached(each.origin, kind, each.data, as_sbom=True) for each, kind in attested.items())
    twice = {each.data for each in found}
    return (*(each for each in attached if each.data not in twice), *found)


def attached_file(path: str, limits: Limits, *, provenance: bool) -> Attached:
    """An evidence file the user named: a bundle, or under `--provenance` an attestation or provenance document.

    The form is read off the content, so that either option takes any of them.
    """
    data = read_file(path, limits.evidence_bytes)
    head = data[: limits.evidence_bytes]
    if b'"attestation_bundles"' in head:
        kind = EvidenceKind.PROVENANCE
    elif b'"verification_material"' in head:
        kind = EvidenceKind.ATTESTATION
    elif b'"verificationMaterial"' in head or b'"mediaType"' in head or not provenance:
        kind = EvidenceKind.BUNDLE
    else:
        kind = EvidenceKind.PROVENANCE
    return Attached(path, kind, data)


def read_file(path: str, most: int) -> bytes:
    """A small file as a whole.

    Raises:
        InputError: missing, a directory or device, unreadable, or longer than `most` bytes.
    """
    descriptor = _open(path)
    try:
        pieces = []
        left = most + 1
        while left > 0 and (piece := os.read(descriptor, min(left, 1 << 20))):
            pieces.append(piece)
            left -= len(piece)
    except OSError as error:
        raise InputError(
            "unreadable", path, f"cannot be read ({error.strerror})", "check the file"
        ) from error
    finally:
        os.close(descriptor)
    if left <= 0:
        raise InputError(
            "too-large", path, f"longer than {most} bytes", "this is no file of the kind expected here"
        )
    return b"".join(pieces)


def embedded_trust_root(*, staging: bool = False) -> tuple[bytes, str]:
    """The trust root that ships with the package, and its name for messages."""
    name = _STAGING if staging else _PUBLIC_GOOD
    return _embedded(f"{name}.json"), f"{name} (embedded)"


def _embedded(name: str) -> bytes:
    data = get_data("epochly_verify.data", f"trust-roots/{name}")
    assert data is not None  # only where a package was loaded in a way that cannot hold data
    return data


def without_evidence(evidence: Evidence, why: str) -> Evidence:
    """The same evidence when signatures cannot be judged at all."""
    return replace(evidence, trust_problem=why)


@contextmanager
def open_source(path: str) -> Iterator[FileSource]:
    """A file to read by position.

    Raises:
        InputError: missing, a directory or device, or unreadable.
    """
    descriptor = _open(path)
    try:
        yield FileSource(descriptor, path)
    finally:
        os.close(descriptor)


def _open(path: str) -> int:
    """Open a regular file for reading; never blocks on a FIFO, never opens a device."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0))
    except FileNotFoundError as error:
        raise InputError("missing", path, "no such file", "check the path") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(
            "unreadable", path, f"cannot be opened ({reason})", "check path and permissions"
        ) from error
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        what = "a directory" if stat.S_ISDIR(mode) else "not a regular file"
        raise InputError("not-a-file", path, f"is {what}", "name the artifact itself, e.g. `dist/*.whl`")
    return descriptor
