"""The audit chain: who changed what, each row holding the hash of the one before, so that none can be changed unseen.

Renewals of a lease are not in it; they change nobody's seat. Call `append` last in a transaction: it locks the head of the
chain until the end. `before` and `after` hold ids, states and counts, never a key, a fingerprint or a person.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import rfc8785
from sqlalchemy import insert, select, update

from epochly_service.schema import audit, audit_head

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

START = "0" * 64  # the hash before the first row; the first migration writes it


def append(
    conn: Connection,
    *,
    at: int,
    account_id: str,
    actor_kid: str,
    action: str,
    object_id: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
) -> None:
    """Add a row to the chain, in the caller's transaction.

    `account_id` is whose it concerns, empty for what is of the service itself; `actor_kid` is a device key's kid, `operator:NAME`, or `service`; `action` a kebab-case verb such as `register`.
    """
    head = conn.execute(select(audit_head.c.seq, audit_head.c.hash).with_for_update()).one()
    seq, prev = head.seq + 1, head.hash
    row = {
        "seq": seq,
        "at": at,
        "account_id": account_id,
        "actor_kid": actor_kid,
        "action": action,
        "object_id": object_id,
        "before": _text(before),
        "after": _text(after),
        "prev_hash": prev,
    }
    digest = row_hash(row)
    conn.execute(insert(audit), {**row, "hash": digest})
    conn.execute(update(audit_head).values(seq=seq, hash=digest))


def row_hash(row: Mapping[str, Any]) -> str:
    """Hex SHA-256 over the canonical JSON of every column but the hash itself."""
    return hashlib.sha256(rfc8785.dumps({name: row[name] for name in row if name != "hash"})).hexdigest()


def _text(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
