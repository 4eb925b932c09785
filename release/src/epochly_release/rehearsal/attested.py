"""Whether the attestations of an upload hold: authentic, about this file, and made by the publisher who uploads it.

Authenticity is judged by `epochly_verify` against the rehearsal's own trust root. As on the public index the identity
compared is repository and workflow; the environment in the certificate is not looked at, the token's was.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from epochly_verify.checks.matching import match
from epochly_verify.limits import DEFAULT
from epochly_verify.model import Attached, EvidenceKind
from epochly_verify.policy import Identity
from epochly_verify.signatures import Target, authenticate

if TYPE_CHECKING:
    from epochly_release.rehearsal.publisher import Publisher
    from epochly_verify.parse.trustroot import TrustRoot

PUBLISH = "https://docs.pypi.org/attestations/publish/v1"
PROVENANCE = "https://slsa.dev/provenance/v1"
_TYPES = (PUBLISH, PROVENANCE)


class AttestationError(ValueError):
    """The attestations are refused; the text says why."""


def require_attestations(
    field: str, filename: str, sha256: str, publisher: Publisher, root: TrustRoot
) -> list[dict[str, Any]]:
    """The attestations of the form field, once every one holds.

    Args:
        field: JSON list of PEP 740 attestation objects.
        filename: of the uploaded file.
        sha256: its digest, hexadecimal.
        publisher: who uploads it.
        root: what signatures are judged against.

    Raises:
        AttestationError: one does not hold.
    """
    try:
        attestations = json.loads(field)
    except (ValueError, RecursionError) as error:
        raise AttestationError(f"Malformed attestations: {error}") from error
    if not isinstance(attestations, list) or not all(isinstance(each, dict) for each in attestations):
        raise AttestationError("Malformed attestations: no list of attestation objects")
    if not attestations:
        raise AttestationError("Malformed attestations: an empty attestation set is not permitted")
    if len(attestations) > len(_TYPES):
        raise AttestationError(f"A maximum of {len(_TYPES)} attestations per file are supported")
    attached = tuple(
        Attached(f"attestations[{number}]", EvidenceKind.ATTESTATION, json.dumps(each).encode())
        for number, each in enumerate(attestations)
    )
    wanted = Identity(
        kind="github",
        repository=f"https://github.com/{publisher.repository}",
        workflow=publisher.workflow,
    )
    seen: set[str] = set()
    for signed in authenticate(attached, Target(bytes.fromhex(sha256), filename), root, None, DEFAULT):
        reasons = [f"{finding.message} ({finding.id})" for finding in signed.problems]
        reasons = reasons or list(match(wanted, signed, version=None))
        if reasons:
            raise AttestationError(
                f"Could not verify the uploaded artifact using the included attestation: {'; '.join(reasons)}"
            )
        assert signed.statement is not None  # an authentic attestation has one
        kind = signed.statement.predicate_type
        if kind not in _TYPES:
            raise AttestationError(f"Attestation with unsupported predicate type: {kind}")
        if kind in seen:
            raise AttestationError(
                f"Multiple attestations for the same file with the same predicate type ({kind}) are not supported"
            )
        seen.add(kind)
    return attestations
