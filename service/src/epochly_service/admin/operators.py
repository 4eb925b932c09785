"""Operators of the web page: who may sign in, whose licences they see, and whether they may change anything."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select, update

from epochly_service.admin import accounts, passwords
from epochly_service.errors import ServiceError
from epochly_service.schema import operator_sessions, operators

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from epochly_service.admin.desk import Desk

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
ROLES = ("viewer", "admin")


@dataclass(frozen=True, slots=True)
class Operator:
    """Who signs in. `account_id` is None for who sees every account."""

    id: str
    name: str
    role: str
    status: str
    account_id: str | None

    @property
    def may_change(self) -> bool:
        """Whether they may do more than look."""
        return self.role == "admin"


def add(desk: Desk, name: str, password: str, *, role: str, account: str | None) -> Operator:
    """Make an operator of one account, or of all.

    Raises:
        ServiceError: the name or the password does not do, or there is no such account.
    """
    desk.require_all("operator add")
    if NAME.fullmatch(name) is None or role not in ROLES:
        raise ServiceError(
            "operator-name",
            name[:60],
            "this is no operator's name",
            "lower-case letters, digits, `.`, `_` and `-`, at most 40",
        )
    hashed = passwords.make_hash(password, desk.rng)

    def work(conn: Connection) -> Operator:
        if conn.execute(select(operators.c.id).where(operators.c.name == name)).scalar() is not None:
            raise ServiceError(
                "operator-name", name, "there is one of this name", "`operator passwd` sets a password"
            )
        account_id = None if account is None else accounts.require(desk, conn, account)
        one = Operator(desk.new_id("ope"), name, role, "active", account_id)
        values = {
            "id": one.id,
            "name": name,
            "password_hash": hashed,
            "role": role,
            "status": "active",
            "account_id": account_id,
            "created_at": desk.now,
        }
        conn.execute(insert(operators), values)
        _note(desk, conn, one, "operator-add", ({}, {"role": role, "status": "active"}))
        return one

    return desk.database.write(work)


def set_password(desk: Desk, name: str, password: str) -> Operator:
    """Give an operator another password, and end their sessions.

    Raises:
        ServiceError: there is no such operator, or the password does not do.
    """
    desk.require_all("operator passwd")
    hashed = passwords.make_hash(password, desk.rng)

    def work(conn: Connection) -> Operator:
        one = _require(conn, name)
        conn.execute(update(operators).where(operators.c.id == one.id).values(password_hash=hashed))
        conn.execute(delete(operator_sessions).where(operator_sessions.c.operator_id == one.id))
        _note(desk, conn, one, "operator-passwd", ({}, {"sessions": 0}))
        return one

    return desk.database.write(work)


def set_status(desk: Desk, name: str, status: str) -> Operator:
    """Let an operator in no more (`disabled`), or again (`active`); ends their sessions.

    Raises:
        ServiceError: there is no such operator.
    """
    desk.require_all("operator disable")

    def work(conn: Connection) -> Operator:
        one = _require(conn, name)
        conn.execute(update(operators).where(operators.c.id == one.id).values(status=status))
        conn.execute(delete(operator_sessions).where(operator_sessions.c.operator_id == one.id))
        _note(desk, conn, one, f"operator-{status}", ({"status": one.status}, {"status": status}))
        return Operator(one.id, one.name, one.role, status, one.account_id)

    return desk.database.write(work)


def listing(desk: Desk) -> list[Operator]:
    """Every operator, by name."""
    desk.require_all("operator list")
    rows = desk.database.read(lambda conn: conn.execute(_COLUMNS.order_by(operators.c.name)).all())
    return [Operator(*row) for row in rows]


_COLUMNS = select(
    operators.c.id, operators.c.name, operators.c.role, operators.c.status, operators.c.account_id
)


def _require(conn: Connection, name: str) -> Operator:
    row = conn.execute(_COLUMNS.where(operators.c.name == name)).first()
    if row is None:
        raise ServiceError(
            "operator-not-found", name, "there is no such operator", "`operator list` has those there are"
        )
    return Operator(*row)


def _note(
    desk: Desk,
    conn: Connection,
    one: Operator,
    action: str,
    change: tuple[dict[str, object], dict[str, object]],
) -> None:
    desk.note(
        conn,
        account_id=one.account_id or "",
        action=action,
        object_id=one.id,
        before=change[0],
        after=change[1],
    )
