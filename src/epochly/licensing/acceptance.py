"""What counts as the service's word: keysets, leases, refusals and receipts, or the reason why not.

Pure. Whatever is not accepted here says no more than that the service was not reached. It refuses keysets that go back, keys
that are revoked or were not in use at the time, and answers to another question, device or service. Sections 6, 7 and 9 of
`docs/spec/epochly-pop-v1.md`.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, TypeVar

from epochly.licensing.claims import Keyset, Lease, Receipt, Refusal, read_as
from epochly.licensing.tokens import TokenError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from epochly.licensing.claims import Key

Signed = TypeVar("Signed", Lease, Refusal, Receipt)


class NotAccepted(ValueError):  # noqa: N818 - not an error of ours
    """A token that does not count; `unknown_key` where a newer keyset might know its key."""

    def __init__(self, why: str, *, unknown_key: bool = False) -> None:
        super().__init__(why)
        self.unknown_key = unknown_key


@dataclass(frozen=True, slots=True)
class Who:
    """Between whom: the service's base URL and roots, the device's key id, the fingerprint digest it enrolled with."""

    base_url: str
    roots: Mapping[str, bytes]
    kid: str
    digest: str


def accepted_keyset(who: Who, token: str, known: str) -> Keyset:
    """The keyset in a token, by one of the roots, and not older than `known` (a token, or empty). Raises `NotAccepted`."""
    try:
        keyset = read_as(Keyset, token, who.roots.get)
    except TokenError as error:
        raise NotAccepted(f"the keyset is refused: {error.what}") from None
    if known and token != known:
        try:
            before = read_as(Keyset, known, who.roots.get)
        except TokenError:  # by another root than those that count now
            return keyset
        if keyset.v < before.v:
            raise NotAccepted(f"the keyset goes back from version {before.v} to {keyset.v}")
        if keyset.v == before.v:
            raise NotAccepted(f"there are two keysets of version {keyset.v}")
    return keyset


def accepted_lease(who: Who, keyset: Keyset, token: str, cn: str | None, seq: int = 0) -> Lease:
    """A lease for this device, in answer to `cn` (None for one that was kept), not older than `seq`. Raises `NotAccepted`."""
    lease = _read(Lease, keyset, token)
    _between(who, lease.iss, lease.aud, lease.cn, cn)
    if lease.fp != sha256(who.digest.encode()).hexdigest():
        raise NotAccepted("the lease is for another machine")
    if lease.seq < seq:
        raise NotAccepted("the lease is older than the one held")
    if not lease.nbf <= lease.exp <= lease.grace_until:
        raise NotAccepted("the lease ends before it begins")
    return lease


def accepted_refusal(who: Who, keyset: Keyset, token: str, cn: str, code: str) -> Refusal:
    """A refusal of this device's request `cn`, of the code the problem tells. Raises `NotAccepted`."""
    refusal = _read(Refusal, keyset, token)
    _between(who, refusal.iss, refusal.aud, refusal.cn, cn)
    if refusal.code != code:
        raise NotAccepted("the refusal is of another code than the problem")
    return refusal


def accepted_receipt(who: Who, keyset: Keyset, token: str, cn: str, device_id: str) -> Receipt:
    """A receipt for the release of this device. Raises `NotAccepted`."""
    receipt = _read(Receipt, keyset, token)
    _between(who, receipt.iss, receipt.aud, receipt.cn, cn)
    if (receipt.act, receipt.dev) != ("release", device_id):
        raise NotAccepted("the receipt is for something else")
    return receipt


def _read(kind: type[Signed], keyset: Keyset, token: str) -> Signed:
    keys = {key.kid: key for key in keyset.keys if key.status != "revoked"}
    used: list[Key] = []

    def public_key(kid: str) -> bytes | None:
        if kid not in keys:
            return None
        used.append(keys[kid])
        return keys[kid].public_key

    try:
        found = read_as(kind, token, public_key)
    except TokenError as error:
        raise NotAccepted(
            f"what it signed is refused: {error.what}", unknown_key=error.code == "key"
        ) from None
    if not used[0].nbf <= found.iat < used[0].exp:
        raise NotAccepted("it is signed by a key that was not in use at the time")
    return found


def _between(who: Who, iss: str, aud: str, cn: str, asked: str | None) -> None:
    if iss != who.base_url:
        raise NotAccepted("it is by another service")
    if aud != who.kid:
        raise NotAccepted("it is for another device's key")
    if asked is not None and cn != asked:
        raise NotAccepted("it answers another request")
