"""Sigstore bundles, v0.1 to v0.3: JSON bytes to frozen values, nothing verified.

Specification: sigstore/protobuf-specs `sigstore_bundle.proto` and the sigstore client specification. Refuses a
bundle whose version is unknown or whose content is ambiguous.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from epochly_verify.parse.fields import Fields, Refusal, fields_from_json
from epochly_verify.parse.quote import quoted

MALFORMED = "bundle-malformed"
MAX_CERTIFICATES = 16  # certificates in a bundle's chain; Fulcio sends two
MAX_PROOF_HASHES = 64  # hashes; a tree of 2**64 leaves needs no more
MAX_TIMESTAMPS_READ = 1_000  # timestamps parsed at all; the policy's own bound is lower

_OLD = {
    "application/vnd.dev.sigstore.bundle+json;version=0.1": "0.1",
    "application/vnd.dev.sigstore.bundle+json;version=0.2": "0.2",
}
_NEW = {
    "application/vnd.dev.sigstore.bundle+json;version=0.3": "0.3",
    "application/vnd.dev.sigstore.bundle.v0.3+json": "0.3",
}


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """An RFC 6962 inclusion proof with the checkpoint it leads to (empty when absent: then it proves nothing)."""

    log_index: int
    root_hash: bytes
    tree_size: int
    hashes: tuple[bytes, ...]
    checkpoint: str


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One transparency log entry: what was logged, and why we may believe it.

    Attributes:
        integrated_time: Unix seconds, 0 when the log gives none (Rekor v2).
        promise: the signed entry timestamp, empty when absent.
        proof: `None` when absent, which the judge refuses.
    """

    log_index: int
    log_id: bytes
    kind: str
    version: str
    integrated_time: int
    promise: bytes
    proof: InclusionProof | None
    body: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """A DSSE envelope with its one signature."""

    payload_type: str
    payload: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle as written.

    Attributes:
        chain: DER certificates, leaf first; empty for a managed key.
        key_hint: the managed key's hint, empty for a certificate.
        signature: the message signature; empty for DSSE.
        message_digest: SHA-256 the bundle states for the artifact, empty when it states none.
        envelope: the DSSE envelope, `None` for a message signature.
        timestamps: RFC 3161 responses, DER.
    """

    version: str
    chain: tuple[bytes, ...]
    key_hint: str
    entry: LogEntry
    signature: bytes = b""
    message_digest: bytes = b""
    envelope: Envelope | None = None
    timestamps: tuple[bytes, ...] = field(default=())


def parse_bundle(data: bytes, origin: str) -> Bundle:
    """Read a bundle.

    Raises:
        Refusal: with ids `bundle-malformed`, `bundle-version-unknown`, `certificate-missing`,
            `log-entry-count` or `log-index-negative`.
    """
    return bundle_from_fields(fields_from_json(data, origin, MALFORMED))


def bundle_from_fields(top: Fields) -> Bundle:
    """The same from JSON that was already read."""
    media_type = top.text("mediaType")
    version = _OLD.get(media_type) or _NEW.get(media_type)
    if version is None:
        raise Refusal(
            "bundle-version-unknown", top.where, f"media type {quoted(media_type, most=100)} is not known"
        )
    material = top.object("verificationMaterial")
    chain, key_hint = _signer(material, version)
    entries = material.objects("tlogEntries", most=MAX_CERTIFICATES)
    if len(entries) != 1:
        raise Refusal("log-entry-count", top.where, f"holds {len(entries)} log entries, expected exactly one")
    entry = entry_from_fields(entries[0])
    if version == "0.1" and not entry.promise:
        raise Refusal("bundle-malformed", top.where, "a v0.1 bundle must carry an inclusion promise")
    timestamps: tuple[bytes, ...] = ()
    if material.has("timestampVerificationData"):
        data = material.object("timestampVerificationData")
        timestamps = tuple(
            item.binary("signedTimestamp")
            for item in data.objects("rfc3161Timestamps", most=MAX_TIMESTAMPS_READ)
        )
    if top.has("messageSignature") == top.has("dsseEnvelope"):
        raise top.bad("", "must hold exactly one of `messageSignature` and `dsseEnvelope`")
    if top.has("dsseEnvelope"):
        envelope = _envelope(top.object("dsseEnvelope"))
        return Bundle(version, chain, key_hint, entry, envelope=envelope, timestamps=timestamps)
    message = top.object("messageSignature")
    signature = message.binary("signature")
    if not signature:
        raise message.bad("signature", "is empty")
    digest = _message_digest(message)
    return Bundle(
        version, chain, key_hint, entry, signature=signature, message_digest=digest, timestamps=timestamps
    )


def entry_from_fields(entry: Fields) -> LogEntry:
    """One `TransparencyLogEntry`; PEP 740 attestations hold the same object."""
    kind = entry.object("kindVersion")
    promise = b""
    if entry.has("inclusionPromise"):
        promise = entry.object("inclusionPromise").binary("signedEntryTimestamp")
    log_index = _index(entry)
    proof = _proof(entry.object("inclusionProof")) if entry.has("inclusionProof") else None
    return LogEntry(
        log_index=log_index,
        log_id=entry.object("logId").binary("keyId"),
        kind=kind.text("kind"),
        version=kind.text("version"),
        integrated_time=entry.integer("integratedTime") if entry.has("integratedTime") else 0,
        promise=promise,
        proof=proof,
        body=entry.binary("canonicalizedBody"),
    )


def _proof(proof: Fields) -> InclusionProof:
    return InclusionProof(
        log_index=_index(proof),
        root_hash=proof.binary("rootHash"),
        tree_size=proof.integer("treeSize"),
        hashes=tuple(proof.decoded("hashes", text) for text in proof.texts("hashes", most=MAX_PROOF_HASHES)),
        checkpoint=proof.object("checkpoint").text("envelope") if proof.has("checkpoint") else "",
    )


def _index(owner: Fields) -> int:
    """A log index; protobuf JSON leaves a zero out."""
    index = owner.integer("logIndex") if owner.has("logIndex") else 0
    if index < 0:
        raise Refusal("log-index-negative", owner.where, f"log index {index} is negative")
    return index


def _signer(material: Fields, version: str) -> tuple[tuple[bytes, ...], str]:
    """The certificate chain (leaf first), or a managed key's hint."""
    present = [name for name in ("certificate", "x509CertificateChain", "publicKey") if material.has(name)]
    if len(present) != 1:
        raise Refusal(
            "certificate-missing" if not present else MALFORMED,
            material.where,
            "holds no certificate and no key hint"
            if not present
            else f"holds several signers: {', '.join(present)}",
        )
    if present == ["publicKey"]:
        key = material.object("publicKey")
        return (), key.text("hint") if key.has("hint") else "(none)"
    if present == ["certificate"]:
        if version != "0.3":
            raise material.bad("certificate", f"a v{version} bundle holds a certificate chain instead")
        return (material.object("certificate").binary("rawBytes"),), ""
    if version == "0.3":
        raise material.bad("x509CertificateChain", "a v0.3 bundle holds one certificate instead")
    chain = material.object("x509CertificateChain").objects("certificates", most=MAX_CERTIFICATES)
    if not chain:
        raise Refusal("certificate-missing", material.where, "the certificate chain is empty")
    return tuple(certificate.binary("rawBytes") for certificate in chain), ""


def _envelope(dsse: Fields) -> Envelope:
    signatures = dsse.objects("signatures", most=MAX_CERTIFICATES)
    if len(signatures) != 1:
        raise dsse.bad("signatures", f"holds {len(signatures)} signatures, expected exactly one")
    signature = signatures[0].binary("sig")
    if not signature:
        raise signatures[0].bad("sig", "is empty")
    return Envelope(dsse.text("payloadType"), dsse.binary("payload"), signature)


def _message_digest(message: Fields) -> bytes:
    if not message.has("messageDigest"):
        return b""
    digest = message.object("messageDigest")
    if digest.text("algorithm") != "SHA2_256":
        raise digest.bad(
            "algorithm", f"is {quoted(digest.text('algorithm'), most=40)}, only SHA2_256 is supported"
        )
    return digest.binary("digest")
