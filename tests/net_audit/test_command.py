"""`epochly net-audit` as users run it: the program stays what it was, its exit code is its own, and the report tells where it went."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from controls import CONNECT, FAR, NAME, PORT
from linux import nobody_answers, on_linux, require

import epochly.cli

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/spec/net-audit-v1.schema.json").read_text("utf-8"))
CHILD = f"""
import socket, subprocess, sys
{CONNECT}
subprocess.run([sys.executable, "-I", "-S", "-c", {CONNECT.replace(str(PORT), "4434")!r}], check=True)
try:
    socket.getaddrinfo("{NAME}", {PORT})
except OSError:
    pass
print("said", *sys.argv[1:])
sys.exit(7)
"""
WHO = """
import __main__, os, pickle, sys
def here(): pass
print(__name__, sys.argv[1:], sys.path[0], __main__.__dict__ is globals(), pickle.loads(pickle.dumps(here)) is here)
print(os.path.basename(globals().get("__file__", "none")), __spec__ and __spec__.name, __package__, __doc__)
"""


@pytest.fixture
def audited(capfd, tmp_path):
    """Run `epochly net-audit`; exit code, stdout, stderr, and the report where one was written."""
    path = tmp_path / "report.json"
    environ = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ} | {
        "RES_OPTIONS": "timeout:1 attempts:1"
    }

    def run(*words, to=True, **more):
        options = ["--report", "json", "--to", str(path)] if to else []
        code = epochly.cli.main(["net-audit", *options, *map(str, words)], environ=environ | more)
        out, err = capfd.readouterr()
        report = json.loads(path.read_text("utf-8")) if to and path.exists() else None
        if report is not None:
            jsonschema.validate(report, SCHEMA)
        return code, out, err, report

    return run


def reached(report):
    """Address and port of what was opened outside of the machine."""
    outside = [each for each in report["destinations"] if each["class"] in {"other", "base", "proxy"}]
    return {(each["address"], each["port"]) for each in outside}


@on_linux
def test_the_kernel_shows_where_a_program_and_its_children_go(audited):
    """Both addresses, the name that was asked, who it was; the exit code, words and output are the program's."""
    require(["strace", "-f", "-o", os.devnull])
    code, out, err, report = audited("--", *nobody_answers(), sys.executable, "-c", CHILD, "--by", "x")
    assert (code, out, err) == (7, "said --by x\n", "")
    assert (report["by"], report["exit_code"], report["doubts"]) == ("strace", 7, [])
    assert reached(report) == {(FAR, PORT), (FAR, 4434)}
    assert NAME in [each["name"] for each in report["asked"]]
    who = {
        (process["pid"], process["name"].startswith("python"))
        for each in report["destinations"]
        if each["address"] == FAR
        for process in each["processes"]
    }
    assert len(who) == 2
    assert all(is_python for _, is_python in who)
    assert report["verdict"]["program"] == 2


@on_linux
def test_both_ways_together_tell_the_code_too(audited):
    """The kernel's list, with the module where Python knows it; what a child did is the program's."""
    _, _, _, report = audited("--by", "both", sys.executable, "-c", CHILD)
    code = {each["port"]: each["code"] for each in report["destinations"] if each["address"] == FAR}
    assert code == {PORT: ["__main__"], 4434: []}
    assert report["verdict"]["text"].startswith("epochly opened nothing; the program opened 2 destinations")


def test_hooks_alone_say_what_they_did_not_see(audited):
    """One of the two addresses, that a program was started, and that nothing is certain."""
    code, out, _, report = audited("--by=audit", sys.executable, "-c", CHILD)
    assert (code, out) == (7, "said\n")
    assert reached(report) == {(FAR, PORT)}
    assert [each["name"] for each in report["asked"]] == [NAME]
    assert [each.partition(" (")[0] for each in report["doubts"]] == [
        "a program was started"
    ]  # one start may be two events
    assert not report["verdict"]["certain"]
    assert any("sub-interpreters" in each for each in report["unseen"])


