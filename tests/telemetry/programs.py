"""Programs for the tests: started as a process of their own, with a clock that runs faster than the specification's minute."""

from __future__ import annotations

import os
import subprocess
import sys
import time

WAIT_S = 90  # seconds; measured: 2
# A minute between batches becomes a moment, so that no test waits for one.
FASTER = """
import epochly.telemetry.limits as _limits, epochly.telemetry.post as _post, epochly.telemetry.world as _world
_world.LOOK_S, _world.pause_s = 0.05, lambda _random: 0.15
_limits.EVERY_S = _post.IDLE_S = 0
"""
HOT = """
import time
import epochly

@epochly.optimize
def hot(n):
    total = 0
    for i in range(n):
        total += i * i % 7
    return total

def busy(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        hot(20_000)
"""
# Waits for what is to be seen, for as long as a busy machine may take.
UNTIL = """
def until(done, most_s=45.0):
    end = time.monotonic() + most_s
    while not done() and time.monotonic() < end:
        time.sleep(0.02)

def received():
    import json
    from epochly._api import session
    from epochly.telemetry import log, post
    bodies = [each for each in log.bodies(post.log_of(session().telemetry._process.files)) if each[4]]
    return {event["e"] for each in bodies for event in json.loads(each[3])["events"]}

def tried():
    from epochly._api import session
    from epochly.telemetry import post
    return post.sendings_in(session().telemetry._process.files).sent

def failed():
    from epochly._api import session
    from epochly.telemetry import post
    return post.sendings_in(session().telemetry._process.files).failures
"""
OPT_OUTS = {
    "EPOCHLY_OFFLINE_MODE": "1",
    "EPOCHLY_DISABLE_TELEMETRY": "1",
    "EPOCHLY_TELEMETRY": "0",
    "DO_NOT_TRACK": "1",
    "CI": "true",
}


def environment(state, server, root_key, ca_file, **more):
    """The variables of a program that may send to a server, and of nothing else that this machine has set."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "HOME") if name in os.environ}
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "EPOCHLY_STATE_DIR": str(state),
        "EPOCHLY_API_URL": str(server.base),
        "EPOCHLY_ROOT_KEY": str(root_key),
        "SSL_CERT_FILE": str(ca_file),
        **more,
    }


def run(environ, text, *arguments, cwd=None):
    """Run a program's text; what it printed to stdout and stderr, and how long it lived after it printed `END` with the time."""
    done = subprocess.run(
        [sys.executable, *(arguments or ("-c",)), text],
        env=environ,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )
    ended = time.time()
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    begun = [float(line[4:]) for line in done.stdout.splitlines() if line.startswith("END ")]
    return done.stdout, done.stderr, ended - begun[0] if begun else 0.0


def command(environ, *words, typed=""):
    """Run `epochly WORDS`; exit code, stdout, stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "epochly", *words],
        env=environ,
        input=typed,
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout, done.stderr
