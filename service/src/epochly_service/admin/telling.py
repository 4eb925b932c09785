"""What commands and pages say about rows: lines for people, shapes for programs. Nothing here prints."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from epochly_service.errors import ServiceError

if TYPE_CHECKING:
    import argparse

    from epochly_service.admin.desk import Desk
    from epochly_service.model import Device, License

DAY = 86_400


@dataclass(frozen=True, slots=True)
class Said:
    """What a command has to say. `exit_code` is 1 where it looked and what it found is not good."""

    lines: list[str]
    data: dict[str, Any] = field(default_factory=dict)
    exit_code: int = 0


def day(at: int) -> str:
    """A time as its day, UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


def until(desk: Desk, options: argparse.Namespace) -> int | None:
    """The end that `--until` or `--days` names, as Unix seconds; the day of `--until` is in it.

    Raises:
        ServiceError: the day is none.
    """
    if options.days is not None:
        return desk.now + int(options.days) * DAY
    if options.until is None:
        return None
    try:
        return int(datetime.strptime(options.until, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()) + DAY
    except ValueError as error:
        raise ServiceError("usage", options.until, "this is no day", "for example `2027-12-31`") from error


def standing(row: License, now: int) -> str:
    """What a licence is now, in a word."""
    return "expired" if row.expires_at <= now else row.status


def line_of_license(row: License) -> str:
    """A licence on one line."""
    return f"{row.id}  {row.plan:<12} {row.seat:<8} {row.status:<9} {row.seats_used:>4}/{row.seats_max} seats  until {day(row.expires_at)}"


def line_of_device(one: Device, now: int) -> str:
    """A device on one line."""
    seat = (
        "no seat"
        if not one.holds_seat
        else f"checked out until {day(one.pinned_until or 0)}"
        if one.is_pinned(now)
        else "seat"
    )
    return f"{one.id}  {one.status:<9} {seat}  client {one.client_version}, last seen {day(one.last_seen_day * DAY)}"


def license_shape(row: License) -> dict[str, Any]:
    """A licence for programs; not the MAC of its key."""
    return {name: value for name, value in row._asdict().items() if name != "key_mac"}


def device_shape(one: Device) -> dict[str, Any]:
    """A device for programs; nothing of its fingerprint."""
    hidden = {"fp_mac", "fp_sealed", "lease_ik", "prev_kid", "prev_pub"}
    return {name: value for name, value in one._asdict().items() if name not in hidden}
