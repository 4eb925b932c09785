"""`epochly run` against plain Python: the same output, the same errors to the letter, the same exit code.

It is long for its programs, of each kind one, which are best read side by side.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

HOT = """
def work(n):
    s = 0
    for i in range(n):
        s += i * i % 7
    return s
total = 0
for _ in range(100):
    total += work(60_000)
print(total)
"""
PROGRAMS = {
    "arguments": "import sys; print(sys.argv, __name__, __file__, sys.path[0])",
    "names": "print(sorted(globals())); print(__spec__, __package__, __cached__, type(__loader__).__name__)",
    "main": "import __main__, sys; x = 5; print(__main__.x, sys.modules['__main__'] is __main__)",
    "fails": "def f(n):\n    return 1 / n\ndef g():\n    try:\n        f(0)\n    except ZeroDivisionError:\n        {}['k']\ng()",
    "cause": "try:\n    int('x')\nexcept ValueError as e:\n    raise RuntimeError('no') from e",
    "exit 3": "import sys; print('bye'); sys.exit(3)",
    "exit none": "raise SystemExit",
    "exit text": "import sys; sys.exit('a message')",
    "exits hard": "import os, sys; sys.stdout.write('x'); sys.stdout.flush(); os._exit(7)",
    "syntax": "x = (\nprint('never')",
    "own hook": "import sys\nsys.excepthook = lambda *a: print('hook', a[0].__name__, a[2].tb_lineno)\n1 / 0",
    "atexit": "import atexit; atexit.register(print, 'last'); print('first')",
    "freezes": "import gc\nclass A: pass\ngc.freeze(); a = [A(), A()]; a.append(a); del a; print(gc.collect())\ngc.unfreeze()",
    "threads": (
        "import threading\ndef f():\n    print(threading.active_count(), [t.name for t in threading.enumerate()])\n"
        "t = threading.Thread(target=f, name='mine'); t.start(); t.join(); print(threading.active_count())"
    ),
    "thread fails": "import threading\nt = threading.Thread(target=lambda: 1 / 0, name='mine')\nt.start(); t.join()",
    "asyncio": "import asyncio\nasync def f():\n    await asyncio.sleep(0)\n    return 5\nprint(asyncio.run(f()))",
    "exec": "exec('def f(x):\\n    return x + 1'); print(f(1)); print(eval('f(2)'))",
    "fork": (
        "import os, sys\npid = os.fork()\nif pid == 0:\n    print('child', flush=True); sys.exit(5)\n"
        "print('parent', os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))"
    ),
    "pickles": (
        "import pickle\nclass A:\n    pass\ndef f():\n    pass\n"
        "print(type(pickle.loads(pickle.dumps(A()))) is A, pickle.loads(pickle.dumps(f)) is f)"
    ),
    "multiprocessing spawn": (
        "import multiprocessing as m\ndef f(x):\n    return x * x\n"
        "if __name__ == '__main__':\n    with m.get_context('spawn').Pool(1) as p:\n        print(p.map(f, [1, 2, 3]))"
    ),
    "multiprocessing fork": (
        "import multiprocessing as m\ndef f(x):\n    return x * x\n"
        "if __name__ == '__main__':\n    with m.get_context('fork').Pool(1) as p:\n        print(p.map(f, [1, 2, 3]))"
    ),
    "interrupted": "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nfor _ in range(10**7):\n    pass",
    "no stderr": "import sys; sys.stderr.close(); print('quiet')",
    "reads": "import sys; print(sys.stdin.read()[::-1])",
    "inspects": "import inspect\ndef f(a, b=1):\n    return a\nprint(inspect.signature(f), inspect.getsource(f))",
    "hot": HOT,
    "hot and fails": HOT + "work(None)",
    "hot closure": (
        "def make(k):\n    def work(n):\n        s = 0\n        for i in range(n):\n            s += i * k % 7\n        return s\n"
        "    return work\nwork = make(3)\nprint(sum(work(60_000) for _ in range(100)), work.__closure__[0].cell_contents)"
    ),
    "hot recursion": (
        "import sys\ndef deep(n):\n    return n and 1 + deep(n - 1)\n"
        "print(sum(deep(900) for _ in range(3000)))\nsys.setrecursionlimit(300)\ntry:\n    deep(1000)\n"
        "except RecursionError as e:\n    print(e)"
    ),
    "hot exec": (
        "space = {}\nexec('def work(n):\\n    s = 0\\n    for i in range(n):\\n        s += i * i % 7\\n    return s', space)\n"
        "print(sum(space['work'](60_000) for _ in range(60)))"
    ),
    "hot threads": HOT
    + "import threading\nfound = []\nts = [threading.Thread(target=lambda: found.append(work(90_000))) for _ in range(4)]\n"
    "[t.start() for t in ts]; [t.join() for t in ts]; print(found)",
    "hot asyncio": HOT
    + "import asyncio\nasync def f():\n    await asyncio.sleep(0)\n    return work(70_000)\n"
    "async def all():\n    return await asyncio.gather(f(), f())\nprint(asyncio.run(all()))",
    "hot and exits": HOT + "import sys\nsys.exit(work(11) % 100)",
    "hot multiprocessing": (
        HOT.replace(
            "total = 0",
            "import multiprocessing as m\nif __name__ != '__main__':\n    raise SystemExit\ntotal = 0",
        )
        + "for how in ('fork',):\n    with m.get_context(how).Pool(2) as p:\n        print(p.map(work, [60_000] * 4))\n"
    ),
    "hot and forks": HOT
    + "import os\npid = os.fork()\nif pid:\n    os.waitpid(pid, 0)\nprint(work(1000), flush=True)",
}


def environment(tmp_path):
    """The environment without our variables, and a home of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("EPOCHLY", "COVERAGE"))}
    return kept | {"HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}


def finished(command, tmp_path, **more):
    """A finished process."""
    return subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        input="abc",
        timeout=120,
        env=environment(tmp_path) | more,
    )


