"""The functions that numba's own test-suite tries, as a corpus: compiled or not, none differs from the interpreter.

They are found in the installed numba and called in a process of their own with a table of edge values. It refuses to
blame the compiler for a function that the interpreter itself does not survive, in time or memory.
"""

from __future__ import annotations

import collections
import importlib.util
import json
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

WORKER = Path(__file__).with_name("numba_worker.py")
SILENCE_S = 300  # nothing said for so long, on however busy a machine: the worker hangs
SAMPLE = {  # module: every so many of its functions
    "usecases": 2,
    "test_flow_control": 5,
    "test_range": 3,
    "test_mathlib": 12,
    "test_looplifting": 4,
    "test_numberctor": 4,
    "test_dataflow": 4,
    "test_ssa": 6,
}


MOST_OF_A_MODULE, SEED = 8, 20261125  # the slow test's sample: about 760 of 1,900 functions
AT_ONCE = 2  # processes of the slow test
CHUNK = 12  # functions of one process
MOST_S = 840  # seconds, after which the slow test begins no other chunk


class Corpus:
    """What came out of a set of functions."""

    def __init__(self):
        self.functions = self.calls = self.skipped = self.cut = 0
        self.served_functions = 0
        self.ways = collections.Counter()
        self.faults = []
        self.left = []

    def add(self, name, report):
        """One function's report."""
        self.functions += 1
        self.calls += report["calls"]
        self.skipped += report["skipped"]
        self.cut += report.get("cut", 0)
        self.served_functions += report["ways"].get("machine", 0) > 0
        self.ways.update(report["ways"])
        self.faults += [f"{name}{difference['args']}: {difference}" for difference in report["differences"]]

    def words(self):
        """The counts in one line."""
        return (
            f"{self.functions} functions ({self.served_functions} compiled), {self.calls} calls, {dict(self.ways)}, "
            f"{self.skipped} calls and {len(self.left)} functions left out, {self.cut} cut short, "
            f"{len(self.faults)} differences"
        )

    def join(self, other):
        """The counts of another set as well."""
        for name in ("functions", "calls", "skipped", "cut", "served_functions"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.ways += other.ways
        self.faults += other.faults
        self.left += other.left


def run(pairs, corpus, worker=WORKER):
    """Have a worker go through the functions, and another one through what it left when it died."""
    pairs = [list(pair) for pair in pairs]
    while pairs:
        done, at = one_worker(pairs, corpus, worker)
        pairs = pairs[done:]
        if pairs:  # it died or hung at the first of these
            name = ".".join(pairs.pop(0))
            if at.get("stage") == "compiled":
                corpus.faults.append(f"{name}: the process did not survive the compiled function: {at}")
            else:
                corpus.left.append(name)
    return corpus


def one_worker(pairs, corpus, path):
    """How many functions one process finished, and where it was last."""
    command = [sys.executable, str(path)]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    done, at = 0, {}
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
    ) as worker:
        worker.stdin.write(json.dumps(pairs))
        worker.stdin.close()
        timer = started(worker)
        for line in worker.stdout:
            timer.cancel()
            timer = started(worker)
            at = json.loads(line)
            if at["stage"] == "done":
                corpus.add(".".join(pairs[done]), at["report"])
                done += 1
        timer.cancel()
    return done, at


def started(worker):
    """A timer that ends a worker which says nothing for long."""
    timer = threading.Timer(SILENCE_S, worker.kill)
    timer.daemon = True
    timer.start()
    return timer


def at_once(pairs):
    """Run the functions in chunks, two at a time, until all are done or time is out; and how many were not begun."""
    chunks = [pairs[start : start + CHUNK] for start in range(0, len(pairs), CHUNK)]
    random.Random(SEED).shuffle(chunks)
    whole, lock, end = Corpus(), threading.Lock(), time.monotonic() + MOST_S

    def work():
        while time.monotonic() < end:
            with lock:
                chunk = chunks.pop() if chunks else None
            if chunk is None:
                return
            part = run(chunk, Corpus())
            with lock:
                whole.join(part)

    threads = [threading.Thread(target=work) for _ in range(AT_ONCE)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return whole, sum(map(len, chunks))


def listed(steps=None, most=None):
    """The functions, by a process of its own: numba's test modules do much when they are imported."""
    code = (
        "import json, sys; sys.path.insert(0, sys.argv[1]); import usecases; "
        "print(json.dumps(usecases.listed(*json.loads(sys.argv[2]))))"
    )
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(WORKER.parent), json.dumps([steps, most, SEED])],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(found.stdout.splitlines()[-1])


def held(corpus, least_functions, least_calls):
    """Assert that no function differs, and that this was not bought by refusing them."""
    print(corpus.words(), *corpus.left, sep="\n")  # noqa: T201 - for `-s`
    assert not corpus.faults, "\n".join(corpus.faults)
    assert corpus.served_functions >= least_functions
    assert corpus.ways["machine"] >= least_calls


needs_numba_tests = pytest.mark.skipif(
    importlib.util.find_spec("numba.tests") is None, reason="this numba comes without its tests"
)


@needs_numba_tests
def test_a_sample_of_numba_s_functions_never_differs():
    """Value, type, error, arrays and warnings of a fixed sample are the interpreter's, and most of it is compiled."""
    held(run(listed(SAMPLE), Corpus()), 13, 250)


@pytest.mark.slow
@needs_numba_tests
def test_numba_s_functions_never_differ():
    """The same for a larger sample, of every file of numba's tests, as far as a quarter of an hour goes on two cores."""
    corpus, left = at_once(listed(None, MOST_OF_A_MODULE))
    print(f"{left} functions were not begun")  # noqa: T201 - for `-s`
    held(corpus, 60, 1_500)


FAKE = """
import json, os, sys
for module, name in json.load(sys.stdin):
    print(json.dumps({"stage": "interpreter"}), flush=True)
    if name == "slow":
        os._exit(1)
    print(json.dumps({"stage": "compiled", "row": "ii", "call": 0}), flush=True)
    if name == "crash":
        os._exit(1)
    differences = [{"args": "(1,)", "due": "1", "found": "2"}] if name == "wrong" else []
    report = {"calls": 1, "skipped": 0, "ways": {"machine": 1}, "differences": differences}
    print(json.dumps({"stage": "done", "report": report}), flush=True)
"""


def test_a_worker_that_dies_is_blamed_on_what_it_was_doing(tmp_path):
    """A crash in compiled code and a difference are faults; a crash in the interpreter leaves the function out."""
    fake = tmp_path / "fake.py"
    fake.write_text(FAKE)
    corpus = run([("m", name) for name in ("good", "slow", "wrong", "crash", "last")], Corpus(), fake)
    assert corpus.functions == 3
    assert corpus.left == ["m.slow"]
    assert [fault.partition(":")[0] for fault in corpus.faults] == ["m.wrong(1,)", "m.crash"]
