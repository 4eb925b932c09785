"""Copies a database into an empty one, from one engine to the other: all of it or nothing, and read back before it counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from epochly_service import audit
from epochly_service.engines import hold_server_lock
from epochly_service.errors import ServiceError
from epochly_service.migrating import migrate
from epochly_service.snapshot import (
    TABLES,
    digests,
    fill,
    frozen,
    require_empty,
    require_newest,
    rows_of,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from epochly_service.engines import Database


@dataclass(frozen=True, slots=True)
class Copied:
    """One table that was copied: how many rows, and the digest that both sides have."""

    table: str
    rows: int
    sha256: str


def copy(source: Database, target: Database, *, at: int, actor: str) -> list[Copied]:
    """Copy everything but operators' sessions; the source is not changed, and must not be served meanwhile.

    Raises:
        ServiceError: the source is served or not of the newest schema, the target not empty, or the copy not the same.
    """
    lock = hold_server_lock(source)
    try:
        migrate(target)
        with frozen(source) as from_conn:
            require_newest(from_conn, "source")
            expected = digests(from_conn)

            def work(conn: Connection) -> None:
                require_empty(conn, "target")
                for table in TABLES:
                    fill(conn, table, rows_of(from_conn, table))
                found = digests(conn)
                for name, digest in expected.items():
                    if (digest.rows, digest.sha256) != (found[name].rows, found[name].sha256):
                        raise ServiceError(
                            "copy-differs",
                            name,
                            f"{digest.rows} rows were read and {found[name].rows} are there, or they differ",
                            "nothing was kept; look at the target's encoding",
                        )
                audit.append(
                    conn,
                    at=at,
                    account_id="",
                    actor_kid=actor,
                    action="copy",
                    object_id="database",
                    before={},
                    after={"rows": sum(digest.rows for digest in expected.values())},
                )

            target.write(work)
    finally:
        if lock is not None:
            lock.release()
    return [Copied(name, digest.rows, digest.sha256) for name, digest in expected.items()]
