"""The command line of `epochly-service admin`, and where a deployment lies."""

from __future__ import annotations

import argparse
import os
import re
from typing import TYPE_CHECKING, NoReturn

from platformdirs import user_data_dir

from epochly_service.admin.licenses import PLANS, SEATS
from epochly_service.admin.operators import ROLES
from epochly_service.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Subjects = argparse._SubParsersAction["_Parser"]  # noqa: SLF001 - it has no other name

DATA_VARIABLE, URL_VARIABLE = "EPOCHLY_SERVICE_DATA", "EPOCHLY_SERVICE_DATABASE_URL"
DASHED_KEY = re.compile(r"-[A-Za-z0-9_-]{42}")  # base64url of a SHA-256, and one in 64 looks like an option


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with a command line in one line, as everything else is said."""

    def error(self, message: str) -> NoReturn:
        raise ServiceError("usage", self.prog, message, f"`{self.prog} --help`")


def default_data(environ: Mapping[str, str]) -> str:
    """The folder of a deployment's private files."""
    return environ.get(DATA_VARIABLE) or user_data_dir("epochly-service", appauthor=False)


def default_url(data: str, environ: Mapping[str, str]) -> str:
    """The database of a deployment."""
    return environ.get(URL_VARIABLE) or f"sqlite:///{os.path.abspath(data)}/service.db"


def parse(arguments: Sequence[str]) -> tuple[tuple[str, ...], argparse.Namespace]:
    """The command and its options.

    Raises:
        ServiceError: there is no such command, or its options do not do.
    """
    for argument in arguments:
        if not argument.isprintable() and any("\ud800" <= one <= "\udfff" for one in argument):
            raise ServiceError(
                "usage", ascii(argument), "this is not UTF-8", "`epochly-service admin --help`"
            )
    keys = [argument for argument in arguments if DASHED_KEY.fullmatch(argument)]
    if keys and "--" not in arguments:
        arguments = [*(argument for argument in arguments if argument not in keys), "--", *keys]
    options = _parser().parse_args(arguments)
    return tuple(part for part in (options.subject, getattr(options, "verb", None)) if part), options


