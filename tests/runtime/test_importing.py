"""`import epochly` costs next to nothing: held by what it may not import, not by a clock."""

from __future__ import annotations

import subprocess
import sys

import pytest

ALWAYS_HEAVY = {"numpy", "numba", "llvmlite", "psutil", "logging", "concurrent.futures", "asyncio"}
HEAVY = {*ALWAYS_HEAVY, "typing", "inspect", "dataclasses", "threading", "functools", "importlib.metadata"}
PROBE = "import sys; before = set(sys.modules); {}; print(*sorted(set(sys.modules) - before))"


def imported(statement):
    """The modules a statement brings into a fresh interpreter."""
    command = [sys.executable, "-I", "-c", PROBE.format(statement)]
    return set(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())


def test_importing_brings_one_module():
    """A program that imports epochly and uses nothing of it has loaded one small file."""
    new = imported("import epochly")
    assert not new & HEAVY
    assert {name for name in new if name.startswith("epochly")} == {"epochly"}


@pytest.mark.parametrize(
    "statement",
    [
        "import epochly; epochly.optimize(lambda x: x)",
        "import epochly; f = epochly.optimize(lambda x: x); [f(1) for _ in range(1000)]; epochly.stats()",
    ],
)
def test_watching_a_function_brings_nothing_heavy(statement):
    """Counting and timing calls needs none of the libraries that compiling and threading need, nor any that takes long."""
    slow = {"re", "json", "hashlib", "contextlib", "collections", "enum", "struct"}
    assert not imported(statement) & {*HEAVY, *slow, "epochly._exact"}


def test_running_a_program_brings_nothing_that_takes_long(tmp_path):
    """`epochly run` itself needs no library whose classes are made by generated code, and none for a form of report that nobody asked for."""
    script = tmp_path / "empty.py"
    script.write_text("pass\n")
    new = imported(f"import epochly.cli; epochly.cli.main(['run', {str(script)!r}])")
    slow = {"re", "json", "html", "hashlib", "enum", "ast", "dis", "struct", "contextlib"}
    assert "epochly._finder" in new
    assert not new & ({*HEAVY, *slow} - {"threading", "functools"})  # the two it needs
