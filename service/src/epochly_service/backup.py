"""Backups: one file with every row of one moment, which restores into an empty database of either engine.

The file is gzip over lines of JSON in ASCII: an object that says what it is, then for each table an object that names it, its
rows as arrays and an object with their count and SHA-256, and last an object with the SHA-256 of all lines before. What is cut
off, changed or longer than it says is refused, and nothing of it is kept. With `secrets` it has the private files of the data
folder too, save the root's; then it is as secret as they are.

The file is 0600, new, and in place only when it is whole.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import re
import zlib
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import DataError, IntegrityError

from epochly_service import audit
from epochly_service.errors import ServiceError
from epochly_service.migrating import migrate, newest
from epochly_service.secret_files import ROOT, SECRETS, SIGNING
from epochly_service.snapshot import (
    TABLES,
    Digest,
    fill,
    frozen,
    line_of_row,
    require_empty,
    require_newest,
    rows_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Connection

    from epochly_service.engines import Database

SECRET_NAMES = re.compile(
    "|".join((re.escape(SECRETS), SIGNING + r"/[A-Za-z0-9_-]{43}\.pem", re.escape(f"{ROOT}/root.pub.pem")))
)
FORMAT = "epochly-backup+v1"
LINE_MAX_BYTES = 1_048_576  # the longest are keysets and raw attributes, a few KiB


@dataclass(frozen=True, slots=True)
class Backup:
    """What is in a backup: rows a table, names of secret files, and the digest of its lines."""

    rows: Mapping[str, int]
    secrets: tuple[str, ...]
    sha256: str


class _Writer:
    def __init__(self, file: gzip.GzipFile) -> None:
        self._file, self.sha256 = file, hashlib.sha256()

    def line(self, data: bytes) -> None:
        self.sha256.update(data)
        self._file.write(data)

    def tell(self, value: Mapping[str, Any]) -> None:
        self.line(json.dumps(value, separators=(",", ":"), sort_keys=True).encode("ascii") + b"\n")


def back_up(
    database: Database, path: str, *, at: int, actor: str, secrets: Mapping[str, bytes] | None = None
) -> Backup:
    """Write a backup of `database` to the new file `path`; it may be served meanwhile.

    Args:
        database: of the newest schema.
        path: which must not exist yet.
        at: Unix seconds.
        actor: who asks, for the audit.
        secrets: name below the data folder -> bytes, to be put in.

    Raises:
        ServiceError: the file exists or cannot be written, or the schema is another.
    """
    part = f"{path}.part"
    try:
        if os.path.lexists(path):
            raise FileExistsError(17, "it exists already")
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
                    made = _write(database, _Writer(packed), at, secrets or {})
                file.flush()
                os.fsync(file.fileno())
            os.link(part, path)  # unlike a rename, it does not replace what came there meanwhile
        finally:
            with suppress(FileNotFoundError):
                os.unlink(part)
    except OSError as error:
        raise ServiceError(
            "backup", path, f"it cannot be written: {error.strerror}", "name a new file with room for it"
        ) from error

    def work(conn: Connection) -> None:
        audit.append(
            conn,
            at=at,
            account_id="",
            actor_kid=actor,
            action="backup",
            object_id="database",
            before={},
            after={"rows": sum(made.rows.values()), "sha256": made.sha256, "secrets": len(made.secrets)},
        )

    database.write(work)
    return made


def _write(database: Database, out: _Writer, at: int, secrets: Mapping[str, bytes]) -> Backup:
    counts: dict[str, int] = {}
    with frozen(database) as conn:
        require_newest(conn, "database")
        out.tell({"format": FORMAT, "schema": newest(), "created_at": at})
        for table in TABLES:
            out.tell({"table": table.name, "columns": [column.name for column in table.columns]})
            digest = Digest()
            for row in rows_of(conn, table):
                line = line_of_row(row)
                digest.add(line)
                out.line(line)
            out.tell({"end": table.name, "rows": digest.rows, "sha256": digest.sha256})
            counts[table.name] = digest.rows
    for name in sorted(secrets):
        out.tell({"secret": name, "data": base64.b64encode(secrets[name]).decode()})
    sha256 = out.sha256.hexdigest()
    out.tell({"end": "backup", "sha256": sha256})
    return Backup(counts, tuple(sorted(secrets)), sha256)


class _Reader:
    """Lines of a backup, each checked to be one; what is wrong is a `ServiceError` that names the file."""

    def __init__(self, file: gzip.GzipFile, path: str) -> None:
        self._file, self._path, self._number = file, path, 0
        self.sha256 = hashlib.sha256()

    def fail(self, why: str) -> ServiceError:
        return ServiceError(
            "backup", f"{self._path}:{self._number}", why, "take another backup; nothing was kept"
        )

    def line(self) -> tuple[Any, bytes]:
        self._number += 1
        try:
            data = self._file.readline(LINE_MAX_BYTES)
        except (OSError, EOFError, zlib.error) as error:
            raise self.fail("the file is damaged or cut off") from error
        if not data.endswith(b"\n"):
            raise self.fail("the file is cut off" if not data else "a line is too long or cut off")
        try:
            return json.loads(data.decode("ascii")), data
        except (ValueError, RecursionError) as error:
            raise self.fail("a line is not JSON") from error

    def object(self) -> tuple[dict[str, Any], bytes]:
        value, data = self.line()
        if not isinstance(value, dict):
            raise self.fail("a row stands where it should not")
        return value, data

    def at_end(self) -> bool:
        try:
            return not self._file.read(1)
        except (OSError, EOFError, zlib.error):
            return False


def restore(database: Database, path: str, *, at: int, actor: str) -> tuple[Backup, dict[str, bytes]]:
    """Put a backup into an empty database, all of it or nothing; returns what it had, and its secret files.

    Raises:
        ServiceError: the file is no whole backup, of another schema, or the database is not empty.
    """
    migrate(database)

    def work(conn: Connection) -> tuple[Backup, dict[str, bytes]]:
        require_empty(conn, "database")
        try:
            with gzip.open(path, "rb") as file:
                found = _read(conn, _Reader(file, path))
        except (IntegrityError, DataError, UnicodeError) as error:
            raise ServiceError(
                "backup", path, "a row does not fit its table", "take another backup"
            ) from error
        except OSError as error:
            raise ServiceError(
                "backup",
                path,
                f"it cannot be read: {error.strerror or error}",
                "name a file that `backup` wrote",
            ) from error
        audit.append(
            conn,
            at=at,
            account_id="",
            actor_kid=actor,
            action="restore",
            object_id="database",
            before={},
            after={"rows": sum(found[0].rows.values()), "sha256": found[0].sha256},
        )
        return found

    return database.write(work)


def _read(conn: Connection, lines: _Reader) -> tuple[Backup, dict[str, bytes]]:
    first, data = lines.object()
    if first.get("format") != FORMAT:
        raise lines.fail("this is no backup of this service")
    if first.get("schema") != newest():
        raise lines.fail(f"it is of schema {first.get('schema')}, this program has {newest()}")
    lines.sha256.update(data)
    counts: dict[str, int] = {}
    for table in TABLES:
        named, data = lines.object()
        if named != {"table": table.name, "columns": [column.name for column in table.columns]}:
            raise lines.fail(f"`{table.name}` is missing or has other columns")
        lines.sha256.update(data)
        digest, said = Digest(), dict[str, Any]()
        fill(conn, table, _rows(lines, len(table.columns), digest, said))
        if said != {"end": table.name, "rows": digest.rows, "sha256": digest.sha256}:
            raise lines.fail(f"`{table.name}` is not what it was")
        counts[table.name] = digest.rows
    secrets: dict[str, bytes] = {}
    while True:
        value, data = lines.object()
        if set(value) == {"secret", "data"}:
            lines.sha256.update(data)
            if SECRET_NAMES.fullmatch(str(value["secret"])) is None:
                raise lines.fail("it has a private file of a name that is none")
            try:
                secrets[str(value["secret"])] = base64.b64decode(str(value["data"]), validate=True)
            except ValueError as error:
                raise lines.fail("a secret is not base64") from error
            continue
        sha256 = lines.sha256.hexdigest()
        if value != {"end": "backup", "sha256": sha256} or not lines.at_end():
            raise lines.fail("the file is not what it was")
        return Backup(counts, tuple(sorted(secrets)), sha256), secrets


def _rows(lines: _Reader, width: int, digest: Digest, said: dict[str, Any]) -> Iterator[list[Any]]:
    while True:
        value, data = lines.line()
        lines.sha256.update(data)
        if isinstance(value, dict):
            said.update(value)
            return
        if not isinstance(value, list) or len(value) != width:
            raise lines.fail("a row has another width than its table")
        if not all(_is_value(part) for part in value):
            raise lines.fail("a row has a value of a type that no column has")
        digest.add(data)
        yield value


def _is_value(part: object) -> bool:
    if isinstance(part, int):
        return type(part) is int and -(2**63) <= part < 2**63
    return part is None or isinstance(part, str)
