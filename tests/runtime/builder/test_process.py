"""The real process beside a real program: what comes of it, what it can see of the program, and that it leaves nothing."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from epochly._builder.process import START, library_folders

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="machine code is kept on Linux only")

HEAD = """
import json, os, sys, time
import epochly
from epochly import _api

@epochly.optimize
def work(n):
    s = 0
    for i in range(n):
        s += i * i % 7
    return s

def stats():
    return epochly.stats()[0]

def until(promise):
    "Call until something is so; a bound against hanging, not a promise about time."
    end = time.monotonic() + 300
    while not promise():
        assert time.monotonic() < end, stats()
        assert work(100_000) == 199999

def errands():
    return _api.session().errands()

def builder():
    return errands()._builder

def running():
    "The process that compiles said that it is ready."
    found = builder()
    return found is not None and not found.starting and (found.answers() or found.pid)

until(lambda: errands()._count)
assert stats().status == "interpreted", stats()
"""


def told_by(tmp_path, text, *, code=0, **more):
    """What a program prints that watches `work` and has just asked for it to be compiled."""
    script = tmp_path / "script.py"
    script.write_text(HEAD + dedent(text), "utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("EPOCHLY", "COVERAGE"))}
    environment = kept | {"XDG_CACHE_HOME": str(tmp_path / "cache"), "PYTHONWARNINGS": "error"} | more
    done = subprocess.run(
        [sys.executable, str(script)],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
        timeout=400,
    )
    assert (done.returncode, done.stderr) == (code, "")
    return done.stdout.split()


def gone(pid):
    """Wait until a process is no more; a bound against hanging, not a promise about time."""
    import time

    end = time.monotonic() + 60
    while Path(f"/proc/{pid}").exists() and " Z " not in Path(f"/proc/{pid}/stat").read_text():
        assert time.monotonic() < end
        time.sleep(0.05)
    return True


def test_later_call_is_served_from_the_cache(tmp_path):
    """The program never compiles; it loads what the other process made, and the next program asks nobody."""
    ends = """
        until(lambda: stats().status == "compiled")
        until(lambda: stats().compiled_calls > 5)
        seen = stats()
        print(seen.cache_hits, seen.built_ms > 0, builder() is not None)
    """
    assert told_by(tmp_path, ends) == ["0", "True", "True"]
    second = HEAD.replace("until(lambda: errands()._count)", "")
    second = second.replace('assert stats().status == "interpreted", stats()', "")
    script = tmp_path / "second.py"
    script.write_text(
        second
        + "until(lambda: epochly.stats() and stats().status == 'compiled')\nprint(stats().cache_hits, builder())"
    )
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, str(script)], check=False, capture_output=True, text=True, env=environment
    )
    assert (done.stdout, done.stderr) == ("1 None\n", "")


def test_process_that_is_killed_is_one_reason(tmp_path):
    """`kill -9` of it leaves the program in the interpreter, with one reason, and the next function gets another one."""
    text = """
        import signal
        until(lambda: stats().status == "compiled")
        first = builder()
        os.kill(first.pid, signal.SIGSTOP)

        @epochly.optimize
        def more(n):
            s = 1
            for i in range(n):
                s += i * i % 5
            return s

        def figures():
            return [each for each in epochly.stats() if each.name == "__main__.more"][0]

        while not errands()._sent:
            more(100_000)
        os.kill(first.pid, signal.SIGKILL)
        while figures().status == "interpreted":
            more(100_000)
        print(figures().reason.replace(" ", "_"), first.gone)
    """
    assert told_by(tmp_path, text) == ["the_process_that_was_compiling_it_ended", "True"]


def test_program_that_ends_while_compiling_takes_it_along(tmp_path):
    """It ends with the program: at its end, at `os._exit`, and when the program is killed."""
    for ends, code in (("", 0), ("os._exit(3)", 3), ("os.kill(os.getpid(), 9)", -9)):
        text = f"""
            while not running():
                time.sleep(0.01)
            print(builder().pid, flush=True)
            {ends}
        """
        (pid,) = told_by(tmp_path, text, code=code, XDG_CACHE_HOME=str(tmp_path / f"cache{code}"))
        assert gone(int(pid))


def test_program_that_ends_with_an_answer_unread_takes_the_process_along(tmp_path):
    """A socket that is closed with something in it is reset at the other end, which is an end as well."""
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-I", "-S", "-W", "ignore", "-c", START, str(tmp_path), *library_folders()]
    with ours, theirs:
        subprocess.run(command, stdin=theirs, stdout=theirs, check=True)
        ours.settimeout(60)
        pid = int(re.search(rb'"pid": ?([0-9]+)', ours.recv(4_096, socket.MSG_PEEK))[1])
    assert gone(pid)


def test_program_may_end_before_the_process_has_started(tmp_path):
    """Nothing is printed, and nothing is waited for."""
    assert told_by(tmp_path, "print('end')") == ["end"]


def test_process_is_no_child_that_the_program_could_meet(tmp_path):
    """A program that waits for all its children finds its own only."""
    text = """
        while not running():
            time.sleep(0.01)
        try:
            print(os.wait())
        except ChildProcessError:
            print("none")
        pid = os.fork()
        if not pid:
            os._exit(0)
        print(os.wait() == (pid, 0))
    """
    assert told_by(tmp_path, text) == ["none", "True"]


def test_process_sees_nothing_of_the_program(tmp_path):
    """No descriptor, no secret, no folder of the program's, another session, and behind everybody in the queue."""
    text = """
        secret = open(__file__)
        os.set_inheritable(secret.fileno(), True)
        while not running():
            time.sleep(0.01)
        pid = builder().pid
        with open(f"/proc/{pid}/environ") as file:
            seen = file.read()
        print("SECRET" in seen, "NUMBA_OPT" in seen)
        names = [os.readlink(f"/proc/{pid}/fd/{each}") for each in os.listdir(f"/proc/{pid}/fd")]
        print(any(__file__ in name for name in names), os.readlink(f"/proc/{pid}/cwd"))
        secret.close()
        from epochly._builder.worker import NICE
        nice = [os.getpriority(os.PRIO_PROCESS, each) for each in (pid, 0)]
        print(os.getsid(pid) != os.getsid(0), nice[0] == min(19, nice[1] + NICE) or nice)
    """
    seen = told_by(tmp_path, text, MY_SECRET="1", NUMBA_OPT="3")
    assert seen == ["False", "True", "False", "/", "True", "True"]


