"""`epochly-service admin`: arguments in, one command run, what it says printed. Decides nothing itself.

Exit codes: 0 done; 1 refused, or what was looked at is not good; 2 usage, or something that cannot be read or reached; 70 our
own bug. What was asked for goes to stdout, all else to stderr.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
import time
import traceback
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import SQLAlchemyError

from epochly_service.admin.arguments import default_data, default_url, parse
from epochly_service.admin.commands import COMMANDS
from epochly_service.admin.desk import Desk, require_name
from epochly_service.engines import open_database
from epochly_service.errors import BusyError, ServiceError
from epochly_service.settings import Policy
from epochly_service.snapshot import require_newest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from epochly_service.admin.telling import Said
    from epochly_service.engines import Database

EXIT_REFUSED, EXIT_USAGE, EXIT_BUG, EXIT_INTERRUPTED = 1, 2, 70, 130
REFUSALS = {
    "account-name",
    "account-not-found",
    "already-served",
    "copy-differs",
    "device-not-found",
    "device-status",
    "lens-key-not-found",
    "lens-key-status",
    "license-end",
    "license-not-found",
    "license-seats",
    "license-status",
    "license-transfer",
    "not-empty",
    "operator-name",
    "operator-not-found",
    "password",
    "root",
    "seat-checked-out",
    "signing-key",
}
ANY_SCHEMA = {("migrate",), ("restore",), ("doctor",)}  # they say themselves what they need
MAKES_A_FILE = {("migrate",), ("restore",)}
PASSWORD_MAX_CHARS = 1_000  # of a line; what is too long is told as such, not cut


def main(arguments: Sequence[str]) -> int:
    """Run `epochly-service admin` with these arguments; returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(
            stream, io.TextIOWrapper
        ):  # a name that the terminal cannot show is escaped, not a crash
            stream.reconfigure(errors="backslashreplace")
    as_json = "--json" in arguments
    try:
        command, options = parse(arguments)
        said = _run(command, options)
        _print(said, as_json=as_json)
    except ServiceError as error:
        code = EXIT_REFUSED if error.code in REFUSALS else EXIT_USAGE
        return _fail(str(error), code, as_json=as_json, name=error.code, hint=error.hint)
    except BusyError as error:
        return _fail(
            f"`database`: it does not answer: {_line(error)}; hint: try again, or look at `--database-url`",
            EXIT_USAGE,
            as_json=as_json,
        )
    except SQLAlchemyError as error:
        cause = _line(getattr(error, "orig", None) or error)
        return _fail(
            f"`database`: it cannot be used: {cause}; hint: look at `--database-url`",
            EXIT_USAGE,
            as_json=as_json,
        )
    except BrokenPipeError:  # the reader went away, e.g. `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_USAGE
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except Exception as error:  # noqa: BLE001 - our own bug must not look like a refusal
        return _bug(error)
    return said.exit_code


def _run(command: tuple[str, ...], options: Any) -> Said:
    os.umask(0o077)  # whatever is made here is private, a database too
    data = options.data or default_data(os.environ)
    database = open_database(options.database_url or default_url(data, os.environ))
    try:
        _require_there(database, command)
        if hasattr(options, "password_stdin"):
            options.password = (
                sys.stdin.readline(PASSWORD_MAX_CHARS).rstrip("\n") if options.password_stdin else None
            )
        actor = f"operator:{require_name(options.actor, 'usage')}"
        desk = Desk(database, data, Policy(), int(time.time()), os.urandom, actor)
        return COMMANDS[command](desk, options)
    finally:
        database.close()


def _require_there(database: Database, command: tuple[str, ...]) -> None:
    path = str(database.engine.url.database)
    if database.is_sqlite and command not in MAKES_A_FILE and not os.path.exists(path):
        raise ServiceError(
            "database", path, "there is no database", "`epochly-service serve` or `admin migrate` makes one"
        )
    if command not in ANY_SCHEMA:
        database.read(lambda conn: require_newest(conn, path))


def _print(said: Said, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"ok": said.exit_code == 0} | said.data, indent=1))
        return
    for line in said.lines:
        print(_printable(line))
    sys.stdout.flush()


def _fail(text: str, exit_code: int, *, as_json: bool, name: str = "database", hint: str = "") -> int:
    if as_json:
        print(json.dumps({"ok": False, "code": name, "error": text, "hint": hint}, indent=1))
    sys.stderr.write(f"epochly-service admin: {_printable(text)}\n")
    return exit_code


def _bug(error: Exception) -> int:
    trace = "".join(traceback.format_exception(error))
    report_id = hashlib.sha256(trace.encode("utf-8", "replace")).hexdigest()[:8]
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{type(error).__name__} in {os.path.basename(last.filename)}:{last.lineno}"
    sys.stderr.write(
        f"epochly-service admin: this is our bug, not yours: {where}; hint: report it with `{report_id}`\n"
    )
    return EXIT_BUG


def _line(error: object) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


def _printable(text: str) -> str:
    """The text on one line, with control characters as escapes."""
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)
