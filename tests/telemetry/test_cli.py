"""The commands: what they print, what they change, and one line where something is wrong."""

from __future__ import annotations

import json
import os
import re
import time

import pytest
from commanded import run

from epochly.telemetry import events, post
from epochly.telemetry.batch import Sender, batches
from epochly.telemetry.files import SPOOL

LOST = {"full": 0, "pii": 0, "old": 0}


def fill(files, now=None):
    """A batch that waits."""
    sender = Sender("A" * 16, "B" * 16, "1.2.3", "3.11", "linux", "x86_64")
    ((_, body),) = batches({events.gpu(asked=True, allowed=False): 2}, LOST, sender, 20_000, 0)
    files.inside(SPOOL).write(f"{now or int(time.time()):012d}-x-00000.json", body)
    return body


def rows(out):
    """What a table says."""
    return dict(re.split(" {2,}", line, maxsplit=1) for line in out.splitlines())


def test_status_says_whether_and_why(environ, files):
    """On or off, the reason, what waits and where; and looking makes no file."""
    code, out, _ = run(environ, "telemetry", "status")
    assert (code, rows(out)["telemetry"], rows(out)["because"]) == (0, "on", "nothing says no")
    assert rows(out)["notice"] == "not shown yet, so nothing was collected"
    assert rows(out)["kept in"] == files.path
    assert not os.path.exists(environ["EPOCHLY_STATE_DIR"])
    fill(files)
    assert re.fullmatch(r"1 batch, \d+ bytes", rows(run(environ, "telemetry", "status")[1])["waiting"])
    found = rows(run({**environ, "GITHUB_ACTIONS": "true"}, "telemetry", "status")[1])
    assert (found["telemetry"], found["next"]) == ("off", "nothing is sent")
    assert "`GITHUB_ACTIONS` is set" in found["because"]


@pytest.mark.parametrize("missing", [("EPOCHLY_ROOT_KEY",), ("EPOCHLY_ROOT_KEY", "EPOCHLY_API_URL")])
def test_status_says_that_nobody_can_be_believed(environ, missing):
    """Without a root key to check receipts with, it is off, for the public service too, and the reason says what helps."""
    found = rows(
        run({name: value for name, value in environ.items() if name not in missing}, "telemetry", "status")[1]
    )
    assert found["telemetry"] == "off"
    assert "EPOCHLY_ROOT_KEY" in found["because"]


def test_off_removes_what_waits_and_holds(environ, files):
    """`off` is kept, `on` takes it back; neither overrules a variable."""
    fill(files)
    code, _, err = run(environ, "telemetry", "off")
    assert (code, err) == (0, "epochly: telemetry is off; removed: 1 batch that waited\n")
    assert files.inside(SPOOL).sizes() == {}
    assert rows(run(environ, "telemetry", "status")[1])["telemetry"] == "off"
    assert run(environ, "telemetry", "on")[2] == "epochly: telemetry is on\n"
    assert rows(run(environ, "telemetry", "status")[1])["telemetry"] == "on"
    assert "stays off" in run({**environ, "DO_NOT_TRACK": "1"}, "telemetry", "on")[2]


def test_preview_prints_the_body_alone_to_stdout(environ, files):
    """So that it can be piped; what surrounds it goes to stderr. Nothing waits: a line says so."""
    code, out, err = run(environ, "telemetry", "preview")
    assert (code, out) == (0, "")
    assert "nothing waits" in err
    body = fill(files)
    code, out, err = run(environ, "telemetry", "preview")
    assert (code, out) == (0, body.decode() + "\n")
    assert err.startswith("POST https://telemetry.example/v1/telemetry/metrics\nHost: telemetry.example\n")
    assert f"Content-Length: {len(body)}\n" in err
    assert "telemetry is off" in run({**environ, "DO_NOT_TRACK": "1"}, "telemetry", "preview")[2]


def test_verify_of_no_log_is_whole(environ):
    """Nothing was sent, and that is what it says."""
    assert run(environ, "telemetry", "verify")[:2] == (
        0,
        "0 lines, 0 batches, 0 receipts: the log is whole\n",
    )
    assert run(environ, "telemetry", "show")[:2] == (0, "")


@pytest.mark.parametrize(
    "others",
    [{"EPOCHLY_API_URL": "https://another.example"}, {"EPOCHLY_ROOT_KEY": ""}],
    ids=["another", "none"],
)
def test_verify_does_not_pass_a_receipt_that_it_could_not_check(environ, files, world, others):
    """Under the service's own root it is checked and good; where nobody speaks for that service, it is told and is no success."""
    fill(files, world.now())
    assert post.send_next(world).sent
    assert run(environ, "telemetry", "verify")[:2] == (
        0,
        "3 lines, 1 batch, 1 receipt: the log is whole\n",
    )
    code, out, err = run(environ | others, "telemetry", "verify")
    assert (code, out) == (1, "3 lines, 1 batch, 0 receipts: the log is whole\n")
    assert "1 receipt could not be checked" in err


def test_schema_is_the_published_one(environ):
    """The command prints the repository's file."""
    from pathlib import Path

    published = (Path(__file__).parents[2] / "docs/spec/telemetry-v1.schema.json").read_text("utf-8")
    assert run(environ, "telemetry", "schema")[1] == published
    assert json.loads(published)["additionalProperties"] is False


def test_delete_leaves_the_choice_and_nothing_else(environ, files):
    """Log, queue and seed are gone; what the user said stays said."""
    run(environ, "telemetry", "on")
    fill(files)
    files.write("seed", bytes(32))
    files.inside("log").append("2026-11-26.ndjson", b"x\n")
    code, _, err = run(environ, "telemetry", "delete")
    assert (code, "removed: 1 batch that waited, 1 file of the log" in err) == (0, True)
    assert sorted(files.sizes()) == ["lock", "switch"]
    assert files.inside("log").sizes() == {}


@pytest.mark.parametrize(
    "words",
    [
        ("telemetry",),
        ("telemetry", "dance"),
        ("telemetry", "status", "x"),
        ("telemetry", "verify", "--offline"),
        ("lens",),
        ("lens", "login", "a", "b"),
        ("lens", "status", "x"),
    ],
)
def test_other_words_are_usage(environ, words):
    """One line to stderr, exit code 2."""
    code, out, err = run(environ, *words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "hint: see `epochly telemetry --help`" in err


def test_help_is_printed(environ):
    """To stdout, with each command."""
    code, out, _ = run(environ, "telemetry", "--help")
    assert code == 0
    assert run(environ, "lens", "login", "-h") == run(environ, "telemetry", "off", "--help") == (0, out, "")
    assert "`epochly telemetry off` was said" not in run(environ, "telemetry", "status")[1]
    assert all(
        word in out for word in ("status", "preview", "show", "verify", "schema", "delete", "lens login")
    )


@pytest.mark.parametrize("word", ["status", "preview", "show", "verify", "on", "off", "delete"])
def test_a_folder_that_cannot_be_used_is_one_line(environ, files, word):
    """Links, folders of others, files in the place of folders: a line, never a traceback."""
    os.makedirs(environ["EPOCHLY_STATE_DIR"])
    os.symlink("/", files.path)
    code, _, err = run(environ, "telemetry", word)
    assert err.count("\n") <= 2
    assert code in {0, 1}
    os.unlink(files.path)
    with open(files.path, "w", encoding="utf-8") as file:
        file.write("x")
    code, _, err = run(environ, "telemetry", word)
    assert code in {0, 1}
    assert "Traceback" not in err
    assert run({"EPOCHLY_STATE_DIR": "relative"}, "telemetry", word)[0] == 1
