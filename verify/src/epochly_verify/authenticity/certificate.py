"""Fulcio certificates: who issued them, when they were valid, what they say.

RFC 5280 path validation is `cryptography`'s. Signed certificate timestamps are checked against the log keys of the
trust root (RFC 6962 section 3.2), with the issuer taken from the validated path, never looked up by name.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import fields
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from epochly_verify.authenticity.keys import load_der_key, spki, supported, verifies
from epochly_verify.model import Claims
from epochly_verify.parse.fields import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from epochly_verify.parse.trustroot import Authority, Log

_FULCIO = "1.3.6.1.4.1.57264.1."
_SAN_OTHER_NAME = ObjectIdentifier(_FULCIO + "7")
# Which arc fills which claim; the number is part of the OID (Sigstore OID registry).
_ARCS = {
    "issuer": 8,
    "build_signer_uri": 9,
    "build_signer_digest": 10,
    "runner_environment": 11,
    "source_repository_uri": 12,
    "source_repository_digest": 13,
    "source_repository_ref": 14,
    "source_repository_id": 15,
    "source_repository_owner_uri": 16,
    "source_repository_owner_id": 17,
    "build_config_uri": 18,
    "build_config_digest": 19,
    "build_trigger": 20,
    "run_invocation_uri": 21,
    "source_repository_visibility": 22,
    "deployment_environment": 23,
}
# From before the generic ones (2023): raw text, and the repository without its host.
_OLD_ARCS = {"issuer": 1, "build_trigger": 2, "source_repository_digest": 3, "source_repository_ref": 6}
_OLD_REPOSITORY = 5
_GITHUB = "https://token.actions.githubusercontent.com"


def load_certificate(data: bytes, origin: str) -> x509.Certificate:
    """A DER certificate whose extensions can be read and whose key can be used.

    Raises:
        Refusal: `certificate-malformed`.
    """
    try:
        certificate = x509.load_der_x509_certificate(data)
        _ = certificate.extensions, certificate.subject, certificate.issuer, certificate.not_valid_after_utc
        key = certificate.public_key()
    except Exception as error:
        raise Refusal("certificate-malformed", origin, "a certificate cannot be read") from error
    if supported(key) is None:
        raise Refusal("certificate-malformed", origin, "the certificate's key is of an unsupported kind")
    return certificate


def is_root(certificate: x509.Certificate) -> bool:
    """Whether it names itself as its issuer."""
    return certificate.issuer == certificate.subject


def require_code_signing(leaf: x509.Certificate, origin: str) -> None:
    """The certificate is an end-entity certificate made for signing code.

    Raises:
        Refusal: `certificate-usage`.
    """
    try:
        usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
        extended = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound as error:
        raise Refusal("certificate-usage", origin, "the certificate does not say what it is for") from error
    if not usage.digital_signature or usage.key_cert_sign or ExtendedKeyUsageOID.CODE_SIGNING not in extended:
        raise Refusal("certificate-usage", origin, "the certificate is not for signing code")


def require_issued(
    leaf: x509.Certificate, authorities: Sequence[Authority], moments: Sequence[datetime], origin: str
) -> x509.Certificate:
    """A trusted authority issued the certificate within its window, and it was valid at every signing time.

    Returns the issuing certificate of the validated path.

    Raises:
        Refusal: `certificate-not-trusted`, `certificate-authority-outside-validity`,
            `certificate-not-valid-when-signed`.
    """
    first, last = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    for moment in moments:
        if not first <= moment <= last:
            raise Refusal(
                "certificate-not-valid-when-signed",
                origin,
                f"signed {moment:%Y-%m-%d %H:%M:%S} UTC, but the certificate is valid {first:%Y-%m-%d %H:%M:%S} "
                f"to {last:%H:%M:%S} UTC",
            )
    issuer: x509.Certificate | None = None
    outside: Authority | None = None
    for authority in authorities:
        found = _path(leaf, authority, moments or [first])
        if found is None:
            continue
        if authority.window.holds(first):
            issuer = found
            break
        outside = authority
    if issuer is not None:
        return issuer
    if outside is not None:
        raise Refusal(
            "certificate-authority-outside-validity",
            origin,
            f"issued {first:%Y-%m-%d %H:%M:%S} UTC, but its authority counts from {outside.window}",
        )
    raise Refusal("certificate-not-trusted", origin, "no certificate authority of the trust root issued it")


def require_logged(
    leaf: x509.Certificate, issuer: x509.Certificate, logs: Sequence[Log], origin: str
) -> None:
    """Exactly one embedded signed certificate timestamp, by a log of the trust root within its window.

    Raises:
        Refusal: `certificate-timestamp-missing`, `certificate-timestamp-invalid`, `ct-log-unknown`,
            `ct-log-outside-validity`.
    """
    try:
        timestamps = list(
            leaf.extensions.get_extension_for_class(x509.PrecertificateSignedCertificateTimestamps).value
        )
    except x509.ExtensionNotFound:
        timestamps = []
    if len(timestamps) != 1:
        raise Refusal(
            "certificate-timestamp-missing",
            origin,
            f"the certificate holds {len(timestamps)} signed certificate timestamps, expected exactly one",
        )
    timestamp = timestamps[0]
    log = next((log for log in logs if log.log_id == timestamp.log_id), None)
    key = load_der_key(log.key) if log else None
    if log is None or key is None:
        raise Refusal(
            "ct-log-unknown",
            origin,
            f"the trust root knows no certificate log `{timestamp.log_id.hex()[:16]}…`",
        )
    try:
        moment = timestamp.timestamp.replace(tzinfo=UTC)
    except ValueError as error:  # milliseconds that lead beyond the year 9999
        raise Refusal(
            "certificate-timestamp-invalid", origin, "the signed certificate timestamp is no date"
        ) from error
    issuer_key = supported(issuer.public_key())
    body = leaf.tbs_precertificate_bytes
    signed = (
        struct.pack("!BBQH", 0, 0, round(moment.timestamp() * 1000), 1)
        + hashlib.sha256(spki(issuer_key) if issuer_key else b"").digest()
        + len(body).to_bytes(3, "big")
        + body
        + struct.pack("!H", len(timestamp.extension_bytes))
        + timestamp.extension_bytes
    )
    if not verifies(key, timestamp.signature, signed, timestamp.signature_hash_algorithm):
        raise Refusal("certificate-timestamp-invalid", origin, "the certificate log's signature is wrong")
    if not log.window.holds(moment):
        raise Refusal(
            "ct-log-outside-validity",
            origin,
            f"logged {moment:%Y-%m-%d %H:%M:%S} UTC, but that certificate log counts from {log.window}",
        )


def certificates_of(authority: Authority) -> list[x509.Certificate]:
    """An authority's certificates, issuing one first; none when one of them cannot be read."""
    try:
        return [x509.load_der_x509_certificate(certificate) for certificate in authority.chain]
    except Exception:  # noqa: BLE001 - besides `ValueError` it raises `InvalidVersion`, which is none
        return []


