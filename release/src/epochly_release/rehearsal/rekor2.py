"""The transparency log of the second generation (Rekor v2, rekor-tiles): a proof and a checkpoint, and no time.

Wire format: `rekor_service.proto`, `hashedrekord` 0.0.2 only; envelopes are logged as the digest of what they sign. An
entry has no promise, so whoever verifies it needs a timestamp from elsewhere. Tiles are not served.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from epochly_release.rehearsal.checkpoint import checkpoint, log_name
from epochly_release.rehearsal.keys import b64, canonical_json, key_id
from epochly_release.rehearsal.logged import EntryError, certificate_key, require_signature
from epochly_release.rehearsal.merkle import Tree
from epochly_release.rehearsal.reply import Reply, json_object, json_reply, text_reply

if TYPE_CHECKING:
    from epochly_release.rehearsal.keys import Sources

_KEY_DETAILS = "PKIX_ECDSA_P256_SHA_256"
_INVALID = (400, 3)  # HTTP status and gRPC code
_NOT_AN_ENTRY = (EntryError, AttributeError, KeyError, TypeError, ValueError)  # of hostile JSON


class Rekor2:
    """The log."""

    def __init__(self, url: str, sources: Sources) -> None:
        self.key = sources.new_key()
        self.tree = Tree()
        self._name = log_name(url)

    def create(self, body: bytes) -> Reply:
        """`POST /api/v2/log/entries`."""
        try:
            entry = canonical_json(_canonical(json_object(body) or {}))
        except _NOT_AN_ENTRY as error:
            status, code = _INVALID
            message = f"invalid hashedrekord request: {error}"
            return json_reply({"code": code, "message": message, "details": []}, status)
        return self.log(entry)

    def log(self, entry: bytes) -> Reply:
        """The answer to an entry that is taken, in canonical form."""
        index = self.tree.append(entry)
        proof = {
            "logIndex": str(index),
            "rootHash": b64(self.tree.root()),
            "treeSize": str(self.tree.size),
            "hashes": [b64(node) for node in self.tree.inclusion_proof(index)],
            "checkpoint": {"envelope": self._checkpoint()},
        }
        return json_reply(
            {
                "logIndex": str(index),
                "logId": {"keyId": b64(key_id(self.key))},
                "kindVersion": {"kind": "hashedrekord", "version": "0.0.2"},
                "integratedTime": "0",
                "inclusionPromise": None,
                "inclusionProof": proof,
                "canonicalizedBody": b64(entry),
            },
            201,
        )

    def latest_checkpoint(self) -> Reply:
        """`GET /api/v2/checkpoint`."""
        return text_reply(self._checkpoint())

    def _checkpoint(self) -> str:
        return checkpoint(self._name, self._name, self.tree.size, self.tree.root(), self.key)


def _canonical(proposed: dict[str, Any]) -> dict[str, Any]:
    """The entry as it is logged, once its signature holds."""
    request = proposed["hashedRekordRequestV002"]
    signature = request["signature"]
    verifier = signature["verifier"]
    if verifier["keyDetails"] != _KEY_DETAILS:
        raise EntryError(f"unsupported key details {verifier['keyDetails']!r}")
    try:
        certificate, content, digest = (
            base64.b64decode(text, validate=True)
            for text in (verifier["x509Certificate"]["rawBytes"], signature["content"], request["digest"])
        )
    except binascii.Error as error:
        raise EntryError("not base64") from error
    require_signature(certificate_key(certificate), content, digest)
    logged = {
        "content": b64(content),
        "verifier": {"keyDetails": _KEY_DETAILS, "x509Certificate": {"rawBytes": b64(certificate)}},
    }
    spec = {"data": {"algorithm": "SHA2_256", "digest": b64(digest)}, "signature": logged}
    return {
        "apiVersion": "0.0.2",
        "kind": "hashedrekord",
        "spec": {"hashedRekordV002": spec},
    }
