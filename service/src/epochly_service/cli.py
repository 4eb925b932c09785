"""The command line: `serve`, and `admin` for operators. Decides nothing itself.

Exit codes: 0 done, 1 refused, 2 usage or something that cannot be read, written or reached, 70 our own bug, 130 interrupted.
Data goes to stdout, all else to stderr.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import time
import traceback
from typing import TYPE_CHECKING, NoReturn

from platformdirs import user_data_dir

from epochly_service.errors import BusyError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

EXIT_USAGE, EXIT_BUG, EXIT_INTERRUPTED = 2, 70, 130
USAGE = """usage: epochly-service serve [--data FOLDER] [--database-url URL] [--host HOST] [--port PORT] [--public-url URL]
                             [--tls-cert FILE --tls-key FILE | --behind-proxy] [--metrics-port PORT] [--pages]
                             [--telemetry-sink URL]
       epochly-service admin COMMAND ...

serve    answers clients; without options over SQLite, with a certificate of its own for `localhost`
admin    accounts, licences, devices, keys, audit, backups: see `epochly-service admin --help`
"""
DATA_VARIABLE, URL_VARIABLE = "EPOCHLY_SERVICE_DATA", "EPOCHLY_SERVICE_DATABASE_URL"
SINK_VARIABLE = (
    "EPOCHLY_SERVICE_TELEMETRY_SINK"  # it may hold a password, which others can read off a command line
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code."""
    command, *rest = list(sys.argv[1:] if argv is None else argv) or [""]
    if command in {"-h", "--help", "help"}:
        sys.stdout.write(USAGE)
        return 0
    if command == "--version":
        from epochly_service import __version__  # noqa: PLC0415 - read from metadata only when asked for

        print(__version__)
        return 0
    if command == "admin":
        from epochly_service.admin.cli import main as admin  # noqa: PLC0415 - a command imports what it needs

        return admin(rest)
    try:
        if command != "serve":
            what = f"there is no command `{command}`" if command else "a command is missing"
            raise ServiceError("usage", "epochly-service", what, "`epochly-service --help`")
        return _serve(rest, os.environ)
    except ServiceError as error:
        return _fail(str(error), EXIT_USAGE)
    except BusyError as error:
        return _fail(f"`database`: it did not answer in time: {error}; hint: try again", EXIT_USAGE)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except Exception as error:  # noqa: BLE001 - our own bug must not look like something an operator did
        return _bug(error)


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, as everything else is said."""

    def error(self, message: str) -> NoReturn:
        """Refuse a command line."""
        raise ServiceError("usage", self.prog, message, f"`{self.prog} --help`")


def _serve(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415 - a command imports what it needs

    from epochly_service.serve import Machine, Options, serve  # noqa: PLC0415

    parser = _Parser(prog="epochly-service serve", description="Answer clients, until stopped.")
    parser.add_argument("--data", metavar="FOLDER", help=f"secrets, and SQLite's file (or `{DATA_VARIABLE}`)")
    parser.add_argument("--database-url", metavar="URL", help=f"PostgreSQL (or `{URL_VARIABLE}`)")
    parser.add_argument("--host", default="127.0.0.1", help="where to listen; 127.0.0.1")
    parser.add_argument("--port", type=int, default=8443, help="where to listen; 8443, 0 for any free one")
    parser.add_argument("--public-url", metavar="URL", help="what clients call it; https://localhost:PORT")
    parser.add_argument("--tls-cert", metavar="FILE", help="certificate chain, PEM; without it one is made")
    parser.add_argument("--tls-key", metavar="FILE", help="its key, PEM")
    parser.add_argument(
        "--behind-proxy",
        action="store_true",
        help="plain HTTP for a proxy on this machine, which tells the peer by X-Forwarded-For",
    )
    parser.add_argument("--metrics-port", type=int, metavar="PORT", help="Prometheus, on 127.0.0.1")
    parser.add_argument("--pages", action="store_true", help="the operators' pages, at /admin")
    parser.add_argument(
        "--telemetry-sink",
        metavar="URL",
        help=f"where events go, `clickhouse+https://...` (or `{SINK_VARIABLE}`); the database",
    )
    parser.add_argument("--no-rate-limits", action="store_true", help="where somebody in front limits rates")
    options = parser.parse_args(arguments)
    os.umask(0o077)  # whatever is made here is private, a database too
    data = os.path.abspath(
        options.data or environ.get(DATA_VARIABLE) or user_data_dir("epochly-service", appauthor=False)
    )
    asked = Options(
        data=data,
        database_url=options.database_url or environ.get(URL_VARIABLE) or f"sqlite:///{data}/service.db",
        host=options.host,
        port=options.port,
        public_url=options.public_url,
        tls_cert=options.tls_cert,
        tls_key=options.tls_key,
        behind_proxy=options.behind_proxy,
        metrics_port=options.metrics_port,
        rate_limits=not options.no_rate_limits,
        pages=options.pages,
        telemetry_sink=options.telemetry_sink or environ.get(SINK_VARIABLE, ""),
    )
    machine = Machine(time.time, time.monotonic, os.urandom, sys.stdout, sys.stderr)
    try:
        return serve(asked, machine)
    except SQLAlchemyError as error:
        cause = (str(getattr(error, "orig", None) or error).strip().splitlines() or [""])[0][:300]
        raise ServiceError(
            "database", "--database-url", f"it cannot be used: {cause}", "look at the URL"
        ) from error


def _fail(text: str, code: int) -> int:
    line = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)
    sys.stderr.write(f"epochly-service: {line}\n")
    return code


def _bug(error: Exception) -> int:
    trace = "".join(traceback.format_exception(error))
    report = hashlib.sha256(trace.encode("utf-8", "replace")).hexdigest()[:8]
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{type(error).__name__} in {os.path.basename(last.filename)}:{last.lineno}"
    return _fail(f"this is our bug, not yours: {where}; hint: report it with `{report}`", EXIT_BUG)
