"""What was logged is what is in the bundle: artifact, signature and signer of the entry are those of the bundle.

Without this a valid entry of something else could stand in (CVE-2022-36056). Known entries: `hashedrekord` 0.0.1
and 0.0.2 (over an artifact, or over a DSSE envelope's pre-authentication encoding), `dsse` 0.0.1, `intoto` 0.0.2.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from epochly_verify.authenticity.keys import load_pem_key, spki
from epochly_verify.parse.fields import Fields, Refusal, fields_from_json
from epochly_verify.parse.quote import quoted

if TYPE_CHECKING:
    from epochly_verify.parse.bundle import Bundle, Envelope

MALFORMED = "log-entry-malformed"
MISMATCH = "log-entry-mismatch"


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signed, as log entries name them: a DER certificate, or a key's DER SubjectPublicKeyInfo."""

    certificate: bytes = b""
    key: bytes = b""


def pre_authentication_encoding(envelope: Envelope) -> bytes:
    """What a DSSE signature covers (DSSE protocol v1)."""
    kind = envelope.payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(envelope.payload), envelope.payload)


def require_entry_matches(bundle: Bundle, signer: Signer, artifact_sha256: bytes, origin: str) -> None:
    """The log entry is about this artifact or envelope, this signature and this signer.

    Raises:
        Refusal: `log-entry-malformed`, `log-entry-unsupported`, `log-entry-mismatch`.
    """
    entry = bundle.entry
    top = fields_from_json(entry.body, f"{origin} log entry", MALFORMED)
    if (top.text("kind"), top.text("apiVersion")) != (entry.kind, entry.version):
        raise Refusal(
            MISMATCH,
            origin,
            f"the log entry says {quoted(top.text('kind'), most=40)} {quoted(top.text('apiVersion'), most=20)}, "
            f"the bundle says {quoted(entry.kind, most=40)} {quoted(entry.version, most=20)}",
        )
    spec = top.object("spec")
    match (entry.kind, entry.version):
        case ("hashedrekord", "0.0.1"):
            _hashedrekord_1(spec, bundle, signer, artifact_sha256)
        case ("hashedrekord", "0.0.2"):
            _hashedrekord_2(spec, bundle, signer, artifact_sha256)
        case ("dsse", "0.0.1") if bundle.envelope is not None:
            _dsse_1(spec, bundle.envelope, signer)
        case ("intoto", "0.0.2") if bundle.envelope is not None:
            _intoto_2(spec, bundle.envelope, signer)
        case _:
            content = "a DSSE envelope" if bundle.envelope else "a message signature"
            raise Refusal(
                "log-entry-unsupported",
                origin,
                f"log entries of kind {quoted(entry.kind, most=40)} {quoted(entry.version, most=20)} are not supported for {content}",
            )


def _signed_digest(bundle: Bundle, artifact_sha256: bytes) -> tuple[bytes, bytes, str]:
    """Signature, SHA-256 of what it covers, and what that is in words."""
    if bundle.envelope is not None:
        covered = pre_authentication_encoding(bundle.envelope)
        return bundle.envelope.signature, hashlib.sha256(covered).digest(), "envelope"
    return bundle.signature, artifact_sha256, "artifact"


def _hashedrekord_1(spec: Fields, bundle: Bundle, signer: Signer, artifact_sha256: bytes) -> None:
    signature, digest, what = _signed_digest(bundle, artifact_sha256)
    logged = spec.object("data").object("hash")
    _same(logged, logged.text("algorithm") == "sha256", "the hash algorithm is not sha256")
    _same(logged, logged.text("value").lower() == digest.hex(), f"the logged {what} is another one")
    recorded = spec.object("signature")
    _same(recorded, recorded.binary("content") == signature, "the logged signature is another one")
    _same_signer(recorded, recorded.object("publicKey").binary("content"), signer)


