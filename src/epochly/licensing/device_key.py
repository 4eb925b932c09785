"""The device's key: Ed25519, made on this machine, kept as PKCS#8 in PEM, and never sent anywhere.

It is the identity of a device; the fingerprint is a hint. It refuses to make a key where there is one that cannot be read: a new key
is a new device, and that is for the user to say. Sources: RFC 8032, RFC 8410, RFC 5958.
"""

from __future__ import annotations

from dataclasses import dataclass
from os.path import join
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from epochly.licensing.canonical import kid_of
from epochly.licensing.state import KEY, StateProblem

if TYPE_CHECKING:
    from collections.abc import Callable

    from epochly.licensing.state import State

NEXT_KEY = "device.key.next"  # a key that the service may or may not have taken in place of the other
HINT = "move it away and run `epochly license activate` or `trial`, which makes a new one"


@dataclass(frozen=True, slots=True)
class DeviceKey:
    """A private key, its raw 32-byte public key, and the id of that."""

    private: Ed25519PrivateKey
    public: bytes
    kid: str


def kept_key(state: State, name: str = KEY) -> DeviceKey | None:
    """The key in the state folder, or None where there is none. Raises `StateProblem`."""
    data = state.read(name)
    if data is None:
        return None
    place = join(state.path, name)
    try:
        private = load_pem_private_key(data, password=None)
    except (ValueError, TypeError):  # not PEM, cut off, or with a passphrase
        raise StateProblem(place, "holds no whole private key", HINT) from None
    except Exception as error:  # noqa: BLE001 - whatever else the library says of hostile bytes
        raise StateProblem(
            place, f"holds no private key that can be read ({type(error).__name__})", HINT
        ) from None
    if not isinstance(private, Ed25519PrivateKey):
        raise StateProblem(place, "holds a key that is not Ed25519", HINT)
    return _device_key(private)


def make_key(state: State, rng: Callable[[int], bytes], name: str = KEY) -> DeviceKey:
    """A new key, kept before it is given; whoever calls holds the folder's lock. Raises `StateProblem`."""
    key = _device_key(Ed25519PrivateKey.from_private_bytes(rng(32)))
    state.write(name, key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return key


def _device_key(private: Ed25519PrivateKey) -> DeviceKey:
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return DeviceKey(private, public, kid_of(public))