@pytest.mark.parametrize("name", PROGRAMS)
def test_run_leaves_a_program_as_it_is(tmp_path, name):
    """Output, error text and exit code are those of `python script.py`, whatever the program does."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "script.py").write_text(PROGRAMS[name], "utf-8")
    plain = finished([sys.executable, "sub/script.py", "a", "--b", "-m"], tmp_path)
    ours = finished([sys.executable, "-m", "epochly", "run", "sub/script.py", "a", "--b", "-m"], tmp_path)
    assert ours.stdout == plain.stdout
    assert ours.returncode == plain.returncode
    assert ours.stderr.startswith(plain.stderr)
    report = ours.stderr[len(plain.stderr) :]
    assert report.count("epochly: sub/script.py: level 2") == (0 if name in SILENT else 1), report


SILENT = {"exits hard", "no stderr", "syntax"}


@pytest.mark.parametrize("form", ["term", "json"])
def test_a_program_keeps_modules_that_have_names_of_the_standard_library(tmp_path, form):
    """What is beside the script comes first there; the report needs none of these, or has its own."""
    there = finished([sys.executable, "-c", "import sys; print(*sys.modules)"], tmp_path).stdout.split()
    names = ["dataclasses", "inspect", "typing", "copy", "html", "ast", "dis", "tokenize"]
    names = [name for name in [*names, *(["json"] if form == "term" else [])] if name not in there]
    assert {"dataclasses", "html"} <= set(names)
    folder = tmp_path / "program"
    folder.mkdir()
    for name in names:
        (folder / f"{name}.py").write_text("MINE = __name__\n")
    (folder / "script.py").write_text(
        f"import {', '.join(names)}, sys\nprint(*[sys.modules[name].MINE for name in {names}])\n"
    )
    plain = finished([sys.executable, "program/script.py"], tmp_path)
    command = [sys.executable, "-m", "epochly", "run", "--report", form, "program/script.py"]
    ours = finished(command, tmp_path)
    assert (ours.stdout, ours.returncode) == (plain.stdout, plain.returncode) == (" ".join(names) + "\n", 0)
    assert "script.py" in ours.stderr


def test_collections_of_the_program_spare_what_is_ours(tmp_path):
    """The garbage collector has no more to look at than in plain Python, and the program's own functions are found all the same."""
    (tmp_path / "script.py").write_text("import gc; print(len(gc.get_objects()))\n" + HOT)
    plain = finished([sys.executable, "script.py"], tmp_path).stdout.split()
    ours = finished([sys.executable, "-m", "epochly", "run", "--report", "json", "script.py"], tmp_path)
    objects, total = ours.stdout.split()
    assert int(objects) <= int(plain[0])
    assert total == plain[1]
    assert "work" in ours.stderr
    off = finished([sys.executable, "-m", "epochly", "run", "script.py"], tmp_path, EPOCHLY_DISABLE="1")
    assert int(off.stdout.split()[0]) > int(plain[0])


