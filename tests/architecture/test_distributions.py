"""The five distributions agree: one version, one licence, the same Pythons, and locks that hold every byte."""

from __future__ import annotations

import re
import tomllib
from importlib import import_module, metadata

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

OURS = {
    ".": ("epochly", "epochly"),
    "verify": ("epochly-verify", "epochly_verify"),
    "sbom": ("epochly-sbom", "epochly_sbom"),
    "release": ("epochly-release", "epochly_release"),
    "service": ("epochly-service", "epochly_service"),
}
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
MAY_DEPEND = {"epochly-release": {"epochly-verify", "epochly-sbom"}}


def project_faults(folder, settings):
    """What is wrong with one distribution's `pyproject.toml`, given as parsed TOML."""
    project, name = settings["project"], OURS[folder][0]
    version_file = "VERSION" if folder == "." else "../VERSION"
    wanted = {
        "name": (project.get("name"), name),
        "licence": (project.get("license"), "Apache-2.0"),
        "requires-python": (project.get("requires-python"), ">=3.11"),
        "version file": (settings["tool"]["hatch"]["version"].get("path"), version_file),
        "version": ("version" in project.get("dynamic", []) and "version" not in project, True),
        "build backend": (settings["build-system"]["build-backend"], "hatchling.build"),
    }
    yield from (
        f"{name}: {what} is {seen!r}, not {good!r}" for what, (seen, good) in wanted.items() if seen != good
    )
    prefix = "Programming Language :: Python :: 3."
    pythons = [f"3.{line.removeprefix(prefix)}" for line in project["classifiers"] if line.startswith(prefix)]
    if pythons != PYTHONS:
        yield f"{name}: classifiers name Pythons {pythons}, not {PYTHONS}"
    asked = {Requirement(line).name for line in project.get("dependencies", [])}
    crossing = asked & {ours for ours, _ in OURS.values()} - MAY_DEPEND.get(name, set())
    yield from (f"{name}: depends on {other}" for other in sorted(crossing))


def lock_faults(text):
    """Requirements in a lock that no hash holds, and options that name an index."""
    logical = re.sub(r"\\\n", " ", text)
    for line in logical.splitlines():
        words = line.partition(" #")[0].strip()
        if not words or words.startswith("#"):
            continue
        if words.startswith("-"):
            yield f"option {words.split()[0]}"
        elif "==" not in words or not re.search(r"--hash=sha256:[0-9a-f]{64}\b", words):
            yield f"{words.split()[0]} is not pinned by version and hash"


def test_distributions_share_version_licence_and_pythons(root):
    """Five wheels of one repository come out with one version, one licence and the same Pythons."""
    faults = [
        fault
        for folder in OURS
        for fault in project_faults(
            folder, tomllib.loads((root / folder / "pyproject.toml").read_text("utf-8"))
        )
    ]
    assert faults == []


def test_sdists_hold_what_is_theirs(root):
    """A pattern without a leading slash matches in every folder, and carries other people's files along."""
    for folder in OURS:
        project = tomllib.loads((root / folder / "pyproject.toml").read_text("utf-8"))
        included = project["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
        assert included
        assert [pattern for pattern in included if not pattern.startswith("/")] == [], folder


@pytest.mark.parametrize(("distribution", "package"), OURS.values())
def test_a_package_tells_the_version_in_the_one_version_file(root, distribution, package):
    """The file `VERSION` is where a release is numbered; installed metadata and `__version__` follow it."""
    version = (root / "VERSION").read_text("utf-8").strip()
    assert str(Version(version)) == version
    assert metadata.version(distribution) == version
    assert import_module(package).__version__ == version


@pytest.mark.parametrize("folder", OURS)
def test_a_distribution_carries_the_whole_licence_and_types(root, folder):
    """Every wheel ships the same licence text, and tells type checkers that it is typed."""
    assert (root / folder / "LICENSE").read_bytes() == (root / "LICENSE").read_bytes()
    source = root / ("src" if folder == "." else f"{folder}/src") / OURS[folder][1]
    assert (source / "py.typed").is_file()


def test_locks_hold_every_requirement_by_hash(root):
    """What `make` installs was chosen when the lock was written, not when it is installed."""
    locks = sorted((root / "requirements").glob("*.txt"))
    names = [
        "bench.txt",
        "build.txt",
        "corpus.txt",
        "demo.txt",
        "detectors.txt",
        "dev.txt",
        "fuzz.txt",
        "release.txt",
        "service.txt",
        "verify.txt",
    ]
    assert [lock.name for lock in locks] == names
    assert [f"{lock.name}: {fault}" for lock in locks for fault in lock_faults(lock.read_text("utf-8"))] == []


def test_project_faults_sees_a_planted_fault(root):
    """The rule catches each value that may not differ, and a dependency against the arrows."""
    good = tomllib.loads((root / "sbom" / "pyproject.toml").read_text("utf-8"))
    bad = good | {
        "project": good["project"] | {"license": "MIT", "version": "1.0", "dependencies": ["epochly>=1"]}
    }
    bad["project"]["classifiers"] = []
    bad["project"]["requires-python"] = ">=3.9"
    assert len(list(project_faults("sbom", bad))) == 5


def test_lock_faults_sees_a_planted_fault():
    """The rule catches a requirement without version, one without hash, and an index option."""
    held = "a==1 \\\n    --hash=sha256:" + "0" * 64 + "\n    # via b\n"
    assert list(lock_faults("# made by a tool\n" + held)) == []
    assert len(list(lock_faults(held + "c==1\nd>=2 --hash=sha256:" + "0" * 64 + "\n--index-url x\n"))) == 3
