"""The one place where the runtime meets its process, and the door to the compiler."""

from __future__ import annotations

import importlib
import importlib.metadata
import subprocess
import sys

import pytest

from epochly import _ambient
from epochly._compiler import Compiler, find_compiler


def test_machine_is_this_one_and_imports_nothing_heavy():
    """Cores, Python and versions are told, and a library that is not installed is None."""
    machine = _ambient.machine()
    assert machine.python == sys.version_info[:3]
    assert machine.cores >= 1
    assert _ambient.installed_version("a-library-that-is-not-there") is None


@pytest.fixture
def on_the_path(tmp_path, monkeypatch):
    """Two folders in front of the path; makes a record of a distribution in one of them."""
    monkeypatch.setattr(
        sys, "path", [str(tmp_path / "none"), str(tmp_path / "a"), str(tmp_path / "b"), *sys.path]
    )

    def record(place, *, says):
        folder = tmp_path / place
        folder.mkdir(parents=True)
        told = folder / ("PKG-INFO" if place.endswith(".egg-info") else "METADATA")
        told.write_text(f"Metadata-Version: 2.1\nName: a-thing.of\nVersion: {says}\n")
        return folder

    return record


@pytest.mark.parametrize(
    "places",
    [
        ["a/a_thing_of-1.2.3.dist-info"],
        ["a/a_thing.of-1.2.3.dist-info", "b/a_thing_of-9.dist-info"],
        ["a/A_Thing_Of-1.2.3.dist-info", "a/a_thing_of_more-9.dist-info", "a/a_thing-9.dist-info"],
        ["b/a_thing_of-1.2.3.dist-info"],
        ["a/a_thing_of-1.2.3.egg-info", "b/a_thing_of-9.dist-info"],
        ["a/a_thing_of.egg-info", "b/a_thing_of-9.dist-info"],
        ["b/a_thing_of-1.2.3+local.4.dist-info"],
    ],
)
def test_versions_are_those_that_the_standard_library_finds(on_the_path, places):
    """Whichever folder of the path records it, in whatever form of its name, the first one counts."""
    for place in places:
        on_the_path(place, says="9" if "-9." in place else "1.2.3+local.4" if "+" in place else "1.2.3")
    told = importlib.metadata.version("a-thing.of")
    assert told.startswith("1.2.3")
    assert _ambient.installed_version("a-thing.of") == told


def test_a_folder_without_its_record_tells_no_version(on_the_path):
    """What is left of a distribution that was taken away, its folder without `METADATA`, is not taken for it."""
    (on_the_path("b/a_thing_of-9.dist-info", says="9") / "METADATA").unlink()
    on_the_path("a/another-1.dist-info", says="1")
    assert _ambient.installed_version("a-thing.of") is None


def test_what_this_python_has_is_told_alike():
    """For each library that a decision rests on."""
    for name in ("numba", "llvmlite", "numpy", "prometheus-client", "Jinja2"):
        assert _ambient.installed_version(name) == importlib.metadata.version(name)


def test_looking_at_the_machine_loads_nothing():
    """In a program of its own: the modules that reading metadata takes would stay in its heap."""
    told = subprocess.run(
        [
            sys.executable,
            "-c",
            "import epochly._ambient as a, sys; before = set(sys.modules); m = a.machine(); print(m.numba, *set(sys.modules) - before)",
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    assert told == [importlib.metadata.version("numba"), "epochly._machine"]


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
