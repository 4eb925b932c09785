"""Brings a database to the newest schema, with Alembic's migrations beside this file, and tells which one it has."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from epochly_service.engines import Database

LOCK = 0x65706F63  # of PostgreSQL's advisory locks, so that two processes that start together migrate one after the other


def migrate(database: Database) -> None:
    """Bring `database` to the newest schema, in one transaction; nothing to do is fine."""

    def work(conn: Connection) -> None:
        if not database.is_sqlite:
            conn.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        config = _config()
        config.attributes["connection"] = conn
        command.upgrade(config, "head")

    database.write(work)


def newest() -> str:
    """The newest schema this code knows."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None
    return head


def current(conn: Connection) -> str | None:
    """The schema a database has; None where it has none."""
    return MigrationContext.configure(conn).get_current_revision()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("epochly_service") / "migrations"))
    return config
