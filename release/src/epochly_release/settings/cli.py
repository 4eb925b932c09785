"""`epochly-release settings --check`: the API's answers in, from files or fetched, drift out, an exit code.

Exit codes: 0 no drift, 1 drift, 2 usage or an answer that could not be had or does not show enough.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from typing import TYPE_CHECKING

from epochly_release.errors import InputError
from epochly_release.forge_api import PUBLIC_API, forge_from_environment
from epochly_release.settings.documents import live_branches, live_settings, wanted_setting
from epochly_release.settings.drift import drift
from epochly_release.settings.live import Answers, fetched_answers
from epochly_release.settings.strictjson import MOST_BYTES, json_value
from epochly_release.world import Machine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from epochly_release.world import World

SAME, DRIFTED, UNREAD = 0, 1, 2
DEFAULT = os.path.join(".github", "settings")


def main(argv: Sequence[str], world: World | None = None) -> int:
    """Compare the settings in git with the API's answers, fetched over `world`; returns the exit code."""
    parser = _parser()
    options = parser.parse_args(list(argv))
    if bool(options.live) == bool(options.check):
        parser.error("give the API's answers as files, or `--live OWNER/NAME`")
    if options.live and options.branches:
        parser.error("`--branches` is for answers in files; `--live` fetches its own")
    try:
        ids = dict(options.id)
        wanted = [wanted_setting(_read(path), path, ids) for path in _settings_files(options.settings)]
        if options.live:
            machine = world or Machine(os.environ, lambda: "", lambda _: None)
            answers = fetched_answers(forge_from_environment(machine, options.live, otherwise=PUBLIC_API))
        else:
            answers = Answers(
                tuple((path, json_value(_read(path), path)) for path in options.check),
                {name: (path, json_value(_read(path), path)) for name, path in options.branches},
            )
        branches = {name: live_branches(one, path) for name, (path, one) in answers.policies.items()}
        live = [one for path, answer in answers.settings for one in live_settings(answer, path, branches)]
    except InputError as error:
        print(f"epochly-release settings: {_shown(str(error))}", file=sys.stderr)
        return UNREAD
    found = drift(wanted, live)
    for one in found:
        print(_shown(f"{one.subject}: {one.message}"))
    if not found:
        print(f"no drift in {len(wanted)} settings")
    return DRIFTED if found else SAME


def _settings_files(folder: str) -> list[str]:
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".json"))
    except OSError as error:
        raise _unreadable(folder, error) from None
    if not names:
        raise InputError("no-settings", folder, "holds no settings", "name the folder with `--settings`")
    return [os.path.join(folder, name) for name in names]


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None


def _unreadable(path: str, error: OSError | ValueError) -> InputError:
    why = (getattr(error, "strerror", None) or str(error)).lower()
    return InputError("unreadable", path, why, "name a file or folder that can be read")


def _shown(text: str) -> str:
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)


def _id(text: str) -> tuple[str, int]:
    if not re.fullmatch(r"[A-Z][A-Z0-9_]*=[0-9]{1,18}", text):
        raise argparse.ArgumentTypeError("must be NAME=NUMBER")
    name, _, number = text.partition("=")
    return name, int(number)


def _pair(text: str) -> tuple[str, str]:
    name, equals, path = text.partition("=")
    if not (name and equals and path):
        raise argparse.ArgumentTypeError("must be ENVIRONMENT=FILE")
    return name, path


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="epochly-release settings",
        description="Says whether the forge's rulesets and environments are those that stand in git.",
        epilog="exit codes: 0 no drift, 1 drift, 2 usage or an answer that could not be had or leaves something out",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--check", nargs="*", required=True, metavar="FILE", help="the API's answers: rulesets, environments")
    add(
        "--live",
        metavar="OWNER/NAME",
        help="fetch the answers instead, with the token in GH_TOKEN, from GITHUB_API_URL or the public API",
    )
    add("--settings", default=DEFAULT, metavar="DIR", help=f"what it should be (default: `{DEFAULT}`)")
    add(
        "--branches",
        action="append",
        default=[],
        type=_pair,
        metavar="ENV=FILE",
        help="the API's answer about an environment's deployment branch policies",
    )
    add(
        "--id",
        action="append",
        default=[],
        type=_id,
        metavar="NAME=NUMBER",
        help="the number `$NAME` stands for",
    )
    return parser
