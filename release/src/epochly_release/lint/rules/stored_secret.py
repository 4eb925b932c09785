"""Publishing with a stored password or token."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from epochly_release.lint.model import Rule
from epochly_release.lint.shape import acts, is_release, publishes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from epochly_release.lint.model import Job, Step, Value, Workflow


_TELLING = re.compile(
    r"TWINE_(?:PASSWORD|USERNAME)|UV_PUBLISH_(?:TOKEN|PASSWORD|USERNAME)|PYPI_(?:API_)?(?:TOKEN|PASSWORD)|HATCH_INDEX_AUTH"
    r"|FLIT_PASSWORD|PDM_PUBLISH_PASSWORD|NPM_TOKEN|NODE_AUTH_TOKEN|CARGO_REGISTRY_TOKEN|MATURIN_PASSWORD",
    re.IGNORECASE,
)
_SECRET_INPUTS = {"password", "user", "token", "api-token", "api_token"}
_SECRET_OPTIONS = {"--password", "--token", "-p", "--username", "-u", "--config-file"}
_SECRET = re.compile(r"\bsecrets\s*[.\[]")


def look(workflow: Workflow) -> Iterator[tuple[int, str]]:
    """Stored credentials in a job that publishes or under names that only publishing uses."""
    for name, value in workflow.env.items():
        if _TELLING.search(name):
            yield value.line, f"`{name}` is a stored credential for publishing"
    for job in workflow.jobs:
        publishing = {act.step for act in publishes(job)}
        if job.inherits_secrets and is_release(workflow):
            yield job.inherits_secrets, f"job `{job.id}` hands every secret to another workflow file"
        yield from _given(job.env.items())
        for place, step in enumerate(job.steps):
            yield from _given(step.env.items())
            if place in publishing:
                yield from _inputs(step)
        yield from _in_commands(job)


def _given(entries: Iterable[tuple[str, Value]]) -> Iterator[tuple[int, str]]:
    for name, value in entries:
        if _TELLING.search(name) or _TELLING.search(value.text):
            yield value.line, f"`{name}` is a stored credential for publishing"


def _inputs(step: Step) -> Iterator[tuple[int, str]]:
    """Credentials given to the publishing action, or any secret in the publishing step's variables."""
    for name, value in step.inputs.items():
        if name.lower() in _SECRET_INPUTS or _SECRET.search(value.text):
            yield value.line, f"the publishing step is given `{name}`"
    for name, value in step.env.items():
        if _SECRET.search(value.text) and not (_TELLING.search(name) or _TELLING.search(value.text)):
            yield value.line, f"the publishing step is given the secret in `{name}`"


def _in_commands(job: Job) -> Iterator[tuple[int, str]]:
    """Credentials on a publishing command's line, set in a script, or in a `.pypirc`."""
    places = {(act.line, act.text) for act in publishes(job)}
    for act, step, command, _ in acts(job):
        if command is None or step.run is None:
            continue
        options = {word.partition("=")[0] for word in command.words[1:]}
        if (act.line, act.text) in places and _SECRET_OPTIONS & options:
            yield act.line, f"`{' '.join(command.words[:2])}` is given a credential on its command line"
        if any(_TELLING.search(name) for name in command.assigned):
            yield act.line, "a script sets a stored credential for publishing"
        if any(".pypirc" in word or ".npmrc" in word for word in command.words):
            yield act.line, "a script uses a file of stored credentials"


RULE = Rule(
    id="stored-secret",
    why=(
        "A stored token works from anywhere until somebody notices. GhostAction and Shai-Hulud (2025) "
        "collected tokens out of workflows by the thousand, and Ultralytics was attacked a second "
        "time through one that had been left behind."
    ),
    hint="publish with trusted publishing (`id-token: write`), and delete the token at the index",
    look=look,
)
