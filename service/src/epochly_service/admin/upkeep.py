"""Commands about the service itself, keys and audit, backups and copies, as functions that return what is said."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from epochly_service import audit_chain, backup, copying, doctor, pins, secret_files
from epochly_service.admin import keyring
from epochly_service.admin.telling import Said, day
from epochly_service.engines import open_database
from epochly_service.errors import ServiceError
from epochly_service.migrating import current, migrate, newest

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from epochly_service.admin.desk import Desk

# --- keys


def keys_rotate(desk: Desk, options: argparse.Namespace) -> Said:
    """`keys rotate`."""
    found = keyring.rotate(desk, options.root, rehearse=options.rehearse)
    outcome = (
        f"rehearsed: a key would be in use, in keyset {found.v}, with {len(found.keys) - 1} older ones; nothing was changed"
        if options.rehearse
        else f"key {found.kid} is in use, and keyset {found.v} says so; what older keys signed stays good"
    )
    return Said(
        [*_key_lines(found.keys), outcome],
        {"kid": found.kid, "v": found.v, "keys": list(found.keys), "rehearsed": options.rehearse},
    )


def keys_revoke(desk: Desk, options: argparse.Namespace) -> Said:
    """`keys revoke KID`."""
    found = keyring.revoke(desk, options.kid, options.root)
    return Said(
        [f"key {found.kid} is revoked; clients that see keyset {found.v} take nothing it signed"],
        {"kid": found.kid, "v": found.v, "keys": list(found.keys)},
    )


def keys_list(desk: Desk, _options: argparse.Namespace) -> Said:
    """`keys list`."""
    found = keyring.listing(desk)
    return Said([*_key_lines(found), f"{len(found)} signing keys"], {"keys": found})


def keys_keyset(desk: Desk, options: argparse.Namespace) -> Said:
    """`keys keyset`."""
    lines = []
    if options.publish:
        lines.append(f"keyset {keyring.publish(desk, options.root)} is signed")
    token, claims = keyring.keyset(desk)
    return Said([*lines, token], {"keyset": token, "claims": claims})


def root_new(desk: Desk, options: argparse.Namespace) -> Said:
    """`root new`."""
    path, kid, is_first = keyring.new_root(desk, options.out)
    after = (
        "keep it off this machine, and rotate keys with `--root`"
        if is_first
        else f"give clients `{pins.PINS}` now, and `root promote` when they have it"
    )
    return Said([f"root {kid} is in `{path}`: {after}"], {"kid": kid, "file": path, "is_first": is_first})


def root_promote(desk: Desk, options: argparse.Namespace) -> Said:
    """`root promote`."""
    kid, v = keyring.promote_root(desk, options.root)
    return Said([f"root {kid} is the current one and signed keyset {v}"], {"kid": kid, "v": v})


def _key_lines(found: Any) -> Iterator[str]:
    return (
        f"{row['kid']}  {row['status']:<8} signs from {day(row['nbf'])}, good until {day(row['exp'])}"
        for row in found
    )


# --- audit, backup, doctor


def audit_export(desk: Desk, options: argparse.Namespace) -> Said:
    """`audit export`."""
    head = audit_chain.read_head(desk.database)
    lines = (audit_chain.line_of(row) + "\n" for row in audit_chain.read_rows(desk.database, head))
    if options.file is None:
        return Said([line.rstrip("\n") for line in lines], {"head": str(head)})
    count = 0
    try:
        with open(
            os.open(options.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii"
        ) as file:
            for count, line in enumerate(lines, 1):  # noqa: B007 - counted past the loop
                file.write(line)
    except OSError as error:
        raise ServiceError(
            "audit-file", options.file, f"it cannot be written: {error.strerror}", "name a new file"
        ) from error
    return Said([f"{count} rows are in `{options.file}`; head {head}"], {"rows": count, "head": str(head)})


def audit_verify(desk: Desk, options: argparse.Namespace) -> Said:
    """`audit verify [FILE]`."""
    known = None if options.head is None else audit_chain.parse_head(options.head)
    if options.file is None:
        head = audit_chain.read_head(desk.database)
        found = list(audit_chain.faults(audit_chain.read_rows(desk.database, head), head=head, known=known))
    else:
        head = None
        try:
            with open(options.file, encoding="utf-8", errors="surrogateescape") as file:
                found = list(audit_chain.faults(audit_chain.rows_of_lines(file, options.file), known=known))
        except OSError as error:
            raise ServiceError(
                "audit-file", options.file, f"it cannot be read: {error.strerror}", "name an export"
            ) from error
    where = options.file or "the database"
    end = "" if head is None else f"; head {head}"
    outcome = (
        f"the audit chain of {where} is broken" if found else f"the audit chain of {where} is whole{end}"
    )
    return Said(
        [*found, outcome], {"faults": found, "head": None if head is None else str(head)}, 1 if found else 0
    )


def back_up(desk: Desk, options: argparse.Namespace) -> Said:
    """`backup FILE`."""
    secrets = _secret_files(desk.data) if options.with_secrets else {}
    made = backup.back_up(desk.database, options.file, at=desk.now, actor=desk.actor, secrets=secrets)
    rest = (
        f"and {len(made.secrets)} private files: keep it as secret as they are"
        if secrets
        else "; the private files of the data folder are not in it"
    )
    return Said(
        [f"{sum(made.rows.values())} rows are in `{options.file}` {rest}".replace(" ;", ";")],
        {"rows": dict(made.rows), "secrets": list(made.secrets), "sha256": made.sha256},
    )


def restore(desk: Desk, options: argparse.Namespace) -> Said:
    """`restore FILE`."""
    found, secrets = backup.restore(desk.database, options.file, at=desk.now, actor=desk.actor)
    written = []
    for name, data in secrets.items():
        path = os.path.join(desk.data, name)
        if not os.path.lexists(path):  # what is there stays
            secret_files.make_folder(os.path.dirname(path))
            secret_files.write_private(path, data)
            written.append(name)
    return Said(
        [
            f"{sum(found.rows.values())} rows and {len(written)} private files are restored; `doctor` says whether all is well"
        ],
        {"rows": dict(found.rows), "secrets": written},
    )


def _secret_files(data: str) -> dict[str, bytes]:
    names = [secret_files.SECRETS, pins.PINS]
    folder = os.path.join(data, secret_files.SIGNING)
    if os.path.isdir(folder):
        names += [os.path.join(secret_files.SIGNING, name) for name in sorted(os.listdir(folder))]
    return {
        name: secret_files.read_private(os.path.join(data, name))
        for name in names
        if backup.SECRET_NAMES.fullmatch(name)
    }


def run_doctor(desk: Desk, _options: argparse.Namespace) -> Said:
    """`doctor`."""
    report = doctor.examine(doctor.Place(desk.database, desk.data, desk.now))
    lines = []
    for one in report:
        lines.append(f"{'ok   ' if not one.faults else 'FAULT'} {one.name:<10} {one.claim}")
        lines += [f"      fault: {text}" for text in one.faults] + [
            f"      note: {text}" for text in one.notes
        ]
    faults = sum(len(one.faults) for one in report)
    outcome = f"{faults} faults" if faults else "all is well"
    return Said(
        [*lines, outcome], {"checks": doctor.report_as_json(report), "faults": faults}, 1 if faults else 0
    )


def copy(desk: Desk, options: argparse.Namespace) -> Said:
    """`copy URL`."""
    target = open_database(options.to)
    try:
        done = copying.copy(desk.database, target, at=desk.now, actor=desk.actor)
    finally:
        target.close()
    lines = [f"{one.table:<18} {one.rows:>8} rows  {one.sha256[:16]}" for one in done]
    return Said(
        [*lines, f"{sum(one.rows for one in done)} rows are copied, and the same on both sides"],
        {"tables": [asdict(one) for one in done]},
    )


def run_migrate(desk: Desk, _options: argparse.Namespace) -> Said:
    """`migrate`."""
    before = desk.database.read(current)
    migrate(desk.database)
    if before != newest():
        change = {"schema": before or ""}, {"schema": newest()}
        desk.database.write(
            lambda conn: desk.note(
                conn, account_id="", action="migrate", object_id="database", before=change[0], after=change[1]
            )
        )
    return Said(
        [f"the schema is {newest()}, and was {before or 'missing'}"], {"before": before, "schema": newest()}
    )
