"""What telemetry costs: a call, the beginning and the end of a program, a rare happening that is counted, bytes a day.

Beside a program that may send stands the same one under `DO_NOT_TRACK=1`; its server accepts and never answers. A call is measured in both.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from timeit import Timer

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from epochly.telemetry import batch, events
from epochly.telemetry.counters import Counters

GOAL_CALL_NS, GOAL_END_S, GOAL_DAY = 2.0, 0.1, 1_048_576  # more a call; longer at the end; bytes sent a day
CALL = """
import timeit
import epochly
f = epochly.optimize(lambda x: x)
for _ in range(5_000):
    f(1)
print("CALL", min(timeit.repeat(lambda: f(1), number=20_000, repeat=15)) / 20_000)
"""
END = """
import time
begun = time.perf_counter()
import epochly
f = epochly.optimize(lambda x: x)
f(1)
print("BEGIN", time.perf_counter() - begun)
if epochly._api.session().telemetry:
    from epochly.telemetry import events
    for n in range(COUNT):
        epochly._api.session().telemetry.counters.add(
            events.jit(outcome="compiled", origin="cache", compile_ms=2 ** (n % 60), speed=2 ** (n // 60 % 60), deopts=0)
        )
print("END", time.time(), flush=True)
"""


def run(environ, program):
    """A program's figures by their names, and how long it lived after it said `END`."""
    done = subprocess.run(
        [sys.executable, "-c", program], env=environ, check=True, capture_output=True, text=True
    )
    ended = time.time()
    found = dict(line.split() for line in done.stdout.splitlines())
    return {name: ended - float(value) if name == "END" else float(value) for name, value in found.items()}


def main():
    """Measure, print, and say whether the goals were met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    met = []
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as server:
        key = Path(folder) / "root.pem"
        public = Ed25519PrivateKey.from_private_bytes(bytes(range(32))).public_key()
        key.write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "HOME") if name in os.environ}
        on = kept | {
            "EPOCHLY_STATE_DIR": f"{folder}/state",
            "EPOCHLY_ROOT_KEY": str(key),
            "EPOCHLY_API_URL": f"https://localhost:{server.getsockname()[1]}",
        }
        off = on | {"DO_NOT_TRACK": "1"}
        run(on, END.replace("COUNT", "0"))  # the notice, and bytecode
        run(off, END.replace("COUNT", "0"))
        print(f"{'':<46} {'on':>10} {'off':>10} {'more':>10}")
        for title, program, name, unit, factor, goal in (
            ("a call of a watched function", CALL, "CALL", "ns", 1e9, GOAL_CALL_NS),
            (
                "importing and watching the first function",
                END.replace("COUNT", "0"),
                "BEGIN",
                "ms",
                1e3,
                None,
            ),
            (
                "the end of a program, nothing counted",
                END.replace("COUNT", "0"),
                "END",
                "ms",
                1e3,
                GOAL_END_S * 1e3,
            ),
            ("the end of a program, 1 event", END.replace("COUNT", "1"), "END", "ms", 1e3, GOAL_END_S * 1e3),
            (
                "the end of a program, 10,000 events",
                END.replace("COUNT", "10_000"),
                "END",
                "ms",
                1e3,
                GOAL_END_S * 1e3,
            ),
        ):
            pairs = [(run(on, program)[name], run(off, program)[name]) for _ in range(rounds)]
            one, two = (min(side) * factor for side in zip(*pairs, strict=True))
            print(f"{title:<46} {one:>7.1f} {unit} {two:>7.1f} {unit} {one - two:>7.1f} {unit}")
            if goal is not None:
                met.append(one - two <= goal)
    counters, fact = Counters(), events.worker(workers=4, items=100, failed=False)
    counted = median(Timer(lambda: counters.add(fact)).repeat(rounds, 20_000)) / 20_000
    print(f"{'counting a rare happening':<46} {counted * 1e9:>7.0f} ns")
    sender = batch.Sender("A" * 16, "B" * 16, "1.2.3", "3.11", "linux", "x86_64")
    lost = {"full": 0, "pii": 0, "old": 0}
    usual = {
        events.session_start(
            level="jit", mode="balanced", tier="community", cores=8, run=True, numba=True
        ): 1,
        events.routing_decision(level="monitor", why="no_hurry"): 40,
        events.routing_decision(level="jit", why="hot"): 3,
        events.jit(outcome="compiled", origin="builder", compile_ms=300, speed=400, deopts=0): 3,
        events.workload(seconds=60, memory=200, functions=40, compiled=0.9, threads=4): 1,
    }
    size = sum(len(body) for _, body in batch.batches(usual, lost, sender, 20_000, 0))
    print(
        f"{'a usual first batch':<46} {size:>7} bytes; at most {50 * batch.MOST_BYTES:,} a day, usually {size} to {50 * size:,}"
    )
    met.append(50 * batch.MOST_BYTES <= GOAL_DAY)
    print("goals: " + ("met" if all(met) else "NOT met"))
    return 0 if all(met) else 1


if __name__ == "__main__":
    raise SystemExit(main())
