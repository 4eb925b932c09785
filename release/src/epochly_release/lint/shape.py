"""What each step of a workflow is there for: build, test, install, verify, publish, confirm. The rules' common eyes.

A step is told by the commands and actions it names. An action or script that is not in these tables is taken for neither
good nor bad: it never counts as verifying, and it counts as building only where it runs the repository's own files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

from epochly_release.lint.installs import loose_action, loose_install
from epochly_release.lint.shell import Command, commands_in, stopping

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from epochly_release.lint.model import Job, Step, Workflow

Table: TypeAlias = "set[tuple[str, ...]]"
_STOPPING_SHELLS = {"", "bash", "sh"}  # what the forge runs with `-e`
OURS = "epochly-release"
STATUS_FUNCTION = re.compile(r"\b(?:always|failure|cancelled)\s*\(", re.IGNORECASE)

_BUILDS: Table = {
    ("build",),
    ("pyproject-build",),
    ("cibuildwheel",),
    ("pip", "wheel"),
    ("hatch", "build"),
    ("hatchling", "build"),
    ("flit", "build"),
    ("poetry", "build"),
    ("pdm", "build"),
    ("uv", "build"),
    ("maturin", "build"),
    ("maturin", "sdist"),
    ("npm", "pack"),
    ("cargo", "build"),
    (OURS, "build"),
}
_BUILD_ACTIONS = {"pypa/cibuildwheel", "hynek/build-and-inspect-python-package", "pyo3/maturin-action"}
_TESTS: Table = {
    ("pytest",),
    ("tox",),
    ("nox",),
    ("unittest",),
    ("coverage",),
    ("npm", "test"),
    ("npm", "run"),
    ("cargo", "test"),
    ("go", "test"),
    ("hatch", "test"),
}
_PUBLISHES: Table = {
    ("twine", "upload"),
    ("uv", "publish"),
    ("hatch", "publish"),
    ("flit", "publish"),
    ("poetry", "publish"),
    ("pdm", "publish"),
    ("maturin", "upload"),
    ("maturin", "publish"),
    ("npm", "publish"),
    ("cargo", "publish"),
    (OURS, "publish"),
}
_PUBLISH_ACTIONS = {
    "pypa/gh-action-pypi-publish",
    "js-devtools/npm-publish",
    "ansys/actions/release-pypi-public",
}
_COMPARES: Table = {("cmp",), ("diff",), ("diffoscope",), (OURS, "compare")}
_JUDGES: Table = {("epochly-verify",)}
_VERIFIES: Table = {("epochly-verify",), (OURS, "verify")}
_CONFIRMS: Table = {(OURS, "confirm")}
_DOWNLOADS: Table = {("pip", "download"), ("uv", "pip", "download")}
_PROJECT_CODE: Table = {("make",), ("just",), ("cmake",), ("ninja",), ("meson",), ("setup.py",)}
_SCRIPT = re.compile(r"\A(?!/)[^-\s]*\.(?:py|sh|bash|js|mjs|ts)\Z|\A\.{1,2}/")


@dataclass(frozen=True, slots=True)
class Act:
    """Something a step does: its line, its words, and whether its failure stops the job."""

    line: int
    text: str
    step: int
    stops: bool


def acts(job: Job) -> Iterator[tuple[Act, Step, Command | None, Command | None]]:
    """Every command and action of a job in order; with a command, the one piped into it."""
    for place, step in enumerate(job.steps):
        if step.uses is not None:
            yield Act(step.uses.line, step.uses.text, place, step.must_pass), step, None, None
        elif step.run is not None:
            before: Command | None = None
            commands = commands_in(step.run.text)
            for command, stops in zip(commands, stopping(commands), strict=True):
                if command.words:
                    line = step.run.line_of(command.line)
                    held = stops and step.must_pass and step.shell in _STOPPING_SHELLS
                    yield Act(line, command.text, place, held), step, command, before
                before = command if command.after in ("|", "|&") else None


def _begins(words: tuple[str, ...], table: Table) -> bool:
    """Whether the words are one of the table's commands, options between program and verb left aside."""
    plain = [words[0], *(word for word in words[1:] if not word.startswith("-"))]
    return any(tuple(plain[: len(known)]) == known for known in table)


def _found(job: Job, table: Table, actions: set[str] | None = None) -> Iterator[Act]:
    for act, step, command, _ in acts(job):
        if (command is None and step.action in (actions or set())) or (
            command is not None and _begins(command.words, table)
        ):
            yield act


