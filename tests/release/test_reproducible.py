"""All distributions of this repository, as committed: nothing about who builds them is seen in their bytes.

The other Pythons are those found here. They get the locked build tools as copies of ours, so nothing is downloaded.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest

import epochly_release
from epochly_release.build import USUAL, build_environment, build_once
from epochly_release.checkout import Repository, gather_facts
from epochly_release.compare import explain
from epochly_release.config import parse_config
from epochly_release.locks import parse_lock
from epochly_release.plan import plan_from_facts
from epochly_release.steps import build
from epochly_release.steps.result import Places
from epochly_release.world import Machine

FILES = 10  # five distributions, each an sdist and a wheel
ZLIB_NG = """\
import gzip, sys, zipfile
from zlib_ng import zlib_ng
sys.modules["zlib"] = gzip.zlib = zipfile.zlib = zlib_ng
"""
"""A `sitecustomize.py`, which Python imports as it starts: whatever compresses then does it with the other library."""

CANONICAL = """\
import pathlib, sys
from epochly_release.canonical import canonical
for path in pathlib.Path(sys.argv[1]).iterdir():
    path.write_bytes(canonical(path.name, path.read_bytes(), int(sys.argv[2])))
"""
SOURCES = str(Path(epochly_release.__file__).parents[1])


class Keeping:
    """The machine; `raw` keeps the files as backends made them, and builds get `extra` environment variables."""

    def __init__(self, **extra):
        self.world = Machine({"PATH": os.environ["PATH"]}, str, lambda _text: None)
        self.extra = extra
        self.raw = {}

    def __getattr__(self, name):
        return getattr(self.world, name)

    def run(self, arguments, *, environ=None, **options):
        """Start a program, a build with the extra variables."""
        building = list(arguments[1:3]) == ["-m", "build"]
        return self.world.run(
            arguments, environ={**environ, **self.extra} if building else environ, **options
        )

    def read(self, path):
        """A file's bytes, kept if a build made the file."""
        data = self.world.read(path)
        if os.path.basename(os.path.dirname(path)).startswith("out-"):
            self.raw[os.path.basename(path)] = data
        return data


def plan_of(folder, name, world):
    """What is to be made of a repository that has its configuration in the file called `name`."""
    data = (folder / name).read_bytes()
    config = parse_config(data, name)
    return plan_from_facts(config, gather_facts(Repository(str(folder), world), "HEAD", config, data))


def built(folder, root, world, *, config="release.toml", python=sys.executable, variation=USUAL):
    """The canonical bytes of all that comes out of a repository, by file name."""
    plan = plan_of(folder, config, world)
    place, origin = str(root / variation.place), Repository(str(folder), world)
    made = {}
    for one in plan.distributions:
        made |= build_once(plan, one, python, variation, root=place, origin=origin)
    return made


