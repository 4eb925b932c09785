"""`epochly lens`: a key is taken, forgotten, asked about. Decides nothing itself; see `epochly.telemetry.cli`.

It refuses to show a key, and to keep one that the service does not know.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from epochly.net.privacy import Blocked, PrivacyClass, allowed
from epochly.telemetry import cli, lens, lens_key, world

if TYPE_CHECKING:
    from collections.abc import Mapping

    from epochly.telemetry.files import Files


def login(files: Files, rest: list[str], environ: Mapping[str, str]) -> int:
    """Take a key, ask the service whose it is, keep it."""
    if len(rest) > 1:
        raise cli.Usage("`login` takes one key at most")
    key = (rest[0] if rest else environ.get(lens.KEY_VARIABLE, "") or sys.stdin.readline(256)).strip()
    if not lens.is_key(key):
        cli.say("that is no key for Lens; hint: it begins with `elk_` and has 47 characters")
        return cli.NOT_DONE
    verdict = allowed(PrivacyClass.LENS, environ)
    if isinstance(verdict, Blocked):
        cli.say(f"Lens is off, so nobody was asked and nothing was kept: {verdict.reason}")
        return cli.NOT_DONE
    try:
        account = lens.account_of(world.lens_world(environ, time.monotonic()), key)
    except lens.LensError as error:
        cli.say(f"nothing was kept: {error}")
        return cli.NOT_DONE
    where = lens_key.keep_key(files, key)
    cli.show(f"signs of life go to account {account.account}")
    cli.say(f"the key is kept in {where}")
    return cli.DONE


def logout(files: Files, rest: list[str], environ: Mapping[str, str]) -> int:
    """Forget the key."""
    cli.none(rest, "logout")
    had = lens_key.forget_key(files)
    cli.say("the key was forgotten" if had else "no key was kept")
    if environ.get(lens.KEY_VARIABLE, "").strip():
        cli.say(f"`{lens.KEY_VARIABLE}` still names one")
    return cli.DONE


def status(files: Files, rest: list[str], environ: Mapping[str, str]) -> int:
    """Whether signs of life are given, and for whom; asks the service where they are."""
    cli.none(rest, "status")
    verdict = allowed(PrivacyClass.LENS, environ)
    trouble = world.trouble_in(environ)
    key = lens_key.kept_key(environ, files)
    reason = (
        verdict.reason
        if isinstance(verdict, Blocked)
        else trouble or ("" if key else "there is no key; hint: `epochly lens login`")
    )
    rows = {"lens": "off" if reason else "on", "key": "kept" if key else "none"}
    if reason:
        rows["because"] = reason
    else:
        try:
            rows["account"] = lens.account_of(world.lens_world(environ, time.monotonic()), key).account
        except lens.LensError as error:
            rows["account"] = f"not told: {error}"
    cli.table(rows)
    return cli.DONE
