"""Licences: issued with a key that is shown once, suspended, resumed, extended, moved to another account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, update

from epochly_service import license_keys, peppered, secret_files, store
from epochly_service.admin import accounts
from epochly_service.errors import ServiceError
from epochly_service.model import License
from epochly_service.moments import minute
from epochly_service.schema import accounts as accounts_table
from epochly_service.schema import licenses, trials

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from epochly_service.admin.desk import Desk
    from epochly_service.model import Device

PLANS = ("professional", "enterprise", "academic")  # trials make themselves
SEATS = ("node", "floating")
SEATS_MAX = 1_000_000  # far above any site; a number with more digits is a slip
LIFE_MAX_S = 100 * 366 * 86_400


@dataclass(frozen=True, slots=True)
class Named:
    """A licence with the name of its account."""

    license: License
    account: str


@dataclass(frozen=True, slots=True)
class Page:
    """Some licences of a list, and after which id it goes on, if it does."""

    licenses: tuple[Named, ...]
    after: str | None


def issue(
    desk: Desk, account: str, *, plan: str, seat: str, seats: int, expires_at: int
) -> tuple[License, str]:
    """Make a licence; returns it and its key, which is kept nowhere.

    Raises:
        ServiceError: no such account, or a plan, a number or a time that cannot be.
    """
    desk.require_all("license issue")
    if plan not in PLANS or seat not in SEATS:
        raise ServiceError(
            "license",
            f"{plan}/{seat}",
            "there is no such plan or seat",
            f"{', '.join(PLANS)}; node or floating",
        )
    _require_seats(seats, 0)
    _require_end(desk, expires_at)
    key = license_keys.make(desk.rng(license_keys.RANDOM_BYTES))
    normal = license_keys.normal_form(key)
    assert normal is not None
    mac = peppered.license_key_macs(secret_files.read_secrets(desk.data).pepper, normal)[0]

    def work(conn: Connection) -> License:
        row = License(
            account_id=accounts.require(desk, conn, account),
            id=desk.new_id("lic"),
            key_mac=mac,
            plan=plan,
            seat=seat,
            status="active",
            seats_max=seats,
            seats_used=0,
            created_at=desk.now,
            expires_at=expires_at,
            policy_version=desk.policy.version,
        )
        store.insert_license(conn, row)
        _note(desk, conn, row, "license-issue", ({}, _state(row) | {"plan": plan, "seat": seat}))
        return row

    return desk.database.write(work), key


def show(desk: Desk, license_id: str) -> tuple[Named, list[Device]]:
    """A licence with its devices.

    Raises:
        ServiceError: there is no such licence for them.
    """

    def work(conn: Connection) -> tuple[Named, list[Device]]:
        row = desk.license(conn, license_id)
        name = conn.execute(
            select(accounts_table.c.name).where(accounts_table.c.id == row.account_id)
        ).scalar_one()
        return Named(row, name), store.devices_of_license(conn, row)

    return desk.database.read(work)


def listing(
    desk: Desk,
    *,
    account: str | None = None,
    status: str | None = None,
    with_trials: bool = False,
    after: str = "",
    limit: int = 100,
) -> Page:
    """Licences they may see, in the order of their ids.

    Raises:
        ServiceError: there is no such account for them.
    """
    wanted = (
        select(licenses, accounts_table.c.name)
        .join(accounts_table, accounts_table.c.id == licenses.c.account_id)
        .where(licenses.c.id > after)
        .order_by(licenses.c.id)
        .limit(limit + 1)
    )
    if desk.account_id is not None:
        wanted = wanted.where(licenses.c.account_id == desk.account_id)
    if status is not None:
        wanted = wanted.where(licenses.c.status == status)
    if not with_trials:
        wanted = wanted.where(licenses.c.plan != "trial")

    def work(conn: Connection) -> list[Named]:
        narrowed = wanted
        if account is not None:
            narrowed = wanted.where(licenses.c.account_id == accounts.require(desk, conn, account))
        return [Named(License(*row[:-1]), row[-1]) for row in conn.execute(narrowed)]

    rows = desk.database.read(work)
    return Page(tuple(rows[:limit]), rows[limit - 1].license.id if len(rows) > limit else None)


def totals(desk: Desk) -> list[tuple[str, str, int, int, int]]:
    """(plan, status, licences, seats used, seats there are) of what they may see."""
    wanted = (
        select(
            licenses.c.plan,
            licenses.c.status,
            func.count(),
            func.sum(licenses.c.seats_used),
            func.sum(licenses.c.seats_max),
        )
        .group_by(licenses.c.plan, licenses.c.status)
        .order_by(licenses.c.plan, licenses.c.status)
    )
    if desk.account_id is not None:
        wanted = wanted.where(licenses.c.account_id == desk.account_id)
    rows = desk.database.read(lambda conn: conn.execute(wanted).all())
    return [(row[0], row[1], int(row[2]), int(row[3]), int(row[4])) for row in rows]


def suspend(desk: Desk, license_id: str) -> License:
    """Its devices are refused, with a signature, the next time they ask.

    Raises:
        ServiceError: there is no such licence, or it is suspended.
    """
    return _set_status(desk, license_id, "suspended", "license-suspend")


def resume(desk: Desk, license_id: str) -> License:
    """Its devices get leases again.

    Raises:
        ServiceError: there is no such licence, or it is active.
    """
    return _set_status(desk, license_id, "active", "license-resume")


def extend(
    desk: Desk, license_id: str, *, expires_at: int | None = None, seats: int | None = None
) -> License:
    """Give a licence a later end, or another number of seats, which those in use must fit in.

    Raises:
        ServiceError: there is no such licence, the end is not later, or the seats do not do.
    """
    desk.require_all("license extend")

    def work(conn: Connection) -> License:
        row = desk.license(conn, license_id, lock=True)
        new = row._replace(
            expires_at=expires_at or row.expires_at, seats_max=row.seats_max if seats is None else seats
        )
        if expires_at is not None:
            _require_end(desk, expires_at)
            if expires_at < row.expires_at:
                raise ServiceError(
                    "license-end", license_id, "that is before its end", "suspend a licence to end it"
                )
        _require_seats(new.seats_max, row.seats_used)
        store.update_license(conn, row, expires_at=new.expires_at, seats_max=new.seats_max)
        _note(desk, conn, row, "license-extend", (_state(row), _state(new)))
        return new

    return desk.database.write(work)


def transfer(desk: Desk, license_id: str, to_account: str) -> tuple[License, int]:
    """Move a licence to another account; returns it and how many devices it lost.

    Its devices are forgotten, since what is kept of a fingerprint is of one account: they register again with the key.

    Raises:
        ServiceError: no such licence or account, it is there already, it is a trial, or a seat is checked out.
    """
    desk.require_all("license transfer")

    def work(conn: Connection) -> tuple[License, int]:
        row = desk.license(conn, license_id, lock=True)
        account_id = accounts.require(desk, conn, to_account)
        is_trial = conn.execute(
            select(trials.c.fp_mac).where(trials.c.license_id == row.id).limit(1)
        ).scalar()
        if row.account_id == account_id or row.plan == "trial" or is_trial is not None:
            raise ServiceError(
                "license-transfer", license_id, "it is theirs already, or a trial", "issue a new licence"
            )
        found = store.devices_of_license(conn, row)
        pinned = [device for device in found if device.is_pinned(desk.now)]
        if pinned:
            raise ServiceError(
                "seat-checked-out",
                pinned[0].id,
                "its seat is checked out",
                "transfer after `device list` says it is free",
            )
        for device in found:
            store.delete_device(conn, device)
        store.free_seats(conn, row, sum(device.holds_seat for device in found))
        conn.execute(
            update(licenses)
            .where(licenses.c.account_id == row.account_id, licenses.c.id == row.id)
            .values(account_id=account_id)
        )
        new = row._replace(account_id=account_id, seats_used=0)
        # each account sees its half: who lost it does not learn where it went
        _note(desk, conn, row, "license-transfer-out", (_state(row), {}))
        _note(desk, conn, new, "license-transfer-in", ({}, _state(new)))
        return new, len(found)

    return desk.database.write(work)


def _set_status(desk: Desk, license_id: str, status: str, action: str) -> License:
    desk.require_all(action)  # or a customer could take back what the seller did

    def work(conn: Connection) -> License:
        row = desk.license(conn, license_id, lock=True)
        if row.status == status:
            raise ServiceError(
                "license-status", license_id, f"it is {status} already", "`license show` says what it is"
            )
        new = row._replace(status=status)
        store.update_license(conn, row, status=status)
        _note(desk, conn, row, action, (_state(row), _state(new)))
        return new

    return desk.database.write(work)


def _state(row: License) -> dict[str, Any]:
    return {
        "status": row.status,
        "seats_max": row.seats_max,
        "seats_used": row.seats_used,
        "expires_at": row.expires_at,
    }


def _note(
    desk: Desk,
    conn: Connection,
    row: License,
    action: str,
    change: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    desk.note(
        conn, account_id=row.account_id, action=action, object_id=row.id, before=change[0], after=change[1]
    )


def _require_seats(seats: int, used: int) -> None:
    if not max(1, used) <= seats <= SEATS_MAX:
        raise ServiceError(
            "license-seats",
            str(seats),
            f"a licence has 1 to {SEATS_MAX} seats, and no fewer than are used ({used})",
            "release devices first" if used else "name another number of seats",
        )


def _require_end(desk: Desk, expires_at: int) -> None:
    if not desk.now < expires_at <= desk.now + LIFE_MAX_S:
        raise ServiceError(
            "license-end",
            minute(expires_at),
            "its end is past, or more than a century away",
            "name a day to come",
        )
