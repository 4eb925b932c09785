"""The tables, in SQLAlchemy 2 Core: what is kept about accounts, licences, devices and keys, and what is not.

Kept are HMACs of licence keys and fingerprints, public keys, and days; not kept are licence keys, fingerprints, addresses,
host names and private keys. Raw attributes, where somebody opted in, lie in a table of their own for 30 days. What is kept of
telemetry belongs to nobody: no account, device, address or process is in it.

`account_id` leads every key and foreign key of what belongs to an account, so that the rows can be spread by it over several
machines (Citus). Tables without it are small and read by every node (`signing_keys`, `keysets`, `operators`), written before
an account is known (`pop_replay`, `trials`), of no account at all (`telemetry_*`), or one chain by nature (`audit`).

All times are Unix seconds, all days are days since 1970-01-01 (UTC), both ints. Tables are STRICT on SQLite. `migrations/`
makes these tables; a test compares the two.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

REVISION = "0002"  # of the newest migration
# names of constraints are the same on both engines, so that migrations can speak of them
metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)
Int = BigInteger().with_variant(Integer(), "sqlite")  # 64 bits on both: SQLite's INTEGER has them


def _table(name: str, *parts: Any, **options: Any) -> Table:
    return Table(name, metadata, *parts, sqlite_strict=True, **options)


def _text(name: str, *, null: bool = False) -> Column[str]:
    return Column(name, Text(), nullable=null)


def _int(name: str, *, null: bool = False) -> Column[int]:
    return Column(name, Int, nullable=null, autoincrement=False)


def _one_of(column: str, *values: str) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


accounts = _table(
    "accounts",
    _text("id"),  # acc_...
    _text("name"),  # as the operator calls it; "trial" for the account a trial makes
    _int("created_at"),
    PrimaryKeyConstraint("id"),
)

licenses = _table(
    "licenses",
    _text("account_id"),
    _text("id"),  # lic_...
    _text("key_mac", null=True),  # "<pepper version>.<hex>" of the licence key; a trial has no key
    _text("plan"),
    _text("seat"),
    _text("status"),
    _int("seats_max"),
    _int("seats_used"),  # = devices of it with holds_seat = 1
    _int("created_at"),
    _int("expires_at"),  # its own end; no lease outlives it
    _int("policy_version"),
    PrimaryKeyConstraint("account_id", "id"),
    ForeignKeyConstraint(["account_id"], ["accounts.id"]),
    UniqueConstraint("account_id", "key_mac"),
    CheckConstraint("0 <= seats_used AND seats_used <= seats_max", name="seats"),
    _one_of("plan", "trial", "professional", "enterprise", "academic"),
    _one_of("seat", "node", "floating"),
    _one_of("status", "active", "suspended"),
    Index(None, "key_mac"),
)

devices = _table(
    "devices",
    _text("account_id"),
    _text("id"),  # dev_...
    _text("license_id"),
    _text("kid"),
    _text("pub"),  # b64u of the raw public key
    _text("prev_kid", null=True),  # the key before the last rekey, for a repeat of that request alone
    _text("prev_pub", null=True),
    _text("fp_mac"),  # "<pepper version>.<hex>" over account and digest: says nothing across accounts
    _text("fp_sealed"),  # SHA-256 of the digest as leases carry it, encrypted under the pepper
    _int("fp_version"),
    _text("node_id"),
    _text("client_version"),
    _text("status"),
    _int("holds_seat"),  # 0 or 1
    _int("seat_until", null=True),  # floating: the seat is free again after it; node: null
    _int("pinned_until", null=True),  # checked out: nobody frees the seat before it
    _int("lease_seq"),
    _int("lease_exp"),
    _text("lease_ik"),  # idempotency key of the request that got the last lease
    _int("rekey_count"),
    _int("created_day"),
    _int("last_seen_day"),
    PrimaryKeyConstraint("account_id", "id"),
    ForeignKeyConstraint(["account_id", "license_id"], ["licenses.account_id", "licenses.id"]),
    UniqueConstraint("account_id", "license_id", "kid"),
    _one_of("status", "active", "contended", "disabled", "released"),
    CheckConstraint("holds_seat IN (0, 1)", name="holds_seat"),
    CheckConstraint("status <> 'released' OR holds_seat = 0", name="released"),
    CheckConstraint("lease_seq >= 0", name="lease_seq"),
    Index(None, "kid"),
    Index(None, "prev_kid"),
    Index(None, "id"),
)

device_history = _table(  # what is limited by a count in a time: transfers, new fingerprints, strikes
    "device_history",
    _text("account_id"),
    _text("id"),
    _text("license_id"),
    _text("device_id"),
    _text("kind"),
    _int("at"),
    PrimaryKeyConstraint("account_id", "id"),
    ForeignKeyConstraint(["account_id", "license_id"], ["licenses.account_id", "licenses.id"]),
    _one_of("kind", "transfer", "reenrol", "strike"),
    Index(None, "account_id", "license_id", "kind", "at"),
)

raw_attributes = _table(  # only where the user opted in; gone after 30 days
    "raw_attributes",
    _text("account_id"),
    _text("device_id"),
    _text("attributes"),  # JSON object of strings
    _int("expires_at"),
    PrimaryKeyConstraint("account_id", "device_id"),
    ForeignKeyConstraint(
        ["account_id", "device_id"], ["devices.account_id", "devices.id"], ondelete="CASCADE"
    ),
)

idempotency = _table(
    "idempotency",
    _text("account_id"),
    _text("kid"),
    _text("ik"),
    _text("request_hash"),  # hex SHA-256 over method, path and body
    _text("device_id"),
    _text("lease"),  # JSON of the lease's claims, without what is new each time or kept sealed
    _int("expires_at"),
    PrimaryKeyConstraint("account_id", "kid", "ik"),
    ForeignKeyConstraint(
        ["account_id", "device_id"], ["devices.account_id", "devices.id"], ondelete="CASCADE"
    ),
    Index(None, "kid", "ik"),
    Index(None, "expires_at"),
)

trials = _table(  # one a fingerprint; this MAC is of the product, the one in `devices` is of the account
    "trials",
    _text("fp_mac"),
    _text("account_id"),
    _text("license_id"),
    _int("at"),
    PrimaryKeyConstraint("fp_mac"),
    ForeignKeyConstraint(["account_id", "license_id"], ["licenses.account_id", "licenses.id"]),
)

pop_replay = _table(
    "pop_replay",
    _text("h"),  # hex SHA-256(nonce || kid)
    _int("expires_at"),
    PrimaryKeyConstraint("h"),
    Index(None, "expires_at"),
)

signing_keys = _table(  # the private halves are files of the node
    "signing_keys",
    _text("kid"),
    _text("pub"),
    _int("nbf"),
    _int("exp"),
    _text("status"),
    PrimaryKeyConstraint("kid"),
    _one_of("status", "active", "retired", "revoked"),
)

keysets = _table(
    "keysets",
    _int("v"),
    _text("token"),
    _int("issued"),
    PrimaryKeyConstraint("v"),
    CheckConstraint("v >= 1", name="v"),
)

audit = _table(  # append only; each row holds the hash of the one before
    "audit",
    _int("seq"),
    _int("at"),
    _text("account_id"),  # whose it concerns; empty for what is of the service itself
    _text("actor_kid"),  # the device key's kid, or "operator:<name>", or "service"
    _text("action"),
    _text("object_id"),
    _text("before"),  # JSON
    _text("after"),  # JSON
    _text("prev_hash"),
    _text("hash"),
    PrimaryKeyConstraint("seq"),
    Index(None, "account_id", "seq"),
    Index(None, "object_id"),
)

audit_head = _table(  # one row: the end of the chain, and the lock that makes it one chain
    "audit_head",
    _int("id"),
    _int("seq"),
    _text("hash"),
    PrimaryKeyConstraint("id"),
    CheckConstraint("id = 1", name="id"),
)

operators = _table(
    "operators",
    _text("id"),
    _text("name"),
    _text("password_hash"),
    _text("role"),
    _text("status"),
    _text("account_id", null=True),  # whose licences they see; null for who runs the service, and sees all
    _int("created_at"),
    PrimaryKeyConstraint("id"),
    ForeignKeyConstraint(["account_id"], ["accounts.id"], ondelete="CASCADE"),
    UniqueConstraint("name"),
    _one_of("role", "viewer", "admin"),
    _one_of("status", "active", "disabled"),
)

operator_sessions = _table(
    "operator_sessions",
    _text("token_hash"),
    _text("operator_id"),
    _int("created_at"),
    _int("expires_at"),
    PrimaryKeyConstraint("token_hash"),
    ForeignKeyConstraint(["operator_id"], ["operators.id"], ondelete="CASCADE"),
    Index(None, "expires_at"),
)

telemetry_batches = _table(  # what was received, by the digest of its bytes: for receipts, roots and proofs
    "telemetry_batches",
    _text("sha256"),
    _int("day"),  # on which it was received
    _int("accepted"),  # events in it
    PrimaryKeyConstraint("sha256"),
    Index(None, "day"),
)

telemetry_events = (
    _table(  # on PostgreSQL a partition for each day on which rows are forgotten: forgetting is to drop it
        "telemetry_events",
        _int("until_day"),  # the first day on which it is not kept any more
        _text("batch"),  # hex SHA-256
        _int("place"),  # in its batch, from 0
        _int("day"),  # on which it was received
        _int("month"),  # since year 0, of the day it is about: `install` is another one in each
        _text("install"),
        _text("epochly"),
        _text("python"),
        _text("os"),
        _text("arch"),
        _text("event"),
        _int("version"),
        _int("n"),  # how often it happened with these fields
        _text("fields"),  # canonical JSON of the registry's fields
        PrimaryKeyConstraint("until_day", "batch", "place"),
        postgresql_partition_by="LIST (until_day)",
    )
)

telemetry_roots = _table(  # of days that have ended; no row ever changes
    "telemetry_roots",
    _int("day"),
    _int("size"),
    _text("root"),
    PrimaryKeyConstraint("day"),
)

telemetry_charts = _table(  # what is published on a day, made once, so that two answers cannot be told apart
    "telemetry_charts",
    _int("day"),
    _text("body"),
    PrimaryKeyConstraint("day"),
)

lens_accounts = _table(
    "lens_accounts",
    _text("account_id"),
    _text("salt_sealed"),  # under which clients hash host names, encrypted under the pepper
    PrimaryKeyConstraint("account_id"),
    ForeignKeyConstraint(["account_id"], ["accounts.id"], ondelete="CASCADE"),
)

lens_keys = _table(
    "lens_keys",
    _text("account_id"),
    _text("id"),  # lnk_...
    _text("key_mac"),  # "<pepper version>.<hex>"
    _text("status"),
    _int("created_at"),
    PrimaryKeyConstraint("account_id", "id"),
    ForeignKeyConstraint(["account_id"], ["accounts.id"], ondelete="CASCADE"),
    UniqueConstraint("account_id", "key_mac"),
    _one_of("status", "active", "revoked"),
    Index(None, "key_mac"),
)

lens_hosts = _table(  # forgotten 30 days after they were last heard of
    "lens_hosts",
    _text("account_id"),
    _text("host"),  # hex HMAC of its name under the account's salt
    _text("version"),  # of the epochly that was heard of last
    _int("first_day"),
    _int("last_seen"),
    PrimaryKeyConstraint("account_id", "host"),
    ForeignKeyConstraint(["account_id"], ["accounts.id"], ondelete="CASCADE"),
    Index(None, "last_seen"),
)

lens_processes = _table(  # gone when they were silent for three heartbeats
    "lens_processes",
    _text("account_id"),
    _text("host"),
    _int("pid"),
    _int("uptime_s"),
    _int("last_seen"),
    PrimaryKeyConstraint("account_id", "host", "pid"),
    ForeignKeyConstraint(
        ["account_id", "host"], ["lens_hosts.account_id", "lens_hosts.host"], ondelete="CASCADE"
    ),
    Index(None, "last_seen"),
)