def _parser() -> argparse.ArgumentParser:
    shared = _Parser(add_help=False)
    shared.add_argument(
        "--data", metavar="FOLDER", help=f"private files of the deployment (or `{DATA_VARIABLE}`)"
    )
    shared.add_argument("--database-url", metavar="URL", help=f"where its rows are (or `{URL_VARIABLE}`)")
    shared.add_argument("--json", action="store_true", help="answer as JSON")
    shared.add_argument("--as", dest="actor", metavar="NAME", default="cli", help="who the audit says did it")
    top = _Parser(
        prog="epochly-service admin", description="What operators do. Every change is in the audit."
    )
    subjects = top.add_subparsers(dest="subject", required=True, metavar="COMMAND")

    def verbs(name: str, text: str) -> Subjects:
        return subjects.add_parser(name, help=text).add_subparsers(
            dest="verb", required=True, metavar="COMMAND"
        )

    def add(to: Subjects, name: str, text: str, /, **named: str) -> argparse.ArgumentParser:
        parser = to.add_parser(name, help=text, description=text, parents=[shared])
        for argument, meaning in named.items():
            parser.add_argument(argument, help=meaning)
        return parser

    account = verbs("account", "who licences belong to")
    add(account, "add", "make an account", name="as you call it")
    _trials(add(account, "list", "accounts, by name"))

    license_ = verbs("license", "issue, suspend, extend and move licences")
    issue = add(
        license_, "issue", "make a licence; prints its key this once", account="its account's id or name"
    )
    issue.add_argument("--plan", choices=PLANS, required=True)
    issue.add_argument("--seat", choices=SEATS, default="node")
    issue.add_argument("--seats", type=int, required=True, metavar="N")
    _end(issue)
    listing = add(license_, "list", "licences")
    listing.add_argument("--account", metavar="ACCOUNT")
    listing.add_argument("--status", choices=("active", "suspended"))
    _trials(listing)
    for name, text in (
        ("show", "a licence with its devices"),
        ("suspend", "refuse its devices, until `resume`"),
        ("resume", "serve its devices again"),
    ):
        add(license_, name, text, license="its id")
    extend = add(license_, "extend", "a later end, or other seats", license="its id")
    extend.add_argument("--seats", type=int, metavar="N")
    _end(extend)
    add(
        license_,
        "transfer",
        "move it to another account; its devices register again",
        license="its id",
        account="whose it will be",
    )

    device = verbs("device", "list and release devices; show or forget what is kept of one")
    add(device, "list", "devices of a licence", license="its id")
    for name, text in (
        ("release", "free its seat"),
        ("export", "all that is kept of it"),
        ("delete", "forget it, and free its seat"),
    ):
        add(device, name, text, device="its id")

    keys = verbs("keys", "the keys that sign leases")
    rotate = add(keys, "rotate", "put a new key into use; older leases stay good")
    rotate.add_argument("--rehearse", action="store_true", help="do everything, keep nothing")
    _root(rotate)
    _root(add(keys, "revoke", "make worthless what a key signed", kid="its name, as in `keys list`"))
    add(keys, "list", "every signing key")
    keyset = add(keys, "keyset", "the newest keyset")
    keyset.add_argument("--publish", action="store_true", help="sign it anew first")
    _root(keyset)

    root = verbs("root", "the keys that sign keysets")
    add(root, "new", "make a root: the first, or the one to come").add_argument(
        "--out", metavar="FILE", help="where its private half goes"
    )
    _root(add(root, "promote", "make the next root the current one"))

    audit = verbs("audit", "who changed what")
    add(audit, "export", "the whole chain, a JSON object a line").add_argument(
        "file", nargs="?", help="a new file"
    )
    verify = add(audit, "verify", "whether nobody changed it")
    verify.add_argument("file", nargs="?", help="an export; without it, the database")
    verify.add_argument(
        "--head", metavar="SEQ:HASH", help="what `audit export` said once: the chain has to pass through it"
    )

    add(subjects, "backup", "every row of this moment, into a new file", file="which").add_argument(
        "--with-secrets", action="store_true", help="and the private files, but no root"
    )
    add(subjects, "restore", "a backup into an empty database", file="which")
    add(subjects, "doctor", "what always holds, checked")
    add(subjects, "copy", "every row into an empty database", to="its URL")
    add(subjects, "migrate", "bring the database to the newest schema")

    lens_key = verbs("lens-key", "keys with which an account's own machines report to Lens")
    add(lens_key, "add", "make a key; prints it this once", account="its account's id or name")
    add(lens_key, "list", "keys of an account", account="its id or name")
    add(lens_key, "revoke", "refuse a key from now on", key="its id, as in `lens-key list`")
    lens_hosts = verbs("lens-hosts", "hosts that Lens remembers")
    add(lens_hosts, "forget", "forget every host of an account", account="its id or name")

    operator = verbs("operator", "who may sign in to the web page")
    one = add(operator, "add", "let somebody in", name="as they sign in")
    one.add_argument("--role", choices=ROLES, default="viewer")
    one.add_argument("--account", metavar="ACCOUNT", help="whose licences they see; without it, everybody's")
    for parser in (one, add(operator, "passwd", "set another password, and sign them out", name="whose")):
        parser.add_argument(
            "--password-stdin", action="store_true", help="read it from standard input; else one is made"
        )
    add(operator, "disable", "let somebody in no more", name="whom")
    add(operator, "enable", "let somebody in again", name="whom")
    add(operator, "list", "who there is")
    return top


def _end(parser: argparse.ArgumentParser) -> None:
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--until", metavar="YYYY-MM-DD", help="its last day, UTC")
    either.add_argument("--days", type=int, metavar="N", help="from now")


def _root(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--root", metavar="FILE", help="the root's private key; without it, the one in the data folder"
    )


def _trials(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--trials", action="store_true", help="with those of trials")
