"""Each command of `epochly-service admin` as a function of a desk and its options, that returns what is said.

Nothing here prints. The last line is the outcome.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from epochly_service.admin import accounts, devices, licenses, operators, upkeep
from epochly_service.admin.telling import (
    DAY,
    Said,
    day,
    device_shape,
    license_shape,
    line_of_device,
    line_of_license,
    standing,
    until,
)
from epochly_service.encoding import b64u
from epochly_service.errors import ServiceError
from epochly_service.lens import commands as lens

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from epochly_service.admin.desk import Desk

MADE_PASSWORD_BYTES = 18  # 144 bits, 24 characters


# --- accounts, licences, devices


def account_add(desk: Desk, options: argparse.Namespace) -> Said:
    """`account add NAME`."""
    one = accounts.add(desk, options.name)
    return Said([f"account {one.id} is there, called `{one.name}`"], {"account": asdict(one)})


def account_list(desk: Desk, options: argparse.Namespace) -> Said:
    """`account list`."""
    found = accounts.listing(desk, with_trials=options.trials)
    lines = [f"{one.id}  {day(one.created_at)}  {one.licenses:>4} licences  {one.name}" for one in found]
    return Said([*lines, f"{len(found)} accounts"], {"accounts": [asdict(one) for one in found]})


def license_issue(desk: Desk, options: argparse.Namespace) -> Said:
    """`license issue ACCOUNT`."""
    expires_at = until(desk, options)
    row, key = licenses.issue(
        desk,
        options.account,
        plan=options.plan,
        seat=options.seat,
        seats=options.seats,
        expires_at=365 * DAY + desk.now if expires_at is None else expires_at,
    )
    lines = [
        f"key      {key}   (shown this once: it is kept nowhere)",
        f"licence {row.id} is issued: {row.plan}, {row.seats_max} {row.seat} seat{'s' * (row.seats_max != 1)}, until {day(row.expires_at)}",
    ]
    return Said(lines, {"license": license_shape(row), "key": key})


def license_list(desk: Desk, options: argparse.Namespace) -> Said:
    """`license list`."""
    found: list[licenses.Named] = []
    after: str | None = ""
    while after is not None:
        page = licenses.listing(
            desk, account=options.account, status=options.status, with_trials=options.trials, after=after
        )
        found += page.licenses
        after = page.after
    lines = [f"{line_of_license(one.license)}  {one.account}" for one in found]
    shapes = [license_shape(one.license) | {"account": one.account} for one in found]
    return Said([*lines, f"{len(found)} licences"], {"licenses": shapes})


def license_show(desk: Desk, options: argparse.Namespace) -> Said:
    """`license show ID`."""
    named, found = licenses.show(desk, options.license)
    lines = [
        f"{line_of_license(named.license)}  {named.account}",
        *(line_of_device(one, desk.now) for one in found),
    ]
    return Said(
        [
            *lines,
            f"licence {named.license.id} is {standing(named.license, desk.now)} and has {len(found)} devices",
        ],
        {
            "license": license_shape(named.license) | {"account": named.account},
            "devices": [device_shape(one) for one in found],
        },
    )


def license_suspend(desk: Desk, options: argparse.Namespace) -> Said:
    """`license suspend ID`."""
    row = licenses.suspend(desk, options.license)
    return Said(
        [f"licence {row.id} is suspended: its devices are refused when they ask next"],
        {"license": license_shape(row)},
    )


def license_resume(desk: Desk, options: argparse.Namespace) -> Said:
    """`license resume ID`."""
    row = licenses.resume(desk, options.license)
    return Said([f"licence {row.id} is active again"], {"license": license_shape(row)})


def license_extend(desk: Desk, options: argparse.Namespace) -> Said:
    """`license extend ID`."""
    expires_at = until(desk, options)
    if expires_at is None and options.seats is None:
        raise ServiceError(
            "usage", "license extend", "nothing is to be changed", "`--days`, `--until` or `--seats`"
        )
    row = licenses.extend(desk, options.license, expires_at=expires_at, seats=options.seats)
    return Said(
        [f"licence {row.id} has {row.seats_max} seats until {day(row.expires_at)}"],
        {"license": license_shape(row)},
    )


def license_transfer(desk: Desk, options: argparse.Namespace) -> Said:
    """`license transfer ID ACCOUNT`."""
    row, lost = licenses.transfer(desk, options.license, options.account)
    return Said(
        [
            f"licence {row.id} belongs to {row.account_id}; its {lost} devices have to register again with its key"
        ],
        {"license": license_shape(row), "devices_forgotten": lost},
    )


def device_list(desk: Desk, options: argparse.Namespace) -> Said:
    """`device list LICENCE`."""
    found = devices.listing(desk, options.license)
    return Said(
        [*(line_of_device(one, desk.now) for one in found), f"{len(found)} devices"],
        {"devices": [device_shape(one) for one in found]},
    )


def device_release(desk: Desk, options: argparse.Namespace) -> Said:
    """`device release ID`."""
    row, one = devices.release(desk, options.device)
    return Said(
        [f"device {one.id} is released; licence {row.id} has a seat more"], {"device": device_shape(one)}
    )


def device_export(desk: Desk, options: argparse.Namespace) -> Said:
    """`device export ID`."""
    found = devices.export(desk, options.device)
    lines = [f"{name}: {value}" for name, value in found["device"].items()]
    counts = f"{len(found['history'])} rows of history, {len(found['audit'])} of the audit, {len(found['raw_attributes'])} raw attributes"
    return Said([*lines, f"device {options.device}: this and {counts}, with `--json` all of it"], found)


def device_delete(desk: Desk, options: argparse.Namespace) -> Said:
    """`device delete ID`."""
    row = devices.erase(desk, options.device)
    return Said(
        [f"device {options.device} is forgotten; the audit still has its id"],
        {"license": row.id},
    )


# --- operators


def operator_add(desk: Desk, options: argparse.Namespace) -> Said:
    """`operator add NAME`."""
    password, lines = _password(desk, options)
    one = operators.add(desk, options.name, password, role=options.role, account=options.account)
    sees = one.account_id or "every account"
    return Said(
        [*lines, f"operator `{one.name}` may sign in as {one.role} of {sees}"],
        {"operator": asdict(one)} | _made(options, password),
    )


def operator_passwd(desk: Desk, options: argparse.Namespace) -> Said:
    """`operator passwd NAME`."""
    password, lines = _password(desk, options)
    one = operators.set_password(desk, options.name, password)
    return Said(
        [*lines, f"operator `{one.name}` has another password, and is signed out"],
        {"operator": asdict(one)} | _made(options, password),
    )


def operator_disable(desk: Desk, options: argparse.Namespace) -> Said:
    """`operator disable NAME`."""
    one = operators.set_status(desk, options.name, "disabled")
    return Said([f"operator `{one.name}` may not sign in any more"], {"operator": asdict(one)})


def operator_enable(desk: Desk, options: argparse.Namespace) -> Said:
    """`operator enable NAME`."""
    one = operators.set_status(desk, options.name, "active")
    return Said([f"operator `{one.name}` may sign in again"], {"operator": asdict(one)})


def operator_list(desk: Desk, _options: argparse.Namespace) -> Said:
    """`operator list`."""
    found = operators.listing(desk)
    lines = [
        f"{one.name:<20} {one.role:<6} {one.status:<8} {one.account_id or 'every account'}" for one in found
    ]
    return Said([*lines, f"{len(found)} operators"], {"operators": [asdict(one) for one in found]})


def _password(desk: Desk, options: argparse.Namespace) -> tuple[str, list[str]]:
    if options.password is not None:
        return options.password, []
    made = b64u(desk.rng(MADE_PASSWORD_BYTES))
    return made, [f"password {made}   (shown this once)"]


def _made(options: argparse.Namespace, password: str) -> dict[str, str]:
    return {} if options.password is not None else {"password": password}


COMMANDS: dict[tuple[str, ...], Callable[[Desk, argparse.Namespace], Said]] = {
    ("account", "add"): account_add,
    ("account", "list"): account_list,
    ("license", "issue"): license_issue,
    ("license", "list"): license_list,
    ("license", "show"): license_show,
    ("license", "suspend"): license_suspend,
    ("license", "resume"): license_resume,
    ("license", "extend"): license_extend,
    ("license", "transfer"): license_transfer,
    ("device", "list"): device_list,
    ("device", "release"): device_release,
    ("device", "export"): device_export,
    ("device", "delete"): device_delete,
    ("keys", "rotate"): upkeep.keys_rotate,
    ("keys", "revoke"): upkeep.keys_revoke,
    ("keys", "list"): upkeep.keys_list,
    ("keys", "keyset"): upkeep.keys_keyset,
    ("root", "new"): upkeep.root_new,
    ("root", "promote"): upkeep.root_promote,
    ("audit", "export"): upkeep.audit_export,
    ("audit", "verify"): upkeep.audit_verify,
    ("backup",): upkeep.back_up,
    ("restore",): upkeep.restore,
    ("doctor",): upkeep.run_doctor,
    ("copy",): upkeep.copy,
    ("migrate",): upkeep.run_migrate,
    ("lens-key", "add"): lens.key_add,
    ("lens-key", "list"): lens.key_list,
    ("lens-key", "revoke"): lens.key_revoke,
    ("lens-hosts", "forget"): lens.hosts_forget,
    ("operator", "add"): operator_add,
    ("operator", "passwd"): operator_passwd,
    ("operator", "disable"): operator_disable,
    ("operator", "enable"): operator_enable,
    ("operator", "list"): operator_list,
}
