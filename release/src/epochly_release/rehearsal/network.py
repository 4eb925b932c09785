"""A network of its own for a rehearsal: loopback only, in which the public index's names lead to this machine.

In it unmodified clients believe that they talk to the real hosts, and nothing can leave. It is a network and a mount
namespace of Linux (`unshare`), entered by starting this program again inside; where the system does not allow one, the
rehearsal runs on the ordinary loopback interface, with a client that publishes to any address. No name of a host is
written here: they are asked of the clients.

Sources: unshare(1), namespaces(7), netdevice(7) (SIOCSIFFLAGS), hosts(5).
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from epochly_release.errors import InputError
from epochly_release.uploading import default_upload_url

if TYPE_CHECKING:
    from collections.abc import Mapping

    from epochly_release.world import World

HOSTS_FILE = "/etc/hosts"
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 0x1


def enter_command(user: int) -> list[str]:
    """What goes before a command to run it in a network and mount namespace of its own, for this user id."""
    return ["unshare", "--net", "--mount", *([] if user == 0 else ["--map-root-user"]), "--"]


def can_enter(world: World, user: int) -> bool:
    """Whether this machine lets us have such a network, in which a file can be laid over another."""
    if not (world.has_program("unshare") and world.has_program("mount")):
        return False
    probe = f"mount --bind {HOSTS_FILE} {HOSTS_FILE}"
    return world.run([*enter_command(user), "sh", "-c", probe]).status == 0


def public_hosts(world: World) -> tuple[str, ...]:
    """Names of the hosts that `twine` uploads to and `pip` reads from when nobody says otherwise."""
    ask = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"
    asked = world.run([sys.executable, "-P", "-c", ask], environ={"PATH": os.defpath})
    urls = (default_upload_url(), asked.stdout.decode("utf-8", "replace").strip())
    hosts = tuple(dict.fromkeys(urlsplit(url).hostname or "" for url in urls))
    if not all(hosts):
        raise InputError("clients", "twine, pip", "do not name their index", "install them anew")
    return hosts


def hosts_text(hosts: Mapping[str, str] | tuple[str, ...]) -> str:
    """A hosts file in which all of these are this machine."""
    return "".join(f"127.0.0.1 {host}\n" for host in ("localhost", *hosts))


def set_up(world: World, hosts: tuple[str, ...], scratch: str) -> None:
    """Inside the namespace: the loopback interface up, and the hosts file laid over the machine's. Raises `InputError`."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            request = struct.pack("16sH14x", b"lo", 0)
            flags = struct.unpack_from("H", fcntl.ioctl(control, _SIOCGIFFLAGS, request), 16)[0]
            fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | _IFF_UP))
    except OSError as error:
        raise _trouble("lo", error.strerror or "cannot be set up") from error
    path = f"{scratch}/hosts"
    world.write(path, hosts_text(hosts).encode())
    ran = world.run(["mount", "--bind", path, HOSTS_FILE])
    if ran.status != 0:
        raise _trouble(HOSTS_FILE, ran.stderr.decode("utf-8", "replace").strip()[:200])


def _trouble(what: str, why: str) -> InputError:
    return InputError("network", what, f"cannot be used: {why}", "rehearse with `--network loopback`")
