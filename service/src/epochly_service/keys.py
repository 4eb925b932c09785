"""Keys of the service: those that sign leases, the keyset that a root signs over them, and their rotation.

The root key is handed in by whoever holds it, for the moment of a rotation; a serving process never has it. Private signing
keys are files that all nodes share; the database holds what is public, and says which one is in use.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from epochly_service import secret_files, store, tokens
from epochly_service.encoding import b64u, kid
from epochly_service.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from epochly_service.settings import Policy

KEYS_MAX = 32  # section 9
SEED_BYTES = 32


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private signing key with the time in which it may sign."""

    kid: str
    private: Ed25519PrivateKey
    nbf: int
    exp: int


@dataclass(frozen=True, slots=True)
class Keyring:
    """What a node signs with: usable keys, the newest first, and the newest keyset."""

    keys: tuple[SigningKey, ...]
    keyset: str
    v: int

    def signer(self, at: int) -> SigningKey | None:
        """The newest key that was good at a time, so that a lease signed again verifies at its own `iat`."""
        return next((key for key in self.keys if key.nbf <= at < key.exp), None)

    def sign(self, typ: str, claims: dict[str, Any], at: int) -> str:
        """A token of the service.

        Raises:
            ServiceError: no key is good at `at`: the rotation was forgotten.
        """
        key = self.signer(at)
        if key is None:
            raise ServiceError(
                "no-signing-key", "signing", "no signing key is in use", "`epochly-service admin keys rotate`"
            )
        return tokens.sign(key.private, typ, claims, kid=key.kid)


def private_key(seed: bytes) -> Ed25519PrivateKey:
    """A key from 32 random bytes."""
    return Ed25519PrivateKey.from_private_bytes(seed)


def raw_public(key: Ed25519PrivateKey) -> bytes:
    """The raw public half."""
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def key_id(key: Ed25519PrivateKey) -> str:
    """The kid of a private key."""
    return kid(raw_public(key))


def private_pem(key: Ed25519PrivateKey) -> bytes:
    """PKCS#8, not encrypted; it goes into a file of mode 0600."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def public_pem(key: Ed25519PrivateKey) -> bytes:
    """The public half as clients pin it."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def read_private_pem(path: str) -> Ed25519PrivateKey:
    """A private key from its file.

    Raises:
        ServiceError: the file is missing, open to others, or holds no Ed25519 key.
    """
    data = secret_files.read_private(path)
    try:
        key = load_pem_private_key(data, password=None)
    except (ValueError, TypeError) as error:
        raise ServiceError(
            "key-file", path, "it is not a private key in PEM", "restore it from a backup"
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ServiceError("key-file", path, "its key is not Ed25519", "only Ed25519 is used here")
    return key


def make_root(data: str, rng: Callable[[int], bytes]) -> Ed25519PrivateKey:
    """Make a root key in `data`'s folder for it, with the public file that clients get."""
    folder = os.path.join(data, secret_files.ROOT)
    secret_files.make_folder(folder)
    root = private_key(rng(SEED_BYTES))
    secret_files.write_private(os.path.join(folder, "root.pem"), private_pem(root))
    secret_files.write_private(os.path.join(folder, "root.pub.pem"), public_pem(root))
    return root


def rotate(
    conn: Connection,
    *,
    root: Ed25519PrivateKey,
    data: str,
    now: int,
    policy: Policy,
    rng: Callable[[int], bytes],
) -> str:
    """Put a new signing key into use: its file, its row, and a keyset that the root signs. Returns its kid.

    The key before it is retired: what it signed stays good. Keys whose last lease is over leave the keyset.
    """
    key = private_key(rng(SEED_BYTES))
    folder = os.path.join(data, secret_files.SIGNING)
    secret_files.make_folder(folder)
    secret_files.write_private(os.path.join(folder, f"{key_id(key)}.pem"), private_pem(key))
    for row in store.all_signing_keys(conn):
        if row["status"] == "active":
            store.update_signing_key(conn, row["kid"], status="retired")
    store.insert_signing_key(
        conn,
        kid=key_id(key),
        pub=b64u(raw_public(key)),
        nbf=now,
        exp=now + policy.key_life_s + policy.key_overlap_s,
        status="active",
    )
    publish(conn, root=root, now=now, policy=policy)
    return key_id(key)


def revoke(conn: Connection, key: str, *, root: Ed25519PrivateKey, now: int, policy: Policy) -> None:
    """Take a signing key's word back: what it signed is worth nothing from the next keyset on.

    Raises:
        ServiceError: there is no such key, or it is the one in use.
    """
    rows = {row["kid"]: row for row in store.all_signing_keys(conn)}
    if key not in rows:
        raise ServiceError(
            "signing-key", key, "there is no such signing key", "`keys list` has those there are"
        )
    if rows[key]["status"] == "active":
        raise ServiceError("signing-key", key, "it is in use", "rotate first, then revoke it")
    store.update_signing_key(conn, key, status="revoked")
    publish(conn, root=root, now=now, policy=policy)


def publish(conn: Connection, *, root: Ed25519PrivateKey, now: int, policy: Policy) -> int:
    """Sign and store a keyset over the keys that still matter; returns its `v`."""
    newest = store.newest_keyset(conn)
    v = (newest[0] if newest else 0) + 1
    rows = [row for row in store.all_signing_keys(conn) if row["exp"] + policy.key_overlap_s > now]
    if len(rows) > KEYS_MAX:
        raise ServiceError(
            "keyset", "keyset", f"it would hold more than {KEYS_MAX} keys", "wait until the oldest have ended"
        )
    claims = {"v": v, "issued": now, "keys": rows}
    token = tokens.sign(root, tokens.KEYSET, claims, kid=key_id(root))
    store.insert_keyset(conn, v=v, token=token, issued=now)
    return v


def load(conn: Connection, data: str) -> Keyring:
    """What a node signs with, from the database and the files in `data`.

    Raises:
        ServiceError: there is no keyset yet, or a key's file is missing or not private.
    """
    newest = store.newest_keyset(conn)
    if newest is None:
        raise ServiceError(
            "keyset", data, "no keyset was made yet", "`epochly-service serve` makes the first"
        )
    usable = [row for row in store.all_signing_keys(conn) if row["status"] != "revoked"]
    return Keyring(_with_private(usable, data), newest[1], newest[0])


def _with_private(rows: Sequence[dict[str, Any]], data: str) -> tuple[SigningKey, ...]:
    found = []
    for row in sorted(rows, key=lambda row: (row["status"] == "active", row["nbf"]), reverse=True):
        path = os.path.join(data, secret_files.SIGNING, f"{row['kid']}.pem")
        if row["status"] == "retired" and not os.path.lexists(path):
            continue  # an old key's file may be destroyed; it has nothing left to sign
        key = read_private_pem(path)
        if key_id(key) != row["kid"]:
            raise ServiceError("key-file", path, "it holds another key", "restore it from a backup")
        found.append(SigningKey(row["kid"], key, row["nbf"], row["exp"]))
    return tuple(found)
