"""Stands in for `pyperf`: a program of pyperformance runs in this one process, for the number of loops that it is told.

`YIELD_LOOPS` has for each benchmark the loops that warm up, those of a turn, and how many turns, as JSON; where it is empty they
are found here. What was measured goes to the file `YIELD_OUT`: wall and processor seconds of the warm-up and of each turn.
`YIELD_GATE` has two descriptors: at its warm-up and each turn the program writes a byte to the second, and waits for one from
the first. So two processes can take turns. The seed of hashes and the name of `YIELD_OUT` choose how much of each pool of small objects
and of C's heap is taken before the program begins, how many frames are below it, and where it is in the rhythm of full garbage
collections: so how two runs lie in memory is chance, and not what was imported before them.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import time

perf_counter = time.perf_counter
TURNS = 16  # short ones, each held against its neighbour of the other side
FEW, LONG_S = 4, 0.5  # turns, where one pass of a benchmark takes longer than that
TURN_S = float(
    os.environ.get("YIELD_TURN_S", "0.04")
)  # seconds of one turn, untouched; the sampler looks each 10 to 50 ms
WARM_UP_S = float(os.environ.get("YIELD_WARM_UP_S", "0.75"))  # `epochly run` looks at what has run for 0.3 s

POOL = 16_384  # bytes that small objects of one size share
LARGEST, STEP = 512, 16  # bytes: the largest of these, and from one size to the next
PAGE = 4096  # bytes; larger objects lie in C's heap
MOST_FRAMES = 64  # of some 100 bytes each, so that they are less than one chunk of the interpreter's stack


def _lie(chance):
    """Objects of each small size, less than a pool of each, and a larger one of less than a page, for the caller to keep."""
    bare = b"".__sizeof__()
    sizes = [size for size in range(48, LARGEST + 1, STEP) for _ in range(chance % (POOL // size))]
    return [bytes(size - bare) for size in (*sizes, LARGEST + STEP + chance % PAGE)]


def _below(frames, run, loops):
    """Run with some frames more below."""
    return run(loops) if frames <= 0 else _below(frames - 1, run, loops)


_CHANCE = hash(os.environ.get("YIELD_OUT", ""))
_KEPT = _lie(_CHANCE)
for _ in range(_CHANCE % gc.get_threshold()[2]):
    gc.collect(1)  # a full collection comes after so many of these


def python_implementation():
    return "cpython"


class Runner:
    """What the programs use of the real one."""

    def __init__(self, **_options):
        self.metadata = {}
        self.argparser = argparse.ArgumentParser()
        self.args = None
        self.measured = {}

    def parse_args(self, args=None):
        self.args = self.argparser.parse_args(args)
        return self.args

    def bench_time_func(self, name, function, *args, **_):
        self._measure(name, lambda loops: function(loops, *args))

    def bench_func(self, name, function, *args, **_):
        def repeat(loops):
            for _ in range(loops):
                function(*args)

        self._measure(name, repeat)

    def bench_async_func(self, name, function, *args, **_):
        async def repeat(loops):
            for _ in range(loops):
                await function(*args)

        self._measure(name, lambda loops: asyncio.run(repeat(loops)))

    def _measure(self, name, run):
        told = json.loads(os.environ.get("YIELD_LOOPS") or "{}")
        warm_up, turn, turns = told.get(name) or _loops(run)
        self.measured[name] = {
            "loops": (warm_up, turn, turns),
            "warm_up": _timed(run, warm_up),
            "turns": [_timed(run, turn) for _ in range(turns)],
        }
        with open(os.environ["YIELD_OUT"], "w", encoding="utf-8") as out:
            json.dump(self.measured, out)


def _timed(run, loops):
    """Wall and processor seconds, once it is this process's turn."""
    gate = os.environ.get("YIELD_GATE")
    if gate:
        hear, say = map(int, gate.split())
        os.write(say, b".")
        os.read(hear, 1)
    wall, processor = time.perf_counter(), time.process_time()
    _below(_CHANCE % MOST_FRAMES, run, loops)
    return time.perf_counter() - wall, time.process_time() - processor


def _loops(run):
    """How many loops warm up, how many are a turn, and how many turns there are."""
    loops = 1
    while (taken := _timed(run, loops)[0]) < TURN_S / 2:
        loops *= 2
    turns = FEW if taken > LONG_S * loops else TURNS
    return [*(max(1, round(loops * seconds / taken)) for seconds in (WARM_UP_S, TURN_S)), turns]