def test_at_the_end_the_collector_sees_everything_again(tmp_path):
    """So what a program hung on modules and classes that were there before is finalised as in plain Python."""
    (tmp_path / "script.py").write_text("import gc; print(gc.get_freeze_count() > 1000)")
    last = "import atexit, gc, sys; atexit.register(lambda: print(gc.get_freeze_count()))\n"
    run = "from epochly import cli; sys.argv[1:] = ['run', 'script.py']; cli.main()"
    assert finished([sys.executable, "-c", last + run], tmp_path).stdout.split() == ["True", "0"]


def test_run_takes_modules_and_packages(tmp_path):
    """`-m` finds modules and packages from the working folder, as Python does."""
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__init__.py").write_text("")
    shown = "import sys; print(sys.argv, __name__, __package__, __spec__.name, sys.path[0])"
    (tmp_path / "pack" / "__main__.py").write_text(f"from . import inner; {shown}")
    (tmp_path / "pack" / "inner.py").write_text(shown)
    for name in ("pack", "pack.inner"):
        plain = finished([sys.executable, "-m", name, "x"], tmp_path)
        ours = finished([sys.executable, "-m", "epochly", "run", "-m", name, "x"], tmp_path)
        assert (ours.stdout, ours.returncode) == (plain.stdout, 0), ours.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["run", "absent.py"], 2, "can't open file"),
        (["run", "."], 2, "is a folder"),
        (["run", "-m", "no_such_module"], 1, "no module named `no_such_module`"),
        (["run"], 2, "needs a script"),
        (["run", "--level", "9", "x.py"], 2, "`--level` cannot be `9`"),
        (["run", "--report", "pdf", "x.py"], 2, "`--report` cannot be `pdf`"),
        (["run", "--fast", "x.py"], 2, "no option `--fast`"),
        (["jump"], 2, "no command `jump`"),
        ([], 2, "a command is missing"),
        (["explain", "nothing"], 2, "needs one `module:function`"),
        (["explain", "json:absent"], 2, "`json:absent` is not there"),
        (["explain", "math:sqrt"], 2, "`sqrt` is no Python function"),
    ],
)
def test_command_refuses_in_words(tmp_path, arguments, code, said):
    """A misuse or a missing program is one line with a hint, and the exit code that Python would give."""
    done = finished([sys.executable, "-m", "epochly", *arguments], tmp_path)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert "; hint: " in done.stderr
    assert done.stderr.count("\n") == 1


def test_run_reports_what_ran_where(tmp_path):
    """The report has calls, the sampled saving net of compiling, and where the time went."""
    # for a second more, since compiled code alone would be done before the sampler looks
    longer = "from time import monotonic\nend = monotonic() + 1\nwhile monotonic() < end:\n    work(60_000)\n"
    (tmp_path / "hot.py").write_text(HOT + longer)
    command = [
        sys.executable,
        "-m",
        "epochly",
        "run",
        "--level",
        "2",
        "--mode=aggressive",
        "--report=json",
        "hot.py",
    ]
    done = finished(command, tmp_path)
    report = json.loads(done.stderr[done.stderr.index("{") :])
    (work,) = report["functions"]
    assert work["name"] == "__main__.work"
    assert work["status"] == "compiled", work["reason"]
    assert work["calls"] >= work["compiled_calls"] > 50
    assert work["saved_ms"] < report["wall_ms"] * 100
    assert report["totals"]["total_calls"] == work["calls"]
    assert report["samples"] > 3  # of 10 ms at first, of 50 later


