"""What is signed about a file, and the two forms in which a signature is kept. Pure: values -> bytes.

A bundle is kept as the signing library wrote it. For an index the same signature is written as a PEP 740 attestation
object, which holds a certificate, log entries and envelope, and nothing of a bundle beside.

Sources: in-toto Statement v1, PEP 740 "attestation objects", CycloneDX predicate type, sigstore_bundle.proto.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from epochly_release.errors import InputError
from epochly_release.manifest import MANIFEST, is_distribution

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

STATEMENT = "https://in-toto.io/Statement/v1"
PUBLISH = "https://docs.pypi.org/attestations/publish/v1"
CYCLONEDX = "https://cyclonedx.org/bom"
REKOR_OF_INDEXES = (
    1  # indexes read a promise or a time from the log entry, which only the first generation gives
)

BUNDLE, PUBLISHED, BUILT, SBOM = (
    ".sigstore.json",
    ".publish.attestation",
    ".slsa.attestation",
    ".cdx.sigstore.json",
)


@dataclass(frozen=True, slots=True)
class ToSign:
    """One signature to be made.

    Attributes:
        name: file it is kept in.
        subject: file it is about.
        sha256: of the subject, hexadecimal.
        statement: what is said about the subject; empty: the subject itself is signed.
        rekor: generation of log it must be in; `None` for the newest there is.
    """

    name: str
    subject: str
    sha256: str
    statement: bytes = b""
    rekor: int | None = None

    @property
    def for_index(self) -> bool:
        """Whether it is kept as a PEP 740 attestation."""
        return self.name.endswith((PUBLISHED, BUILT))


def promised(manifest: Iterable[str]) -> tuple[str, ...]:
    """Names of every signature that a release of these files has, sorted."""
    names = [MANIFEST + BUNDLE]
    for name in filter(is_distribution, manifest):
        endings = (BUNDLE, PUBLISHED, BUILT, SBOM) if name.endswith(".whl") else (BUNDLE, PUBLISHED, BUILT)
        names += [name + ending for ending in endings]
    return tuple(sorted(names))


def statement(subject: str, sha256: str, kind: str, predicate: Mapping[str, Any] | None) -> bytes:
    """An in-toto statement about one file."""
    return json.dumps(
        {
            "_type": STATEMENT,
            "subject": [{"name": subject, "digest": {"sha256": sha256}}],
            "predicateType": kind,
            "predicate": predicate,
        },
        separators=(",", ":"),
    ).encode()


def kept(wanted: ToSign, bundle: str) -> bytes:
    """A signature in the form its file has; raises `InputError` when the bundle is none."""
    if not wanted.for_index:
        return bundle.encode() + b"\n"
    try:
        value = json.loads(bundle)
        material, envelope = value["verificationMaterial"], value["dsseEnvelope"]
        attestation = {
            "version": 1,
            "verification_material": {
                "certificate": material["certificate"]["rawBytes"],
                "transparency_entries": material["tlogEntries"],
            },
            "envelope": {
                "statement": envelope["payload"],
                "signature": envelope["signatures"][0]["sig"],
            },
        }
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise InputError(
            "signing", wanted.name, "came back as no bundle", "see the Sigstore instance"
        ) from error
    return json.dumps(attestation, separators=(",", ":")).encode() + b"\n"
