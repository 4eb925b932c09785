"""Alembic's entry: it runs on the connection that `migrating.py` hands it, and never opens one."""

from __future__ import annotations

from alembic import context

from epochly_service.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite cannot alter a table in place
    transactional_ddl=True,
)
context.run_migrations()
