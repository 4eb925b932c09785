"""The statements of next leases, which are what nearly every request is for: one that looks, one that changes.

They lock nothing in between. The second changes a device's row if nobody else has since it was seen, and with it keeps what
the request did and that its nonce was used; otherwise it changes nothing, and `scripts.renew` goes the long way, under locks.
Each is said for as many requests as came together; PostgreSQL gets them as rows of one statement.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import (
    Integer,
    Text,
    bindparam,
    cast,
    column,
    exists,
    func,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import psycopg

from epochly_service import store
from epochly_service.engines import ALL, NUMBER, Texts
from epochly_service.model import Device, License
from epochly_service.schema import devices, idempotency, licenses, pop_replay

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import ClauseElement, Column, ColumnElement, Dialect, Select, Update

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
    values = change.done._asdict()
    values["spent"], values["spent_until"] = change.spent, change.spent_until
    for name, value in change.row._asdict().items():
        values[_NEW[name]] = value
    for name, said in _SEEN.items():
        values[said] = getattr(change.seen, name)
    return values


# --- made once

_COLUMNS = len(devices.c)
_NEW = {column.name: f"new_{column.name}" for column in devices.c}
_SEEN = {name: f"seen_{name}" for name in (*KEY, *CHANGES)}
_DONE = [column.name for column in idempotency.c]
_SQLITE, _POSTGRESQL = sqlite.dialect(paramstyle="named"), psycopg.dialect()  # type: ignore[no-untyped-call]


def _text(made: ClauseElement, dialect: Dialect) -> str:
    return str(made.compile(dialect=dialect))


def _asked(columns: Mapping[str, Column[Any]]) -> Mapping[str, ColumnElement[Any]]:
    """Requests as rows of PostgreSQL, from one JSON text: each has its number and columns of these types."""
    rows = func.json_to_recordset(cast(bindparam(ALL, type_=Text()), postgresql.JSON()))
    types = {NUMBER: Integer(), **{name: like.type for name, like in columns.items()}}
    asked = rows.table_valued(*(column(name, kind) for name, kind in types.items()))
    return dict(asked.render_derived(name="asked", with_types=True).c.items())


def _looking() -> Texts:
    like = {
        "device": devices.c.id,
        "kid": idempotency.c.kid,
        "ik": idempotency.c.ik,
        "spent": pop_replay.c.h,
        "now": idempotency.c.expires_at,
    }

    def made(said: Mapping[str, ColumnElement[Any]], *number: ColumnElement[Any]) -> Select[Any]:
        was_here = exists().where(
            idempotency.c.kid == said["kid"],
            idempotency.c.ik == said["ik"],
            idempotency.c.expires_at > said["now"],
        )
        # counted, since `EXISTS` would be answered from a set of all that is there, which PostgreSQL makes for many requests
        times_spent = select(func.count()).where(pop_replay.c.h == said["spent"]).scalar_subquery()
        is_of = (licenses.c.account_id == devices.c.account_id) & (licenses.c.id == devices.c.license_id)
        wanted = select(devices, licenses, was_here | (times_spent > literal_column("0")), *number)
        return wanted.join_from(devices, licenses, is_of).where(devices.c.id == said["device"])

    asked = _asked(like)
    alone = {name: bindparam(name, type_=column.type) for name, column in like.items()}
    return Texts((_text(made(alone), _SQLITE),), _text(made(asked, asked[NUMBER]), _POSTGRESQL))


def _changing() -> Texts:
    like = {said: devices.c[name] for name, said in _SEEN.items()}
    like |= {said: devices.c[name] for name, said in _NEW.items() if name not in store.FIXED}
    like |= {"spent": pop_replay.c.h, "spent_until": pop_replay.c.expires_at}
    like |= {column.name: column for column in idempotency.c}

    def change(said: Mapping[str, ColumnElement[Any]]) -> Update:
        new = {name: said[made] for name, made in _NEW.items() if name not in store.FIXED}
        return (
            update(devices).where(*(devices.c[name] == said[was] for name, was in _SEEN.items())).values(new)
        )

    alone = {name: bindparam(name, type_=column.type) for name, column in like.items()}
    in_order = (
        change(alone),
        insert(pop_replay).values({"h": alone["spent"], "expires_at": alone["spent_until"]}),
        store.in_place_of_old(sqlite.insert(idempotency).values({name: alone[name] for name in _DONE})),
    )
    # one statement, and so one transaction: what is inserted is inserted for each row that was changed
    asked = _asked(like)
    changed = (
        change(asked)
        .returning(asked[NUMBER], asked["spent"], asked["spent_until"], *(asked[name] for name in _DONE))
        .cte("changed")
    )
    spent = insert(pop_replay).from_select(
        ["h", "expires_at"], select(changed.c.spent, changed.c.spent_until)
    )
    done = postgresql.insert(idempotency).from_select(_DONE, select(*(changed.c[name] for name in _DONE)))
    told = select(changed.c[NUMBER]).add_cte(spent.cte("spent"), store.in_place_of_old(done).cte("done"))
    return Texts(tuple(_text(made, _SQLITE) for made in in_order), _text(told, _POSTGRESQL))


_LOOK, _CHANGE = _looking(), _changing()
