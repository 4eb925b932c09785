"""Makes a deployment ready to serve: tables, secrets, root, first signing key; what is there stays as it is.

Two processes that start together do it one after the other. A database that was set up with other secrets is refused: under
another pepper no licence would be found.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout
from sqlalchemy import text

from epochly_service import keys, migrating, secret_files, store
from epochly_service.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from epochly_service.engines import Database
    from epochly_service.secret_files import Secrets
    from epochly_service.settings import Policy

WAIT_S = 30  # for another process that sets up the same folder


@dataclass(frozen=True, slots=True)
class Ready:
    """A deployment that can serve; `made_root` is where a root's private key was just put, if one was made."""

    secrets: Secrets
    made_root: str | None


def set_up(database: Database, data: str, *, now: int, policy: Policy, rng: Callable[[int], bytes]) -> Ready:
    """Bring database and data folder to where a node can serve.

    Raises:
        ServiceError: they do not belong together, or something cannot be read or written.
    """
    secret_files.make_folder(data)
    try:
        with FileLock(os.path.join(data, "setup.lock"), timeout=WAIT_S, mode=0o600):
            migrating.migrate(database)
            return _filled(database, data, now=now, policy=policy, rng=rng)
    except (Timeout, PermissionError) as error:
        raise ServiceError(
            "data-folder",
            data,
            "it cannot be locked for setting up",
            "look for another process, and at its rights",
        ) from error


def _filled(database: Database, data: str, *, now: int, policy: Policy, rng: Callable[[int], bytes]) -> Ready:
    has_secrets = os.path.lexists(os.path.join(data, secret_files.SECRETS))
    if not has_secrets and not database.read(store.is_empty):
        raise ServiceError(
            "data-folder",
            data,
            "it has no secrets, but the database was set up with some",
            "`--data` has to name the folder of that deployment, or a copy of it",
        )
    secrets = secret_files.make_secrets(data, rng)
    private = os.path.join(data, secret_files.ROOT, "root.pem")
    made: list[str] = []

    def first_keys(conn: Connection) -> None:
        if not database.is_sqlite:
            conn.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": migrating.LOCK})
        if store.newest_keyset(conn) is not None:
            return
        if os.path.lexists(private):
            root = keys.read_private_pem(private)
        else:
            root = keys.make_root(data, rng)
            made.append(private)
        keys.rotate(conn, root=root, data=data, now=now, policy=policy, rng=rng)

    database.write(first_keys)
    database.read(lambda conn: keys.load(conn, data))  # says what is missing before a client finds out
    return Ready(secrets, made[0] if made else None)
