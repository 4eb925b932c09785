"""Transparency logs: is the entry in the log, who says so, and since when.

RFC 6962 section 2.1.1 (inclusion proofs), C2SP checkpoints, and Rekor v1's signed entry timestamp, which is a
signature over the canonical JSON (RFC 8785) of four fields of the entry.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from epochly_verify.authenticity.keys import load_der_key, verifies
from epochly_verify.parse.checkpoint import parse_checkpoint
from epochly_verify.parse.fields import Refusal
from epochly_verify.parse.quote import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from epochly_verify.authenticity.keys import PublicKey
    from epochly_verify.parse.bundle import InclusionProof, LogEntry
    from epochly_verify.parse.trustroot import Log


def log_of(entry: LogEntry, logs: Sequence[Log], origin: str) -> tuple[Log, PublicKey]:
    """The trusted log the entry names, and its key.

    Raises:
        Refusal: `log-unknown`.
    """
    for log in logs:
        if log.log_id == entry.log_id:
            key = load_der_key(log.key)
            if key is not None:
                return log, key
    raise Refusal("log-unknown", origin, f"the trust root knows no log with id `{entry.log_id.hex()[:16]}…`")


def require_leaf(entry: LogEntry, origin: str) -> None:
    """The entry is a leaf of the tree with the proof's root.

    Raises:
        Refusal: `inclusion-proof-missing`, `inclusion-proof-invalid`.
    """
    if entry.proof is None:
        raise Refusal("inclusion-proof-missing", origin, "the log entry has no inclusion proof")
    if root_from_proof(entry.body, entry.proof) != entry.proof.root_hash:
        raise Refusal(
            "inclusion-proof-invalid", origin, "the inclusion proof does not lead to the root it names"
        )


def require_signed_root(entry: LogEntry, key: PublicKey, origin: str) -> str:
    """The log signed the root that the proof names. Returns the log's origin line.

    Raises:
        Refusal: `checkpoint-missing`, `checkpoint-malformed`, `checkpoint-signature-invalid`,
            `checkpoint-mismatch`.
    """
    proof = entry.proof
    if proof is None or not proof.checkpoint:
        raise Refusal(
            "checkpoint-missing", origin, "the inclusion proof has no checkpoint: nobody signed its root"
        )
    checkpoint = parse_checkpoint(proof.checkpoint, origin)
    own = [signature for signature in checkpoint.signatures if signature.key_hint == entry.log_id[:4]]
    if not any(verifies(key, signature.signature, checkpoint.signed_text) for signature in own):
        said = "its signature does not verify" if own else "the log itself did not sign it"
        raise Refusal(
            "checkpoint-signature-invalid",
            origin,
            f"checkpoint of {quoted(checkpoint.origin, most=80)}: {said}",
        )
    if checkpoint.root_hash != proof.root_hash or checkpoint.size != proof.tree_size:
        raise Refusal(
            "checkpoint-mismatch",
            origin,
            f"the checkpoint is for size {checkpoint.size} and root {checkpoint.root_hash.hex()[:16]}…, "
            f"the proof for size {proof.tree_size} and root {proof.root_hash.hex()[:16]}…",
        )
    return checkpoint.origin


def root_from_proof(leaf: bytes, proof: InclusionProof) -> bytes | None:
    """The root an inclusion proof leads to (RFC 9162 section 2.1.3.2), `None` when its shape is impossible."""
    if not 0 <= proof.log_index < proof.tree_size:
        return None
    node = hashlib.sha256(b"\x00" + leaf).digest()
    index, last = proof.log_index, proof.tree_size - 1
    for sibling in proof.hashes:
        if len(sibling) != 32 or last == 0:
            return None
        if index & 1 or index == last:
            node = hashlib.sha256(b"\x01" + sibling + node).digest()
            while not index & 1 and index:
                index >>= 1
                last >>= 1
        else:
            node = hashlib.sha256(b"\x01" + node + sibling).digest()
        index >>= 1
        last >>= 1
    return node if last == 0 else None


def promised_time(entry: LogEntry, key: PublicKey, origin: str) -> datetime | None:
    """The time the log says it integrated the entry, when it signed that promise.

    Raises:
        Refusal: `signed-entry-timestamp-invalid`.
    """
    if not entry.promise:
        return None
    if entry.integrated_time <= 0:
        raise Refusal(
            "signed-entry-timestamp-invalid", origin, "the inclusion promise has no integrated time"
        )
    payload = {
        "body": b64encode(entry.body).decode(),
        "integratedTime": entry.integrated_time,
        "logID": entry.log_id.hex(),
        "logIndex": entry.log_index,
    }
    canonical = json.dumps(payload, separators=(",", ":"), sort_keys=True).encode()
    if not verifies(key, entry.promise, canonical):
        raise Refusal(
            "signed-entry-timestamp-invalid", origin, "the log's signature over its promise is wrong"
        )
    try:
        return datetime.fromtimestamp(entry.integrated_time, tz=UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise Refusal("signed-entry-timestamp-invalid", origin, "the integrated time is no date") from error
