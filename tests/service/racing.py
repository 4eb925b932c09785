"""A program for `test_seat_race.py`: clients, each a process with its own machine and connections, that take a seat at the same moment.

It is told the clients' number, a folder for their machines and the variables of their service, then a licence key a line. For each it
prints what came of it, a word a client. Forked, since importing takes longer than all the rest.
"""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import select
import socket
import sys
import threading
from contextlib import suppress

WAIT_S = 60  # for all the others


class Balancer:
    """Passes each connection to the next of some ports on this machine; what is said in it is not for it to read."""

    def __init__(self):
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listening.getsockname()[1]
        self._threads = []

    def begin(self, ports):
        """Pass connections to these ports, in turn."""
        self._threads.append(threading.Thread(target=self._accept, args=(itertools.cycle(ports),)))
        self._threads[0].start()

    def close(self):
        """Take no more of them, and wait for those there are."""
        self._listening.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listening.close()

    def _accept(self, ports):
        with suppress(OSError):  # closed
            while True:
                one, _ = self._listening.accept()
                other = socket.create_connection(("127.0.0.1", next(ports)))
                self._threads.append(threading.Thread(target=self._carry, args=(one, other)))
                self._threads[-1].start()

    @staticmethod
    def _carry(one, other):
        ends = {one: other, other: one}
        with one, other, suppress(OSError):
            while ends:
                for source in select.select(ends, [], [])[0]:
                    data = source.recv(65_536)
                    if data:
                        ends[source].sendall(data)
                    else:
                        ends.pop(source).shutdown(socket.SHUT_WR)


def client(pipe, barrier, folder, environ):
    """One of them: a new machine for every key."""
    from epochly.licensing.answers import Granted, NotReached
    from epochly.licensing.world import session_here

    number = 0
    while key := pipe.recv():
        number += 1
        session = session_here(environ | {"EPOCHLY_STATE_DIR": f"{folder}/{number}"})
        barrier.wait(WAIT_S)
        answer = session.activate(key)
        if isinstance(answer, Granted):
            pipe.send("lease")
        else:
            pipe.send(f"not reached: {answer.why}" if isinstance(answer, NotReached) else answer.code)


def main():
    """Fork the clients, and let them race for each key."""
    count, folder, environ = int(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
    import epochly.licensing.session
    import epochly.net.gateway  # noqa: F401 - before they are forked

    forked = multiprocessing.get_context("fork")
    barrier = forked.Barrier(count)
    pipes = []
    for number in range(count):
        ours, theirs = forked.Pipe()
        pipes.append(ours)
        machine = (theirs, barrier, os.path.join(folder, f"machine-{number}"), environ)
        forked.Process(target=client, args=machine, daemon=True).start()
    for line in sys.stdin:
        for pipe in pipes:
            pipe.send(line.strip())
        sys.stdout.write(json.dumps([pipe.recv() for pipe in pipes]) + "\n")
        sys.stdout.flush()
    for pipe in pipes:
        pipe.send("")


if __name__ == "__main__":
    main()
