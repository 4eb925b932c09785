"""Findings of the layer `signature`: is the evidence authentic, and is it about this artifact?"""

from __future__ import annotations

from epochly_verify.findings import Kind
from epochly_verify.model import Severity

_CLIENT = "sigstore client specification"
_GET_EVIDENCE = "get the evidence again from where the artifact was published"
_TAMPERED = "do not use the artifact with this evidence: one of the two was changed"
_REFRESH = "check that the trust root is of the right instance and fresh (`--staging`, `--trusted-root`, `--refresh-root`)"


def _error(finding_id: str, means: str, hint: str, source: str) -> Kind:
    return Kind(finding_id, Severity.ERROR, means, hint, source)


KINDS: tuple[Kind, ...] = (
    _error(
        "evidence-empty",
        "A provenance document without a single attestation proves nothing. Tools that loop over its attestations "
        "and find none to refuse would call any file good.",
        "get the provenance again; if it is really empty, the file was published without attestations",
        "PEP 740; the vacuous pass of verifiers that count refusals only",
    ),
    _error(
        "attestation-malformed",
        "A PEP 740 attestation or provenance document cannot be read: a field is missing, of the wrong type, or of an "
        "unknown version. What cannot be read is not evidence.",
        _GET_EVIDENCE,
        "PEP 740, index hosted attestations",
    ),
    _error(
        "bundle-malformed",
        "A Sigstore bundle cannot be read: it is no JSON, or a field is missing, ambiguous or of the wrong type.",
        _GET_EVIDENCE,
        "sigstore/protobuf-specs sigstore_bundle.proto",
    ),
    _error(
        "bundle-version-unknown",
        "The bundle's media type names a version this program does not know. Guessing at its meaning could accept "
        "what a newer version forbids.",
        "use a newer epochly-verify, or ask the publisher for a bundle of version 0.1 to 0.3",
        "sigstore/protobuf-specs sigstore_bundle.proto, mediaType",
    ),
    _error(
        "certificate-missing",
        "The evidence names no signer: it holds neither a certificate nor a key hint.",
        _GET_EVIDENCE,
        _CLIENT,
    ),
    _error(
        "certificate-malformed",
        "A certificate of the evidence is no readable X.509 certificate, or its key is of a kind that is not used "
        "for signing here.",
        _GET_EVIDENCE,
        "RFC 5280",
    ),
    _error(
        "root-certificate-in-bundle",
        "The bundle brings a root certificate of its own. Roots of trust come from the trust root alone; a client "
        "that took them from the evidence would trust anybody.",
        "refuse it; ask the publisher to sign with a conforming client",
        "sigstore_bundle.proto: the chain must not contain a root certificate",
    ),
    _error(
        "certificate-usage",
        "The certificate was not made for signing code, so its signature says nothing about an artifact.",
        "ask the publisher to sign with a certificate made for code signing",
        "RFC 5280 section 4.2.1.12; Fulcio certificate profile",
    ),
    _error(
        "certificate-not-trusted",
        "No certificate authority of the trust root issued the certificate: it comes from another Sigstore instance "
        "(staging, for example), or from nobody.",
        _REFRESH,
        "RFC 5280 section 6",
    ),
    _error(
        "certificate-authority-outside-validity",
        "The authority that issued the certificate did not count at that time by the trust root. A key whose time "
        "is over may be in anybody's hands.",
        _REFRESH,
        "sigstore_trustroot.proto, CertificateAuthority.valid_for",
    ),
    _error(
        "certificate-not-valid-when-signed",
        "The certificate is good for ten minutes, and the signature was made outside them: by somebody who got hold "
        "of the key later, or with a made-up time.",
        _TAMPERED,
        _CLIENT,
    ),
    _error(
        "certificate-timestamp-missing",
        "The certificate does not carry exactly one proof that it was logged publicly. An unlogged certificate can "
        "be misissued without anybody noticing.",
        "ask the publisher to sign with a certificate of a logged authority",
        "RFC 6962 section 3.3; Fulcio certificate profile",
    ),
    _error(
        "certificate-timestamp-invalid",
        "The certificate log's signature on the certificate is wrong: it was never logged as it stands.",
        _TAMPERED,
        "RFC 6962 section 3.2",
    ),
    _error(
        "ct-log-unknown",
        "The certificate claims to be logged in a certificate log that the trust root does not know.",
        _REFRESH,
        "RFC 6962 section 3.2",
    ),
    _error(
        "ct-log-outside-validity",
        "The certificate log did not count at the time it logged the certificate, by the trust root.",
        _REFRESH,
        "sigstore_trustroot.proto, TransparencyLogInstance.public_key.valid_for",
    ),
    _error(
        "managed-key-not-given",
        "The bundle was signed with a key that its owner keeps, not with a certificate. Without that public key "
        "there is nothing to check it against.",
        "give the publisher's public key with `--key FILE`",
        "sigstore_bundle.proto, public_key",
    ),
    _error(
        "certificate-instead-of-key",
        "A managed key was given, so a bundle signed with a certificate is not what was asked for.",
        "leave `--key` out to judge certificates, or get the bundle signed with the key",
        _CLIENT,
    ),
    _error(
        "key-unsupported",
        "This kind of key signs the whole artifact at once, and artifacts are read as a stream: only their digest "
        "is at hand.",
        "ask the publisher to sign with ECDSA or RSA",
        "RFC 8032 (Ed25519 signs the message itself)",
    ),
    _error(
        "log-entry-count",
        "The evidence must hold exactly one transparency log entry: none proves nothing, and of several one could "
        "be judged while another is shown.",
        _GET_EVIDENCE,
        _CLIENT,
    ),
    _error(
        "log-index-negative",
        "The log entry's index is negative, which no log hands out.",
        _GET_EVIDENCE,
        "sigstore_rekor.proto",
    ),
    _error(
        "log-unknown",
        "The entry names a transparency log that the trust root does not know.",
        _REFRESH,
        _CLIENT,
    ),
    _error(
        "log-outside-validity",
        "The transparency log's key did not count at the time of signing, by the trust root.",
        _REFRESH,
        "sigstore_trustroot.proto, TransparencyLogInstance.public_key.valid_for",
    ),
    _error(
        "inclusion-proof-missing",
        "The log entry does not prove that it is in the log. A promise to include it is not enough.",
        "get a newer bundle, or one fetched again from the log",
        "RFC 6962 section 2.1.1; sigstore_bundle.proto v0.2",
    ),
    _error(
        "inclusion-proof-invalid",
        "The hashes of the inclusion proof do not lead from this entry to the root they claim: it is not this entry "
        "that is in the log.",
        _TAMPERED,
        "RFC 9162 section 2.1.3.2",
    ),
    _error(
        "checkpoint-missing",
        "The inclusion proof names a root that nobody signed. Anybody can build such a tree.",
        "get a newer bundle, or one fetched again from the log",
        "C2SP tlog-checkpoint",
    ),
    _error(
        "checkpoint-malformed", "The log's checkpoint is no signed note.", _GET_EVIDENCE, "C2SP signed-note"
    ),
    _error(
        "checkpoint-signature-invalid",
        "The log did not sign this checkpoint, or its signature is wrong. Signatures of witnesses alone do not count.",
        _TAMPERED,
        "C2SP signed-note",
    ),
    _error(
        "checkpoint-mismatch",
        "The checkpoint is genuine but for another tree than the inclusion proof's.",
        _TAMPERED,
        "C2SP tlog-checkpoint",
    ),
    _error(
        "signed-entry-timestamp-invalid",
        "The log's signature over the time at which it took the entry in is wrong, so that time is made up.",
        _TAMPERED,
        "Rekor v1, inclusion promise",
    ),
    _error(
        "log-entry-malformed", "The body of the log entry cannot be read.", _GET_EVIDENCE, "Rekor entry types"
    ),
    _error(
        "log-entry-unsupported",
        "The log entry is of a kind that does not go with this content, or that this program does not know.",
        "ask the publisher to sign with a current client",
        _CLIENT,
    ),
    _error(
        "log-entry-mismatch",
        "The log entry is genuine but about another artifact, signature or signer than the bundle. An entry of "
        "something else was put in.",
        _TAMPERED,
        "CVE-2022-36056",
    ),
    _error(
        "no-trusted-time",
        "Nothing trusted says when the signature was made. Certificates live for minutes, so without a time they "
        "prove nothing.",
        "ask the publisher for a bundle with an RFC 3161 timestamp",
        _CLIENT,
    ),
    _error(
        "timestamp-malformed",
        "A timestamp is no strict RFC 3161 response (DER).",
        "ask the publisher for a timestamp by an authority of the trust root",
        "RFC 3161; X.690",
    ),
    _error(
        "timestamp-mismatch",
        "A timestamp is about other data than this signature.",
        _TAMPERED,
        "RFC 3161 section 2.4.2",
    ),
    _error(
        "timestamp-not-trusted",
        "No timestamp authority of the trust root made the timestamp.",
        _REFRESH,
        "RFC 3161; sigstore_trustroot.proto, timestamp_authorities",
    ),
    _error(
        "timestamp-certificate-expired",
        "The timestamp was made when the certificates of its authority were not valid.",
        _TAMPERED,
        "RFC 3161 section 4",
    ),
    _error(
        "timestamp-authority-outside-validity",
        "The timestamp authority did not count at that time by the trust root; both ends of its window belong to it.",
        _REFRESH,
        "sigstore_trustroot.proto, CertificateAuthority.valid_for",
    ),
    _error(
        "timestamp-count",
        "The bundle holds more timestamps than anybody needs, or one of them twice.",
        _GET_EVIDENCE,
        "denial of service; sigstore clients share the bound of 32",
    ),
    _error(
        "signature-invalid",
        "The signature was not made by this signer over this content.",
        _TAMPERED,
        "FIPS 186-5; DSSE protocol v1",
    ),
    _error(
        "artifact-mismatch",
        "The bundle says it is about another artifact.",
        _TAMPERED,
        "sigstore_bundle.proto, message_digest",
    ),
    _error(
        "payload-type-unknown",
        "The envelope holds something else than an in-toto statement, so it attests nothing this program understands.",
        "ask the publisher for in-toto attestations",
        "DSSE protocol v1; in-toto attestation framework",
    ),
    _error(
        "statement-malformed",
        "The signed statement cannot be read.",
        "ask the publisher to attest again",
        "in-toto attestation framework, Statement",
    ),
    _error(
        "statement-type-unknown",
        "The signed statement is of an unknown type or of none. It must not be read as if it were a known one.",
        "ask the publisher for Statement v1",
        "in-toto attestation framework, Statement v1 `_type`",
    ),
    _error(
        "subject-count",
        "An attestation of a distribution speaks of exactly one file. With several, it is unclear what was meant.",
        "ask the publisher for one attestation a file",
        "PEP 740",
    ),
    _error(
        "subject-name-mismatch",
        "The attestation is about a file of another name. The same bytes under another name install as another "
        "project or version.",
        _TAMPERED,
        "PEP 740: the subject's name must be the distribution's file name",
    ),
    _error(
        "subject-digest-mismatch",
        "The attestation is about other bytes than this artifact's.",
        _TAMPERED,
        "in-toto attestation framework, ResourceDescriptor.digest",
    ),
    _error(
        "library-refuses",
        "Our own reading accepts the signature and the `sigstore` library does not. When two judges disagree, the "
        "stricter one is right until shown otherwise.",
        "report it with the evidence attached: one of the two has a bug",
        "docs/adr/0002",
    ),
    Kind(
        "timestamp-not-counted",
        Severity.WARNING,
        "A timestamp beside a trusted time could not be trusted itself, so it was left out. The signature does not "
        "rest on it.",
        "check that the trust root knows this timestamp authority",
        "RFC 3161",
    ),
)
