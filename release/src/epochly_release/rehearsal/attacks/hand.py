"""A signing client of the attacker's own: it asks authority and log as clients do, and checks nothing of what it gets.

With an honest run, its own key and the right log it makes evidence that everybody accepts, so that each forgery differs
from it in one thing. Bundles are of version 0.3 with entries of the first generation of log, which holds a time.

Sources: sigstore_bundle.proto, Fulcio's `POST /api/v2/signingCert`, Rekor's `openapi.yaml`, DSSE v1.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

from epochly_release.attestation import kept
from epochly_release.errors import InputError
from epochly_release.judgement import read_manifest
from epochly_release.provenance import claims_of_token
from epochly_release.rehearsal.authority import der, pem
from epochly_release.rehearsal.keys import b64, sign
from epochly_release.steps.attest import AUDIENCE, signatures_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from epochly_release.attestation import ToSign
    from epochly_release.rehearsal.attacks.scene import Scene
    from epochly_release.rehearsal.keys import EcKey
    from epochly_release.steps.result import Places

    Log = Callable[[bytes], tuple[int, bytes]]

IN_TOTO = "application/vnd.in-toto+json"
BUNDLE_V03 = "application/vnd.dev.sigstore.bundle.v0.3+json"
_JSON = {"Content-Type": "application/json", "Accept": "application/json"}


@dataclass(frozen=True, slots=True)
class Signer:
    """A key, and a certificate that need not be its own."""

    key: EcKey
    certificate: x509.Certificate


def request_for(key: EcKey) -> bytes:
    """The body that asks for a certificate of this key."""
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    encoded = b64(request.public_bytes(serialization.Encoding.PEM))
    return json.dumps({"certificateSigningRequest": encoded}).encode()


def certified(scene: Scene) -> Signer:
    """A new key with its certificate, for the run that speaks now."""
    world, key = scene.world(), scene.sources.new_key()
    headers = _JSON | {"Authorization": f"Bearer {world.identity_token(AUDIENCE)}"}
    url = f"{scene.served.instance.url}/api/v2/signingCert"
    answer = world.fetch(url, method="POST", headers=headers, body=request_for(key))
    if answer.status != 201:
        raise InputError("signing", url, f"answers {answer.status}", "see the authority")
    chain = json.loads(answer.body)["signedCertificateEmbeddedSct"]["chain"]["certificates"]
    return Signer(key, x509.load_pem_x509_certificate(chain[0].encode()))


def log_of(scene: Scene) -> Log:
    """The rehearsal's log, over HTTP."""

    def create(body: bytes) -> tuple[int, bytes]:
        url = f"{scene.served.instance.url}/api/v1/log/entries"
        answer = scene.world().fetch(url, method="POST", headers=_JSON, body=body)
        return answer.status, answer.body

    return create


def signed_by_hand(one: ToSign, signer: Signer, log: Log) -> str:
    """A bundle in JSON; raises `InputError` when the log does not take the entry."""
    certificate = pem(signer.certificate)
    if one.statement:
        kind, content, proposed = _envelope(one, signer.key, certificate)
    else:
        kind, content, proposed = _message(one, signer.key, certificate)
    status, body = log(json.dumps({"apiVersion": "0.0.1", "kind": kind, "spec": proposed}).encode())
    if status != 201:
        raise InputError("signing", one.name, f"is refused by the log: {body.decode()[:200]}", "see the log")
    (entry,) = json.loads(body).values()
    material = {
        "certificate": {"rawBytes": b64(der(signer.certificate))},
        "tlogEntries": [_in_bundle(entry, kind)],
    }
    return json.dumps({"mediaType": BUNDLE_V03, "verificationMaterial": material, **content})


def sign_release(scene: Scene, places: Places, subjects: Collection[str]) -> None:
    """Sign by hand, as the run that speaks now, all that a release promises about these files of it."""
    world, signer, log = scene.world(), certified(scene), log_of(scene)
    claims = claims_of_token(world.identity_token(AUDIENCE))
    for one in signatures_of(read_manifest(scene.plan, places, world), claims, places, world):
        if one.subject in subjects:
            world.write(f"{places.out}/{one.name}", kept(one, signed_by_hand(one, signer, log)))


def _envelope(one: ToSign, key: EcKey, certificate: str) -> tuple[str, dict[str, Any], dict[str, Any]]:
    payload = one.statement
    covered = b"DSSEv1 %d %b %d %b" % (len(IN_TOTO), IN_TOTO.encode(), len(payload), payload)
    envelope = {
        "payload": b64(payload),
        "payloadType": IN_TOTO,
        "signatures": [{"sig": b64(sign(key, covered)), "keyid": ""}],
    }
    proposed = {"envelope": json.dumps(envelope), "verifiers": [b64(certificate.encode())]}
    return "dsse", {"dsseEnvelope": envelope}, {"proposedContent": proposed}


def _message(one: ToSign, key: EcKey, certificate: str) -> tuple[str, dict[str, Any], dict[str, Any]]:
    digest = bytes.fromhex(one.sha256)
    signature = b64(key.sign(digest, ec.ECDSA(utils.Prehashed(hashes.SHA256()))))
    message = {"messageDigest": {"algorithm": "SHA2_256", "digest": b64(digest)}, "signature": signature}
    proposed = {
        "data": {"hash": {"algorithm": "sha256", "value": one.sha256}},
        "signature": {"content": signature, "publicKey": {"content": b64(certificate.encode())}},
    }
    return "hashedrekord", {"messageSignature": message}, proposed


def _in_bundle(entry: dict[str, Any], kind: str) -> dict[str, Any]:
    """A log's answer as bundles hold it."""
    verification = entry["verification"]
    proof = verification["inclusionProof"]
    return {
        "logIndex": str(entry["logIndex"]),
        "logId": {"keyId": b64(bytes.fromhex(entry["logID"]))},
        "kindVersion": {"kind": kind, "version": "0.0.1"},
        "integratedTime": str(entry["integratedTime"]),
        "inclusionPromise": {"signedEntryTimestamp": verification["signedEntryTimestamp"]},
        "inclusionProof": {
            "logIndex": str(proof["logIndex"]),
            "rootHash": b64(bytes.fromhex(proof["rootHash"])),
            "treeSize": str(proof["treeSize"]),
            "hashes": [b64(bytes.fromhex(node)) for node in proof["hashes"]],
            "checkpoint": {"envelope": proof["checkpoint"]},
        },
        "canonicalizedBody": entry["body"],
    }


def sha256_of(data: bytes) -> str:
    """In hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def from_b64(text: str) -> bytes:
    """Standard base64."""
    return base64.b64decode(text)
