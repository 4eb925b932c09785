"""A machine whose every name is known to be nowhere else, with every opt-in on: run alone in a network and a host name of its own.

`python canary_scene.py FOLDER NETWORK` starts the service, uses all that may send, and writes what passed to FOLDER/passed.json. It
changes the host name and the network of the namespace it is in, and refuses to where that is NETWORK, as `/proc/self/ns/net` names the machine's own.
"""

from __future__ import annotations

import base64
import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

USER, HOST, WORK = "zq7canaryuser", "zq7canaryhost", "zq7canarywork"
MODULE, FUNCTION, CONSTANT, MAIL = (
    "zq7canarymodule",
    "zq7canaryfunction",
    "zq7canaryconstant",
    "zq7canarymail",
)
NODE, VARIABLE = "zq7canarynode", "zq7canaryvariable"
MAC, ADDRESS_6, ADDRESS_4, INTERFACE = "02:de:ad:be:ef:07", "2001:db8:dead::7", "192.0.2.77", "zq7link"
WORDS = (USER, HOST, WORK, MODULE, FUNCTION, CONSTANT, MAIL, NODE, VARIABLE, INTERFACE)
OPT_INS = {
    "EPOCHLY_SEND_RAW_FINGERPRINT": "1",
    "EPOCHLY_TELEMETRY": "1",
    "EPOCHLY_TELEMETRY_OPT_IN": "1",
}
SOURCE = f"""
import sys
import time

import epochly


@epochly.optimize
def {FUNCTION}(n):
    {VARIABLE} = 0
    for each in range(n):
        {VARIABLE} += each * each % 7
    return {VARIABLE}


@epochly.optimize
def {FUNCTION}_of_text(n):
    return "{CONSTANT}" * n


@epochly.optimize
def {FUNCTION}_that_fails(n):
    raise ValueError("{CONSTANT}")


def main(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        {FUNCTION}(20_000)
        {FUNCTION}_of_text(3)
    try:
        {FUNCTION}_that_fails(1)
    except ValueError:
        pass


if __name__ == "__main__":
    epochly.set_level(4)
    main(float(sys.argv[1]))
"""


TELLING = f"""
import time
import {MODULE} as work
from epochly._api import session
from epochly._forks import watched
work.main(0.1)
until(lambda: work.main(0.3) or session().telemetry is not None)
session().telemetry.fault("telemetry")
until(lambda: work.main(0.3) or {{"jit", "compatibility", "fault"}} <= received())
until(lambda: watched()[0]._due[-1] > time.monotonic() + 30)
"""


def dress(network):
    """Give this namespace its names, where it is not that network's."""
    if os.readlink("/proc/self/ns/net") == network:  # the parent's cannot be read in a user's own namespace
        sys.exit("this is the machine's own network; hint: start it under `unshare -n -u`")
    for words in (
        ["link", "set", "lo", "up"],
        ["link", "add", INTERFACE, "type", "veth", "peer", "name", f"{INTERFACE}2"],
        ["link", "set", INTERFACE, "address", MAC, "up"],
        ["addr", "add", f"{ADDRESS_6}/64", "dev", INTERFACE, "nodad"],
        ["addr", "add", f"{ADDRESS_4}/24", "dev", INTERFACE],
    ):
        subprocess.run(["ip", *words], check=True)
    socket.sethostname(HOST)


def play(folder):
    """Use all that may send; every request that passed, and the commands with their exit codes."""
    from licensed import Machine, Road, Service

    work = folder / WORK
    home = folder / "home" / USER
    for each in (work, home):
        each.mkdir(parents=True)
    (work / f"{MODULE}.py").write_text(SOURCE)
    os.chdir(work)
    road = Road()
    service = Service(
        folder / "data", "--public-url", f"https://localhost:{road.port}", "--no-rate-limits"
    ).start()
    road.lead_to(service)
    machine = Machine(service, home / "state", NODE)
    machine.environ |= OPT_INS | {
        "HOME": str(home),
        "USER": USER,
        "LOGNAME": USER,
        "HOSTNAME": HOST,
        "PWD": str(work),
        "EMAIL": f"{MAIL}@{HOST}.example",
        "PYTHONPATH": os.pathsep.join([str(work), *sys.path]),
    }
    os.environ.update(machine.environ)
    key, _ = service.issue(seats=2)
    done = []

    def epochly(*words, typed="", on=machine):
        started = on.run if words[0] == "run" else on.here
        code, out, err = started(*words, typed=typed)
        done.append([" ".join(words).replace(key, "KEY"), code, err[-500:]])
        return out

    try:
        epochly("license", "trial")
        device = re.search(r"dev_[\w-]{22}", epochly("license", "activate", typed=key))[0]
        for words in (
            "license status",
            "license refresh",
            "license devices",
            "device show --raw",
            "compatibility",
        ):
            epochly(*words.split())
        tell(machine, service, epochly)
        epochly("run", f"{MODULE}.py", "1")
        live_on(service, machine, folder, (key, device), epochly)
    finally:
        service.stop()
        road.close()
    return {"passed": [base64.b64encode(request).decode() for request, _ in road.passed], "done": done}


def live_on(service, first, folder, held, epochly):
    """The rest of a licence's life: a transfer to another machine, a checkout there, a release, and a floating seat's beat."""
    from licensed import Machine

    key, device = held
    for name, words, typed in (
        ("two", ["license transfer " + device], key),
        ("two", ["license release"], ""),
        ("two", ["license activate", "license checkout 1"], key),
        (
            "three",
            ["license activate", "device rekey", "license refresh"],
            service.issue("--seat", "floating")[0],
        ),
    ):
        other = Machine(service, folder / "home" / USER / name, f"{NODE}-{name}")
        other.environ = first.environ | other.environ
        for each in words:
            epochly(*each.split(), typed=typed, on=other)


def tell(machine, service, epochly):
    """Telemetry and Lens: a program that runs until each of their requests has gone out, and each command."""
    from programs import FASTER, UNTIL  # of the tests of telemetry: a minute becomes a moment

    key = re.search(r"elk_[\w-]{43}", json.dumps(service.admin("lens-key", "add", "Northwind")))[0]
    epochly("telemetry", "on")
    epochly("lens", "login", typed=key)
    machine.environ |= {"EPOCHLY_MODE": "aggressive", "EPOCHLY_CACHE": "0"}
    code, _, err = machine.start("-c", FASTER + UNTIL + TELLING)
    if code:
        sys.exit(err)
    for word in ("status", "preview", "show", "verify", "verify --online", "schema"):
        epochly("telemetry", *word.split())
    epochly("lens", "status")


if __name__ == "__main__":
    dress(sys.argv[2])
    place = Path(sys.argv[1])
    (place / "passed.json").write_text(json.dumps(play(place)))
