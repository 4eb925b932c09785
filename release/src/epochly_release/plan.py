"""What is to be released, decided from facts alone. Pure: Facts -> Plan; touches no file, clock or program.

A plan names the commit, its time, the version, the distributions and the files that must come out. Two machines with
the same commit have the same plan, and its sha256 ties a journal to it.

Sources: PEP 440 (versions), PEP 625 (sdist names), PEP 427 (wheel names), SOURCE_DATE_EPOCH (reproducible-builds.org).
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from epochly_release.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from epochly_release.config import Config


@dataclass(frozen=True, slots=True)
class Facts:
    """What was seen at the commit.

    Attributes:
        commit: full hexadecimal id.
        epoch: the commit's time, seconds since 1970.
        config_sha256: of the configuration's bytes.
        files: bytes of the version file, and of each distribution's `pyproject.toml`, by path.
    """

    commit: str
    epoch: int
    config_sha256: str
    files: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Distribution:
    """One project: its folder, its name, and the files that must come out (the wheel's tags are the build's to say)."""

    folder: str
    name: str
    sdist: str
    wheel_prefix: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a release depends on."""

    commit: str
    epoch: int
    version: str
    tag: str
    distributions: tuple[Distribution, ...]
    config: Config
    config_sha256: str

    def sha256(self) -> str:
        """The hash that names this plan."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def of_file(self, name: str) -> Distribution | None:
        """The distribution that the file called `name` belongs to, or `None`."""
        for distribution in self.distributions:
            wheel = name.startswith(distribution.wheel_prefix) and name.endswith(".whl")
            if name == distribution.sdist or wheel:
                return distribution
        return None


def pyproject_of(folder: str) -> str:
    """Path of a distribution's `pyproject.toml`, relative to the repository."""
    return "pyproject.toml" if folder == "." else f"{folder}/pyproject.toml"


def plan_from_facts(config: Config, facts: Facts) -> Plan:
    """The plan; raises `Refused` when the facts do not make one release."""
    text = facts.files[config.version_file].decode("utf-8", "replace").strip()
    try:
        version = str(Version(text))
    except InvalidVersion:
        version = ""
    if not version or version != text:
        _refuse(
            "version",
            config.version_file,
            f"holds {text[:40]!r}, no version in normal form",
            "write e.g. `1.2.0`",
        )
    distributions = tuple(
        _distribution(folder, version, facts.files[pyproject_of(folder)]) for folder in config.distributions
    )
    names = [distribution.name for distribution in distributions]
    if len(set(names)) != len(names):
        _refuse(
            "same-name", ", ".join(config.distributions), "two folders hold the same project", "rename one"
        )
    return Plan(
        commit=facts.commit,
        epoch=facts.epoch,
        version=version,
        tag=config.tag.replace("{version}", version),
        distributions=distributions,
        config=config,
        config_sha256=facts.config_sha256,
    )


def _distribution(folder: str, version: str, data: bytes) -> Distribution:
    where = pyproject_of(folder)
    try:
        document = tomllib.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        _refuse("pyproject", where, f"is no TOML: {error}", "mend it")
    project: Any = document.get("project")
    name = project.get("name") if isinstance(project, dict) else None
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9]([\w.-]*[A-Za-z0-9])?", name, re.ASCII):
        _refuse("pyproject", where, "names no project", "give `[project]` a `name`")
    stated = project.get("version", version)
    if stated != version:
        _refuse("version", where, f"says version {stated!r}, not `{version}`", "make them one")
    stem = f"{canonicalize_name(name).replace('-', '_')}-{version}"
    return Distribution(folder, name, f"{stem}.tar.gz", f"{stem}-")


def _refuse(code: str, where: str, message: str, hint: str) -> NoReturn:
    raise Refused(code, where, message, hint)
