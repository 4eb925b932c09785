"""`docs/guide/operators.md`: what it tells people to type is understood, and its program does what it says."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from epochly_service.admin.arguments import parse
from epochly_service.admin.commands import COMMANDS

GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "operators.md"
TEXT = GUIDE.read_text("utf-8")
LINES = re.findall(r"^epochly-service admin (.+)$", TEXT, re.MULTILINE)


@pytest.mark.parametrize("line", LINES)
def test_guide_shows_commands_that_there_are(line):
    """Each line of the guide parses, and is a command."""
    command, _ = parse(shlex.split(line))
    assert command in COMMANDS


def test_guide_leaves_no_command_out():
    """Each command is in the guide, the lists aside."""
    shown = {parse(shlex.split(line))[0] for line in LINES}
    named = {tuple(words.split()) for words in re.findall(r"`(\w+ \w+)(?: KID)?`", TEXT)}
    missing = set(COMMANDS) - shown - named - {("migrate",), ("operator", "enable")}
    assert {command for command in missing if command[-1] != "list"} == set()


def test_program_of_the_guide_judges_an_export(deployment, tmp_path):
    """The dozen lines of the guide find an export whole, with the same head, and a changed one not."""
    deployment.admin("account", "add", "Acme")
    deployment.admin("account", "add", "Other")
    file = tmp_path / "audit.ndjson"
    head = deployment.ask("audit", "export", str(file))["head"]
    program = re.search(r"```python\n(.+?)```", TEXT, re.DOTALL)[1]

    def run():
        done = subprocess.run(
            [sys.executable, "-Ic", program, str(file)], capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout + done.stderr

    assert run() == (0, f"whole; head {head}\n")
    file.write_text(file.read_text().replace("operator:cli", "operator:eve", 1))
    assert run() == (1, "row 1 was changed, is missing or was put in\n")
