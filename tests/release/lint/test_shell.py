"""The reader of scripts: commands are found where a shell would run them, and bounded for any text."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epochly_release.lint.shell import commands_in


def words(script):
    """The commands of a script, each on one line."""
    return [" ".join(command.words) for command in commands_in(script) if command.words]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("a b; c && d || e | f & g", ["a b", "c", "d", "e", "f", "g"]),
        ("a \\\n  b\nc", ["a b", "c"]),
        ("# a\nb # c\nd#e", ["b", "d#e"]),
        ("a 'b; c' \"d && e\"", ["a b; c d && e"]),
        ("X=1 Y=2 sudo -u me env Z=3 pip3.12 install x", ["pip install x"]),
        ("python3.13 -I -m build --wheel", ["build --wheel"]),
        ("/usr/bin/python -W error -m pip install x", ["pip install x"]),
        (".venv/bin/twine upload x", ["twine upload x"]),
        ("uv run --with x twine upload y", ["uv run --with x", "twine upload y"]),
        (
            "./.venv/bin/pip install x; $T/pip install y; ./bin/pip install z",
            ["pip install x", "pip install y", "./bin/pip install z"],
        ),
        ("x=$(pip install y)", ["pip install y"]),
        ('echo "$(pip install y)" --z', ["echo $(pip install y) --z", "pip install y"]),
        ("echo `pip install y`", ["echo SUBSTITUTION", "pip install y"]),
        ("if pip install x; then make; fi", ["pip install x", "make", "fi"]),
        ("(cd x && make)", ["cd x", "make"]),
        ("bash -euxc 'pip install a; make'", ["pip install a", "make"]),
        ("cat <<EOF\npip install x\nEOF\nmake", ["cat", "make"]),
        ("a 2>&1 &>x", ["a 2>&1 &>x"]),
        ("twine upload ${{ inputs.x && 'a; b' }}", ["twine upload EXPRESSION"]),
    ],
)
def test_commands_are_found_as_a_shell_would(script, expected):
    """Quotes, comments, continuations, substitutions and prefixes are read as a shell reads them."""
    assert words(script) == expected


def test_commands_have_the_line_they_begin_on():
    """A command's line is where its first word stands, behind continuations and here-documents too."""
    script = "a\n\nb \\\n c\ncat <<X\n1\n2\nX\nd 'x\ny'\ne ${{ a\n }} f\ng"
    assert [(command.words[0], command.line) for command in commands_in(script)] == [
        ("a", 0),
        ("b", 2),
        ("cat", 4),
        ("d", 8),
        ("e", 10),
        ("g", 12),
    ]


@given(st.text(alphabet="ab \n\\'\"`$(){}|&;<#=-EOF/.", max_size=200))
def test_commands_of_any_text_are_found_without_an_error(script):
    """Any text gives commands, on lines that it has."""
    last = script.count("\n")
    assert all(0 <= command.line <= last for command in commands_in(script))


@pytest.mark.parametrize("piece", ["$(", "${{", "`", "'", '"$(', "a$", "<<E\n", "(", "\\", "bash -c '", "a|"])
def test_commands_of_hostile_text_cost_little(piece):
    """A long run of one awkward piece costs time in proportion to its length."""
    started = time.perf_counter()
    commands_in(piece * 20_000)
    assert time.perf_counter() - started < 4