def test_run_at_level_0_only_reports(tmp_path):
    """At level 0 nothing is swapped, and the hot lines are told."""
    (tmp_path / "hot.py").write_text(
        HOT.replace("range(100)", "range(500)")
    )  # a second: it is looked at after 0.3
    done = finished([sys.executable, "-m", "epochly", "run", "--level=0", "hot.py"], tmp_path)
    assert "only monitored" in done.stderr
    assert "hot.py:" in done.stderr


def test_run_is_plain_python_when_disabled(tmp_path):
    """`EPOCHLY_DISABLE=1` runs the program and says nothing."""
    (tmp_path / "hot.py").write_text(HOT)
    done = finished([sys.executable, "-m", "epochly", "run", "hot.py"], tmp_path, EPOCHLY_DISABLE="1")
    assert (done.returncode, done.stderr) == (0, "")


def test_unreadable_variable_is_said_once(tmp_path):
    """A typing error in the environment is one line on stderr, and the program runs."""
    (tmp_path / "hot.py").write_text("print(1)")
    done = finished([sys.executable, "-m", "epochly", "run", "hot.py"], tmp_path, EPOCHLY_LEVEL="high")
    assert done.stdout == "1\n"
    assert done.stderr.count("`EPOCHLY_LEVEL` is `high`") == 1


