"""Keys, salts, hosts and processes of Lens: small functions of a connection. Every one asks for the account.

A host's row is written before its processes', always in this order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, case, delete, func, insert, select, update

from epochly_service.core import FEATURES
from epochly_service.inserting import in_place_of, on_each, unless_there
from epochly_service.schema import lens_accounts, lens_hosts, lens_keys, lens_processes, licenses
from epochly_service.settings import DAY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

NEXT_S = 300  # seconds until a process is heard of again
SILENT_S = 3 * NEXT_S  # then it is gone
HOST_KEPT_S = 30 * DAY
HOSTS_MAX, PROCESSES_MAX = 10_000, 1_000  # of an account, of a host: who has a key cannot fill the disk
FEATURE = "lens"


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What a process says of itself."""

    host: str
    version: str
    pid: int
    uptime_s: int


@dataclass(frozen=True, slots=True)
class Host:
    """A host of an account, with the processes on it that are alive; `uptime_s` is that of the oldest."""

    account_id: str
    host: str
    version: str
    processes: int
    uptime_s: int
    first_day: int
    last_seen: int


def account_of_key(conn: Connection, key_macs: Sequence[str]) -> str | None:
    """The account of a key that is in use (one MAC a version of the pepper), or None."""
    wanted = select(lens_keys.c.account_id).where(
        lens_keys.c.key_mac.in_(key_macs), lens_keys.c.status == "active"
    )
    return conn.scalar(wanted)


def is_entitled(conn: Connection, account_id: str, now: int) -> bool:
    """Whether the account has a licence in force whose plan includes Lens."""
    plans = [plan for plan, features in FEATURES.items() if FEATURE in features]
    wanted = select(licenses.c.id).where(
        licenses.c.account_id == account_id,
        licenses.c.status == "active",
        licenses.c.expires_at > now,
        licenses.c.plan.in_(plans),
    )
    return conn.scalar(wanted.limit(1)) is not None


def sealed_salt(conn: Connection, account_id: str) -> str | None:
    """The account's salt as it is kept, or None before its first key."""
    return conn.scalar(select(lens_accounts.c.salt_sealed).where(lens_accounts.c.account_id == account_id))


def put_salt(conn: Connection, account_id: str, sealed: str) -> None:
    """Keep the salt of an account that has none yet."""
    conn.execute(_NEW_SALT[conn.dialect.name], {"account_id": account_id, "salt_sealed": sealed})


def insert_key(conn: Connection, *, account_id: str, key_id: str, key_mac: str, at: int) -> None:
    """A new key."""
    row = {"account_id": account_id, "id": key_id, "key_mac": key_mac, "status": "active", "created_at": at}
    conn.execute(insert(lens_keys), row)


def keys_of(conn: Connection, account_id: str) -> list[dict[str, Any]]:
    """Keys of an account, the oldest first, without their MACs."""
    columns = (lens_keys.c.id, lens_keys.c.status, lens_keys.c.created_at)
    wanted = (
        select(*columns)
        .where(lens_keys.c.account_id == account_id)
        .order_by(lens_keys.c.created_at, lens_keys.c.id)
    )
    return [dict(row) for row in conn.execute(wanted).mappings()]


def key_by_id(conn: Connection, key_id: str) -> tuple[str, str] | None:
    """(account, status) of a key, or None."""
    row = conn.execute(
        select(lens_keys.c.account_id, lens_keys.c.status).where(lens_keys.c.id == key_id)
    ).first()
    return None if row is None else (row.account_id, row.status)


def revoke_key(conn: Connection, account_id: str, key_id: str) -> None:
    """End a key."""
    mine = (lens_keys.c.account_id == account_id, lens_keys.c.id == key_id)
    conn.execute(update(lens_keys).where(*mine).values(status="revoked"))


