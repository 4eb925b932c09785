"""What a project says about its releases: ten lines of TOML, read strictly. Pure: bytes -> Config.

In `release.toml` the keys stand under `[epochly-release]` or `[tool.epochly-release]`, in `pyproject.toml` under
`[tool.epochly-release]`. Unknown keys are refused: a misspelled one would be a check that silently does not happen.
The keys are described in `docs/guide/release.md`.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import Any, NoReturn

from epochly_release.errors import InputError


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock with hashes, and the requirements file written by hand that it answers."""

    path: str
    source: str


@dataclass(frozen=True, slots=True)
class Config:
    """How a project is released.

    Attributes:
        distributions: folders, relative to the repository, each with a `pyproject.toml`.
        version_file: file that holds the version and nothing else.
        changelog: file with a heading for every version.
        locks: every lock that must be fresh.
        build_lock: the lock that holds the build tools.
        tag: format of the tag, with `{version}`.
        repository: `owner/name` at the forge.
        workflow: file name of the releasing workflow.
        environment: the workflow's deployment environment.
        ref: git ref the releasing workflow runs at.
        trigger: event that starts it.
        index: address of a PEP 691 index, or empty for the client's own.
        upload_url: address of the legacy upload interface, or empty for the client's own.
        trust_config: file with a Sigstore client trust configuration, or empty for the public instance.
        same_path: the second build uses the first one's path, for backends that write it into what they build.
    """

    distributions: tuple[str, ...]
    version_file: str
    changelog: str
    locks: tuple[Lock, ...]
    build_lock: str
    repository: str
    workflow: str
    environment: str
    tag: str = "v{version}"
    ref: str = "refs/heads/main"
    trigger: str = "workflow_dispatch"
    index: str = ""
    upload_url: str = ""
    trust_config: str = ""
    same_path: bool = False


REQUIRED = (
    "distributions",
    "version-file",
    "changelog",
    "locks",
    "build-lock",
    "repository",
    "workflow",
    "environment",
)
OPTIONAL = ("tag", "ref", "trigger", "index", "upload-url", "trust-config", "same-path")


def parse_config(data: bytes, origin: str) -> Config:
    """The configuration in a TOML file; raises `InputError` that names the key."""
    try:
        document = tomllib.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        _refuse(origin, f"is no TOML: {error}", "see `docs/guide/release.md` for an example")
    tool = document.get("tool")
    table = tool.get("epochly-release") if isinstance(tool, dict) else None
    if table is None:
        table = document.get("epochly-release")
    if not isinstance(table, dict):
        _refuse(
            origin, "has no table `[tool.epochly-release]`", "see `docs/guide/release.md` for the ten lines"
        )
    for key in table:
        if key not in {*REQUIRED, *OPTIONAL}:
            _refuse(origin, f"has the unknown key {key!r}", f"known are {', '.join((*REQUIRED, *OPTIONAL))}")
    for key in REQUIRED:
        if key not in table:
            _refuse(origin, f"has no key `{key}`", "see `docs/guide/release.md` for what it means")
    folders = table["distributions"]
    if (
        not isinstance(folders, list)
        or not folders
        or len({str(folder) for folder in folders}) != len(folders)
    ):
        _refuse(
            origin, "`distributions` is no list of different folders", 'write e.g. `distributions = ["."]`'
        )
    locks = table["locks"]
    if not isinstance(locks, dict):
        _refuse(origin, "`locks` is no table", 'write `locks = { "requirements.txt" = "requirements.in" }`')
    config = Config(
        distributions=tuple(_path(origin, "distributions", folder) for folder in folders),
        version_file=_path(origin, "version-file", table["version-file"]),
        changelog=_path(origin, "changelog", table["changelog"]),
        locks=tuple(
            Lock(_path(origin, "locks", lock), _path(origin, "locks", locks[lock])) for lock in sorted(locks)
        ),
        build_lock=_path(origin, "build-lock", table["build-lock"]),
        repository=_text(origin, "repository", table["repository"], r"[\w.-]+/[\w.-]+"),
        workflow=_text(origin, "workflow", table["workflow"], r"[\w.-]+\.ya?ml"),
        environment=_text(origin, "environment", table["environment"], r"[\w ./-]+"),
        tag=_text(origin, "tag", table.get("tag", "v{version}"), r"[\w./-]*\{version\}[\w./-]*"),
        ref=_text(origin, "ref", table.get("ref", "refs/heads/main"), r"refs/(heads|tags)/[\w./-]+"),
        trigger=_text(origin, "trigger", table.get("trigger", "workflow_dispatch"), r"[a-z_]+"),
        index=_text(origin, "index", table.get("index", ""), r"(https?://\S+)?"),
        trust_config=_path(origin, "trust-config", table["trust-config"]) if "trust-config" in table else "",
        upload_url=_text(origin, "upload-url", table.get("upload-url", ""), r"(https?://\S+)?"),
        same_path=table.get("same-path", False),
    )
    if not isinstance(config.same_path, bool):
        _refuse(
            origin, "`same-path` is neither true nor false", "leave it out unless a backend writes its path"
        )
    if config.build_lock not in {lock.path for lock in config.locks}:
        _refuse(
            origin, f"`build-lock` names `{config.build_lock}`, which is not in `locks`", "add it to `locks`"
        )
    return config


def _path(origin: str, key: str, value: Any) -> str:
    text = _text(origin, key, value, r"[^\0\\:]+")
    if text != "." and any(part in {"", ".", ".."} for part in text.split("/")):
        _refuse(
            origin, f"`{key}` leaves the repository: {text!r}", "use a path relative to its top, with `/`"
        )
    return text


def _text(origin: str, key: str, value: Any, pattern: str) -> str:
    if not isinstance(value, str) or not re.fullmatch(pattern, value, re.ASCII if "w" in pattern else 0):
        _refuse(origin, f"`{key}` cannot be {value!r}", "see `docs/guide/release.md` for what it means")
    return value


def _refuse(where: str, message: str, hint: str) -> NoReturn:
    raise InputError("config", where, message, hint)
