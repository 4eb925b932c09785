"""Keys of Lens as operators have them: made, listed, revoked; and the hosts of an account, forgotten on request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from epochly_service import peppered, secret_files
from epochly_service.admin import accounts
from epochly_service.admin.desk import ID
from epochly_service.encoding import b64u
from epochly_service.errors import ServiceError
from epochly_service.lens import rows
from epochly_service.lens.desk import KEY_BYTES, PREFIX

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from epochly_service.admin.desk import Desk

SALT_BYTES = 32


def add(desk: Desk, account: str) -> tuple[str, str, str, bool]:
    """Make a key of an account: its id, the key, the account's id, and whether a licence has Lens now.

    Raises:
        ServiceError: there is no such account for them, or the secrets are missing.
    """
    peppers = secret_files.read_secrets(desk.data).pepper
    key = PREFIX + b64u(desk.rng(KEY_BYTES))

    def work(conn: Connection) -> tuple[str, str, str, bool]:
        account_id = accounts.require(desk, conn, account)
        if rows.sealed_salt(conn, account_id) is None:
            salt = desk.rng(SALT_BYTES).hex()
            rows.put_salt(conn, account_id, peppered.seal(peppers, account_id, salt, desk.rng))
        key_id = desk.new_id("lnk")
        mac = peppered.lens_key_macs(peppers, key)[0]
        rows.insert_key(conn, account_id=account_id, key_id=key_id, key_mac=mac, at=desk.now)
        desk.note(
            conn,
            account_id=account_id,
            action="lens-key-add",
            object_id=key_id,
            before={},
            after={"status": "active"},
        )
        return key_id, key, account_id, rows.is_entitled(conn, account_id, desk.now)

    return desk.database.write(work)


def listing(desk: Desk, account: str) -> list[dict[str, Any]]:
    """The keys of an account: id, status, created_at.

    Raises:
        ServiceError: there is no such account for them.
    """
    return desk.database.read(lambda conn: rows.keys_of(conn, accounts.require(desk, conn, account)))


def revoke(desk: Desk, key_id: str) -> str:
    """End a key; returns its account's id.

    Raises:
        ServiceError: there is no such key for them, or it was revoked.
    """

    def work(conn: Connection) -> str:
        found = rows.key_by_id(conn, key_id) if ID.fullmatch(key_id) else None
        if found is None or not desk.sees(found[0]):
            raise ServiceError(
                "lens-key-not-found",
                key_id,
                "there is no such key",
                "`lens-key list ACCOUNT` has those there are",
            )
        account_id, status = found
        if status == "revoked":
            raise ServiceError(
                "lens-key-status", key_id, "it is revoked already", "it opens nothing any more"
            )
        rows.revoke_key(conn, account_id, key_id)
        desk.note(
            conn,
            account_id=account_id,
            action="lens-key-revoke",
            object_id=key_id,
            before={"status": status},
            after={"status": "revoked"},
        )
        return account_id

    return desk.database.write(work)


def forget(desk: Desk, account: str) -> int:
    """Forget every host of an account; those that go on come back with their next heartbeat. Returns how many.

    Raises:
        ServiceError: there is no such account for them.
    """

    def work(conn: Connection) -> int:
        account_id = accounts.require(desk, conn, account)
        count = rows.forget_hosts(conn, account_id)
        desk.note(
            conn,
            account_id=account_id,
            action="lens-forget",
            object_id=account_id,
            before={"hosts": count},
            after={"hosts": 0},
        )
        return count

    return desk.database.write(work)