def _hashedrekord_2(spec: Fields, bundle: Bundle, signer: Signer, artifact_sha256: bytes) -> None:
    signature, digest, what = _signed_digest(bundle, artifact_sha256)
    record = spec.object("hashedRekordV002")
    logged = record.object("data")
    _same(logged, logged.text("algorithm") == "SHA2_256", "the hash algorithm is not SHA2_256")
    _same(logged, logged.binary("digest") == digest, f"the logged {what} is another one")
    recorded = record.object("signature")
    _same(recorded, recorded.binary("content") == signature, "the logged signature is another one")
    verifier = recorded.object("verifier")
    if signer.certificate:
        found = verifier.object("x509Certificate").binary("rawBytes")
        _same(verifier, found == signer.certificate, "the logged certificate is another one")
    else:
        found = verifier.object("publicKey").binary("rawBytes")
        _same(verifier, found == signer.key, "the logged key is another one")


def _dsse_1(spec: Fields, envelope: Envelope, signer: Signer) -> None:
    logged = spec.object("payloadHash")
    _same(logged, logged.text("algorithm") == "sha256", "the hash algorithm is not sha256")
    digest = hashlib.sha256(envelope.payload).hexdigest()
    _same(logged, logged.text("value").lower() == digest, "the logged payload is another one")
    signatures = spec.objects("signatures", most=16)
    _same(spec, len(signatures) == 1, f"the entry logs {len(signatures)} signatures, expected one")
    _same(
        signatures[0],
        signatures[0].binary("signature") == envelope.signature,
        "the logged signature is another one",
    )
    _same_signer(signatures[0], signatures[0].binary("verifier"), signer)


def _intoto_2(spec: Fields, envelope: Envelope, signer: Signer) -> None:
    content = spec.object("content")
    logged = content.object("payloadHash")
    _same(logged, logged.text("algorithm") == "sha256", "the hash algorithm is not sha256")
    digest = hashlib.sha256(envelope.payload).hexdigest()
    _same(logged, logged.text("value").lower() == digest, "the logged payload is another one")
    recorded = content.object("envelope")
    _same(
        recorded,
        recorded.text("payloadType") == envelope.payload_type,
        "the logged payload type is another one",
    )
    if recorded.has(
        "payload"
    ):  # the canonical form leaves it out; a copy must be the same one, encoded twice
        _same(recorded, _twice(recorded, "payload") == envelope.payload, "the logged payload is another one")
    signatures = recorded.objects("signatures", most=16)
    _same(recorded, len(signatures) == 1, f"the entry logs {len(signatures)} signatures, expected one")
    _same(
        signatures[0],
        _twice(signatures[0], "sig") == envelope.signature,
        "the logged signature is another one",
    )
    _same_signer(signatures[0], signatures[0].binary("publicKey"), signer)


def _twice(owner: Fields, name: str) -> bytes:
    """Rekor's `intoto` 0.0.2 encodes what is base64 already once more."""
    return owner.decoded(name, owner.binary(name).decode("ascii", "replace"))


def _same_signer(where: Fields, pem: bytes, signer: Signer) -> None:
    if signer.certificate:
        try:
            found = x509.load_pem_x509_certificate(pem).public_bytes(serialization.Encoding.DER)
        except Exception:  # noqa: BLE001 - besides `ValueError` it raises `InvalidVersion`, which is none
            found = _first_pem_block(pem)
        _same(where, found == signer.certificate, "the logged certificate is another one")
    else:
        key = load_pem_key(pem)
        _same(where, key is not None and spki(key) == signer.key, "the logged key is another one")


def _first_pem_block(pem: bytes) -> bytes:
    """The bytes of the first PEM block, empty when there is none."""
    body = pem.partition(b"-----BEGIN CERTIFICATE-----")[2].partition(b"-----END CERTIFICATE-----")[0]
    try:
        return base64.b64decode(b"".join(body.split()), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _same(where: Fields, condition: bool, message: str) -> None:
    if not condition:
        raise Refusal(MISMATCH, where.where, message)
