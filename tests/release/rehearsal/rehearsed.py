"""A rehearsal instance without a socket, a client that speaks to it by calls, and small wheels to publish.

The client is written from the wire protocols, not from the services' code; the tests with real clients stand in
`test_real_clients.py`.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
import zipfile
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from epochly_release.rehearsal.keys import seeded_sources
from epochly_release.rehearsal.oidc import Run
from epochly_release.rehearsal.publisher import Publisher
from epochly_release.rehearsal.state import new_instance
from epochly_release.rehearsal.upload import Upload

NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
RUN = Run("acme/demo-pkg")
PUBLISHER = Publisher("acme/demo-pkg", "42", "release.yml", "pypi", ("demo-pkg",))
WHEEL = "demo_pkg-1.0-py3-none-any.whl"
PUBLISH = "https://docs.pypi.org/attestations/publish/v1"
IN_TOTO = "application/vnd.in-toto+json"


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, moment=NOW):
        self.moment = moment

    def __call__(self):
        return self.moment

    def advance(self, **by):
        """Move it forward."""
        self.moment += timedelta(**by)


def new(clock=None, *, seed=b"rehearsal", run=RUN, publishers=(PUBLISHER,), url="https://localhost:4443"):
    """A new instance under a clock that stands."""
    return new_instance(url, run, publishers, seeded_sources(clock or Clock(), seed))


def b64(data):
    """Standard base64."""
    return base64.b64encode(data).decode()


def minted(instance, **more):
    """The reply to a request for an upload token."""
    return instance.index.mint_token(json.dumps({"token": instance.issuer.issue("pypi", **more)}).encode())


def token(instance):
    """An upload token."""
    reply = minted(instance)
    assert reply.status == 200, reply.text
    return reply.document["token"]


def csr(key):
    """A body for Fulcio."""
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    return json.dumps(
        {"certificateSigningRequest": b64(request.public_bytes(serialization.Encoding.PEM))}
    ).encode()


def certified(instance, run=None):
    """A key and its certificate chain in PEM, leaf first."""
    key = ec.generate_private_key(ec.SECP256R1())
    identity = instance.issuer.issue("sigstore", run=run)
    reply = instance.fulcio.signing_certificate(f"Bearer {identity}", csr(key))
    assert reply.status == 201, reply.text
    return key, reply.document["signedCertificateEmbeddedSct"]["chain"]["certificates"]


def attestation(instance, content, filename=WHEEL, *, kind=PUBLISH, run=None, pause=None):
    """A PEP 740 attestation over content, logged in Rekor v1; `pause` is called between certificate and log."""
    key, (leaf, *_) = certified(instance, run)
    subject = {"name": filename, "digest": {"sha256": hashlib.sha256(content).hexdigest()}}
    statement = json.dumps(
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [subject],
            "predicateType": kind,
            "predicate": {},
        }
    ).encode()
    signature = key.sign(
        b"DSSEv1 %d %b %d %b" % (len(IN_TOTO), IN_TOTO.encode(), len(statement), statement),
        ec.ECDSA(hashes.SHA256()),
    )
    if pause:
        pause()
    envelope = {
        "payload": b64(statement),
        "payloadType": IN_TOTO,
        "signatures": [{"sig": b64(signature), "keyid": ""}],
    }
    content_ = {"envelope": json.dumps(envelope), "verifiers": [b64(leaf.encode())]}
    proposed = {"apiVersion": "0.0.1", "kind": "dsse", "spec": {"proposedContent": content_}}
    reply = instance.rekor1.create(json.dumps(proposed).encode())
    assert reply.status == 201, reply.text
    (entry,) = reply.document.values()
    der = x509.load_pem_x509_certificate(leaf.encode()).public_bytes(serialization.Encoding.DER)
    return {
        "version": 1,
        "verification_material": {"certificate": b64(der), "transparency_entries": [_bundled(entry)]},
        "envelope": {"statement": b64(statement), "signature": b64(signature)},
    }


def _bundled(entry):
    """A Rekor v1 entry as bundles hold it."""
    proof = entry["verification"]["inclusionProof"]
    return {
        "logIndex": str(entry["logIndex"]),
        "logId": {"keyId": b64(bytes.fromhex(entry["logID"]))},
        "kindVersion": {"kind": "dsse", "version": "0.0.1"},
        "integratedTime": str(entry["integratedTime"]),
        "inclusionPromise": {"signedEntryTimestamp": entry["verification"]["signedEntryTimestamp"]},
        "inclusionProof": {
            "logIndex": str(proof["logIndex"]),
            "rootHash": b64(bytes.fromhex(proof["rootHash"])),
            "treeSize": str(proof["treeSize"]),
            "hashes": [b64(bytes.fromhex(node)) for node in proof["hashes"]],
            "checkpoint": {"envelope": proof["checkpoint"]},
        },
        "canonicalizedBody": entry["body"],
    }


def wheel(*, text="x = 1\n", twice=(), without=(), licence=""):
    """An honest little wheel, save for names written twice or left out."""
    info = "demo_pkg-1.0.dist-info"
    licences = f"License-File: {licence}\n" if licence else ""
    files = {
        "demo_pkg.py": text,
        f"{info}/METADATA": f"Metadata-Version: 2.4\nName: demo-pkg\nVersion: 1.0\n{licences}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = []
    for name, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data.encode()).digest()).rstrip(b"=").decode()
        rows.append(f"{name},sha256={digest},{len(data)}\n")
    files[f"{info}/RECORD"] = "".join([*rows, f"{info}/RECORD,,\n"])
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            if name.rpartition("/")[2] in without:
                continue
            for _ in range(2 if name in twice else 1):
                archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), data)
    return out.getvalue()


def sdist(top="demo_pkg-1.0", *, metadata="Metadata-Version: 2.4\nName: demo-pkg\nVersion: 1.0\n"):
    """An honest little sdist, save for what is given; without `metadata` it has no PKG-INFO."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", format=tarfile.PAX_FORMAT) as archive:
        files = {"pyproject.toml": "[project]\n", **({"PKG-INFO": metadata} if metadata else {})}
        for name, text in files.items():
            member = tarfile.TarInfo(f"{top}/{name}")
            member.size, member.mode = len(text), 0o644
            archive.addfile(member, io.BytesIO(text.encode()))
    return out.getvalue()


def basic(password, user="__token__"):
    """An Authorization header."""
    return f"Basic {b64(f'{user}:{password}'.encode())}"


def upload(instance, content, authorization, *, filename=WHEEL, attestations=None, **fields):
    """The reply to an upload; a field of `None` is left out."""
    form = {
        ":action": "file_upload",
        "protocol_version": "1",
        "metadata_version": "2.4",
        "name": "demo-pkg",
        "version": "1.0",
        "filetype": "bdist_wheel",
        "pyversion": "py3",
        "sha256_digest": hashlib.sha256(content).hexdigest(),
        "attestations": None if attestations is None else json.dumps(attestations),
        **fields,
    }
    form = {key: value for key, value in form.items() if value is not None}
    return instance.index.upload(Upload(authorization, form, filename, content))
