"""The certificates of the rehearsal's authorities: one maker of CA certificates, and the chains made with it.

Issuing certificates live for thirty days around the moment of set-up: long enough for any rehearsal, and a leaked key
is worth nothing afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography.hazmat.primitives.asymmetric import ec

    from epochly_release.rehearsal.keys import EcKey, Sources

LIFETIME = timedelta(days=30)
HEAD_START = timedelta(hours=1)  # validity begins before set-up, so that no client's clock is too early


@dataclass(frozen=True, slots=True)
class Authority:
    """A key, its certificate, and the certificates above it up to the root."""

    key: EcKey
    certificate: x509.Certificate
    above: tuple[x509.Certificate, ...] = ()

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        """Own certificate first, root last."""
        return (self.certificate, *self.above)


def name(common_name: str) -> x509.Name:
    """A name under the rehearsal's organisation."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "release rehearsal"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    """Signing certificates and revocation lists, or signing data; nothing else."""
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def root_authority(common_name: str, sources: Sources) -> Authority:
    """A self-signed authority."""
    key = sources.new_key()
    builder = _builder(common_name, key.public_key(), sources).issuer_name(name(common_name))
    return Authority(key, signed(_as_authority(builder, key, key, 1), key))


def intermediate_authority(
    common_name: str, above: Authority, usage: x509.ObjectIdentifier, sources: Sources
) -> Authority:
    """An authority that issues for one usage only."""
    key = sources.new_key()
    builder = _builder(common_name, key.public_key(), sources).issuer_name(above.certificate.subject)
    builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    own = signed(_as_authority(builder, key, above.key, 0), above.key)
    return Authority(key, own, above.chain)


def timestamping_authority(above: Authority, sources: Sources) -> Authority:
    """A signer of timestamps: its one usage is critical (RFC 3161, section 2.3)."""
    return _end_entity("timestamps", above, ExtendedKeyUsageOID.TIME_STAMPING, sources, critical=True)


def server_authority(above: Authority, hosts: Sequence[str], sources: Sources) -> Authority:
    """A TLS server for some host names."""
    names = [x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])]
    return _end_entity("server", above, ExtendedKeyUsageOID.SERVER_AUTH, sources, more=names)


def pem(certificate: x509.Certificate) -> str:
    """PEM of a certificate."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def der(certificate: x509.Certificate) -> bytes:
    """DER of a certificate."""
    return certificate.public_bytes(serialization.Encoding.DER)


def _end_entity(
    common_name: str,
    above: Authority,
    usage: x509.ObjectIdentifier,
    sources: Sources,
    *,
    critical: bool = False,
    more: Sequence[x509.ExtensionType] = (),
) -> Authority:
    key = sources.new_key()
    builder = _builder(common_name, key.public_key(), sources).issuer_name(above.certificate.subject)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(key_usage(signs_certificates=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=critical)
    for extension in more:
        builder = builder.add_extension(extension, critical=False)
    own = signed(identified(builder, key.public_key(), above.key), above.key)
    return Authority(key, own, above.chain)


def _builder(common_name: str, key: ec.EllipticCurvePublicKey, sources: Sources) -> x509.CertificateBuilder:
    now = sources.clock()
    return (
        x509.CertificateBuilder()
        .subject_name(name(common_name))
        .public_key(key)
        .serial_number(sources.serial())
        .not_valid_before(now - HEAD_START)
        .not_valid_after(now + LIFETIME)
    )


def _as_authority(
    builder: x509.CertificateBuilder, key: EcKey, issuer: EcKey, below: int
) -> x509.CertificateBuilder:
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=below), critical=True)
    builder = builder.add_extension(key_usage(signs_certificates=True), critical=True)
    return identified(builder, key.public_key(), issuer)


def identified(
    builder: x509.CertificateBuilder, key: ec.EllipticCurvePublicKey, issuer: EcKey
) -> x509.CertificateBuilder:
    """With the identifiers of both keys, by which verifiers find the chain."""
    own = x509.SubjectKeyIdentifier.from_public_key(key)
    above = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key())
    return builder.add_extension(own, critical=False).add_extension(above, critical=False)


def signed(builder: x509.CertificateBuilder, key: EcKey) -> x509.Certificate:
    """The certificate, with the same signature each time."""
    return builder.sign(key, hashes.SHA256(), ecdsa_deterministic=True)
