"""Signing keys and roots: rotated with overlap, revoked, rehearsed, and a root's successor handed out before it is needed.

A root is a file that is named for the moment of a change; the best place for it is no machine at all. Clients pin what
`root-key/root.pub.pem` holds: the current root and, once `root new` made it, the next one.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from epochly_service import keys, pins, secret_files, store
from epochly_service.errors import ServiceError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from sqlalchemy import Connection

    from epochly_service.admin.desk import Desk

CURRENT, NEXT = "root.pem", "next.pem"


@dataclass(frozen=True, slots=True)
class Rotated:
    """A key that came into use (or would), the keyset that says so, and what every key in it is now."""

    kid: str
    v: int
    keys: tuple[dict[str, Any], ...]


class _Rehearsed(Exception):  # noqa: N818 - nothing went wrong
    """Carries what a rehearsal found out of a transaction, which is thereby rolled back."""

    def __init__(self, found: Rotated) -> None:
        super().__init__()
        self.found = found


def rotate(desk: Desk, root_path: str | None = None, *, rehearse: bool = False) -> Rotated:
    """Put a new signing key into use; what the one before it signed stays good until its leases are over.

    Args:
        desk: who asks.
        root_path: the file of a root that clients pin; None: the one in the data folder.
        rehearse: do everything, keep nothing.

    Raises:
        ServiceError: the root is missing or not pinned, or the keys do not do.
    """
    desk.require_all("keys rotate")
    root = read_root(desk, root_path)

    def work(conn: Connection, folder: str) -> Rotated:
        before = [row["kid"] for row in store.all_signing_keys(conn) if row["status"] == "active"]
        kid = keys.rotate(conn, root=root, data=folder, now=desk.now, policy=desk.policy, rng=desk.rng)
        found = _newest(desk, conn, kid)
        _note(desk, conn, "keys-rotate", kid, ({"active": before}, {"v": found.v}))
        if rehearse:
            raise _Rehearsed(found)
        return found

    if not rehearse:
        return desk.database.write(lambda conn: work(conn, desk.data))
    with tempfile.TemporaryDirectory() as folder:
        try:
            return desk.database.write(lambda conn: work(conn, folder))
        except _Rehearsed as done:
            return done.found


def revoke(desk: Desk, kid: str, root_path: str | None = None) -> Rotated:
    """Take a key's word back: leases it signed count no more at clients that saw the new keyset.

    Raises:
        ServiceError: there is no such key, it is in use, or the root is missing or not pinned.
    """
    desk.require_all("keys revoke")
    root = read_root(desk, root_path)

    def work(conn: Connection) -> Rotated:
        keys.revoke(conn, kid, root=root, now=desk.now, policy=desk.policy)
        found = _newest(desk, conn, kid)
        _note(desk, conn, "keys-revoke", kid, ({}, {"v": found.v, "status": "revoked"}))
        return found

    return desk.database.write(work)


def publish(desk: Desk, root_path: str | None = None) -> int:
    """Sign the keyset anew, as the database has it; returns its `v`.

    Raises:
        ServiceError: the root is missing or not pinned.
    """
    desk.require_all("keys keyset")
    root = read_root(desk, root_path)

    def work(conn: Connection) -> int:
        v = keys.publish(conn, root=root, now=desk.now, policy=desk.policy)
        _note(desk, conn, "keys-publish", f"keyset:{v}", ({}, {"v": v}))
        return v

    return desk.database.write(work)


def listing(desk: Desk) -> list[dict[str, Any]]:
    """Every signing key there was, the oldest first."""
    desk.require_all("keys list")
    return desk.database.read(store.all_signing_keys)


def keyset(desk: Desk) -> tuple[str, dict[str, Any]]:
    """The newest keyset: the token, and its claims once a pinned root was seen to have signed it.

    Raises:
        ServiceError: there is none, or no pinned root signed it.
    """
    desk.require_all("keys keyset")
    newest = desk.database.read(store.newest_keyset)
    if newest is None:
        raise ServiceError(
            "keyset", desk.data, "no keyset was made yet", "`epochly-service serve` makes the first"
        )
    return newest[1], pins.verify_keyset(newest[1], pins.read_roots(desk.data))


def new_root(desk: Desk, out: str | None = None) -> tuple[str, str, bool]:
    """Make a root: the first, or the one that will follow the current one. Returns (private file, kid, whether it is the first).

    Raises:
        ServiceError: there are a current and a next one already, or a file cannot be written.
    """
    desk.require_all("root new")
    folder = os.path.join(desk.data, secret_files.ROOT)
    public = os.path.join(desk.data, pins.PINS)
    secret_files.make_folder(folder)
    pinned = secret_files.read_private(public) if os.path.lexists(public) else b""
    there = len(pins.parse_roots(pinned, public)) if pinned else 0
    if there >= pins.PINS_MAX:
        raise ServiceError(
            "root", public, "there is a next root already", "`root promote` makes it the current one"
        )
    root = keys.private_key(desk.rng(keys.SEED_BYTES))
    path = out or os.path.join(folder, NEXT if there else CURRENT)
    secret_files.write_private(path, keys.private_pem(root))
    _replace_private(public, pinned + keys.public_pem(root))
    kid = keys.key_id(root)
    desk.database.write(
        lambda conn: _note(desk, conn, "root-new", kid, ({"roots": there}, {"roots": there + 1}))
    )
    return path, kid, there == 0


def promote_root(desk: Desk, root_path: str | None = None) -> tuple[str, int]:
    """Make the next root the current one, and sign the keyset with it. Returns (its kid, `v`).

    Raises:
        ServiceError: there is no next root, or the file holds another key.
    """
    desk.require_all("root promote")
    folder = os.path.join(desk.data, secret_files.ROOT)
    public = os.path.join(desk.data, pins.PINS)
    pinned = pins.read_roots(desk.data)
    path = root_path or os.path.join(folder, NEXT)
    if len(pinned) < pins.PINS_MAX:
        raise ServiceError(
            "root", public, "there is no next root", "`root new` makes it; clients need to have it before"
        )
    root = keys.read_private_pem(path)
    kid = keys.key_id(root)
    if kid != pins.root_id(pinned[1]):
        raise ServiceError(
            "root", path, "it is not the next root that clients pin", "`root new` said where it is"
        )

    def work(conn: Connection) -> int:
        v = keys.publish(conn, root=root, now=desk.now, policy=desk.policy)
        _note(desk, conn, "root-promote", kid, ({"root": pins.root_id(pinned[0])}, {"root": kid, "v": v}))
        return v

    v = desk.database.write(work)
    _replace_private(public, keys.public_pem(root))
    if (
        root_path is None
    ):  # both lie here: the old one is kept under its name, for whoever wants to destroy it
        current = os.path.join(folder, CURRENT)
        if os.path.lexists(current):
            os.rename(current, os.path.join(folder, f"retired-{pins.root_id(pinned[0])}.pem"))
        os.rename(path, current)
    return kid, v


def read_root(desk: Desk, path: str | None) -> Ed25519PrivateKey:
    """A root that clients pin, from its file.

    Raises:
        ServiceError: it is missing, not private, or no client pins it.
    """
    path = path or os.path.join(desk.data, secret_files.ROOT, CURRENT)
    if not os.path.lexists(path):
        raise ServiceError("root", path, "the root's private key is not here", "name its file with `--root`")
    root = keys.read_private_pem(path)
    if keys.key_id(root) not in {pins.root_id(one) for one in pins.read_roots(desk.data)}:
        raise ServiceError("root", path, "no client pins this root", f"`{pins.PINS}` has those that they do")
    return root


def _newest(desk: Desk, conn: Connection, kid: str) -> Rotated:
    newest = store.newest_keyset(conn)
    assert newest is not None
    claims = pins.verify_keyset(newest[1], pins.read_roots(desk.data))
    return Rotated(kid, newest[0], tuple(claims["keys"]))


def _replace_private(path: str, data: bytes) -> None:
    new = f"{path}.new"
    if os.path.lexists(new):
        os.unlink(new)  # of somebody who was interrupted here
    secret_files.write_private(new, data)
    os.replace(new, path)


def _note(
    desk: Desk,
    conn: Connection,
    action: str,
    object_id: str,
    change: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    desk.note(conn, account_id="", action=action, object_id=object_id, before=change[0], after=change[1])