def test_program_may_fork_at_any_time(tmp_path):
    """Children work on, compile for themselves, start no process of their own, and do not keep ours alive."""
    text = """
        from multiprocessing import get_context
        def child(_):
            end = time.monotonic() + 300
            while stats().status != "compiled" and time.monotonic() < end:
                assert work(100_000) == 199999
            return stats().status, builder() is None
        if __name__ == "__main__":
            with get_context("fork").Pool(2) as pool:
                print(pool.map(child, [1, 2]) == [("compiled", True)] * 2)
            until(lambda: stats().status == "compiled")
            print(stats().status)
    """
    assert told_by(tmp_path, text) == ["True", "compiled"]


def test_spawned_child_starts_no_process_of_its_own(tmp_path):
    """One for a tree of processes: a child compiles in place."""
    (tmp_path / "other.py").write_text(
        "import epochly\nfrom epochly import _api\n"
        "@epochly.optimize\ndef work(n):\n    s = 0\n    for i in range(n):\n        s += i * i % 7\n    return s\n"
        "def child(_):\n    while not epochly.stats() or epochly.stats()[0].status == 'interpreted':\n        work(100_000)\n"
        "    return epochly.stats()[0].status, _api.session().errands()._builder is None\n"
    )
    script = tmp_path / "script.py"
    script.write_text(
        "import other\nfrom multiprocessing import get_context\n"
        "if __name__ == '__main__':\n    with get_context('spawn').Pool(1) as pool:\n        print(pool.map(other.child, [1]))\n"
    )
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, str(script)], check=False, capture_output=True, text=True, env=environment
    )
    assert (done.stdout, done.stderr) == ("[('compiled', True)]\n", "")


FORKING = """
import os, sys, threading
from epochly._builder import errands
class Importing:
    def __init__(self):
        self.turns = []  # from Python 3.12 on no thread starts once the interpreter ends, so both wait from now on
        for _ in range(2):
            begin, done = threading.Event(), threading.Event()
            threading.Thread(target=self.ask, args=(begin, done), daemon=True).start()
            self.turns.append((begin, done))
    def ask(self, begin, done):
        begin.wait()
        logging.getLogger("some")
        done.set()
    def settle(self, most_s):
        begin, done = self.turns.pop()
        begin.set()
        print(done.wait(5), flush=True)
    def be_a_child(self):
        pass
importing = Importing()
errands._watch(importing)
import logging
pid = os.fork()
if not pid:
    os._exit(0)
os.waitpid(pid, 0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="POSIX's")
def test_what_a_fork_waits_for_is_not_kept_from_logging():
    """Modules of numba's ask for loggers; `logging` holds its lock from its own hook before a fork on, so ours has to come before that one."""
    done = subprocess.run([sys.executable, "-c", FORKING], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["True", "True"]  # at the fork, and at the end
