"""The bad news: `Problem`, which a client gets by the wire, and `ServiceError`, which an operator reads on a terminal.

`PROBLEMS` is the table of section 7 of `docs/spec/epochly-pop-v1.md`: every code with its HTTP status and whether the answer
carries a signed refusal. A code that is not in it cannot be raised.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """One code: its HTTP status, its title, and whether a device gets it signed."""

    status: int
    title: str
    signed: bool = False


PROBLEMS: dict[str, Kind] = {
    "MALFORMED": Kind(400, "the request cannot be read"),
    "UNKNOWN_FIELD": Kind(400, "the body has a field that nothing asks for"),
    "SECRET_IN_QUERY": Kind(400, "the query looks like a secret; nothing secret may be in a URL"),
    "FP_FORMAT": Kind(400, "the fingerprint is not a digest of version 1"),
    "NONCE_REQUIRED": Kind(401, "the proof has no nonce of this service"),
    "NONCE_EXPIRED": Kind(401, "the nonce is too old"),
    "PROOF_INVALID": Kind(401, "the signature of the proof does not hold"),
    "PROOF_MISMATCH": Kind(401, "the proof is for another request"),
    "PROOF_REPLAYED": Kind(401, "the proof has been used before"),
    "KEY_UNKNOWN": Kind(401, "no device has this key"),
    "LICENSE_SUSPENDED": Kind(403, "the licence is suspended", signed=True),
    "LICENSE_EXPIRED": Kind(403, "the licence has ended", signed=True),
    "DEVICE_REVOKED": Kind(403, "the device has no seat any more", signed=True),
    "TRIAL_USED": Kind(403, "this machine has had its trial", signed=True),
    "FEATURE_NOT_ENTITLED": Kind(403, "the plan does not include this", signed=True),
    "LICENSE_NOT_FOUND": Kind(404, "there is no such licence"),
    "DEVICE_NOT_FOUND": Kind(404, "there is no such device"),
    "NOT_FOUND": Kind(404, "there is nothing at this address"),
    "METHOD_NOT_ALLOWED": Kind(405, "this address has no such method"),
    "DEVICE_CLONED": Kind(409, "two copies of one device key are in use", signed=True),
    "SEAT_LIMIT_REACHED": Kind(409, "all seats are taken", signed=True),
    "FINGERPRINT_CHANGED": Kind(409, "the machine is not the one that was enrolled", signed=True),
    "IDEMPOTENCY_MISMATCH": Kind(409, "the idempotency key was used for another request", signed=True),
    "TRANSFER_LIMIT": Kind(409, "the licence has been transferred too often", signed=True),
    "SEAT_CHECKED_OUT": Kind(409, "the seat is checked out", signed=True),
    "TOO_LARGE": Kind(413, "the request is too large"),
    "MEDIA_TYPE": Kind(415, "the body is not JSON"),
    "SCHEMA": Kind(422, "the body is not what this address takes"),
    "CLIENT_TOO_OLD": Kind(426, "the client is too old for this service", signed=True),
    "RATE_LIMITED": Kind(429, "too many requests"),
    "INTERNAL": Kind(500, "the service failed"),
    "MAINTENANCE": Kind(503, "the service is not available for the moment"),
}


class Problem(Exception):  # noqa: N818 - RFC 9457's word for it
    """A request is refused.

    Attributes:
        code: a key of `PROBLEMS`.
        detail: one lower-case clause for the person at the client, with the way out; never a secret.
        retry_after: seconds, where waiting helps.
        seats_used, seats_max: where the refusal is about seats.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        retry_after: int | None = None,
        seats_used: int | None = None,
        seats_max: int | None = None,
    ) -> None:
        if code not in PROBLEMS:
            raise ValueError(f"`{code}` is not in the table of problems")
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.retry_after = retry_after
        self.seats_used = seats_used
        self.seats_max = seats_max

    @property
    def kind(self) -> Kind:
        """What the table says of the code."""
        return PROBLEMS[self.code]


class ServiceError(Exception):
    """The service, or a command for its operator, cannot go on.

    Attributes:
        code: stable kebab-case name.
        where: the file, option or address concerned.
        message: one lower-case clause.
        hint: what the reader can do.
    """

    def __init__(self, code: str, where: str, message: str, hint: str) -> None:
        super().__init__(f"`{where}`: {message}; hint: {hint}")
        self.code = code
        self.where = where
        self.message = message
        self.hint = hint


class BusyError(Exception):
    """The database did not let a transaction through in time; nothing of it was kept."""
