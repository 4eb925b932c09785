"""What the tests ask of Linux: off Linux they are skipped, and on it a tool that is missing is a failure."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

on_linux = pytest.mark.skipif(
    sys.platform != "linux", reason="`strace` and network namespaces are Linux's own"
)


def require(command):
    """Fail where this machine cannot run a program so: a skip would hide that nothing was proved."""
    found = shutil.which(command[0])
    if not found or subprocess.run([*command, "true"], check=False, capture_output=True).returncode:
        pytest.fail(
            f"`{command[0]}` is not here, or may not do this; hint: `apt-get install strace util-linux`, or run as root"
        )


def net_audit(report, *options):
    """The words before a command that put it under `epochly net-audit`, with its report as JSON in a file."""
    return [
        sys.executable,
        "-m",
        "epochly",
        "net-audit",
        *options,
        "--report",
        "json",
        "--to",
        str(report),
        "--",
    ]


def without_network(*more):
    """The words before a command that give it a network of its own with nothing in it, not even loopback; `more` as `unshare` has it."""
    for words in (["unshare", "-n", *more], ["unshare", "-r", "-n", *more]):
        if (
            shutil.which("unshare")
            and not subprocess.run([*words, "true"], check=False, capture_output=True).returncode
        ):
            return words
    require(["unshare", "-n", *more])
    return []


def loopback_alone():
    """The same with its own loopback address up: `sh` takes the command as its arguments."""
    return _with_loopback("ip link set lo up")


def nobody_answers():
    """The same with a way out that ends there: what is sent is lost, and nothing that a network says comes back.

    Such a test is the same on each machine, with a network and without one.
    """
    return _with_loopback("ip link set lo up && ip route add default dev lo")


def _with_loopback(made):
    if not shutil.which("ip"):
        pytest.fail("`ip` is not here; hint: `apt-get install iproute2`")
    return [*without_network(), "sh", "-c", f'{made} && exec "$@"', "sh"]
