"""What this machine and its user are really called, for the tripwire: read here, kept in memory, told to nobody.

It refuses to ask the network for a name, to start a program for it, and to read more of a file than its beginning.
"""

from __future__ import annotations

import os
import re
import sys
from ipaddress import ip_address
from typing import TYPE_CHECKING

from epochly.telemetry.tripwire import Known

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

USERS = ("USER", "LOGNAME", "USERNAME", "SUDO_USER")
HOMES = ("HOME", "USERPROFILE")
HOSTS = ("HOSTNAME", "COMPUTERNAME", "HOST")
FOLDERS = ("PWD", "VIRTUAL_ENV", "CONDA_PREFIX")
EMAILS = ("EMAIL", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL")
MOST_BYTES = 65_536  # of a file; settings of git have some hundred
_EMAIL = re.compile(r"^\s*email\s*=\s*\"?([^\s\"]+)", re.MULTILINE)
_PERSON = re.compile(r"^\s*name\s*=\s*\"?([^\"\n]+)", re.MULTILINE)


def known_here(environ: Mapping[str, str]) -> Known:
    """All of it, as far as it can be read."""
    users, homes = _account()
    homes = [*homes, *_named(environ, HOMES)]
    settings = _git_settings(environ, homes)
    hosts = [*_named(environ, HOSTS), *_host_names()]
    folders = [*_named(environ, FOLDERS), sys.prefix, *_working_folder()]
    macs, addresses = _interfaces()
    return Known(
        users=_once([*users, *_named(environ, USERS), *_PERSON.findall(settings)]),
        homes=_once(homes),
        hosts=_once(host for host in hosts if host.lower() not in {"localhost", "localhost.localdomain"}),
        folders=_once(folders),
        emails=_once([*_named(environ, EMAILS), *_EMAIL.findall(settings)]),
        macs=tuple(dict.fromkeys(macs)),
        addresses=_once(addresses),
    )


def _once(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value.strip() for value in values if value.strip(" /\\.")))


def _named(environ: Mapping[str, str], names: Iterable[str]) -> list[str]:
    return [environ[name] for name in names if environ.get(name)]


def _account() -> tuple[list[str], list[str]]:
    """Names and home of the account, from the system's own list."""
    try:
        import pwd  # noqa: PLC0415 - POSIX's
    except ImportError:  # pragma: no cover - Windows
        return [], []
    try:
        entry = pwd.getpwuid(os.geteuid())
    except (KeyError, OSError):  # an id without a name, as in some containers
        return [], []
    name = entry.pw_gecos.partition(",")[0].strip()
    is_name = len(name) > 3 or (len(name) > 1 and not name.isascii())  # two of Chinese letters are one
    return [entry.pw_name, *([name] if is_name else [])], [entry.pw_dir]


def _host_names() -> list[str]:
    """The host's name, and what the machine's own list of hosts calls it besides."""
    from platform import node  # noqa: PLC0415 - on a thread of ours

    name = node()
    lines = [line.partition("#")[0].split()[1:] for line in _text("/etc/hosts").splitlines()]
    domains = [
        word
        for line in _text("/etc/resolv.conf").splitlines()
        if line.startswith(("search ", "domain "))
        for word in line.split()[1:]
    ]
    also = [each for line in lines if name in line for each in line]
    return [name, *also, *(f"{name}.{domain}" for domain in domains if name)]


def _interfaces() -> tuple[list[bytes], list[str]]:
    """The hardware addresses and addresses of all interfaces, but for those that every machine has."""
    import psutil  # noqa: PLC0415 - 30 ms, on a thread of ours

    macs: list[bytes] = []
    addresses: list[str] = []
    try:
        found = [each for entries in psutil.net_if_addrs().values() for each in entries]
    except OSError:  # a system that does not tell
        return [], []
    for each in found:
        digits = re.sub(r"[:-]", "", str(each.address))
        if (
            each.family == psutil.AF_LINK
            and re.fullmatch(r"[0-9a-fA-F]{12}", digits, re.ASCII)
            and int(digits, 16)
        ):
            macs.append(bytes.fromhex(digits))
            continue
        try:
            address = ip_address(str(each.address).partition("%")[0])
        except ValueError:
            continue
        if not address.is_loopback and not address.is_unspecified:
            addresses.append(str(address))
    return macs, addresses


def _working_folder() -> list[str]:
    try:
        return [os.getcwd()]
    except OSError:  # it was removed
        return []


def _git_settings(environ: Mapping[str, str], homes: list[str]) -> str:
    """The text of git's settings for this user, and of the project that the program runs in."""
    places = [f"{home}/{name}" for home in homes for name in (".gitconfig", ".config/git/config")]
    if environ.get("XDG_CONFIG_HOME"):
        places.append(f"{environ['XDG_CONFIG_HOME']}/git/config")
    for here in _working_folder():
        above = here
        while above and above != os.path.dirname(above):
            places.append(f"{above}/.git/config")
            above = os.path.dirname(above)
    return "\n".join(map(_text, dict.fromkeys(places)))


def _text(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return file.read(MOST_BYTES).decode("utf-8", "replace")
    except (OSError, ValueError):
        return ""
