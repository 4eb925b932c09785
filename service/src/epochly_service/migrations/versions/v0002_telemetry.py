"""Telemetry and Lens: batches by their digests, events by the day they are forgotten, roots, charts; keys, hosts, processes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def _int(name: str) -> sa.Column[int]:
    return sa.Column(name, INT, nullable=False, autoincrement=False)


def upgrade() -> None:
    """Make every table and index; partitions of PostgreSQL are made when their day comes near."""
    op.create_table(
        "telemetry_batches",
        _text("sha256"),
        _int("day"),
        _int("accepted"),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_telemetry_batches")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_telemetry_batches_day"), "telemetry_batches", ["day"])
    op.create_table(
        "telemetry_events",
        _int("until_day"),
        _text("batch"),
        _int("place"),
        _int("day"),
        _int("month"),
        _text("install"),
        _text("epochly"),
        _text("python"),
        _text("os"),
        _text("arch"),
        _text("event"),
        _int("version"),
        _int("n"),
        _text("fields"),
        sa.PrimaryKeyConstraint("until_day", "batch", "place", name=op.f("pk_telemetry_events")),
        sqlite_strict=True,
        postgresql_partition_by="LIST (until_day)",
    )
    op.create_table(
        "telemetry_roots",
        _int("day"),
        _int("size"),
        _text("root"),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_telemetry_roots")),
        sqlite_strict=True,
    )
    op.create_table(
        "telemetry_charts",
        _int("day"),
        _text("body"),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_telemetry_charts")),
        sqlite_strict=True,
    )
    op.create_table(
        "lens_accounts",
        _text("account_id"),
        _text("salt_sealed"),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_lens_accounts")),
        _of_account("lens_accounts"),
        sqlite_strict=True,
    )
    op.create_table(
        "lens_keys",
        _text("account_id"),
        _text("id"),
        _text("key_mac"),
        _text("status"),
        _int("created_at"),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_lens_keys")),
        _of_account("lens_keys"),
        sa.UniqueConstraint("account_id", "key_mac", name=op.f("uq_lens_keys_account_id_key_mac")),
        sa.CheckConstraint("status IN ('active', 'revoked')", name=op.f("ck_lens_keys_status")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_lens_keys_key_mac"), "lens_keys", ["key_mac"])
    op.create_table(
        "lens_hosts",
        _text("account_id"),
        _text("host"),
        _text("version"),
        _int("first_day"),
        _int("last_seen"),
        sa.PrimaryKeyConstraint("account_id", "host", name=op.f("pk_lens_hosts")),
        _of_account("lens_hosts"),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_lens_hosts_last_seen"), "lens_hosts", ["last_seen"])
    op.create_table(
        "lens_processes",
        _text("account_id"),
        _text("host"),
        _int("pid"),
        _int("uptime_s"),
        _int("last_seen"),
        sa.PrimaryKeyConstraint("account_id", "host", "pid", name=op.f("pk_lens_processes")),
        sa.ForeignKeyConstraint(
            ["account_id", "host"],
            ["lens_hosts.account_id", "lens_hosts.host"],
            name=op.f("fk_lens_processes_lens_hosts"),
            ondelete="CASCADE",
        ),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_lens_processes_last_seen"), "lens_processes", ["last_seen"])


def _of_account(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["account_id"], ["accounts.id"], name=op.f(f"fk_{table}_accounts"), ondelete="CASCADE"
    )