def claims_from(leaf: x509.Certificate) -> Claims:
    """What the certificate says; texts that cannot be read are left empty."""
    san, san_kind = _san(leaf)
    said = {extension.oid.dotted_string: extension.value for extension in leaf.extensions}
    values = {name: _text(said, arc, der=True) for name, arc in _ARCS.items()}
    for name, arc in _OLD_ARCS.items():
        values[name] = values[name] or _text(said, arc, der=False)
    if values["issuer"] == _GITHUB and not values["source_repository_uri"]:
        repository = _text(said, _OLD_REPOSITORY, der=False)
        values["source_repository_uri"] = f"https://github.com/{repository}" if repository else ""
    assert set(values) | {"san", "san_kind"} == {field.name for field in fields(Claims)}
    return Claims(san=san, san_kind=san_kind, **values)


def _path(
    leaf: x509.Certificate, authority: Authority, moments: Sequence[datetime]
) -> x509.Certificate | None:
    """The issuing certificate of a valid path at every moment, or `None`."""
    builder = _path_builder(authority)
    if builder is None:
        return None
    issuer = None
    for moment in moments:
        verifier = builder.time(moment).build_client_verifier()
        try:
            issuer = verifier.verify(leaf, []).chain[1]
        except (VerificationError, x509.UnsupportedGeneralNameType, ValueError, IndexError):
            return None
    return issuer


@lru_cache(maxsize=64)  # a trust root has a handful, and every signature asks for the same ones
def _path_builder(authority: Authority) -> PolicyBuilder | None:
    """Path validation up to an authority's certificates; `None` when they cannot be read or are none."""
    anchors = certificates_of(authority)
    if not anchors:
        return None
    # Fulcio's certificates are for code signing, which is checked on its own: no other usage is asked for here.
    ca = ExtensionPolicy.webpki_defaults_ca().may_be_present(
        x509.ExtendedKeyUsage, Criticality.NON_CRITICAL, None
    )
    ee = ExtensionPolicy.webpki_defaults_ee().may_be_present(
        x509.ExtendedKeyUsage, Criticality.NON_CRITICAL, None
    )
    return PolicyBuilder().store(Store(anchors)).extension_policies(ca_policy=ca, ee_policy=ee)


def _san(leaf: x509.Certificate) -> tuple[str, str]:
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return "", ""
    if len(names) != 1:
        return "", ""
    match next(iter(names)):
        case x509.UniformResourceIdentifier(value=value):
            return value, "uri"
        case x509.RFC822Name(value=value):
            return value, "email"
        case x509.OtherName(type_id=type_id, value=value) if type_id == _SAN_OTHER_NAME:
            return _utf8_string(value), "other"
        case _:
            return "", ""


def _text(said: Mapping[str, x509.ExtensionType], arc: int, *, der: bool) -> str:
    extension = said.get(f"{_FULCIO}{arc}")
    if not isinstance(extension, x509.UnrecognizedExtension):
        return ""
    if der:
        return _utf8_string(extension.value)
    return extension.value.decode("utf-8", "replace")


def _utf8_string(data: bytes) -> str:
    """A DER UTF8String (tag 0x0C) that fills `data`; empty for anything else."""
    if len(data) < 2 or data[0] != 0x0C:
        return ""
    length, start = data[1], 2
    if length & 0x80:
        count = length & 0x7F
        if not 1 <= count <= 4 or len(data) < 2 + count:
            return ""
        length, start = int.from_bytes(data[2 : 2 + count], "big"), 2 + count
    if start + length != len(data):
        return ""
    return data[start:].decode("utf-8", "replace")
