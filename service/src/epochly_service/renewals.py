"""The statements of a next lease, which is what nearly every request is for: one that looks, one that changes.

They lock nothing in between. The second changes the device's row if nobody else has since it was seen, and with it keeps what
the request did and that its nonce was used; otherwise it changes nothing, and `scripts.renew` goes the long way, under locks.
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
    from sqlalchemy import BindParameter, ClauseElement, Column, Dialect

    from epochly_service.engines import Line
    from epochly_service.model import Remembered

KEY = ("account_id", "id")
CHANGES = ("status", "holds_seat", "lease_seq")  # whoever changes a device's row changes one of these


class Seen(NamedTuple):
    """What a next lease is decided on, as it was at one moment."""

    device: Device
    license: License
    was_here: bool  # the key did something under this idempotency key before


def look(line: Line, device_id: str, *, kid: str, ik: str, now: int) -> Seen | None:
    """A device with its licence, or None."""
    row = line.look(_LOOK, {"device": device_id, "kid": kid, "ik": ik, "now": now})
    if row is None:
        return None
    return Seen(Device(*row[:_COLUMNS]), License(*row[_COLUMNS:-1]), bool(row[-1]))


def change(line: Line, seen: Device, row: Device, done: Remembered, *, spent: str, spent_until: int) -> bool:
    """Write a device as it now is, what was done, and that a nonce was used; False, and nothing, if it is not as it was seen.

    A nonce that was used before is the driver's IntegrityError.
    """
    values = columns_of(done) | {"spent": spent, "spent_until": spent_until}
    values |= {f"new_{name}": value for name, value in columns_of(row).items()}
    values |= {f"seen_{name}": getattr(seen, name) for name in (*KEY, *CHANGES)}
    return line.change(_CHANGE, values)


# --- made once

_COLUMNS = len(devices.c)
_SQLITE, _POSTGRESQL = sqlite.dialect(paramstyle="named"), psycopg.dialect()  # type: ignore[no-untyped-call]


def _text(made: ClauseElement, dialect: Dialect) -> str:
    return str(made.compile(dialect=dialect))


def _looking() -> Texts:
    was_here = exists().where(
        idempotency.c.kid == bindparam("kid"),
        idempotency.c.ik == bindparam("ik"),
        idempotency.c.expires_at > bindparam("now"),
    )
    is_of = (licenses.c.account_id == devices.c.account_id) & (licenses.c.id == devices.c.license_id)
    made = (
        select(devices, licenses, was_here).join(licenses, is_of).where(devices.c.id == bindparam("device"))
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