def put_in_canonical_form(raw, epoch, folder, python, *paths):
    """The canonical bytes of the backend's files, by another Python or with more on its path than our sources."""
    folder.mkdir()
    for name, data in raw.items():
        (folder / name).write_bytes(data)
    environ = {"PYTHONPATH": os.pathsep.join([SOURCES, *paths]), "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([python, "-c", CANONICAL, str(folder), str(epoch)], env=environ, check=True)
    return {name: (folder / name).read_bytes() for name in raw}


def differences(first, second):
    """What is not equal in two builds, in words."""
    assert first.keys() == second.keys()
    return [line for name in first for line in explain(name, first[name], second[name])]


def other_pythons():
    """One interpreter of each version other than ours, on the path or kept by pyenv: version -> path."""
    ask = "import sys; assert sys.version_info >= (3, 11); print(sys.version.split()[0], sys.executable)"
    names = ["/usr/bin/python3", *(f"python3.{minor}" for minor in range(11, 20))]
    found = {}
    for name in [*names, *map(str, Path.home().glob(".pyenv/versions/3.1[1-9]*/bin/python3"))]:
        if shutil.which(name):
            ran = subprocess.run([name, "-I", "-c", ask], capture_output=True, check=False, text=True)
            if ran.returncode == 0:
                number, path = ran.stdout.split()
                found.setdefault(number, path)
    found.pop(sys.version.split()[0], None)
    return found


def with_locked_tools(python, lock, folder):
    """A virtual environment of another Python, with copies of our build tools, which are pure Python."""
    subprocess.run([python, "-m", "venv", "--without-pip", str(folder)], check=True)
    (site,) = folder.glob("lib/python3.*/site-packages")
    for pin in parse_lock(lock.read_bytes(), str(lock)):
        if pin.requirement.marker is None or pin.requirement.marker.evaluate():
            for file in distribution(pin.name).files:
                if ".." not in file.parts and file.suffix != ".pyc":
                    (site / file).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(file.locate(), site / file)
    return str(folder / "bin" / "python")


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """This repository, as committed."""
    folder = tmp_path_factory.mktemp("reproducible") / "repository"
    subprocess.run(["git", "clone", "--quiet", "--", str(Path(__file__).parents[2]), str(folder)], check=True)
    return folder


@pytest.fixture(scope="module")
def usual(clone, tmp_path_factory):
    """What usually comes out of it: name -> canonical bytes, name -> the backend's own bytes, and the commit's time."""
    world = Keeping()
    made = built(clone, tmp_path_factory.mktemp("usual"), world)
    assert len(made) == len(world.raw) == FILES
    return made, world.raw, plan_of(clone, "release.toml", world).epoch


def test_distributions_do_not_depend_on_who_builds_them(usual, clone, tmp_path):
    """Sdists and wheels come out equal from other places, user, umask, zone, locale, order, and Python if there is one.

    All is varied at once, since each build takes a second; `make test-slow` varies one Python at a time.
    """
    made, _, epoch = usual
    others = other_pythons()
    lock = clone / "requirements" / "build.txt"
    python = with_locked_tools(others[min(others)], lock, tmp_path / "other") if others else sys.executable
    _, varied = build.circumstances([python], Keeping())
    world = Keeping()
    assert not differences(made, built(clone, tmp_path, world, python=python, variation=varied))
    assert not differences(made, put_in_canonical_form(world.raw, epoch, tmp_path / "form", python))


def test_distributions_do_not_depend_on_the_deflate_implementation(usual, clone, tmp_path):
    """Backends make other files with zlib-ng in zlib's place, and the canonical files are the same to the bit."""
    made, raw, epoch = usual
    (tmp_path / "sitecustomize.py").write_text(ZLIB_NG)
    world = Keeping(PYTHONPATH=str(tmp_path))
    assert not differences(made, built(clone, tmp_path, world))
    for kind in (".whl", ".tar.gz"):
        largest = max((name for name in made if name.endswith(kind)), key=lambda name: len(made[name]))
        assert world.raw[largest] != raw[largest], "zlib was not replaced"
    form = put_in_canonical_form(world.raw, epoch, tmp_path / "form", sys.executable, str(tmp_path))
    assert not differences(made, form)


@pytest.mark.slow
def test_release_of_this_repository_is_equal_from_every_python(clone, tmp_path):
    """One release step with every Python here, each under both circumstances, ends with equal bytes."""
    lock = clone / "requirements" / "build.txt"
    pythons = [with_locked_tools(path, lock, tmp_path / number) for number, path in other_pythons().items()]
    places = Places(
        str(clone), str(tmp_path / "out"), str(tmp_path / "b"), (sys.executable, *pythons), tools="installed"
    )
    notes = build.run(plan_of(clone, "release.toml", Keeping()), places, Keeping()).notes
    assert [note.rpartition("  ")[2] for note in notes] == [f"({2 + 2 * len(pythons)} equal builds)"] * FILES


@pytest.mark.slow
def test_extension_in_c_is_equal_for_each_python_by_itself(project, tmp_path):
    """The sample's extension comes out equal in two places, as two users; another Python makes a wheel of its own."""
    pythons = {"": sys.executable} | {
        number: with_locked_tools(path, project / "build.txt", tmp_path / number)
        for number, path in other_pythons().items()
    }
    _, varied = build.circumstances(list(pythons.values()), Keeping())
    for number, python in pythons.items():
        first, second = (
            built(project, tmp_path / "b", Keeping(), config="pyproject.toml", python=python, variation=one)
            for one in (USUAL, varied)
        )
        assert not differences(first, second), number


@pytest.mark.slow
def test_extension_in_c_depends_on_the_flags_of_its_python_and_not_on_the_patch_level(project, tmp_path):
    """Two Pythons of one minor version make the same wheel once neither adds compiler and linker flags of its own."""
    minor = f"{sys.version_info.major}.{sys.version_info.minor}."
    others = [path for number, path in other_pythons().items() if number.startswith(minor)]
    if not others or sys.platform != "linux":
        pytest.skip("there is no second patch level of this Python here")
    other = with_locked_tools(others[0], project / "build.txt", tmp_path / "other")
    root = tmp_path / "b" / USUAL.place
    flags = build_environment("", 0, str(root), USUAL)["CFLAGS"] + " -O2 -fno-stack-protector"
    world = Keeping(CC="gcc", LDSHARED="gcc -shared", CFLAGS=flags)
    first, second = (
        built(project, tmp_path / "b", world, config="pyproject.toml", python=python)
        for python in (sys.executable, other)
    )
    assert not differences(first, second)
