"""A throwaway certificate for `localhost`, so that a first try needs no certificate and nobody is tempted by plain HTTP.

The authority's key is used once and never written: what it signed is all it ever signs. Made anew where it has ended or is for
other names.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from epochly_service import secret_files
from epochly_service.errors import ServiceError
from epochly_service.settings import DAY

if TYPE_CHECKING:
    from collections.abc import Sequence

LIFE_S = 90 * DAY
RENEW_S = 30 * DAY  # before its end
ALWAYS = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Certificate:
    """Files of a server's certificate and key; `authority` is what clients have to trust, where it is our own."""

    cert: str
    key: str
    authority: str | None = None


def throwaway(data: str, names: Sequence[str], now: int) -> Certificate:
    """A certificate for `localhost` and `names` in `data`, made if there is no good one.

    Raises:
        ServiceError: its files cannot be written or read.
    """
    folder = os.path.join(data, "tls")
    found = Certificate(*(os.path.join(folder, name) for name in ("server.pem", "server.key", "ca.pem")))
    wanted = [*ALWAYS, *(name for name in names if name not in ALWAYS)]
    if not _is_good(found, wanted, now):
        secret_files.make_folder(folder)
        _make(found, wanted, now)
    return found


def require_pair(certificate: Certificate) -> None:
    """See that certificate and key fit each other before anything is opened.

    Raises:
        ServiceError: they do not, or cannot be read.
    """
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate.cert, certificate.key)
    except (OSError, ssl.SSLError) as error:
        raise ServiceError(
            "tls",
            certificate.cert,
            f"the certificate does not load with its key: {error.strerror or error.args[0]}",
            "`--tls-cert` and `--tls-key` are PEM files that belong together",
        ) from error


def _is_good(found: Certificate, wanted: Sequence[str], now: int) -> bool:
    if not all(path and os.path.exists(path) for path in (found.cert, found.key, found.authority)):
        return False
    try:
        cert = x509.load_pem_x509_certificate(secret_files.read_private(found.cert))
        names = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return False
    there = {str(name) for kind in (x509.DNSName, x509.IPAddress) for name in names.get_values_for_type(kind)}
    return set(wanted) <= there and cert.not_valid_after_utc.timestamp() - now > RENEW_S


def _make(found: Certificate, names: Sequence[str], now: int) -> None:
    begin = dt.datetime.fromtimestamp(now - DAY, dt.UTC)  # a client's clock may be behind
    end = dt.datetime.fromtimestamp(now + LIFE_S, dt.UTC)
    authority, server = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "epochly-service, made for one try")])
    ski = x509.SubjectKeyIdentifier.from_public_key(authority.public_key())

    def builder(name: x509.Name, key: ec.EllipticCurvePrivateKey, *, ca: bool) -> x509.CertificateBuilder:
        usage = x509.KeyUsage(
            digital_signature=not ca,
            key_cert_sign=ca,
            crl_sign=ca,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=0 if ca else None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ski), critical=False
            )
        )

    root = builder(issuer, authority, ca=True).sign(authority, hashes.SHA256())
    leaf = (
        builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])]), server, ca=False)
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(authority, hashes.SHA256())
    )
    assert found.authority is not None
    pem = server.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for path, data in (
        (found.authority, root.public_bytes(Encoding.PEM)),
        (found.key, pem),
        (found.cert, leaf.public_bytes(Encoding.PEM)),
    ):
        if os.path.lexists(path):
            os.unlink(path)
        secret_files.write_private(path, data)


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
