"""The guide to telemetry shows what happens: its commands print what stands below them, its table turns off what it says, its numbers are the code's."""

from __future__ import annotations

import re
from pathlib import Path

from commanded import run

from epochly.telemetry import limits
from epochly.telemetry.consent import CI, consent

GUIDE = (Path(__file__).parents[2] / "docs/guide/telemetry.md").read_text("utf-8")
PAGE = (Path(__file__).parents[2] / "docs/security/telemetry-data-flow.md").read_text("utf-8")


def test_commands_print_what_the_guide_shows(environ):
    """On a machine where nothing ran yet; only the folder is another."""
    blocks = re.findall(r"```console\n\$ epochly ([^\n]*)\n(.*?)```", GUIDE, re.DOTALL)
    assert [words for words, _ in blocks] == ["telemetry status", "telemetry preview", "telemetry verify"]
    for words, shown in blocks:
        code, out, err = run(environ, *words.split())
        assert code == 0
        told = (out + err.replace("epochly: ", "")).replace(
            environ["EPOCHLY_STATE_DIR"], "/var/lib/example/epochly"
        )
        assert told == shown


def test_every_variable_of_the_table_turns_it_off():
    """Each row with a variable does what it says, in the guide and on the page about what is sent."""
    rows = re.findall(r"^\| `([A-Z_]+)=([01])` \|", GUIDE, re.MULTILINE)
    assert {name for name, _ in rows} == {
        "EPOCHLY_TELEMETRY",
        "EPOCHLY_DISABLE_TELEMETRY",
        "DO_NOT_TRACK",
        "EPOCHLY_OFFLINE_MODE",
    }
    for name, value in rows:
        assert not consent({name: value}, b"on\n").on
        assert f"`{name}={value}`" in PAGE
    for name in re.findall(r"`([A-Z_]+)`", re.search(r"^\| a CI variable .*$", GUIDE, re.MULTILINE)[0]):
        assert name in CI


def test_numbers_are_those_of_the_code():
    """Limits on the page are the ones that hold."""
    assert f"of {limits.MOST_A_DAY} batches" in GUIDE
    assert (
        f"{limits.MOST_WAITING_BYTES // 1024**2} MiB waits, for at most {limits.MOST_WAITING_S // 86_400} days"
        in GUIDE
    )
    assert (limits.FIRST_S, limits.MOST_FAILURES, limits.CLOSED_S) == (60, 3, 6 * 3_600)
