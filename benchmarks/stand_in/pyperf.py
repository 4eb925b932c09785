"""Stands in for `pyperf`: a program of pyperformance runs in this one process, for the number of loops that it is told.

`YIELD_LOOPS` has for each benchmark the loops that warm up and those of a turn, as JSON; where it is empty they are found
here. What was measured goes to the file `YIELD_OUT`: wall and processor seconds of the warm-up and of each turn.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time

perf_counter = time.perf_counter
TURNS = 12  # short ones: on a busy machine some are not interrupted
FEW, LONG_S = 3, 0.5  # turns, where one pass of a benchmark takes longer than that
TURN_S = float(
    os.environ.get("YIELD_TURN_S", "0.04")
)  # seconds of one turn, untouched; the sampler looks each 10 to 50 ms
WARM_UP_S = 0.75  # `epochly run` looks at what has run for 0.3 s


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
        loops = told.get(name) or _loops(run)
        warm_up = _timed(run, loops[0])
        turns = FEW if warm_up[0] > LONG_S * loops[0] else TURNS
        self.measured[name] = {
            "loops": loops,
            "warm_up": warm_up,
            "turns": [_timed(run, loops[1]) for _ in range(turns)],
        }
        with open(os.environ["YIELD_OUT"], "w", encoding="utf-8") as out:
            json.dump(self.measured, out)


def _timed(run, loops):
    """Wall and processor seconds."""
    wall, processor = time.perf_counter(), time.process_time()
    run(loops)
    return time.perf_counter() - wall, time.process_time() - processor


def _loops(run):
    """How many loops warm up, and how many are a turn."""
    loops = 1
    while (taken := _timed(run, loops)[0]) < TURN_S / 2:
        loops *= 2
    return [max(1, round(loops * seconds / taken)) for seconds in (WARM_UP_S, TURN_S)]