def note(conn: Connection, account_id: str, beat: Heartbeat, now: int) -> bool:
    """Take a heartbeat in; False where the account has too many hosts, or the host too many processes."""
    host = {"of_account": account_id, "of_host": beat.host}
    seen = conn.execute(_SEEN, host | {"new_version": beat.version, "now": now})
    if not seen.rowcount:
        if _count(conn, lens_hosts.c.account_id == account_id) >= HOSTS_MAX:
            return False
        new = {"account_id": account_id, "host": beat.host, "version": beat.version}
        conn.execute(_NEW_HOST[conn.dialect.name], new | {"first_day": now // DAY, "last_seen": now})
    one = host | {"of_pid": beat.pid, "up": beat.uptime_s, "now": now}
    if conn.execute(_BEAT, one).rowcount:
        return True
    on_host = and_(lens_processes.c.account_id == account_id, lens_processes.c.host == beat.host)
    if _count(conn, on_host) >= PROCESSES_MAX:
        return False
    started = {"account_id": account_id, "host": beat.host, "pid": beat.pid, "uptime_s": beat.uptime_s}
    conn.execute(_NEW_PROCESS[conn.dialect.name], started | {"last_seen": now})
    return True


def hosts(
    conn: Connection,
    now: int,
    *,
    account_id: str | None,
    after: tuple[str, str] | None = None,
    limit: int | None = None,
) -> list[Host]:
    """Hosts of an account, or of all of them for who runs the service, by account and host."""
    alive = lens_processes.c.last_seen > now - SILENT_S
    joined = lens_hosts.outerjoin(
        lens_processes,
        and_(
            lens_processes.c.account_id == lens_hosts.c.account_id, lens_processes.c.host == lens_hosts.c.host
        ),
    )
    wanted = (
        select(
            lens_hosts.c.account_id,
            lens_hosts.c.host,
            lens_hosts.c.version,
            func.count(case((alive, 1))),
            func.coalesce(func.max(case((alive, lens_processes.c.uptime_s))), 0),
            lens_hosts.c.first_day,
            lens_hosts.c.last_seen,
        )
        .select_from(joined)
        .where(lens_hosts.c.last_seen > now - HOST_KEPT_S)
        .group_by(
            lens_hosts.c.account_id,
            lens_hosts.c.host,
            lens_hosts.c.version,
            lens_hosts.c.first_day,
            lens_hosts.c.last_seen,
        )
        .order_by(lens_hosts.c.account_id, lens_hosts.c.host)
        .limit(limit)
    )
    if account_id is not None:
        wanted = wanted.where(lens_hosts.c.account_id == account_id)
    if after is not None:
        account, host = after
        wanted = wanted.where(
            (lens_hosts.c.account_id > account)
            | ((lens_hosts.c.account_id == account) & (lens_hosts.c.host > host))
        )
    return [Host(*row) for row in conn.execute(wanted)]


def versions(conn: Connection, now: int, *, account_id: str | None) -> list[tuple[str, int]]:
    """(version, hosts) by version, of hosts that are remembered."""
    wanted = (
        select(lens_hosts.c.version, func.count())
        .where(lens_hosts.c.last_seen > now - HOST_KEPT_S)
        .group_by(lens_hosts.c.version)
        .order_by(func.count().desc(), lens_hosts.c.version)
    )
    if account_id is not None:
        wanted = wanted.where(lens_hosts.c.account_id == account_id)
    return [(row[0], int(row[1])) for row in conn.execute(wanted)]


def forget_hosts(conn: Connection, account_id: str) -> int:
    """Delete every host of an account with its processes; returns how many hosts."""
    conn.execute(delete(lens_processes).where(lens_processes.c.account_id == account_id))
    return conn.execute(delete(lens_hosts).where(lens_hosts.c.account_id == account_id)).rowcount


def purge(conn: Connection, now: int) -> dict[str, int]:
    """Delete what is past its time: table -> rows."""
    gone = {}
    for table, kept_s in ((lens_processes, SILENT_S), (lens_hosts, HOST_KEPT_S)):
        gone[table.name] = conn.execute(delete(table).where(table.c.last_seen <= now - kept_s)).rowcount
    return gone


def overdue(conn: Connection, now: int) -> int:
    """How many hosts should have been forgotten and are not."""
    return _count(conn, lens_hosts.c.last_seen <= now - HOST_KEPT_S)


def _count(conn: Connection, condition: Any) -> int:
    return int(conn.execute(select(func.count()).where(condition)).scalar_one())


_SEEN = (
    update(lens_hosts)
    .where(lens_hosts.c.account_id == bindparam("of_account"), lens_hosts.c.host == bindparam("of_host"))
    .values(version=bindparam("new_version"), last_seen=bindparam("now"))
)
_BEAT = (
    update(lens_processes)
    .where(
        lens_processes.c.account_id == bindparam("of_account"),
        lens_processes.c.host == bindparam("of_host"),
        lens_processes.c.pid == bindparam("of_pid"),
    )
    .values(uptime_s=bindparam("up"), last_seen=bindparam("now"))
)
_NEW_SALT = on_each(lens_accounts, unless_there)
_NEW_HOST = on_each(  # two processes of a new host may come at once
    lens_hosts, lambda made: in_place_of(made, ("account_id", "host"), ("version", "last_seen"))
)
_NEW_PROCESS = on_each(
    lens_processes,
    lambda made: in_place_of(made, ("account_id", "host", "pid"), ("uptime_s", "last_seen")),
)
