"""A process that calls functions of numba's test-suite in the interpreter and compiled, and prints what differed.

It reads `[module, name]` pairs as JSON from its standard input and prints one JSON object a line: where it is, before it
goes there, so that whoever started it knows what a crash means; then what came out. It refuses more memory and processor
time than its limits.
"""

from __future__ import annotations

import importlib.util
import json
import re
import resource
import signal
import sys
import time
import warnings
from pathlib import Path

HERE = Path(__file__).parent
MOST_MEMORY_BYTES = 6 * 2**30  # of address space; numba with NumPy maps about one and a half
INTERPRETER_S = 0.06  # of processor time for two calls; a loop to 2**62 is no test
MOST_S = 10.0  # of processor time for one function; the rows that are left then are left out
NOISE = ("MemoryError", "RecursionError")  # how much memory or stack is left is nobody's promise
MISUSE = ("TypeError", "AttributeError")  # a row on which nothing else happens is not worth compiling


class OverTime(BaseException):
    """A call in the interpreter took too long."""


def loaded(path):
    """A file of the tests as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


differ = loaded(HERE.parent / "exact" / "differ.py")
served, usecases, arguments = (loaded(HERE / f"{name}.py") for name in ("served", "usecases", "arguments"))


def over_time(_signal, _frame):
    """Ends a call in the interpreter."""
    raise OverTime


def said(value):
    """A value as JSON can carry it, addresses left out."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))


def in_interpreter(function, make):
    """What a call does, or `None` where the interpreter itself cannot be relied on."""
    try:
        signal.setitimer(signal.ITIMER_VIRTUAL, INTERPRETER_S)
        try:
            first, second = differ.observed(function, make()), differ.observed(function, make())
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    except OverTime:
        return None
    if said(first) != said(second) or first[0][1] in NOISE:
        return None
    if first[0][0] == "returns" and first[0][1][0] == "set" and "nan" in first[0][1][1]:
        return None  # a NaN hashes by its address, so where it lies in a set is chance
    return first


def compared(function, row, report, tell):
    """One row of arguments; adds to the report."""
    recipes = list(arguments.calls(row))
    expected = [in_interpreter(function, make) for make in recipes]
    report["skipped"] += expected.count(None)
    known = [each for each in expected if each is not None]
    if all(outcome[0] == "raises" and outcome[1] in MISUSE for outcome, _, _ in known):
        return
    exact = served.Served(function)
    for number, (make, due) in enumerate(zip(recipes, expected, strict=True)):
        if due is None:
            continue
        tell({"stage": "compiled", "row": row, "call": number})
        found = differ.observed(exact, make())
        report["calls"] += 1
        if said(found) != said(due):
            report["differences"].append(
                {"row": row, "call": number, "way": exact.way, "args": said(make()), "due": said(due), "found": said(found)}
            )  # fmt: skip
    for way, count in exact.counts.items():
        report["ways"][way] = report["ways"].get(way, 0) + count


def main():
    """Work through the functions that were asked for."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGVTALRM, over_time)
    lines = sys.stdout
    sys.stdout = sys.stderr

    def tell(what):
        lines.write(json.dumps(what) + "\n")
        lines.flush()

    for module_name, name in json.load(sys.stdin):
        tell({"stage": "interpreter", "module": module_name, "name": name})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            function = usecases.functions(module_name)[name]
            begun = time.process_time()
            report = {"calls": 0, "skipped": 0, "ways": {}, "differences": []}
            for number, row in enumerate(arguments.rows(name, function.__code__.co_argcount)):
                if time.process_time() - begun > MOST_S:
                    report["cut"] = 1
                    break
                if number == arguments.FIRST and not {"machine", "deopt"} & set(report["ways"]):
                    break
                tell({"stage": "interpreter", "row": row})
                compared(function, row, report, tell)
        tell({"stage": "done", "report": report})


if __name__ == "__main__":
    main()
