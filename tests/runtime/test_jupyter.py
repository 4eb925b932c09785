"""`%%epochly` in a real IPython shell: the cell does what it does, and the report says what ran where."""

from __future__ import annotations

import pytest
from IPython.core import interactiveshell

HOT = """
def work(n):
    s = 0
    for i in range(n):
        s += i * i % 7
    return s
total = 0
for _ in range(60):
    total += work(60_000)
total
"""


@pytest.fixture
def shell(tmp_path, monkeypatch, world, public):
    """A shell of its own with the extension loaded, over a session with the real clock."""
    from time import perf_counter_ns

    assert public
    object.__setattr__(world.session.outside, "clock", perf_counter_ns)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    interactiveshell.InteractiveShell.clear_instance()
    made = interactiveshell.InteractiveShell.instance()
    made.history_manager.enabled = False
    made.run_line_magic("load_ext", "epochly")
    yield made
    made.run_line_magic("unload_ext", "epochly")
    interactiveshell.InteractiveShell.clear_instance()


def test_cell_runs_and_its_hot_functions_are_watched(shell, world, capsys):
    """The namespace, the value shown and the report are there; settings are back afterwards."""
    before = world.session.config
    result = shell.run_cell(f"%%epochly --level 2 --mode=aggressive --report\n{HOT}")
    shown = capsys.readouterr().out
    assert result.success
    assert shell.user_ns["total"] == 7199940
    assert "7199940" in shown
    assert "epochly: cell: level 2, mode aggressive" in shown
    assert "__main__.work" in shown
    assert world.session.config == before
    assert shell.user_ns["work"](10) == sum(i * i % 7 for i in range(10))


def test_cell_that_fails_shows_its_own_error(shell, capsys):
    """The traceback is the cell's, and a report still comes."""
    shell.run_cell("%%epochly --report\nx = 1\n1 / 0")
    shown = capsys.readouterr().out
    assert "ZeroDivisionError" in shown
    assert "epochly: cell: " in shown
    assert shell.user_ns["x"] == 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--level 9", "`--level` cannot be `9`"),
        ("--fast", "`%%epochly` has no option `--fast`"),
        ("x = 1", "`%%epochly` takes no `x`"),
    ],
)
def test_magic_refuses_in_words(shell, capsys, line, said):
    """A mistake is one line, and the cell is not run."""
    shell.run_cell(f"%%epochly {line}\ny = 1")
    assert said in capsys.readouterr().err
    assert "y" not in shell.user_ns


def test_extension_is_unloaded(shell, capsys):
    """The magic goes as it came."""
    shell.run_line_magic("unload_ext", "epochly")
    shell.run_cell("%%epochly\nx = 1")
    assert "not found" in capsys.readouterr().err
    shell.run_line_magic("load_ext", "epochly")