@pytest.mark.parametrize("command", ["status", "metrics", "doctor", "cache", "--help", "--version"])
def test_command_answers_on_stdout(tmp_path, command):
    """Questions are answered on stdout with exit code 0."""
    done = finished([sys.executable, "-m", "epochly", command], tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip()


def test_explain_shows_lines_with_what_blocks_them(tmp_path):
    """`epochly explain` marks the line that no types could make compilable, and says what to do."""
    (tmp_path / "mine.py").write_text(
        "def f(n):\n    s = 0\n    for i in range(n):\n        print(i)\n    return s\n"
    )
    done = finished([sys.executable, "-m", "epochly", "explain", "mine:f"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert "4 !         print(i)" in done.stdout
    assert "^ prints; hint: print in the caller" in done.stdout


def test_interrupt_ends_a_run_as_python_ends(tmp_path):
    """Ctrl-C leaves the exit status of a process that a signal ended."""
    (tmp_path / "script.py").write_text(PROGRAMS["interrupted"])
    command = [sys.executable, "-m", "epochly", "run", "script.py"]
    heard = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
    done = finished(
        [sys.executable, "-c", heard, *command], tmp_path
    )  # a job in the background may not hear it
    assert done.returncode == -signal.SIGINT
    assert "KeyboardInterrupt" in done.stderr


def test_second_run_takes_compiled_code_from_the_cache(tmp_path):
    """What one process compiled the next one loads, and the report says so; a folder that is no use does no harm."""
    (tmp_path / "hot.py").write_text(HOT.replace("range(100)", "range(300)"))
    command = [sys.executable, "-m", "epochly", "run", "--mode=aggressive", "--report=json", "hot.py"]
    hits = []
    for cache in ("cache", "cache", "hot.py"):
        done = finished(command, tmp_path, XDG_CACHE_HOME=str(tmp_path / cache))
        assert done.stdout == "35999700\n"
        report = json.loads(done.stderr[done.stderr.index("{") :])
        hits.append((report["functions"][0]["status"], report["totals"]["cache_hits"]))
    assert hits == [("compiled", 0), ("compiled", 1), ("compiled", 0)]


def test_cache_command_counts_entries_and_clears_them(tmp_path):
    """The lock is no entry; a folder that cannot be used and a switch that is off are told."""
    (tmp_path / "hot.py").write_text(HOT.replace("range(100)", "range(300)"))
    chosen = {"EPOCHLY_CACHE": str(tmp_path / "mine")}
    command = [sys.executable, "-m", "epochly"]
    finished([*command, "run", "--mode=aggressive", "hot.py"], tmp_path, **chosen)
    assert (tmp_path / "mine" / "lock").exists()
    assert ": 1 entries, 0.0 MB; hint: " in finished([*command, "cache"], tmp_path, **chosen).stdout
    assert "1 entries removed" in finished([*command, "cache", "clear"], tmp_path, **chosen).stdout
    assert ": 0 entries, 0.0 MB" in finished([*command, "cache"], tmp_path, **chosen).stdout
    off = finished([*command, "cache"], tmp_path, EPOCHLY_CACHE="0").stdout
    assert off == "every process compiles anew: the cache is switched off\n"
    assert finished([*command, "cache", "fill"], tmp_path).returncode == 2


def test_doctor_says_what_works_and_what_does_not(tmp_path):
    """Compiling, the other process, the cache, the extras, and that levels 3 and 4 act as 2, and why."""
    told = finished([sys.executable, "-m", "epochly", "doctor"], tmp_path).stdout
    for part in (
        "compiles            yes",
        "in another process  yes",
        "cache is written    yes",
        "notebooks           ",
        "prometheus          ",
        "level 3             acts as 2: loops are run on several cores only once",
        "level 4             acts as 2: a GPU's results are not those of CPython",
    ):
        assert part in told
    told = finished([sys.executable, "-m", "epochly", "doctor"], tmp_path, EPOCHLY_CACHE="0").stdout
    assert "cache is written    the cache is switched off" in told
    assert "in another process  no, needs Linux and a cache" in told


def test_level_that_is_not_built_says_so_once(tmp_path):
    """Levels 3 and 4 act as 2, in one honest line."""
    (tmp_path / "script.py").write_text("print(1)")
    done = finished([sys.executable, "-m", "epochly", "run", "--level", "4", "script.py"], tmp_path)
    assert done.stdout == "1\n"
    assert done.stderr.count("level 4 acts as 2 so far: a GPU's results") == 1


BLOCKED = """
import importlib.metadata, os, sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "numba":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

real = importlib.metadata.version

def version(name):
    if name != "numba":
        return real(name)
    if VERSION is None:
        raise importlib.metadata.PackageNotFoundError(name)
    return VERSION

importlib.metadata.version = version
listed = os.listdir
os.listdir = lambda path=".": [name for name in listed(path) if not name.startswith("numba-")]
if VERSION is None:
    sys.meta_path.insert(0, Blocker())
"""


@pytest.mark.parametrize(
    ("version", "said"),
    [
        (None, "epochly: `numba` is not installed, levels 0 and 1 work; hint: install `numba` to compile"),
        ("0.99.0", "epochly: numba `0.99.0` is untested, levels 0 and 1 work; hint: install numba 0.68"),
    ],
)
def test_program_without_a_numba_that_was_tested_runs_and_is_told_once(tmp_path, version, said):
    """One clear line, the program unharmed, and the reason in the report."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(f"VERSION = {version!r}\n{BLOCKED}")
    (tmp_path / "hot.py").write_text(HOT.replace("range(100)", "range(400)"))
    command = [sys.executable, "-m", "epochly", "run", "hot.py"]
    search = os.pathsep.join([str(tmp_path / "site"), *os.environ.get("PYTHONPATH", "").split(os.pathsep)])
    done = finished(command, tmp_path, PYTHONPATH=search)
    assert (done.returncode, done.stdout) == (0, "47999600\n")
    assert done.stderr.splitlines().count(said) == 1
    assert "Traceback" not in done.stderr


def test_spawned_children_of_a_run_are_plain_programs(tmp_path):
    """`spawn` starts Python anew, without us, and its results are the program's."""
    (tmp_path / "hot.py").write_text(
        "import multiprocessing as m\n"
        + HOT.partition("total")[0]
        + "if __name__ == '__main__':\n    print(sum(work(60_000) for _ in range(60)))\n"
        "    with m.get_context('spawn').Pool(1) as p:\n        print(p.map(work, [60_000] * 2))\n"
    )
    plain = finished([sys.executable, "hot.py"], tmp_path)
    ours = finished([sys.executable, "-m", "epochly", "run", "hot.py"], tmp_path)
    assert (ours.stdout, ours.returncode) == (plain.stdout, 0)
    assert ours.stderr.count("epochly: hot.py: level 2") == 1
