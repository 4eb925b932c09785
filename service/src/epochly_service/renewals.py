"""The statements of next leases, which are what nearly every request is for: one that looks, one that changes.

They lock nothing in between. The second changes a device's row if nobody else has since it was seen, and with it keeps what
the request did and that its nonce was used; otherwise it changes nothing, and `scripts.renew` goes the long way, under locks.
Each is said for as many requests as came together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import bindparam, exists, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import psycopg

from epochly_service import store
from epochly_service.engines import Texts
from epochly_service.model import Device, License, columns_of
from epochly_service.schema import devices, idempotency, licenses, pop_replay

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import BindParameter, ClauseElement, Column, Dialect

    from epochly_service.engines import Line
    from epochly_service.model import Remembered

KEY = ("account_id", "id")
CHANGES = ("status", "holds_seat", "lease_seq")  # whoever changes a device's row changes one of these


class Seen(NamedTuple):
    """What a next lease is decided on, as it was at one moment."""

    device: Device
    license: License
    was_here: bool  # the key did something under this idempotency key before, or used this nonce


class Looked(NamedTuple):
    """What a request says."""

    device: str
    kid: str
    ik: str
    spent: str
    now: int


class Change(NamedTuple):
    """A device as it was seen and as it is to be, what was done, and the nonce that was used for it."""

    seen: Device
    row: Device
    done: Remembered
    spent: str
    spent_until: int


def look(line: Line, asked: Sequence[Looked]) -> list[Seen | None]:
    """For each request the device with its licence, or None."""
    return [
        None if row is None else Seen(Device(*row[:_COLUMNS]), License(*row[_COLUMNS:-1]), bool(row[-1]))
        for row in line.look(_LOOK, [each._asdict() for each in asked])
    ]


def change(line: Line, changes: Sequence[Change]) -> list[bool]:
    """Write all of it; False, and nothing, for those whose device is not as it was seen.

    A nonce that was used before is the driver's IntegrityError, and nothing is written at all.
    """
    return line.change(_CHANGE, [_values(each) for each in changes])


def _values(change: Change) -> dict[str, Any]:
    values = columns_of(change.done)
    values["spent"], values["spent_until"] = change.spent, change.spent_until
    for name, value in columns_of(change.row).items():
        values[_NEW[name]] = value
    for name, said in _SEEN.items():
        values[said] = getattr(change.seen, name)
    return values


# --- made once

_COLUMNS = len(devices.c)
_NEW = {column.name: f"new_{column.name}" for column in devices.c}
_SEEN = {name: f"seen_{name}" for name in (*KEY, *CHANGES)}
_SQLITE, _POSTGRESQL = sqlite.dialect(paramstyle="named"), psycopg.dialect()  # type: ignore[no-untyped-call]


def _text(made: ClauseElement, dialect: Dialect) -> str:
    return str(made.compile(dialect=dialect))


def _looking() -> Texts:
    was_here = exists().where(
        idempotency.c.kid == bindparam("kid"),
        idempotency.c.ik == bindparam("ik"),
        idempotency.c.expires_at > bindparam("now"),
    )
    is_spent = exists().where(pop_replay.c.h == bindparam("spent"))
    is_of = (licenses.c.account_id == devices.c.account_id) & (licenses.c.id == devices.c.license_id)
    made = (
        select(devices, licenses, was_here | is_spent)
        .join(licenses, is_of)
        .where(devices.c.id == bindparam("device"))
    )
    return Texts((_text(made, _SQLITE),), _text(made, _POSTGRESQL))


def _changing() -> Texts:
    change = (
        update(devices)
        .where(*(devices.c[name] == bindparam(f"seen_{name}") for name in (*KEY, *CHANGES)))
        .values(
            {
                column: bindparam(f"new_{column.name}")
                for column in devices.c
                if column.name not in store.FIXED
            }
        )
    )
    used = {
        "h": _value("spent", pop_replay.c.h),
        "expires_at": _value("spent_until", pop_replay.c.expires_at),
    }
    done = {column.name: _value(column.name, column) for column in idempotency.c}
    in_order = (
        change,
        insert(pop_replay).values(used),
        store.in_place_of_old(sqlite.insert(idempotency).values(done)),
    )
    # one statement, and so one transaction: what is inserted is inserted for each row that was changed, one or none
    changed = change.returning(devices.c.id).cte("changed")
    kept = insert(pop_replay).from_select(list(used), select(*used.values()).select_from(changed)).cte("kept")
    whole = postgresql.insert(idempotency).from_select(
        list(done), select(*done.values()).select_from(changed)
    )
    return Texts(
        tuple(_text(made, _SQLITE) for made in in_order),
        _text(store.in_place_of_old(whole).add_cte(kept), _POSTGRESQL),
    )


def _value(name: str, column: Column[Any]) -> BindParameter[Any]:
    return bindparam(name, type_=column.type)


_LOOK, _CHANGE = _looking(), _changing()
