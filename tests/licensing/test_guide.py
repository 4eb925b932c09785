"""The guide to licences shows what happens: its commands print what stands below them, its program runs, its table is the code's."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from fake_service import KEY

import epochly.cli
from epochly.licensing import cli, state
from epochly.licensing.entitlement import PLANS

GUIDE = (Path(__file__).parents[2] / "docs" / "guide" / "licensing.md").read_text("utf-8")
BLOCKS = re.findall(r"```console\n\$ epochly ([^\n]*)\n(.*?)```", GUIDE, re.DOTALL)


def settled(text):
    """Text without what is another in each run: ids, digests, widths of columns, the folder."""
    text = re.sub(r"\b(lic|dev)_[\w-]{22}", r"\1_ID", text)
    text = re.sub(r"\b[0-9a-f]{64}\b", "DIGEST", text)
    text = re.sub(r"(kept in +)\S+", r"\1FOLDER", text)
    return re.sub(r" {2,}", "  ", text)


def test_commands_print_what_the_guide_shows(machine, service, monkeypatch, capsys):
    """One after the other, on one machine; only ids, digests and the folder are others."""
    session = machine()
    monkeypatch.setattr(cli, "session_here", lambda _environ: session)
    assert [command for command, _ in BLOCKS] == [
        "license trial",
        "license activate",
        "license status",
        "license checkout 14",
        "license devices",
        "device show",
        "compatibility",
    ]
    for command, shown in BLOCKS:
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{KEY}\n"))
        assert epochly.cli.main(command.split(), environ={}) == 0
        out, err = capsys.readouterr()
        assert ("is still taken; hint: `epochly license release dev_" in err) is (
            command == "license activate"
        )
        assert settled(out) == settled(shown), command
    assert service.licence.plan == "professional"


def test_the_program_runs(tmp_path):
    """What a reader copies works; the line it promises is the one on stderr."""
    (block,) = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("EPOCHLY")}
    done = subprocess.run(
        [sys.executable, "-c", block],
        check=False,
        capture_output=True,
        text=True,
        env=environ | {"EPOCHLY_STATE_DIR": str(tmp_path / "s")},
    )
    assert done.returncode == 0, done.stderr
    assert "level 4 acts as level 3" in done.stderr


@pytest.mark.parametrize("plan", PLANS)
def test_the_table_of_plans_is_the_code_s(plan):
    """Each plan's row says what it has."""
    row = next(line for line in GUIDE.splitlines() if line.startswith(f"| `{plan}` |"))
    cells = [cell.strip() for cell in row.strip("|").split("|")][2:6]
    assert [cell.startswith(("yes", "all")) for cell in cells] == [
        feature in PLANS[plan] for feature in ("multi-core", "gpu", "lens", "cluster")
    ]


def test_the_table_of_files_is_the_code_s():
    """Every file of the folder is named, besides its lock."""
    for name in (state.KEY, state.NODE, state.INSTALL, state.ENROLLED, state.HELD):
        assert f"`{name}`" in GUIDE
