"""What comes of a request, as values: a lease, a refusal that was signed, what was only said, or that nobody was reached.

Only what was signed changes what a device holds. A list of devices and what a service speaks are not signed: they are for people to
read. It refuses to pass on text as it came: what is shown to the user is one line of
printable characters. Sections 5 and 7 of `docs/spec/epochly-pop-v1.md`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from epochly.licensing.canonical import CanonicalError, parsed
from epochly.net.messages import Compatibility, Listed

if TYPE_CHECKING:
    from epochly.licensing.canonical import Value
    from epochly.licensing.claims import Lease

MOST_TEXT = 200  # characters of somebody else's words in one line of ours

SIGNED = frozenset(
    {
        "LICENSE_SUSPENDED",
        "LICENSE_EXPIRED",
        "DEVICE_REVOKED",
        "TRIAL_USED",
        "FEATURE_NOT_ENTITLED",
        "DEVICE_CLONED",
        "SEAT_LIMIT_REACHED",
        "FINGERPRINT_CHANGED",
        "IDEMPOTENCY_MISMATCH",
        "TRANSFER_LIMIT",
        "SEAT_CHECKED_OUT",
        "CLIENT_TOO_OLD",
    }
)
DROPS = frozenset({"LICENSE_SUSPENDED", "LICENSE_EXPIRED", "DEVICE_REVOKED", "DEVICE_CLONED"})
AGAIN = frozenset({"NONCE_REQUIRED", "NONCE_EXPIRED"})


@dataclass(frozen=True, slots=True)
class Granted:
    """A lease that was accepted, and is held now."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class Released:
    """The seat is free, and nothing is held any more."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The service said no, and signed it. `seats` are used and all, where it says so."""

    code: str
    detail: str
    seats: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """Somebody said no without signing it, in the service's words; it changes nothing. `retry_after_s` where it says so."""

    code: str
    detail: str
    retry_after_s: int | None = None


@dataclass(frozen=True, slots=True)
class NotReached:
    """Nobody answered, or nobody that can be believed. `retry_after_s` where an answer asks for it."""

    why: str
    retry_after_s: int | None = None
    via_proxy: str = ""


Answer: TypeAlias = Granted | Released | Listed | Compatibility | Refused | Told | NotReached


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem document (RFC 9457), of which nothing is believed before `refusal` verifies."""

    code: str
    detail: str
    refusal: str
    seats: tuple[int, int] | None
    retry_after_s: int | None


def plain(text: object) -> str:
    """One line of printable characters of what somebody else wrote."""
    line = "".join(each if each.isprintable() else "?" for each in text) if isinstance(text, str) else ""
    return line if len(line) <= MOST_TEXT else line[: MOST_TEXT - 3] + "..."


def problem_in(body: bytes) -> Problem | None:
    """The problem in an answer, or None where it is something else."""
    try:
        found = parsed(body)
    except CanonicalError:
        return None
    if not isinstance(found, dict) or not isinstance(found.get("code"), str):
        return None
    used, most, later = (_number(found.get(name)) for name in ("seats_used", "seats_max", "retry_after"))
    refusal = found.get("refusal", "")
    return Problem(
        code=plain(found["code"]),
        detail=plain(found.get("detail")),
        refusal=refusal if isinstance(refusal, str) else "",
        seats=None if used is None or most is None else (used, most),
        retry_after_s=later,
    )


def _number(value: Value | None) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
