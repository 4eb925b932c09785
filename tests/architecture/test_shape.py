"""The shape of a source file: its size, its name, and that its top says what it is."""

from __future__ import annotations

import ast
import re
from pathlib import PurePosixPath

import pytest

MOST_LINES = 400  # lines; above this the docstring has to say why, with the word `long`
DUMPING_GROUNDS = {
    "util",
    "utils",
    "helper",
    "helpers",
    "misc",
    "common",
    "manager",
    "managers",
    "tools",
    "stuff",
}


def shape_faults(path, text):
    """What is wrong with the shape of one Python file."""
    docstring = ast.get_docstring(ast.parse(text)) or ""
    if not docstring:
        yield f"{path}: its top does not say what it is"
    length = text.count("\n")
    if length > MOST_LINES and not re.search(r"\blong\b", docstring):
        yield f"{path}: {length} lines, and the docstring does not say why it is so long"


def name_faults(path):
    """Folders and modules under a package's `src` whose name says nothing."""
    for part in PurePosixPath(path).with_suffix("").parts:
        if part.strip("_") in DUMPING_GROUNDS:
            yield f"{path}: `{part}` says nothing about what is in it"


def test_every_python_file_says_what_it_is_and_why_it_is_long(committed):
    """The first lines of a file tell a reader whether it is the one they look for."""
    files = {path: data.decode() for path, data in committed.items() if path.endswith(".py")}
    faults = [fault for path, text in files.items() for fault in shape_faults(path, text)]
    assert not faults, "\n".join(faults)


def test_no_source_module_is_a_dumping_ground(modules):
    """A module is named after what it holds, so nothing gathers in one that is named after nothing."""
    faults = [fault for module in modules for fault in name_faults(module.path)]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    "text",
    [
        "x = 1\n",
        '"""What it is."""\n' + "x = 1\n" * MOST_LINES,
        '"""Belongs to it, along with y."""\n' + "\n" * 400,
    ],
)
def test_shape_faults_sees_a_planted_file(text):
    """The rule catches a silent file and an unexplained big one; `belongs` and `along` are no reasons."""
    assert len(list(shape_faults("planted.py", text))) == 1


def test_shape_faults_accepts_a_reason():
    """A big file that says why is fine."""
    assert list(shape_faults("planted.py", '"""One grammar, hence long."""\n' + "x = 1\n" * MOST_LINES)) == []


def test_name_faults_sees_a_planted_module():
    """The rule catches a module, a private one and a folder."""
    paths = ["src/epochly/utils.py", "src/epochly/_helpers.py", "src/epochly/common/units.py"]
    assert [len(list(name_faults(path))) for path in paths] == [1, 1, 1]
    assert list(name_faults("src/epochly/units.py")) == []
