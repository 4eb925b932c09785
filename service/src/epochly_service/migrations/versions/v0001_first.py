"""The first schema: accounts, licences, devices, keys, audit, operators."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make every table and index."""
    op.create_table(
        "accounts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", INT, nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sqlite_strict=True,
    )
    op.create_table(
        "audit",
        sa.Column("seq", INT, nullable=False, autoincrement=False),
        sa.Column("at", INT, nullable=False, autoincrement=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("actor_kid", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("object_id", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("prev_hash", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_audit_account_id_seq"), "audit", ["account_id", "seq"])
    op.create_index(op.f("ix_audit_object_id"), "audit", ["object_id"])
    head = op.create_table(
        "audit_head",
        sa.Column("id", INT, nullable=False, autoincrement=False),
        sa.Column("seq", INT, nullable=False, autoincrement=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_head")),
        sa.CheckConstraint("id = 1", name=op.f("ck_audit_head_id")),
        sqlite_strict=True,
    )
    op.create_table(
        "keysets",
        sa.Column("v", INT, nullable=False, autoincrement=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("issued", INT, nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("v", name=op.f("pk_keysets")),
        sa.CheckConstraint("v >= 1", name=op.f("ck_keysets_v")),
        sqlite_strict=True,
    )
    op.create_table(
        "operators",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=True),
        sa.Column("created_at", INT, nullable=False, autoincrement=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_operators_accounts"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operators")),
        sa.CheckConstraint("role IN ('viewer', 'admin')", name=op.f("ck_operators_role")),
        sa.CheckConstraint("status IN ('active', 'disabled')", name=op.f("ck_operators_status")),
        sa.UniqueConstraint("name", name=op.f("uq_operators_name")),
        sqlite_strict=True,
    )
    op.create_table(
        "pop_replay",
        sa.Column("h", sa.Text(), nullable=False),
        sa.Column("expires_at", INT, nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("h", name=op.f("pk_pop_replay")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_pop_replay_expires_at"), "pop_replay", ["expires_at"])
    op.create_table(
        "signing_keys",
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("pub", sa.Text(), nullable=False),
        sa.Column("nbf", INT, nullable=False, autoincrement=False),
        sa.Column("exp", INT, nullable=False, autoincrement=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("kid", name=op.f("pk_signing_keys")),
        sa.CheckConstraint("status IN ('active', 'retired', 'revoked')", name=op.f("ck_signing_keys_status")),
        sqlite_strict=True,
    )
    op.create_table(
        "licenses",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("key_mac", sa.Text(), nullable=True),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("seat", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("seats_max", INT, nullable=False, autoincrement=False),
        sa.Column("seats_used", INT, nullable=False, autoincrement=False),
        sa.Column("created_at", INT, nullable=False, autoincrement=False),
        sa.Column("expires_at", INT, nullable=False, autoincrement=False),
        sa.Column("policy_version", INT, nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_licenses")),
        sa.CheckConstraint(
            "plan IN ('trial', 'professional', 'enterprise', 'academic')", name=op.f("ck_licenses_plan")
        ),
        sa.CheckConstraint("seat IN ('node', 'floating')", name=op.f("ck_licenses_seat")),
        sa.CheckConstraint("0 <= seats_used AND seats_used <= seats_max", name=op.f("ck_licenses_seats")),
        sa.CheckConstraint("status IN ('active', 'suspended')", name=op.f("ck_licenses_status")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_licenses_accounts")),
        sa.UniqueConstraint("account_id", "key_mac", name=op.f("uq_licenses_account_id_key_mac")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_licenses_key_mac"), "licenses", ["key_mac"])
    op.create_table(
        "operator_sessions",
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("operator_id", sa.Text(), nullable=False),
        sa.Column("created_at", INT, nullable=False, autoincrement=False),
        sa.Column("expires_at", INT, nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_operator_sessions")),
        sa.ForeignKeyConstraint(
            ["operator_id"], ["operators.id"], name=op.f("fk_operator_sessions_operators"), ondelete="CASCADE"
        ),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_operator_sessions_expires_at"), "operator_sessions", ["expires_at"])
    op.create_table(
        "device_history",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("license_id", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", INT, nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_device_history")),
        sa.CheckConstraint("kind IN ('transfer', 'reenrol', 'strike')", name=op.f("ck_device_history_kind")),
        sa.ForeignKeyConstraint(
            ["account_id", "license_id"],
            ["licenses.account_id", "licenses.id"],
            name=op.f("fk_device_history_licenses"),
        ),
        sqlite_strict=True,
    )
    op.create_index(
        op.f("ix_device_history_account_id_license_id_kind_at"),
        "device_history",
        ["account_id", "license_id", "kind", "at"],
    )
    op.create_table(
        "devices",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("license_id", sa.Text(), nullable=False),
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("pub", sa.Text(), nullable=False),
        sa.Column("prev_kid", sa.Text(), nullable=True),
        sa.Column("prev_pub", sa.Text(), nullable=True),
        sa.Column("fp_mac", sa.Text(), nullable=False),
        sa.Column("fp_sealed", sa.Text(), nullable=False),
        sa.Column("fp_version", INT, nullable=False, autoincrement=False),
        sa.Column("node_id", sa.Text(), nullable=False),
        sa.Column("client_version", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("holds_seat", INT, nullable=False, autoincrement=False),
        sa.Column("seat_until", INT, nullable=True, autoincrement=False),
        sa.Column("pinned_until", INT, nullable=True, autoincrement=False),
        sa.Column("lease_seq", INT, nullable=False, autoincrement=False),
        sa.Column("lease_exp", INT, nullable=False, autoincrement=False),
        sa.Column("lease_ik", sa.Text(), nullable=False),
        sa.Column("rekey_count", INT, nullable=False, autoincrement=False),
        sa.Column("created_day", INT, nullable=False, autoincrement=False),
        sa.Column("last_seen_day", INT, nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_devices")),
        sa.CheckConstraint("holds_seat IN (0, 1)", name=op.f("ck_devices_holds_seat")),
        sa.CheckConstraint("lease_seq >= 0", name=op.f("ck_devices_lease_seq")),
        sa.CheckConstraint("status <> 'released' OR holds_seat = 0", name=op.f("ck_devices_released")),
        sa.CheckConstraint(
            "status IN ('active', 'contended', 'disabled', 'released')", name=op.f("ck_devices_status")
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "license_id"],
            ["licenses.account_id", "licenses.id"],
            name=op.f("fk_devices_licenses"),
        ),
        sa.UniqueConstraint(
            "account_id", "license_id", "kid", name=op.f("uq_devices_account_id_license_id_kid")
        ),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_devices_id"), "devices", ["id"])
    op.create_index(op.f("ix_devices_kid"), "devices", ["kid"])
    op.create_index(op.f("ix_devices_prev_kid"), "devices", ["prev_kid"])
    op.create_table(
        "trials",
        sa.Column("fp_mac", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("license_id", sa.Text(), nullable=False),
        sa.Column("at", INT, nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("fp_mac", name=op.f("pk_trials")),
        sa.ForeignKeyConstraint(
            ["account_id", "license_id"],
            ["licenses.account_id", "licenses.id"],
            name=op.f("fk_trials_licenses"),
        ),
        sqlite_strict=True,
    )
    op.create_table(
        "idempotency",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("ik", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("lease", sa.Text(), nullable=False),
        sa.Column("expires_at", INT, nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("account_id", "kid", "ik", name=op.f("pk_idempotency")),
        sa.ForeignKeyConstraint(
            ["account_id", "device_id"],
            ["devices.account_id", "devices.id"],
            name=op.f("fk_idempotency_devices"),
            ondelete="CASCADE",
        ),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_idempotency_expires_at"), "idempotency", ["expires_at"])
    op.create_index(op.f("ix_idempotency_kid_ik"), "idempotency", ["kid", "ik"])
    op.create_table(
        "raw_attributes",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("attributes", sa.Text(), nullable=False),
        sa.Column("expires_at", INT, nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("account_id", "device_id", name=op.f("pk_raw_attributes")),
        sa.ForeignKeyConstraint(
            ["account_id", "device_id"],
            ["devices.account_id", "devices.id"],
            name=op.f("fk_raw_attributes_devices"),
            ondelete="CASCADE",
        ),
        sqlite_strict=True,
    )
    op.bulk_insert(head, [{"id": 1, "seq": 0, "hash": "0" * 64}])  # the audit chain starts here
