"""The rows that decisions are made on, as frozen values. Times are Unix seconds, days since 1970-01-01; both ints."""

from __future__ import annotations

from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any


@dataclass(frozen=True, slots=True)
class License:
    """A licence: so many seats of a plan until an end. Fields as in `schema.licenses`."""

    account_id: str
    id: str
    key_mac: str | None
    plan: str
    seat: str
    status: str
    seats_max: int
    seats_used: int
    created_at: int
    expires_at: int
    policy_version: int


@dataclass(frozen=True, slots=True)
class Device:
    """A key pair on a licence. Fields as in `schema.devices`."""

    account_id: str
    id: str
    license_id: str
    kid: str
    pub: str
    prev_kid: str | None
    prev_pub: str | None
    fp_mac: str
    fp_sealed: str
    fp_version: int
    node_id: str
    client_version: str
    status: str
    holds_seat: int
    seat_until: int | None
    pinned_until: int | None
    lease_seq: int
    lease_exp: int
    lease_ik: str
    rekey_count: int
    created_day: int
    last_seen_day: int

    def is_pinned(self, now: int) -> bool:
        """Whether its seat is checked out: nobody frees it yet."""
        return bool(self.holds_seat) and self.pinned_until is not None and self.pinned_until > now


@dataclass(frozen=True, slots=True)
class Remembered:
    """What a request with an idempotency key did, for when it comes again. `lease` is a JSON object."""

    account_id: str
    kid: str
    ik: str
    request_hash: str
    device_id: str
    lease: str
    expires_at: int


def columns_of(row: License | Device | Remembered) -> dict[str, Any]:
    """The columns of a row: name -> value. Every request writes some, so it is made once a class how to get them."""
    names, values = _GETTERS[type(row)]
    return dict(zip(names, values(row), strict=True))


_NAMES = {kind: tuple(field.name for field in fields(kind)) for kind in (License, Device, Remembered)}
_GETTERS = {kind: (names, attrgetter(*names)) for kind, names in _NAMES.items()}
