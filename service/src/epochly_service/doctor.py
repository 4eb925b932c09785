"""What always holds in a database and its data folder, checked: seats, chain, retention, keys, files, schema, clock.

Each check gives findings; a check that could not run is a fault too. Nothing is repaired here: a broken invariant is our bug or
somebody's hand, and its traces are worth more than a quick repair.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Table, func, select, text

from epochly_service import audit_chain, keys, peppered, secret_files, store
from epochly_service.core import ROWS_LOST
from epochly_service.errors import BusyError, ServiceError
from epochly_service.lens import rows
from epochly_service.migrating import current, newest
from epochly_service.pins import read_roots, verify_keyset
from epochly_service.schema import (
    audit,
    devices,
    idempotency,
    lens_accounts,
    lens_keys,
    licenses,
    operator_sessions,
    pop_replay,
    raw_attributes,
    trials,
)
from epochly_service.settings import DAY, STRIKES_IN_S
from epochly_service.telemetry import ledger
from epochly_service.telemetry.tables import database_sink

if TYPE_CHECKING:
    from epochly_service.engines import Database

SLACK_S = 3_600  # how long what is past its time may lie about: the serving process purges every few minutes
CLOCK_SLACK_S = 300  # a row of the audit may be this much in the future, as nodes' clocks differ
KEY_SOON_S = 14 * 86_400  # a signing key that ends within two weeks is worth a word
ROOTS_READ = 28  # days whose trees are made anew
DEVICES_READ = 1_000  # sealed values that are opened; all of a small deployment, a sample of a large one


@dataclass(frozen=True, slots=True)
class Place:
    """What is examined: a database, the folder of its secrets, and the time in Unix seconds."""

    database: Database
    data: str
    now: int


@dataclass(frozen=True, slots=True)
class Examined:
    """One check: what it claims, what is wrong (`faults`) and what is worth a word (`notes`)."""

    name: str
    claim: str
    faults: tuple[str, ...]
    notes: tuple[str, ...] = ()


Found = Iterator[str]
Check = Callable[[Place], Found]
NOTE = "note: "


def schema_is_newest(place: Place) -> Found:
    """The tables are those that this program knows."""
    found = place.database.read(current)
    if found != newest():
        yield f"the schema is {found or 'missing'}, this program has {newest()}; hint: `admin migrate`"


def file_is_sound(place: Place) -> Found:
    """SQLite finds nothing wrong with its file, and no reference leads nowhere."""
    if not place.database.is_sqlite:
        return
    for pragma in ("integrity_check", "foreign_key_check"):
        rows = place.database.read(lambda conn, pragma=pragma: conn.execute(text(f"PRAGMA {pragma}")).all())  # type: ignore[misc]
        yield from (" ".join(str(part) for part in row) for row in rows if tuple(row) != ("ok",))


def seats_are_counted(place: Place) -> Found:
    """Each licence counts as many seats as its devices hold, and no more than it has."""
    yield from place.database.read(store.seat_faults)
    over = select(licenses.c.id, licenses.c.seats_used, licenses.c.seats_max).where(
        licenses.c.seats_used > licenses.c.seats_max
    )
    for row in place.database.read(lambda conn: conn.execute(over).all()):
        yield f"{row[0]} has {row[2]} seats and {row[1]} are used"
    released = select(devices.c.id).where(devices.c.holds_seat == 1, devices.c.status == "released")
    for (device,) in place.database.read(lambda conn: conn.execute(released).all()):
        yield f"{device} is released and holds a seat"


def audit_is_whole(place: Place) -> Found:
    """The audit chain runs from its first row to its head, and nobody changed it."""
    head = audit_chain.read_head(place.database)
    yield from audit_chain.faults(audit_chain.read_rows(place.database, head), head=head)


def no_lease_is_forgotten(place: Place) -> Found:
    """Devices hold no lease that this database does not know of, as they do after a backup was restored."""
    since = place.now - STRIKES_IN_S
    wanted = select(func.count(audit.c.object_id.distinct()), func.max(audit.c.at)).where(
        audit.c.action == ROWS_LOST, audit.c.at > since
    )
    count, latest = place.database.read(lambda conn: conn.execute(wanted).one())
    if count:
        day = datetime.fromtimestamp(latest, UTC).strftime("%Y-%m-%d")
        yield (
            NOTE
            + f"{count} devices had leases that were lost here, the last one told on {day}, and went on above them; hint: "
            f"where no backup was restored, look at them in `audit export` (`{ROWS_LOST}`): a copied key can say so too"
        )


def clock_goes_forward(place: Place) -> Found:
    """Nothing was done in the future: leases made with a clock set back would be wrong."""
    latest = place.database.read(lambda conn: conn.execute(select(func.max(audit.c.at))).scalar())
    if latest is not None and latest > place.now + CLOCK_SLACK_S:
        yield f"the last change is {latest - place.now} s in the future; hint: look at this machine's clock"


def nothing_is_kept_too_long(place: Place) -> Found:
    """What is kept for a time only is gone an hour after it."""
    tables: tuple[Table, ...] = (pop_replay, idempotency, raw_attributes, operator_sessions)
    for table in tables:
        wanted = select(func.count()).select_from(table).where(table.c.expires_at < place.now - SLACK_S)
        count = place.database.read(lambda conn, wanted=wanted: conn.execute(wanted).scalar_one())  # type: ignore[misc]
        if count:
            yield f"`{table.name}` has {count} rows past their time; hint: a serving process deletes them"


def telemetry_is_kept_for_its_time(place: Place) -> Found:
    """Events, their digests and hosts of Lens are gone when their time is over, wherever this database keeps them."""
    today, ago = place.now // DAY, place.now - SLACK_S
    read = place.database.read
    late = {
        "telemetry_events": database_sink(place.database).overdue(ago // DAY),
        "telemetry_batches": read(lambda conn: ledger.overdue(conn, today)),
        "lens_hosts": read(lambda conn: rows.overdue(conn, ago)),
    }
    for table, count in late.items():
        if count:
            yield f"`{table}` has {count} rows past their time; hint: a serving process deletes them"


def roots_are_of_their_batches(place: Place) -> Found:
    """The root of each of the last days is the one that its batches make."""
    for root in place.database.read(lambda conn: ledger.newest_roots(conn, ROOTS_READ)):
        _, tree = place.database.read(lambda conn, day=root.day: ledger.tree_of_day(conn, day))  # type: ignore[misc]
        if root.day > place.now // DAY - ledger.DIGESTS_KEPT_DAYS and (tree.size, tree.head.hex()) != (
            root.size,
            root.root,
        ):
            yield f"the batches of day {root.day} do not make the root that was given for it"


def files_are_private(place: Place) -> Found:
    """Nobody but the service can read its secrets or its database."""
    is_private = _mode(place.data) & 0o077 == 0
    paths = [(place.data, 0o700)]
    paths += [(os.path.join(place.data, name), 0o700) for name in (secret_files.SIGNING, secret_files.ROOT)]
    paths.append((os.path.join(place.data, secret_files.SECRETS), 0o600))
    folder = os.path.join(place.data, secret_files.SIGNING)
    if os.path.isdir(folder):
        paths += [(os.path.join(folder, name), 0o600) for name in sorted(os.listdir(folder))]
    if place.database.is_sqlite:
        name = os.path.abspath(str(place.database.engine.url.database))
        if not is_private or os.path.dirname(name) != os.path.abspath(place.data):
            paths += [(name + end, 0o600) for end in ("", "-wal", "-shm")]
    for path, mode in paths:
        try:
            about = os.lstat(path)
        except FileNotFoundError:
            continue
        if stat.S_ISLNK(about.st_mode):
            yield f"`{path}` is a link; hint: put the file itself there"
        elif about.st_mode & 0o077:
            yield f"`{path}` can be read by others; hint: `chmod {mode:o} {path}`"
        elif about.st_uid != os.geteuid() and os.geteuid() != 0:
            yield f"`{path}` belongs to another user"
    if os.path.exists(os.path.join(place.data, secret_files.ROOT, "root.pem")):
        yield (
            NOTE
            + "the private root key lies here; hint: keep it on another machine, it is needed to rotate keys only"
        )


def _mode(path: str) -> int:
    try:
        return os.lstat(path).st_mode
    except OSError:
        return 0o777


def secrets_open_what_is_stored(place: Place) -> Found:
    """Every version of the pepper that a row was made with is there, and what was sealed opens."""
    secrets = secret_files.read_secrets(place.data)
    for column in (
        licenses.c.key_mac,
        devices.c.fp_mac,
        devices.c.fp_sealed,
        trials.c.fp_mac,
        lens_keys.c.key_mac,
        lens_accounts.c.salt_sealed,
    ):
        version = func.substr(column, 1, 4)
        rows = place.database.read(
            lambda conn, column=column, version=version: conn.execute(  # type: ignore[misc]
                select(version).where(column.is_not(None)).distinct()
            ).all()
        )
        used = {str(row[0]).partition(".")[0] for row in rows}
        for gone in sorted(used - {str(known) for known in secrets.pepper}):
            yield f"`{column.table.name}.{column.name}` was made with pepper {gone}, which is missing; hint: restore `{secret_files.SECRETS}`"
    sample = select(devices.c.id, devices.c.fp_sealed).order_by(devices.c.id).limit(DEVICES_READ)
    for device, sealed in place.database.read(lambda conn: conn.execute(sample).all()):
        try:
            peppered.unseal(secrets.pepper, device, sealed)
        except ValueError:
            yield f"the fingerprint of {device} does not open under the pepper"
    salts = select(lens_accounts.c.account_id, lens_accounts.c.salt_sealed).limit(DEVICES_READ)
    for account, sealed in place.database.read(lambda conn: conn.execute(salts).all()):
        try:
            peppered.unseal(secrets.pepper, account, sealed)
        except ValueError:
            yield f"the Lens salt of {account} does not open under the pepper"


def keys_can_sign(place: Place) -> Found:
    """One signing key is in use and good for a while, and its private file is the one the database speaks of."""
    ring = place.database.read(lambda conn: keys.load(conn, place.data))
    signer = ring.signer(place.now)
    if signer is None:
        yield "no signing key is good now; hint: `admin keys rotate`"
    elif signer.exp - place.now < KEY_SOON_S:
        yield (
            NOTE
            + f"signing key {signer.kid} ends in {(signer.exp - place.now) // 86_400} days; hint: `admin keys rotate`"
        )
    rows = place.database.read(store.all_signing_keys)
    active = [row["kid"] for row in rows if row["status"] == "active"]
    if len(active) != 1:
        yield f"{len(active)} signing keys are in use, not one; hint: `admin keys rotate`"


def keyset_is_of_the_root(place: Place) -> Found:
    """The newest keyset is signed by a root that clients pin, and says of each key what the database says."""
    newest_one = place.database.read(store.newest_keyset)
    if newest_one is None:
        yield "no keyset was made yet; hint: `epochly-service serve` makes the first"
        return
    v, token = newest_one
    claims = verify_keyset(token, read_roots(place.data))
    if claims["v"] != v:
        yield f"keyset {v} says that it is {claims['v']}"
    said = {key["kid"]: key for key in claims["keys"]}
    for row in place.database.read(store.all_signing_keys):
        if row["kid"] in said and said[row["kid"]] != row:
            yield f"keyset {v} says something else of key {row['kid']} than the database; hint: `admin keys keyset --publish`"
        if row["kid"] not in said and row["status"] == "active":
            yield f"key {row['kid']} is in use and not in keyset {v}; hint: `admin keys keyset --publish`"


CHECKS: tuple[tuple[str, Check], ...] = (
    ("schema", schema_is_newest),
    ("file", file_is_sound),
    ("seats", seats_are_counted),
    ("audit", audit_is_whole),
    ("sequence", no_lease_is_forgotten),
    ("clock", clock_goes_forward),
    ("retention", nothing_is_kept_too_long),
    ("telemetry", telemetry_is_kept_for_its_time),
    ("roots", roots_are_of_their_batches),
    ("private", files_are_private),
    ("secrets", secrets_open_what_is_stored),
    ("keys", keys_can_sign),
    ("keyset", keyset_is_of_the_root),
)


def examine(place: Place) -> list[Examined]:
    """Run every check; one that fails to run is a fault, and stops no other."""
    report = []
    for name, check in CHECKS:
        try:
            found = list(check(place))
        except (ServiceError, BusyError, OSError) as error:
            found = [f"could not be checked: {error}"]
        except Exception as error:  # noqa: BLE001 - a table that is gone, a row that no code wrote: that is what it is for
            found = [f"could not be checked: {type(error).__name__}"]
        faults = tuple(line for line in found if not line.startswith(NOTE))
        notes = tuple(line.removeprefix(NOTE) for line in found if line.startswith(NOTE))
        report.append(Examined(name, (check.__doc__ or "").strip(), faults, notes))
    return report


def report_as_json(report: list[Examined]) -> list[dict[str, Any]]:
    """The report in its published shape."""
    return [
        {"check": one.name, "ok": not one.faults, "faults": list(one.faults), "notes": list(one.notes)}
        for one in report
    ]
