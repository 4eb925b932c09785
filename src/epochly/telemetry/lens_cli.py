"""`epochly lens`: a key is taken, forgotten, asked about. Decides nothing itself; see `epochly.telemetry.cli`.

It refuses to show a key, and to keep one that the service does not know.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from epochly.telemetry import cli, lens, lens_key, world

if TYPE_CHECKING:
    from collections.abc import Mapping

    from epochly.telemetry.files import Files

MOST_TYPED = 256  # characters; a key has 47


def login(files: Files, rest: list[str], environ: Mapping[str, str]) -> int:
    """Take a key, ask the service whose it is, keep it."""
    if len(rest) > 1:
        raise cli.Usage("`login` takes one key at most")
    key = (rest[0] if rest else environ.get(lens.KEY_VARIABLE, "") or _typed()).strip()
    if rest:
        cli.say(
            f"other users of this machine can see arguments; hint: leave the key out, or set `{lens.KEY_VARIABLE}`"
        )
    if not key:
        cli.say(f"a key for Lens is needed; hint: type it, or set `{lens.KEY_VARIABLE}`")
        return cli.NOT_DONE
    if not lens.is_key(key):
        cli.say("that is no key for Lens; hint: it begins with `elk_` and has 47 characters")
        return cli.NOT_DONE
    off = world.why_no_lens(environ, files)
    if off:
        cli.say(f"Lens is off, so nobody was asked and nothing was kept: {off}")
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
    try:
        had = lens_key.forget_key(files)
    except lens_key.KeyringError as error:
        cli.say(
            f"the key is used no more, and is still in the keyring: {error}; hint: unlock it, and say `epochly lens logout` again"
        )
        return cli.NOT_DONE
    cli.say("the key was forgotten" if had else "no key was kept")
    if environ.get(lens.KEY_VARIABLE, "").strip():
        cli.say(f"`{lens.KEY_VARIABLE}` still names one")
    return cli.DONE


def status(files: Files, rest: list[str], environ: Mapping[str, str]) -> int:
    """Whether signs of life are given, and for whom; asks the service where they are."""
    cli.none(rest, "status")
    where, key = lens_key.where_kept(environ, files), ""
    off = world.why_no_lens(environ, files) or world.trouble_in(environ)
    if not off and not where:
        named = environ.get(lens.KEY_VARIABLE, "").strip()
        off = (
            f"`{lens.KEY_VARIABLE}` holds no key for Lens; hint: it begins with `elk_` and has 47 characters"
            if named
            else "there is no key; hint: `epochly lens login`"
        )
    if not off:
        try:
            key = lens_key.kept_key(environ, files, may_ask=True)
        except lens_key.KeyringError as error:
            off = f"the keyring does not give the key: {error}; hint: unlock it, or `epochly lens login`"
    rows = {"lens": "off" if off else "on", "key": f"in {where}" if where else "none"}
    if off:
        rows["because"] = off
    else:
        try:
            rows["account"] = lens.account_of(world.lens_world(environ, time.monotonic()), key).account
        except lens.LensError as error:
            rows["account"] = f"not told: {error}"
    cli.table(rows)
    return cli.DONE


def _typed() -> str:
    """A line of stdin, which a terminal does not show."""
    if sys.stdin is None:
        return ""
    if not sys.stdin.isatty():
        return sys.stdin.readline(MOST_TYPED)
    from getpass import getpass  # noqa: PLC0415 - only who types pays for it

    try:
        return getpass("key for Lens: ")
    except EOFError:
        return ""
