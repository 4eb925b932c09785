"""What the architecture rules look at: every source file of the five packages, and every file git would commit.

A rule is a function over these values, so that a test can hand it a planted fault as easily as the real tree.
"""

from __future__ import annotations

import ast
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = {
    "epochly": "src",
    "epochly_verify": "verify/src",
    "epochly_sbom": "sbom/src",
    "epochly_release": "release/src",
    "epochly_service": "service/src",
}


@dataclass(frozen=True, slots=True)
class Module:
    """One Python file: its dotted name, its path in the repository, its text and its syntax tree."""

    name: str
    path: str
    text: str
    tree: ast.Module

    @property
    def package(self) -> str:
        """The import package it belongs to."""
        return self.name.partition(".")[0]

    @property
    def part(self) -> str:
        """The module or sub-package of its package it belongs to; `__init__` for the package's own file."""
        return self.name.split(".")[1] if "." in self.name else "__init__"

    @property
    def is_package(self) -> bool:
        """Whether relative imports in it start at its own name."""
        return self.path.endswith("__init__.py")


def _module(name: str, text: str, path: str = "") -> Module:
    path = path or name.replace(".", "/") + ".py"
    return Module(name, path, text, ast.parse(text))


def _modules() -> tuple[Module, ...]:
    found = []
    for package, folder in FOLDERS.items():
        for file in sorted((ROOT / folder / package).rglob("*.py")):
            parts = file.relative_to(ROOT / folder).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found.append(_module(name, file.read_text("utf-8"), file.relative_to(ROOT).as_posix()))
    return tuple(found)


@pytest.fixture(scope="session")
def root():
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def plant():
    """Make a module that never was, from a dotted name and its text."""
    return _module


@pytest.fixture(scope="session")
def modules():
    """Every module of the five packages."""
    return _modules()


@pytest.fixture(scope="session")
def committed():
    """Every file git holds or would hold, as repository path -> bytes."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout.decode()
    paths = sorted(path for path in listed.split("\0") if path and (ROOT / path).is_file())
    return {path: (ROOT / path).read_bytes() for path in paths}
