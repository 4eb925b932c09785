"""A Sigstore instance in memory: authority, certificate log, Rekor v1 log, all with real keys and real signatures.

Used to make evidence that is right but for one thing, which no published vector offers. Not a service: it makes
bundles directly. Every step can be altered by a keyword, so that a test says in one line what is wrong.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import textwrap
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

NOW = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)
SUBJECT = "https://github.com/demo/pkg/.github/workflows/release.yml@refs/tags/v1.0"
ISSUER = "https://token.actions.githubusercontent.com"
IN_TOTO = "application/vnd.in-toto+json"
SCT_LIST = ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
FULCIO = "1.3.6.1.4.1.57264.1."


def b64(data: bytes) -> str:
    """Standard base64."""
    return base64.b64encode(data).decode()


def new_key(curve: ec.EllipticCurve | None = None) -> ec.EllipticCurvePrivateKey:
    """A fresh key, P-256 unless said otherwise."""
    return ec.generate_private_key(curve or ec.SECP256R1())


def spki(key: ec.EllipticCurvePrivateKey) -> bytes:
    """The public key's DER SubjectPublicKeyInfo."""
    return key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """The public key in PEM."""
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def sign(key: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
    """ECDSA with SHA-256."""
    return key.sign(data, ec.ECDSA(hashes.SHA256()))


def pae(kind: str, payload: bytes) -> bytes:
    """What a DSSE signature covers."""
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind.encode(), len(payload), payload)


