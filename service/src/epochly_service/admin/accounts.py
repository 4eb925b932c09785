"""Accounts: who licences belong to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from epochly_service import store
from epochly_service.admin.desk import ID, require_name
from epochly_service.errors import ServiceError
from epochly_service.schema import accounts, licenses

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from epochly_service.admin.desk import Desk

TRIALS = "trial"  # the name of each account that a trial makes


@dataclass(frozen=True, slots=True)
class Account:
    """An account, with how many licences it has."""

    id: str
    name: str
    created_at: int
    licenses: int


def add(desk: Desk, name: str) -> Account:
    """Make an account.

    Raises:
        ServiceError: the name is none or is taken.
    """
    desk.require_all("account add")
    name = require_name(name, "account-name")

    def work(conn: Connection) -> Account:
        taken = conn.execute(select(accounts.c.id).where(accounts.c.name == name).limit(1)).scalar()
        if taken is not None or name == TRIALS or name.startswith("acc_"):
            raise ServiceError("account-name", name, "the name is taken", f"it is {taken or 'kept for us'}")
        account_id = desk.new_id("acc")
        store.insert_account(conn, account_id=account_id, name=name, at=desk.now)
        desk.note(
            conn,
            account_id=account_id,
            action="account-add",
            object_id=account_id,
            before={},
            after={"status": "active"},
        )
        return Account(account_id, name, desk.now, 0)

    return desk.database.write(work)


def listing(desk: Desk, *, with_trials: bool = False) -> list[Account]:
    """The accounts they may see, by name."""
    count = select(func.count()).where(licenses.c.account_id == accounts.c.id).scalar_subquery()
    wanted = select(accounts.c.id, accounts.c.name, accounts.c.created_at, count).order_by(
        accounts.c.name, accounts.c.id
    )
    if desk.account_id is not None:
        wanted = wanted.where(accounts.c.id == desk.account_id)
    elif not with_trials:
        wanted = wanted.where(accounts.c.name != TRIALS)
    rows = desk.database.read(lambda conn: conn.execute(wanted).all())
    return [Account(*row) for row in rows]


def require(desk: Desk, conn: Connection, account: str) -> str:
    """The id of an account they may see, from its id or its name.

    Raises:
        ServiceError: there is none, or it is not theirs.
    """
    wanted = accounts.c.id == account if ID.fullmatch(account) else accounts.c.name == account
    found = None
    if account.isprintable() and account != TRIALS:
        found = conn.execute(select(accounts.c.id).where(wanted)).scalar()
    if found is None or not desk.sees(found):
        raise ServiceError(
            "account-not-found", account, "there is no such account", "`account list` has those there are"
        )
    return str(found)
