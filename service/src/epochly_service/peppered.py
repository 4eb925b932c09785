"""What is kept in place of licence keys, Lens keys and fingerprints: MACs and one sealed value, under a pepper outside the database.

A MAC is stored as `VERSION.HEX`, so that the pepper can be changed: new rows use its highest version, lookups try all.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from epochly_service import license_keys
from epochly_service.encoding import b64u, unb64u
from epochly_service.macs import mac

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

GCM_NONCE_BYTES = 12


def license_key_macs(peppers: Mapping[int, bytes], normal: str) -> list[str]:
    """What a licence key's row may hold, the newest version first."""
    return [f"{v}.{license_keys.mac(peppers[v], normal)}" for v in sorted(peppers, reverse=True)]


def fingerprint_macs(peppers: Mapping[int, bytes], account_id: str, digest: str) -> list[str]:
    """What a device's row may hold of its fingerprint: nothing that another account's row could be compared with."""
    return _macs(peppers, b"epochly-fp-v1\0" + account_id.encode() + b"\0" + digest.encode())


def trial_macs(peppers: Mapping[int, bytes], digest: str) -> list[str]:
    """What the table of trials may hold of a fingerprint: the same for every account, and in no other table."""
    return _macs(peppers, b"epochly-trial-v1\0" + digest.encode())


def lens_key_macs(peppers: Mapping[int, bytes], key: str) -> list[str]:
    """What the row of a Lens key may hold, the newest version first."""
    return _macs(peppers, b"epochly-lens-key-v1\0" + key.encode())


def lease_fp(digest: str) -> str:
    """`fp` of a lease: hex SHA-256 of the digest's 64 characters."""
    return hashlib.sha256(digest.encode()).hexdigest()


def seal(peppers: Mapping[int, bytes], device_id: str, fp: str, rng: Callable[[int], bytes]) -> str:
    """`fp` of a device's leases, so that a heartbeat can be answered and a stolen database says nothing."""
    version = max(peppers)
    nonce = rng(GCM_NONCE_BYTES)
    box = _sealing(peppers[version]).encrypt(nonce, bytes.fromhex(fp), device_id.encode())
    return f"{version}.{b64u(nonce + box)}"


def unseal(peppers: Mapping[int, bytes], device_id: str, sealed: str) -> str:
    """What `seal` hid.

    Raises:
        ValueError: it was sealed for another device or under a pepper that is gone.
    """
    version, _, text = sealed.partition(".")
    data = unb64u(text)
    try:
        box = _sealing(peppers[int(version)])
        return box.decrypt(data[:GCM_NONCE_BYTES], data[GCM_NONCE_BYTES:], device_id.encode()).hex()
    except (InvalidTag, KeyError) as error:
        raise ValueError(f"the fingerprint of `{device_id}` does not open under the pepper") from error


def _macs(peppers: Mapping[int, bytes], message: bytes) -> list[str]:
    return [f"{v}.{mac(peppers[v], message).hex()}" for v in sorted(peppers, reverse=True)]


@lru_cache(maxsize=8)  # versions of the pepper; each lease of a device opens its fingerprint
def _sealing(pepper: bytes) -> AESGCM:
    return AESGCM(mac(pepper, b"epochly-seal-v1"))
