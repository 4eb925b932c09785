"""PEP 740 attestation and provenance objects: JSON bytes to bundles, nothing verified.

Specification: the packaging specification "Index hosted digital attestations" (PEP 740). An attestation is a
Sigstore bundle in other clothes, so it is read into one. Also read is the proposed `timestamps` member of the
verification material (RFC 3161 responses), without which entries of Rekor v2 cannot be verified.

A provenance document without an attestation says nothing, and is refused: passing it would be vacuous.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from epochly_verify.parse.bundle import (
    MAX_CERTIFICATES,
    MAX_TIMESTAMPS_READ,
    Bundle,
    Envelope,
    entry_from_fields,
)
from epochly_verify.parse.fields import Fields, Refusal, fields_from_json

if TYPE_CHECKING:
    from collections.abc import Mapping

MALFORMED = "attestation-malformed"
IN_TOTO = "application/vnd.in-toto+json"


@dataclass(frozen=True, slots=True)
class Attestation:
    """One attestation.

    Attributes:
        origin: where in which document.
        bundle: the same as a bundle; `None` when it cannot be read, and then `refusal` says why.
        as_bundle_json: the same in bundle JSON, for the signing library.
        publisher: the publisher object it stands under in a provenance document; not signed.
    """

    origin: str
    bundle: Bundle | None
    as_bundle_json: bytes
    publisher: Mapping[str, Any] | None = None
    refusal: Refusal | None = None


def parse_attestation(data: bytes, origin: str) -> Attestation:
    """Read one attestation object; problems come back in its `refusal`."""
    try:
        return _attestation(fields_from_json(data, origin, MALFORMED), None)
    except Refusal as refusal:
        return Attestation(origin, None, b"", None, refusal)


def parse_provenance(data: bytes, origin: str, *, most: int) -> list[Attestation]:
    """Read a provenance object into its attestations, at most `most`; each carries its own problem.

    Raises:
        Refusal: `attestation-malformed` for the document itself, `evidence-empty` when it or one of its bundles
            holds no attestation.
    """
    top = fields_from_json(data, origin, MALFORMED)
    _version(top)
    bundles = top.objects("attestation_bundles", most=most)
    if not bundles:
        raise Refusal("evidence-empty", origin, "the provenance holds no attestation bundle")
    found: list[Attestation] = []
    for group in bundles:
        publisher = group.object("publisher")
        publisher.text("kind")
        attestations = group.objects("attestations", most=most)
        if not attestations:
            raise Refusal("evidence-empty", group.where, "the attestation bundle holds no attestation")
        if len(found) + len(attestations) > most:
            raise Refusal(MALFORMED, origin, f"holds more than {most} attestations")
        for attestation in attestations:
            try:
                found.append(_attestation(attestation, publisher.value))
            except Refusal as refusal:
                found.append(Attestation(attestation.where, None, b"", publisher.value, refusal))
    return found


def _attestation(top: Fields, publisher: Mapping[str, Any] | None) -> Attestation:
    _version(top)
    material = top.object("verification_material")
    certificate = material.binary("certificate")
    entries = material.objects("transparency_entries", most=MAX_CERTIFICATES)
    if len(entries) != 1:
        raise Refusal("log-entry-count", top.where, f"holds {len(entries)} log entries, expected exactly one")
    timestamps = [
        material.decoded("timestamps", text)
        for text in material.texts("timestamps", most=MAX_TIMESTAMPS_READ)
    ]
    envelope = top.object("envelope")
    statement, signature = envelope.binary("statement"), envelope.binary("signature")
    if not signature:
        raise envelope.bad("signature", "is empty")
    bundle = Bundle(
        version="0.3",
        chain=(certificate,),
        key_hint="",
        entry=entry_from_fields(entries[0]),
        envelope=Envelope(IN_TOTO, statement, signature),
        timestamps=tuple(timestamps),
    )
    as_json = {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {
            "certificate": {"rawBytes": _base64(certificate)},
            "tlogEntries": [entries[0].value],
            "timestampVerificationData": {
                "rfc3161Timestamps": [{"signedTimestamp": _base64(item)} for item in timestamps]
            },
        },
        "dsseEnvelope": {
            "payload": _base64(statement),
            "payloadType": IN_TOTO,
            "signatures": [{"sig": _base64(signature)}],
        },
    }
    return Attestation(top.where, bundle, json.dumps(as_json).encode(), publisher)


def _version(top: Fields) -> None:
    if top.integer("version") != 1:
        raise top.bad("version", f"is {top.integer('version')}, only 1 is known")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