@pytest.mark.parametrize("how", ["script", "code", "module", "package", "isolated"])
def test_a_program_under_the_hook_is_what_it_was(audited, tmp_path, monkeypatch, how):
    """Its `__main__`, its arguments, its path and what pickles are as without it, however Python was told to run it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "who.py").write_text(WHO)
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "__main__.py").write_text(WHO)
    words = {
        "script": ["who.py", "-m", "a b"],
        "code": ["-c", WHO, "-m"],
        "module": ["-m", "who", "--", "x"],
        "package": ["-W", "error", "-m", "inside", "x"],
        "isolated": ["-I", str(tmp_path / "who.py")],
    }[how]
    plain = subprocess.run([sys.executable, *words], check=True, capture_output=True, text=True)
    code, out, err, report = audited("--by", "audit", "--", sys.executable, *words)
    assert (code, out, err) == (0, plain.stdout, plain.stderr)
    assert report["destinations"] == []


def test_without_strace_hooks_take_its_place_and_it_is_said(audited, tmp_path):
    """A machine without `strace` gets what there is, and the reason; who asked for the kernel by name gets that."""
    code, _, _, report = audited(sys.executable, "-c", CONNECT, PATH=str(tmp_path))
    assert (code, report["by"], report["unseen"][0]) == (
        0,
        "audit",
        "`strace` is not installed" if sys.platform == "linux" else "`strace` is Linux's own",
    )
    code, _, err, _ = audited("--by", "strace", sys.executable, "-c", "", PATH=str(tmp_path))
    assert (code, err.count("\n")) == (2, 1)
    assert "hint: `apt-get install strace`, or leave `--by` out" in err


@pytest.mark.parametrize(
    ("words", "expected", "line"),
    [
        ([], 2, "`net-audit` needs a command; hint: give one like `python app.py`"),
        (["--"], 2, "`net-audit` needs a command; hint: give one like `python app.py`"),
        (["--report", "html", "x"], 2, "`--report` cannot be `html`; hint: see `epochly net-audit --help`"),
        (["--colour", "x"], 2, "`net-audit` has no option `--colour`; hint: see `epochly net-audit --help`"),
        (
            ["no-such-program"],
            127,
            "there is no command `no-such-program`; hint: is it spelled so, and on PATH?",
        ),
        (["./plain.txt"], 126, "`./plain.txt` cannot be run; hint: give `python` before a script"),
        (["plain.txt"], 127, "there is no command `plain.txt`; hint: give `python app.py` for a script"),
        (
            ["--by", "audit", "true"],
            2,
            "`true` is no Python, and only Python tells a hook; hint: install `strace`, or give `python app.py`",
        ),
        (
            ["--by", "audit", sys.executable, "-"],
            2,
            "a program read from the standard input has no hook; hint: give a script, or `-m` and a module",
        ),
    ],
)
def test_what_cannot_be_run_is_one_line(audited, tmp_path, monkeypatch, *, words, expected, line):
    """With the code that a shell gives, and what to do."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plain.txt").write_text("x")
    assert audited(*words, to=False)[:3] == (expected, "", f"epochly: {line}\n")


@on_linux
def test_a_report_that_cannot_be_written_is_shown(audited, tmp_path):
    """Nothing that was seen is lost, and the exit code stays the program's."""
    code, _, err, _ = audited(
        "--to", tmp_path / "none" / "x", sys.executable, "-c", "raise SystemExit(3)", to=False
    )
    assert code == 3
    assert err.splitlines()[-2].startswith("nothing left this machine")
    assert err.splitlines()[-1].endswith(
        "cannot be written: no such file or directory; hint: the report is above"
    )


@on_linux
@pytest.mark.parametrize("by", ["strace", "audit"])
def test_a_signal_ends_the_program_and_the_report_comes(tmp_path, by):
    """A request to end is handed on to the program; what kills it is told as a shell does."""
    ready = tmp_path / "ready"
    program = f"open({str(ready)!r}, 'w').close()\nimport time\ntime.sleep(60)"
    command = [sys.executable, "-m", "epochly", "net-audit", "--by", by, "--", sys.executable, "-c", program]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        while not ready.exists() and process.poll() is None:
            signal.sigtimedwait([], 0.01)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM
    assert err.splitlines()[-1].endswith("opened a destination outside of it")


@on_linux
def test_an_interrupt_is_the_programs_own(tmp_path):
    """Ctrl-C reaches the program, which does with it what it likes; the report comes when it has ended."""
    ready = tmp_path / "ready"
    program = f"import time\ntry:\n    open({str(ready)!r}, 'w').close()\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    raise SystemExit(5)"
    heeding = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    command = [sys.executable, "-m", "epochly", "net-audit", "--", sys.executable, "-c", program]
    with subprocess.Popen(
        [
            sys.executable,
            "-c",
            heeding,
            *command[1:],
        ],  # what tests in the background ignores Ctrl-C, and so would this
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        while not ready.exists() and process.poll() is None:
            signal.sigtimedwait([], 0.01)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 5
    assert "Traceback" not in err
    assert "exit code 5" in err


LONG = f"""
import socket
leak = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for pieces in (1, 2, 900):
    try:
        leak.sendmsg([b'" ) = 0' * 60] * pieces, [], 0, ("{FAR}", {PORT}))
    except OSError:
        pass
"""


@on_linux
def test_a_call_that_takes_a_long_line_is_seen_as_well(audited):
    """Nine hundred pieces in one message make a line of half a megabyte, and hide nothing."""
    _, _, _, report = audited(sys.executable, "-c", LONG)
    (uses,) = [each for each in report["destinations"] if each["address"] == FAR]
    assert (uses["count"], report["doubts"]) == (3, [])


@on_linux
def test_a_line_that_nobody_can_read_is_anywhere(monkeypatch, audited):
    """A line beyond all bounds is no destination that is known, and so one outside of the machine."""
    monkeypatch.setattr("epochly.net_audit.syntax.MOST_LINE", 4_000)
    _, _, _, report = audited(sys.executable, "-c", LONG)
    assert {each["address"] for each in report["destinations"] if each["class"] == "other"} == {FAR, "?"}
    assert report["verdict"]["program"] == 2
