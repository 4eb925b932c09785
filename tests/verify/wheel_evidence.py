"""Evidence from artifacts in memory, for tests of what is inside them.

Read with the standard library, so that a mistake in the verifier's own reader hides nothing here; `read_evidence` is
that reader, for the wheels that both must see alike.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from typing import TYPE_CHECKING

from epochly_verify.limits import DEFAULT
from epochly_verify.model import Archive, ArtifactKind, Evidence, Member, MemberKind
from epochly_verify.parse.archive import read_archive
from epochly_verify.parse.source import BytesSource
from epochly_verify.policy import Policy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from epochly_verify.model import Outcome

WHEEL = "demo_pkg-1.0-py3-none-any.whl"
SDIST = "demo_pkg-1.0.tar.gz"
ALGORITHMS = ("sha256", "sha384", "sha512", "sha3_256", "sha3_384", "sha3_512", "blake2b", "blake2s")


def member(name: str, data: bytes) -> Member:
    """A member as the archive reader gives it, its content kept."""
    if name.endswith("/"):
        return Member(name, MemberKind.DIRECTORY, 0)
    digests = {algorithm: hashlib.new(algorithm, data).digest() for algorithm in ALGORITHMS}
    return Member(name, MemberKind.FILE, len(data), digests, content=data)


def evidence_of(members: Iterable[Member], filename: str = WHEEL) -> Evidence:
    """Evidence on an artifact with these members."""
    found = tuple(members)
    kind = ArtifactKind.WHEEL if filename.endswith(".whl") else ArtifactKind.SDIST
    return Evidence(filename, filename, kind, 0, {"sha256": "00"}, Archive(found, found))


def wheel_evidence(data: bytes, filename: str = WHEEL) -> Evidence:
    """Evidence on a wheel, from its bytes."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return evidence_of(
            [member(info.filename, archive.read(info)) for info in archive.infolist()], filename
        )


def sdist_evidence(data: bytes, filename: str = SDIST) -> Evidence:
    """Evidence on an sdist, from its bytes."""
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        found = [
            member(info.name, archive.extractfile(info).read())
            for info in archive.getmembers()
            if info.isfile()
        ]
    return evidence_of(found, filename)


def read_evidence(data: bytes, filename: str = WHEEL) -> Evidence:
    """Evidence on an artifact, read as the verifier reads it."""
    archive = read_archive(BytesSource(data), filename, DEFAULT)
    kind = ArtifactKind.WHEEL if filename.endswith(".whl") else ArtifactKind.SDIST
    return Evidence(filename, filename, kind, len(data), {"sha256": "00"}, archive)


def ids_of(
    check: Callable[[Evidence, Policy], Outcome], evidence: Evidence, policy: Policy | None = None
) -> list[str]:
    """The ids a check finds, sorted."""
    return sorted(finding.id for finding in check(evidence, policy or Policy()).findings)
