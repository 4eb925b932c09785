"""Who acts, on what, when, and within which account: what every function of an operator is handed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from epochly_service import audit, store
from epochly_service.encoding import ID_BYTES, new_id
from epochly_service.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Connection

    from epochly_service.engines import Database
    from epochly_service.model import Device, License
    from epochly_service.settings import Policy

NAME_MAX_CHARS = 100
ID = re.compile(
    r"[a-z]{3}_[A-Za-z0-9_-]{22}"
)  # anything else is no row, and not for a driver to stumble over


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything an operator's function needs.

    Attributes:
        database: of the newest schema.
        data: folder of the secrets.
        policy: numbers that leases and keys are made with.
        now: Unix seconds.
        rng: gives that many random bytes.
        actor: who acts, as the audit names them: `operator:NAME`.
        account_id: the account they are bound to; None for who runs the service. What belongs to another account does not
            exist for them: the same error, whether it is there or not.
    """

    database: Database
    data: str
    policy: Policy
    now: int
    rng: Callable[[int], bytes]
    actor: str
    account_id: str | None = None

    def new_id(self, prefix: str) -> str:
        """A fresh id."""
        return new_id(prefix, self.rng(ID_BYTES))

    def note(
        self,
        conn: Connection,
        *,
        account_id: str,
        action: str,
        object_id: str,
        before: Mapping[str, Any],
        after: Mapping[str, Any],
    ) -> None:
        """Add the audit row of a change; last in its transaction."""
        audit.append(
            conn,
            at=self.now,
            account_id=account_id,
            actor_kid=self.actor,
            action=action,
            object_id=object_id,
            before=before,
            after=after,
        )

    def sees(self, account_id: str) -> bool:
        """Whether an account is theirs."""
        return self.account_id is None or self.account_id == account_id

    def require_all(self, what: str) -> None:
        """Refuse who is bound to an account.

        Raises:
            ServiceError: they are.
        """
        if self.account_id is not None:
            raise ServiceError("not-allowed", what, "this is for whoever runs the service", "ask them")

    def license(self, conn: Connection, license_id: str, *, lock: bool = False) -> License:
        """A licence they may see.

        Raises:
            ServiceError: there is none, or it is another account's.
        """
        row = store.license_by_id(conn, license_id, lock=lock) if ID.fullmatch(license_id) else None
        if row is None or not self.sees(row.account_id):
            raise ServiceError(
                "license-not-found",
                license_id,
                "there is no such licence",
                "`license list` has those there are",
            )
        return row

    def device(self, conn: Connection, device_id: str, *, lock: bool = False) -> tuple[License, Device]:
        """A device they may see, with its licence, locked in this order.

        Raises:
            ServiceError: there is none, or it is another account's.
        """
        found = store.device_by_id(conn, device_id) if ID.fullmatch(device_id) else None
        row = None if found is None else store.license_by_id(conn, found.license_id, lock=lock)
        if lock and row is not None:
            found = store.device_by_id(conn, device_id, lock=True)
        if found is None or row is None or not self.sees(row.account_id):
            raise ServiceError(
                "device-not-found", device_id, "there is no such device", "`device list` has those there are"
            )
        return row, found


def require_name(name: str, what: str) -> str:
    """A name as people read it.

    Raises:
        ServiceError: it is empty, too long, or has what cannot be printed.
    """
    stripped = name.strip()
    if not stripped or len(stripped) > NAME_MAX_CHARS or not stripped.isprintable():
        raise ServiceError(
            what,
            name[:NAME_MAX_CHARS],
            "this is no name",
            f"1 to {NAME_MAX_CHARS} characters that can be printed",
        )
    return stripped