def builds(job: Job) -> Iterator[Act]:
    """Where a job makes a distribution."""
    yield from _found(job, _BUILDS, _BUILD_ACTIONS)
    for act, _, command, _ in acts(job):
        if command is not None and command.words[0] == "python" and command.words[1:2] == ("setup.py",):
            yield act


def runs_project_code(job: Job) -> Iterator[tuple[Act, str]]:
    """Where a job builds, tests or runs the repository's files: (act, what it does)."""
    yield from ((act, "builds") for act in builds(job))
    yield from ((act, "tests") for act in _found(job, _TESTS))
    for act, step, command, _ in acts(job):
        if command is None:
            if step.uses is not None and step.uses.text.startswith("./"):
                yield act, "runs an action of the repository's own files"
        elif _begins(command.words, _PROJECT_CODE):
            yield act, "runs the repository's own recipes"
        elif _installs_here(command):
            yield act, "builds, because installing a folder runs its build"
        elif _runs_script(command):
            yield act, "runs a file of the repository"


def _installs_here(command: Command) -> bool:
    if command.words[:2] in (("uv", "sync"), ("uv", "run")):
        return "--no-install-project" not in command.words and "--no-project" not in command.words
    words = command.words[1:] if command.words[0] == "uv" else command.words
    if words[:2] != ("pip", "install"):
        return False
    given = [word for before, word in pairwise(words) if before not in ("-r", "-c", "--find-links")]
    return any(word in (".", "-e", "--editable") or re.match(r"\.{1,2}/|\.\[", word) for word in given)


def _runs_script(command: Command) -> bool:
    program = command.words[0]
    script = program
    if program in ("python", "bash", "sh", "node"):
        script = next((word for word in command.words[1:] if not word.startswith("-")), "")
        if "-c" in command.words[1:]:
            return False
    return bool(_SCRIPT.match(script)) and script != "setup.py"


def installs(job: Job) -> Iterator[tuple[Act, str]]:
    """Where a job brings in code nobody fixed beforehand: (act, why)."""
    for act, step, command, before in acts(job):
        why = loose_action(step) if command is None else loose_install(command, before)
        if why:
            yield act, why


def publishes(job: Job) -> Iterator[Act]:
    """Where a job uploads to an index."""
    yield from _found(job, _PUBLISHES, _PUBLISH_ACTIONS)


def verifies(job: Job) -> Iterator[Act]:
    """Where a job verifies what was built, in a way that stops it on failure."""
    for act in _found(job, _VERIFIES):
        if act.stops:
            yield act


def confirms(job: Job) -> Iterator[Act]:
    """Where a job fetches what users get and verifies that."""
    fetched = {act.step for act in _found(job, _DOWNLOADS)}
    yield from (act for act in _found(job, _CONFIRMS) if act.stops)
    if fetched:
        yield from (act for act in _found(job, _JUDGES) if act.stops and act.step >= min(fetched))


def compares(job: Job) -> Iterator[Act]:
    """Where a job compares two builds, in a way that stops it on a difference."""
    for act, _, command, _ in acts(job):
        if command is None or not act.stops:
            continue
        checks_sums = command.words[0] in ("sha256sum", "sha512sum", "b2sum", "shasum") and bool(
            {"-c", "--check"} & set(command.words)
        )
        rebuilt = command.words[:2] == (OURS, "verify") and "--rebuild-from" in command.words
        if checks_sums or rebuilt or _begins(command.words, _COMPARES):
            yield act


def is_release(workflow: Workflow) -> bool:
    """Whether the file takes part in a release: it publishes, or a job of it can mint an identity token."""
    return any(workflow.mints_tokens(job) or next(publishes(job), None) is not None for job in workflow.jobs)


def forced(condition: str) -> bool:
    """Whether a job with this `if` runs although a job it needs failed."""
    return bool(STATUS_FUNCTION.search(condition))


def ancestors(workflow: Workflow, job: Job) -> tuple[Job, ...]:
    """The jobs whose success `job` depends on, nearest first; none beyond a job that runs despite failure."""
    by_id = {one.id: one for one in workflow.jobs}
    found: dict[str, Job] = {}
    waiting = [job]
    while waiting:
        current = waiting.pop(0)
        if forced(current.condition):
            continue
        for name in current.needs:
            needed = by_id.get(name)
            if needed is not None and name not in found and name != job.id:
                found[name] = needed
                waiting.append(needed)
    return tuple(one for one in found.values() if not one.may_fail)


def together(job: Job, *seekers: Callable[[Job], Iterator[Act]]) -> bool:
    """Whether each seeker finds something in the job."""
    return all(next(seek(job), None) is not None for seek in seekers)
