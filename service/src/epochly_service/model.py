"""The rows that decisions are made on, as values that nothing changes. Times are Unix seconds, days since 1970-01-01; both ints."""

from __future__ import annotations

from typing import NamedTuple


class License(NamedTuple):
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


class Device(NamedTuple):
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


class Remembered(NamedTuple):
    """What a request with an idempotency key did, for when it comes again. `lease` is a JSON object."""

    account_id: str
    kid: str
    ik: str
    request_hash: str
    device_id: str
    lease: str
    expires_at: int
