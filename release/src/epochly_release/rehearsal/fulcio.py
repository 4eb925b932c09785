"""The certificate authority: an identity token and proof of a key become a certificate of ten minutes (Fulcio v2).

Wire format: `fulcio.proto`, `POST /api/v2/signingCert`; extensions: Fulcio's `oid-info.md`; precertificate entry and
SCT list: RFC 6962, sections 3.2 and 3.3. Errors are those of its gRPC gateway: `{"code", "message", "details"}`.
Only certificate signing requests are taken, the form `sigstore` sends; the JavaScript clients' form is not.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

from epochly_release.rehearsal.authority import (
    identified,
    intermediate_authority,
    key_usage,
    pem,
    root_authority,
    signed,
)
from epochly_release.rehearsal.der import octets, utf8
from epochly_release.rehearsal.jwt import TokenError
from epochly_release.rehearsal.keys import key_id, sign, spki
from epochly_release.rehearsal.reply import Reply, json_object, json_reply

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from epochly_release.rehearsal.keys import EcKey, Sources
    from epochly_release.rehearsal.oidc import Issuer

AUDIENCE = "sigstore"
LIFETIME = timedelta(minutes=10)  # of a signer's certificate; Fulcio's own
_ARC = "1.3.6.1.4.1.57264.1"
_SCT_LIST = ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
_FORGE = "https://github.com"
_INVALID, _UNAUTHENTICATED = (400, 3), (401, 16)  # HTTP status and gRPC code


class Fulcio:
    """The authority and its certificate transparency log's key."""

    def __init__(self, issuer: Issuer, sources: Sources) -> None:
        root = root_authority("Fulcio root", sources)
        self.authority = intermediate_authority("Fulcio", root, ExtendedKeyUsageOID.CODE_SIGNING, sources)
        self.ct_key = sources.new_key()
        self._issuer = issuer
        self._sources = sources

    def signing_certificate(self, authorization: str, body: bytes) -> Reply:
        """`POST /api/v2/signingCert`."""
        now = self._sources.clock()
        scheme, _, token = authorization.partition(" ")
        try:
            if scheme.lower() != "bearer":
                raise TokenError("no token")
            claims = self._issuer.verify(token, AUDIENCE, now)
        except TokenError:
            return _error(_UNAUTHENTICATED, "There was an error processing the identity token")
        encoded = (json_object(body) or {}).get("certificateSigningRequest")
        if not isinstance(encoded, str):
            return _error(_INVALID, "The certificate signing request is missing")
        try:
            request = x509.load_pem_x509_csr(base64.b64decode(encoded, validate=True))
        except (binascii.Error, ValueError):
            return _error(_INVALID, "The certificate signing request could not be parsed")
        key = request.public_key()
        if not isinstance(key, ec.EllipticCurvePublicKey):
            return _error(_INVALID, "The public key supplied in the request is of an unsupported kind")
        if not request.is_signature_valid:
            return _error(_INVALID, "The signature supplied in the request could not be verified")
        chain = [self.issue(key, claims, now), *self.authority.chain]
        certificates = {"certificates": [pem(certificate) for certificate in chain]}
        return json_reply({"signedCertificateEmbeddedSct": {"chain": certificates}}, 201)

    def trust_bundle(self) -> Reply:
        """`GET /api/v2/trustBundle`."""
        chain = [pem(certificate) for certificate in self.authority.chain]
        return json_reply({"chains": [{"certificates": chain}]})

    def issue(
        self, key: ec.EllipticCurvePublicKey, claims: Mapping[str, Any], now: datetime
    ) -> x509.Certificate:
        """A certificate for whom the claims name, with one embedded SCT as its last extension."""
        builder = self._builder(key, claims, now)
        body = signed(builder, self.authority.key).tbs_certificate_bytes
        moment = int(now.timestamp() * 1000)
        signature = self.sign_timestamp(_precertificate(body, self.authority.key, moment))
        listed = octets(_sct_list(key_id(self.ct_key), moment, signature))
        builder = builder.add_extension(x509.UnrecognizedExtension(_SCT_LIST, listed), critical=False)
        return signed(builder, self.authority.key)

    def sign_timestamp(self, entry: bytes) -> bytes:
        """The certificate log's promise to take a precertificate entry (RFC 6962, section 3.2)."""
        return sign(self.ct_key, entry)

    def _builder(
        self, key: ec.EllipticCurvePublicKey, claims: Mapping[str, Any], now: datetime
    ) -> x509.CertificateBuilder:
        signer = f"{_FORGE}/{claims['job_workflow_ref']}"
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self.authority.certificate.subject)
            .public_key(key)
            .serial_number(self._sources.serial())
            .not_valid_before(now)
            .not_valid_after(now + LIFETIME)
            .add_extension(key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
        )
        builder = identified(builder, key, self.authority.key)
        names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(signer)])
        builder = builder.add_extension(names, critical=True)
        for arc, value in _extensions(claims).items():
            extension = x509.UnrecognizedExtension(ObjectIdentifier(f"{_ARC}.{arc}"), value)
            builder = builder.add_extension(extension, critical=False)
        return builder


def _extensions(claims: Mapping[str, Any]) -> dict[int, bytes]:
    """Last arc of the OID -> value: 1 to 6 are plain text for old readers, the others DER UTF8String."""
    repository = f"{_FORGE}/{claims['repository']}"
    plain = {
        1: claims["iss"],
        2: claims["event_name"],
        3: claims["sha"],
        4: claims["workflow"],
        5: claims["repository"],
        6: claims["ref"],
    }
    encoded = {
        8: claims["iss"],
        9: f"{_FORGE}/{claims['job_workflow_ref']}",
        10: claims["job_workflow_sha"],
        11: claims["runner_environment"],
        12: repository,
        13: claims["sha"],
        14: claims["ref"],
        15: claims["repository_id"],
        16: f"{_FORGE}/{claims['repository_owner']}",
        17: claims["repository_owner_id"],
        18: f"{_FORGE}/{claims['workflow_ref']}",
        19: claims["workflow_sha"],
        20: claims["event_name"],
        21: f"{repository}/actions/runs/{claims['run_id']}/attempts/{claims['run_attempt']}",
        22: claims["repository_visibility"],
        23: claims.get("environment", ""),
        24: claims["sub"],
    }
    return {arc: text.encode() for arc, text in plain.items()} | {
        arc: utf8(text) for arc, text in encoded.items() if text
    }


def _precertificate(body: bytes, issuer_key: EcKey, moment: int) -> bytes:
    """What an SCT signs: a certificate's body before it carried the list, and a time in milliseconds."""
    entry = struct.pack("!BBQH", 0, 0, moment, 1) + hashlib.sha256(spki(issuer_key)).digest()
    return entry + len(body).to_bytes(3) + body + b"\0\0"


def _sct_list(log_id: bytes, moment: int, signature: bytes) -> bytes:
    """The list of one SCT, ECDSA with SHA-256."""
    sct = b"\0" + log_id + struct.pack("!QHBBH", moment, 0, 4, 3, len(signature)) + signature
    listed = len(sct).to_bytes(2) + sct
    return len(listed).to_bytes(2) + listed


def _error(kind: tuple[int, int], message: str) -> Reply:
    status, code = kind
    return json_reply({"code": code, "message": message, "details": []}, status)
