"""A timestamp authority (RFC 3161): signs that a digest existed at a moment, in CMS written here byte by byte.

The signer's certificate always goes along, and is named by ESSCertIDv2 (RFC 5816). Only SHA-256, SHA-384 and SHA-512
imprints are stamped. A query that is no DER is refused with HTTP 400, as Sigstore's authority does.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from epochly_release.rehearsal.authority import der, root_authority, timestamping_authority
from epochly_release.rehearsal.der import (
    CONTEXT,
    INTEGER,
    OCTET_STRING,
    OID,
    SEQUENCE,
    DerError,
    generalized_time,
    integer,
    octets,
    oid,
    read,
    read_all,
    sequence,
    set_of,
    tlv,
)
from epochly_release.rehearsal.keys import sign
from epochly_release.rehearsal.reply import Reply, text_reply

if TYPE_CHECKING:
    from datetime import datetime

    from epochly_release.rehearsal.keys import Sources

POLICY = "1.3.6.1.4.1.57264.2"  # Sigstore's
_SHA256 = "2.16.840.1.101.3.4.2.1"
_IMPRINT_BYTES = {oid(_SHA256): 32, oid("2.16.840.1.101.3.4.2.2"): 48, oid("2.16.840.1.101.3.4.2.3"): 64}
_ECDSA_SHA256 = "1.2.840.10045.4.3.2"
_SIGNED_DATA, _TST_INFO = "1.2.840.113549.1.7.2", "1.2.840.113549.1.9.16.1.4"
_CONTENT_TYPE, _MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
_SIGNING_CERTIFICATE = "1.2.840.113549.1.9.16.2.47"


class TimestampAuthority:
    """The authority."""

    def __init__(self, sources: Sources) -> None:
        self.authority = timestamping_authority(root_authority("timestamp root", sources), sources)
        self._sources = sources

    def respond(self, query: bytes) -> Reply:
        """`POST /api/v1/timestamp`."""
        try:
            imprint, nonce = _read_query(query)
        except DerError as error:
            return text_reply(f"invalid timestamp request: {error}", 400)
        content = self.token(imprint, nonce, self._sources.clock())
        return Reply(201, sequence(sequence(integer(0)), content), "application/timestamp-reply")

    def token(self, imprint: bytes, nonce: bytes, moment: datetime) -> bytes:
        """A timestamp token over a DER message imprint; `nonce` is a DER integer, or empty."""
        info = sequence(
            integer(1),
            oid(POLICY),
            imprint,
            integer(self._sources.serial()),
            generalized_time(moment),
            sequence(integer(1)),  # accuracy: one second
            nonce,
        )
        certificate = self.authority.certificate
        digest = sequence(oid(_SHA256))
        attributes = (
            _attribute(_CONTENT_TYPE, oid(_TST_INFO)),
            _attribute(_MESSAGE_DIGEST, octets(hashlib.sha256(info).digest())),
            _attribute(
                _SIGNING_CERTIFICATE,
                sequence(sequence(sequence(octets(hashlib.sha256(der(certificate)).digest())))),
            ),
        )
        signer = sequence(
            integer(1),
            sequence(certificate.issuer.public_bytes(), integer(certificate.serial_number)),
            digest,
            set_of(*attributes, tag=CONTEXT),
            sequence(oid(_ECDSA_SHA256)),
            octets(sign(self.authority.key, set_of(*attributes))),  # signed as a SET OF (RFC 5652, 5.4)
        )
        signed = sequence(
            integer(3),
            set_of(digest),
            sequence(oid(_TST_INFO), tlv(CONTEXT, octets(info))),
            tlv(CONTEXT, der(certificate)),
            set_of(signer),
        )
        return sequence(oid(_SIGNED_DATA), tlv(CONTEXT, signed))


def _attribute(kind: str, value: bytes) -> bytes:
    return sequence(oid(kind), set_of(value))


def _read_query(query: bytes) -> tuple[bytes, bytes]:
    """The message imprint and the nonce of a query, as encoded.

    Raises:
        DerError: it is no query, or asks for what is not offered.
    """
    top = read(query)
    items = read_all(top.content) if top.tag == SEQUENCE else []
    if len(items) < 2:
        raise DerError("not a query")
    version, imprint, *more = items
    if version.encoded != integer(1) or imprint.tag != SEQUENCE:
        raise DerError("not a query of version 1")
    parts = read_all(imprint.content)
    if [part.tag for part in parts] != [SEQUENCE, OCTET_STRING]:
        raise DerError("not a message imprint")
    algorithm = read_all(parts[0].content)
    if not algorithm or _IMPRINT_BYTES.get(algorithm[0].encoded) != len(parts[1].content):
        raise DerError("unsupported hash algorithm, or a digest of another length")
    for item in more:
        if item.tag == OID and item.encoded != oid(POLICY):
            raise DerError("unknown policy")
    nonces = [item.encoded for item in more if item.tag == INTEGER]
    return imprint.encoded, b"".join(nonces[:1])
