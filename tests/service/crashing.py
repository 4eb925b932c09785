"""A program for `test_crash.py`: servers that stop dead at one statement, so that they can be killed right there.

It reads names of functions from standard input. For each it forks a server, which prints its process id, where it serves, and
`stuck` as soon as the function was called; it never goes on from there. Forked, since importing takes longer than all the rest.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import time

from epochly_service.serve import Machine, Options, serve

URL = "https://licences.test"


def tell(what):
    """One line to whoever started this program."""
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def stuck_at(place):
    """Let a function be called as ever, and nothing happen after that; `before:` stops it before it does anything."""
    before, _, name = place.rpartition(":")
    module_name, _, function_name = name.rpartition(".")
    module = importlib.import_module(f"epochly_service.{module_name}")
    inner = getattr(module, function_name)

    def outer(*arguments, **named):
        if not before:
            inner(*arguments, **named)
        tell("stuck")
        while True:
            signal.pause()

    setattr(module, function_name, outer)


def main():
    """Fork a server a line, until there is none."""
    data, database_url, now = sys.argv[1:]
    for line in sys.stdin:
        if os.fork():
            os.wait()
            continue
        tell(os.getpid())
        if line.strip() != "nowhere":
            stuck_at(line.strip())
        machine = Machine(lambda: float(now), time.monotonic, os.urandom, sys.stdout, sys.stderr)
        os._exit(serve(Options(data, database_url, port=0, public_url=URL), machine))


if __name__ == "__main__":
    main()
