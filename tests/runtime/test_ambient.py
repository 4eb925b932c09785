"""The one place where the runtime meets its process, and the door to the compiler."""

from __future__ import annotations

import importlib
import sys

from epochly import _ambient
from epochly._compiler import Compiler, find_compiler


def test_machine_is_this_one_and_imports_nothing_heavy():
    """Cores, Python and versions are told, and a library that is not installed is None."""
    machine = _ambient.machine()
    assert machine.python == sys.version_info[:3]
    assert machine.cores >= 1
    assert _ambient.installed_version("a-library-that-is-not-there") is None


def test_session_says_what_it_could_not_read(monkeypatch, capsys):
    """A wrong variable is one line on stderr that begins with our name."""
    monkeypatch.setenv("EPOCHLY_LEVEL", "9")
    session = _ambient.new_session()
    assert session.config.level == 0
    said = capsys.readouterr().err
    assert said.startswith("epochly: `EPOCHLY_LEVEL` is `9`")
    assert said.count("\n") == 1


def test_saying_survives_a_missing_stderr(monkeypatch):
    """A program without stderr (a service, a windowed program) is not broken by a line of ours."""
    monkeypatch.setattr(sys, "stderr", None)
    _ambient.say("nobody hears this")


def test_compiler_is_found():
    """The exact compiler gives what the door promises."""
    found = find_compiler({})
    assert isinstance(found, Compiler)
    assert issubclass(found.deopt, Exception)


def test_compiler_that_does_not_load_is_a_line(monkeypatch):
    """Without it there is a reason with a hint, and no error."""

    def missing(name):
        raise ImportError(f"no {name}")

    monkeypatch.setattr(importlib, "import_module", missing)
    assert find_compiler({}).startswith("the exact compiler does not load (no epochly._exact)")
    assert "; hint: " in find_compiler({})