def name(text: str) -> x509.Name:
    """A name of one common name."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def statement(*subjects: tuple[str, bytes], kind: str | None = "https://in-toto.io/Statement/v1") -> bytes:
    """An in-toto statement about (name, content) pairs."""
    document: dict[str, Any] = {
        "subject": [
            {"name": each, "digest": {"sha256": hashlib.sha256(data).hexdigest()}} for each, data in subjects
        ],
        "predicateType": "https://docs.pypi.org/attestations/publish/v1",
        "predicate": None,
    }
    if kind is not None:
        document["_type"] = kind
    return json.dumps(document).encode()


def utf8_string(text: str) -> bytes:
    """DER UTF8String."""
    data = text.encode()
    return bytes([0x0C, len(data)]) + data if len(data) < 128 else bytes([0x0C, 0x81, len(data)]) + data


@dataclass
class Instance:
    """One instance; `trust_root` is what a verifier is given."""

    root_key: ec.EllipticCurvePrivateKey = field(default_factory=new_key)
    ca_key: ec.EllipticCurvePrivateKey = field(default_factory=new_key)
    ct_key: ec.EllipticCurvePrivateKey = field(default_factory=new_key)
    log_key: ec.EllipticCurvePrivateKey = field(default_factory=new_key)
    start: datetime = NOW - timedelta(days=365)

    def __post_init__(self) -> None:
        """Make the authority's two certificates."""
        self.root = self._authority("demo-root", self.root_key, "demo-root", self.root_key, 1)
        self.ca = self._authority("demo-intermediate", self.ca_key, "demo-root", self.root_key, 0)

    def _authority(self, subject: str, key: Any, issuer: str, signer: Any, length: int) -> x509.Certificate:
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        return (
            x509.CertificateBuilder()
            .subject_name(name(subject))
            .issuer_name(name(issuer))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.start)
            .not_valid_after(NOW + timedelta(days=3650))
            .add_extension(x509.BasicConstraints(True, length), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
            )
            .sign(signer, hashes.SHA256())
        )

    def leaf(
        self,
        key: ec.EllipticCurvePrivateKey,
        *,
        usages: tuple[ObjectIdentifier, ...] = (ExtendedKeyUsageOID.CODE_SIGNING,),
        scts: int = 1,
        sct_key: ec.EllipticCurvePrivateKey | None = None,
        sct_over: bytes = b"",
        claims: dict[int, str] | None = None,
        issued: datetime = NOW,
    ) -> x509.Certificate:
        """A ten-minute certificate with claims and embedded certificate timestamps."""
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self.ca.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(issued)
            .not_valid_after(issued + timedelta(minutes=10))
            .add_extension(
                x509.KeyUsage(True, False, False, False, False, False, False, False, False), critical=True
            )
            .add_extension(
                x509.SubjectAlternativeName([x509.UniformResourceIdentifier(SUBJECT)]), critical=True
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.ca_key.public_key()), critical=False
            )
        )
        if usages:
            builder = builder.add_extension(x509.ExtendedKeyUsage(list(usages)), critical=False)
        for arc, text in {8: ISSUER, **(claims or {})}.items():
            extension = x509.UnrecognizedExtension(ObjectIdentifier(f"{FULCIO}{arc}"), utf8_string(text))
            builder = builder.add_extension(extension, critical=False)
        if not scts:
            return builder.sign(self.ca_key, hashes.SHA256())
        body = builder.sign(self.ca_key, hashes.SHA256()).tbs_certificate_bytes
        moment = int(issued.timestamp() * 1000)
        signed = struct.pack("!BBQH", 0, 0, moment, 1) + hashlib.sha256(spki(self.ca_key)).digest()
        signed += len(body).to_bytes(3, "big") + body + b"\0\0" + sct_over
        signer = sct_key or self.ct_key
        signature = sign(signer, signed)
        sct = b"\0" + hashlib.sha256(spki(signer)).digest() + struct.pack("!Q", moment) + b"\0\0\x04\x03"
        sct += len(signature).to_bytes(2, "big") + signature
        items = (len(sct).to_bytes(2, "big") + sct) * scts
        listed = len(items).to_bytes(2, "big") + items
        length = (
            bytes([len(listed)])
            if len(listed) < 128
            else (
                b"\x81" + bytes([len(listed)])
                if len(listed) < 256
                else b"\x82" + len(listed).to_bytes(2, "big")
            )
        )
        extension = x509.UnrecognizedExtension(SCT_LIST, b"\x04" + length + listed)
        return builder.add_extension(extension, critical=False).sign(self.ca_key, hashes.SHA256())

    def entry(
        self, kind: str, version: str, spec: Any, *, at: datetime | None = NOW, body: bytes = b""
    ) -> dict:
        """A log entry in a tree of three leaves, with inclusion proof, checkpoint and (with `at`) promise."""
        body = body or json.dumps({"apiVersion": version, "kind": kind, "spec": spec}).encode()
        leaf = hashlib.sha256(b"\0" + body).digest()
        left, right = hashlib.sha256(b"\0left").digest(), hashlib.sha256(b"\0right").digest()
        inner = hashlib.sha256(b"\1" + left + leaf).digest()
        root = hashlib.sha256(b"\1" + inner + right).digest()
        log_id = hashlib.sha256(spki(self.log_key)).digest()
        text = f"log.example - 1\n3\n{b64(root)}\n"
        signature = b64(log_id[:4] + sign(self.log_key, text.encode()))
        entry = {
            "logIndex": "1",
            "logId": {"keyId": b64(log_id)},
            "kindVersion": {"kind": kind, "version": version},
            "inclusionProof": {
                "logIndex": "1",
                "rootHash": b64(root),
                "treeSize": "3",
                "hashes": [b64(left), b64(right)],
                "checkpoint": {"envelope": f"{text}\n\u2014 log.example {signature}\n"},
            },
            "canonicalizedBody": b64(body),
        }
        if at is not None:
            seconds = int(at.timestamp())
            promise = {"body": b64(body), "integratedTime": seconds, "logID": log_id.hex(), "logIndex": 1}
            canonical = json.dumps(promise, separators=(",", ":"), sort_keys=True).encode()
            entry["integratedTime"] = str(seconds)
            entry["inclusionPromise"] = {"signedEntryTimestamp": b64(sign(self.log_key, canonical))}
        return entry

    def bundle(
        self,
        content: bytes,
        *,
        payload: bytes | None = None,
        payload_type: str = IN_TOTO,
        logged: str = "",
        managed: bool = False,
        key: ec.EllipticCurvePrivateKey | None = None,
        at: datetime | None = NOW + timedelta(minutes=1),
        spec: Any = None,
        certificate: bytes | None = None,
        **leaf: Any,
    ) -> dict[str, Any]:
        """A bundle over `content`, or a DSSE envelope over `payload`; `logged` is the entry kind/version."""
        key = key or new_key()
        self.signer = key
        if managed:
            as_pem, material = pem(key), {"publicKey": {"hint": "demo"}}
        else:
            der = certificate or self.leaf(key, **leaf).public_bytes(serialization.Encoding.DER)
            lines = textwrap.wrap(b64(der), 64)  # as clients log it: RFC 7468's line length
            as_pem = "\n".join(
                ["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""]
            ).encode()
            material = {"certificate": {"rawBytes": b64(der)}}
        covered = content if payload is None else pae(payload_type, payload)
        signature = sign(key, covered)
        kind, version = (logged or ("hashedrekord/0.0.1" if payload is None else "dsse/0.0.1")).split("/")
        digest = hashlib.sha256(covered).hexdigest()
        payload_hash = {"algorithm": "sha256", "value": hashlib.sha256(payload or b"").hexdigest()}
        specs = {
            "hashedrekord": {
                "data": {"hash": {"algorithm": "sha256", "value": digest}},
                "signature": {"content": b64(signature), "publicKey": {"content": b64(as_pem)}},
            },
            "dsse": {
                "envelopeHash": payload_hash,
                "payloadHash": payload_hash,
                "signatures": [{"signature": b64(signature), "verifier": b64(as_pem)}],
            },
            "intoto": {
                "content": {
                    "envelope": {
                        "payloadType": payload_type,
                        "signatures": [{"publicKey": b64(as_pem), "sig": b64(b64(signature).encode())}],
                    },
                    "hash": payload_hash,
                    "payloadHash": payload_hash,
                }
            },
        }
        entry = self.entry(kind, version, spec if spec is not None else specs.get(kind, {}), at=at)
        document: dict[str, Any] = {
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {**material, "tlogEntries": [entry]},
        }
        if payload is None:
            document["messageSignature"] = {
                "messageDigest": {"algorithm": "SHA2_256", "digest": b64(hashlib.sha256(content).digest())},
                "signature": b64(signature),
            }
        else:
            document["dsseEnvelope"] = {
                "payload": b64(payload),
                "payloadType": payload_type,
                "signatures": [{"sig": b64(signature)}],
            }
        return document

    def trust_root(self, **changes: Any) -> dict[str, Any]:
        """The trust root; `changes` replace its members."""
        window = {"start": self.start.isoformat()}

        def log(key: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
            return {
                "baseUrl": "https://log.example",
                "hashAlgorithm": "SHA2_256",
                "publicKey": {
                    "rawBytes": b64(spki(key)),
                    "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                    "validFor": window,
                },
                "logId": {"keyId": b64(hashlib.sha256(spki(key)).digest())},
            }

        return {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [log(self.log_key)],
            "ctlogs": [log(self.ct_key)],
            "certificateAuthorities": [self.authority(self.ca, self.root)],
            "timestampAuthorities": [],
            **changes,
        }

    def authority(self, *chain: x509.Certificate) -> dict[str, Any]:
        """A certificate authority of the trust root."""
        return {
            "subject": {"organization": "demo", "commonName": "demo"},
            "uri": "https://ca.example",
            "certChain": {
                "certificates": [
                    {"rawBytes": b64(each.public_bytes(serialization.Encoding.DER))} for each in chain
                ]
            },
            "validFor": {"start": self.start.isoformat()},
        }
