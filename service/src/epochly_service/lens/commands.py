"""`epochly-service admin lens-key` and `lens-hosts`: functions of a desk and its options, that return what is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from epochly_service.admin.telling import Said, day
from epochly_service.lens import keys

if TYPE_CHECKING:
    import argparse

    from epochly_service.admin.desk import Desk


def key_add(desk: Desk, options: argparse.Namespace) -> Said:
    """`lens-key add ACCOUNT`."""
    key_id, key, account_id, entitled = keys.add(desk, options.account)
    lines = [f"key {key}   (shown this once: it is kept nowhere)"]
    if not entitled:
        lines.append("no licence in force of this account has Lens: the key is refused until one has")
    lines.append(f"Lens key {key_id} of account {account_id} is in use")
    return Said(lines, {"id": key_id, "key": key, "account": account_id, "entitled": entitled})


def key_list(desk: Desk, options: argparse.Namespace) -> Said:
    """`lens-key list ACCOUNT`."""
    found = keys.listing(desk, options.account)
    lines = [f"{one['id']}  {one['status']:<8} made {day(one['created_at'])}" for one in found]
    return Said([*lines, f"{len(found)} Lens keys"], {"keys": found})


def key_revoke(desk: Desk, options: argparse.Namespace) -> Said:
    """`lens-key revoke ID`."""
    account_id = keys.revoke(desk, options.key)
    return Said(
        [f"Lens key {options.key} is revoked, and refused from now on"],
        {"id": options.key, "account": account_id},
    )


def hosts_forget(desk: Desk, options: argparse.Namespace) -> Said:
    """`lens-hosts forget ACCOUNT`."""
    count = keys.forget(desk, options.account)
    return Said(
        [f"{count} hosts are forgotten; those that go on come back with their next heartbeat"],
        {"hosts": count},
    )
