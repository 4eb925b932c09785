"""The transparency log of the first generation (Rekor v1): inclusion at once, with a signed promise and a proof.

Wire format: Rekor's `openapi.yaml`; entry kinds `hashedrekord` 0.0.1 and `dsse` 0.0.1, the ones clients write. Logging
the same entry again is a conflict. Search and retrieval by artifact are not offered.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from epochly_release.rehearsal.checkpoint import checkpoint, log_name
from epochly_release.rehearsal.keys import b64, canonical_json, key_id, public_pem, sign
from epochly_release.rehearsal.logged import EntryError, certificate_key, require_signature
from epochly_release.rehearsal.merkle import Tree, leaf_hash
from epochly_release.rehearsal.reply import Reply, json_object, json_reply, text_reply

if TYPE_CHECKING:
    from epochly_release.rehearsal.keys import Sources

_TREE = "1"  # number of the only shard
_TREE_ID = "0000000000000001"
_NOT_AN_ENTRY = (
    EntryError,
    AttributeError,
    KeyError,
    RecursionError,
    TypeError,
    ValueError,
)  # of hostile JSON


@dataclass(frozen=True, slots=True)
class _Logged:
    uuid: str
    body: bytes
    seconds: int


class Rekor1:
    """The log."""

    def __init__(self, url: str, sources: Sources) -> None:
        self.key = sources.new_key()
        self.tree = Tree()
        self._name = log_name(url)
        self._clock = sources.clock
        self._logged: list[_Logged] = []
        self._index: dict[str, int] = {}

    def create(self, body: bytes) -> Reply:
        """`POST /api/v1/log/entries`."""
        try:
            entry = canonical_json(_canonical(json_object(body) or {}))
        except _NOT_AN_ENTRY as error:
            return _error(400, f"error processing entry: {error}")
        uuid = _TREE_ID + leaf_hash(entry).hex()
        if uuid in self._index:
            where = f"/api/v1/log/entries/{uuid}"
            message = f"an equivalent entry already exists in the transparency log with UUID {uuid}"
            return json_reply({"code": 409, "message": message}, 409, headers={"Location": where})
        self._index[uuid] = self.tree.append(entry)
        self._logged.append(_Logged(uuid, entry, int(self._clock().timestamp())))
        return json_reply(self._document(self._index[uuid]), 201)

    def by_uuid(self, uuid: str) -> Reply:
        """`GET /api/v1/log/entries/{uuid}`."""
        index = self._index.get(uuid)
        return _error(404, "entry not found") if index is None else json_reply(self._document(index))

    def by_index(self, index: str) -> Reply:
        """`GET /api/v1/log/entries?logIndex=N`."""
        if not (index.isascii() and index.isdecimal() and len(index) < 10 and int(index) < self.tree.size):
            return _error(404, "entry not found")
        return json_reply(self._document(int(index)))

    def information(self) -> Reply:
        """`GET /api/v1/log`."""
        return json_reply(
            {
                "rootHash": self.tree.root().hex(),
                "treeSize": self.tree.size,
                "signedTreeHead": self._checkpoint(),
                "treeID": _TREE,
                "inactiveShards": [],
            }
        )

    def public_key(self) -> Reply:
        """`GET /api/v1/log/publicKey`."""
        return text_reply(public_pem(self.key), media_type="application/x-pem-file")

    def _checkpoint(self) -> str:
        moment = f"Timestamp: {int(self._clock().timestamp() * 1_000_000) * 1000}"
        root = self.tree.root()
        return checkpoint(f"{self._name} - {_TREE}", self._name, self.tree.size, root, self.key, moment)

    def _document(self, index: int) -> dict[str, Any]:
        logged = self._logged[index]
        promised = {
            "body": b64(logged.body),
            "integratedTime": logged.seconds,
            "logID": key_id(self.key).hex(),
            "logIndex": index,
        }
        proof = {
            "logIndex": index,
            "rootHash": self.tree.root().hex(),
            "treeSize": self.tree.size,
            "hashes": [node.hex() for node in self.tree.inclusion_proof(index)],
            "checkpoint": self._checkpoint(),
        }
        promise = b64(sign(self.key, canonical_json(promised)))
        verification = {"signedEntryTimestamp": promise, "inclusionProof": proof}
        return {logged.uuid: {**promised, "verification": verification}}


def _canonical(proposed: dict[str, Any]) -> dict[str, Any]:
    """The entry as it is logged, once its signature holds."""
    kind, version, spec = proposed["kind"], proposed["apiVersion"], proposed["spec"]
    if (kind, version) == ("hashedrekord", "0.0.1"):
        spec = _hashedrekord(spec)
    elif (kind, version) == ("dsse", "0.0.1"):
        spec = _dsse(spec)
    else:
        raise EntryError(f"entry kind {kind!r} version {version!r} is not supported")
    return {"apiVersion": version, "kind": kind, "spec": spec}


def _hashedrekord(spec: dict[str, Any]) -> dict[str, Any]:
    digest, signature = spec["data"]["hash"], spec["signature"]
    if digest["algorithm"] != "sha256":
        raise EntryError("unsupported hash algorithm")
    certificate = _decode(signature["publicKey"]["content"])
    require_signature(
        certificate_key(certificate), _decode(signature["content"]), bytes.fromhex(digest["value"])
    )
    return {
        "data": {"hash": {"algorithm": "sha256", "value": digest["value"]}},
        "signature": {"content": signature["content"], "publicKey": {"content": b64(certificate)}},
    }


def _dsse(spec: dict[str, Any]) -> dict[str, Any]:
    content = spec["proposedContent"]
    text, (verifier, *more) = content["envelope"], content["verifiers"]
    envelope = json.loads(text)
    (signature, *others) = envelope["signatures"]
    if more or others:
        raise EntryError("one signature and one verifier are expected")
    payload = _decode(envelope["payload"])
    kind = envelope["payloadType"].encode()
    signed = b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
    certificate = _decode(verifier)
    require_signature(
        certificate_key(certificate), _decode(signature["sig"]), hashlib.sha256(signed).digest()
    )
    return {
        "envelopeHash": {"algorithm": "sha256", "value": hashlib.sha256(text.encode()).hexdigest()},
        "payloadHash": {"algorithm": "sha256", "value": hashlib.sha256(payload).hexdigest()},
        "signatures": [{"signature": signature["sig"], "verifier": b64(certificate)}],
    }


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise EntryError("not base64") from error


def _error(status: int, message: str) -> Reply:
    return json_reply({"code": status, "message": message}, status)
