"""Lens as a client has it: a key in, and what is the key's account's own. Nothing here is told of any other account."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from epochly_service import peppered
from epochly_service.encoding import b64u, is_b64u_of
from epochly_service.errors import Problem
from epochly_service.lens import rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Connection

    from epochly_service.engines import Database
    from epochly_service.lens.rows import Heartbeat
    from epochly_service.service import Service

PREFIX = "elk_"
KEY_BYTES = 32
BEARER = re.compile(
    r"bearer +(elk_[A-Za-z0-9_-]{43})", re.IGNORECASE | re.ASCII
)  # RFC 6750; the scheme in any case
UNKNOWN = "there is no such Lens key, or it was revoked; ask whoever runs the service"
MANY = "there are more hosts or processes than an account may have"
MANY_RETRY_S = 3_600


@dataclass(slots=True)
class Lens:
    """One node's Lens."""

    db: Database
    peppers: Mapping[int, bytes]
    clock: Callable[[], float]

    def account(self, headers: Sequence[str]) -> dict[str, Any]:
        """The account of a key, and the salt under which its clients hash names of hosts.

        Raises:
            Problem: the key is none, or the account has no Lens.
        """

        def work(conn: Connection) -> tuple[str, str]:
            account_id = self._account(conn, headers)
            sealed = rows.sealed_salt(conn, account_id)
            assert sealed is not None  # made with the account's first key
            return account_id, sealed

        account_id, sealed = self.db.read(work)
        salt = bytes.fromhex(peppered.unseal(self.peppers, account_id, sealed))
        return {"account": account_id, "salt": b64u(salt)}

    def heartbeat(self, headers: Sequence[str], beat: Heartbeat) -> dict[str, Any]:
        """Note that a process lives.

        Raises:
            Problem: the key is none, the account has no Lens, or has too many hosts.
        """

        def work(conn: Connection) -> bool:
            return rows.note(conn, self._account(conn, headers), beat, self._now())

        if not self.db.write(work):
            raise Problem("RATE_LIMITED", MANY, retry_after=MANY_RETRY_S)
        return {"next_s": rows.NEXT_S}

    def hosts(self, headers: Sequence[str]) -> dict[str, Any]:
        """The hosts of a key's account.

        Raises:
            Problem: the key is none, or the account has no Lens.
        """

        def work(conn: Connection) -> list[rows.Host]:
            return rows.hosts(conn, self._now(), account_id=self._account(conn, headers))

        return {
            "hosts": [
                {
                    "host": one.host,
                    "version": one.version,
                    "processes": one.processes,
                    "uptime_s": one.uptime_s,
                    "first_day": one.first_day,
                    "last_seen": one.last_seen,
                }
                for one in self.db.read(work)
            ]
        }

    def purge(self) -> dict[str, int]:
        """Delete what is past its time: table -> rows."""
        return self.db.write(partial(rows.purge, now=self._now()))

    def _now(self) -> int:
        return int(self.clock())

    def _account(self, conn: Connection, headers: Sequence[str]) -> str:
        found = BEARER.fullmatch(headers[0]) if len(headers) == 1 else None
        account_id = None
        if found is not None and is_b64u_of(found[1].removeprefix(PREFIX), KEY_BYTES):
            account_id = rows.account_of_key(conn, peppered.lens_key_macs(self.peppers, found[1]))
        if account_id is None:
            raise Problem("KEY_UNKNOWN", UNKNOWN)
        if not rows.is_entitled(conn, account_id, self._now()):
            raise Problem("FEATURE_NOT_ENTITLED", "the account has no licence in force that includes Lens")
        return account_id


def lens_of(service: Service) -> Lens:
    """The Lens of a node."""
    return Lens(service.db, service.secrets.pepper, service.clock)
