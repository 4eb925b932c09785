"""The values of the linter: what a workflow says, with the line where it says it, and what a rule finds in it.

All frozen. Nothing here decides; `workflow.py` makes a `Workflow` out of bytes, `rules/` look at it.

Specification: GitHub's workflow syntax for Actions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from epochly_release.lint.document import Node


@dataclass(frozen=True, slots=True)
class Value:
    """A text of the workflow and where it stands.

    Attributes:
        text: the text as it is after YAML's quoting.
        line: the line it starts on, from 1.
        block: whether it is a literal block, whose own lines follow on the lines after `line`.
    """

    text: str
    line: int
    block: bool = False

    def line_of(self, offset: int) -> int:
        """The file's line of line `offset` (from 0) of the text, as well as it can be told."""
        return self.line + 1 + offset if self.block else self.line


@dataclass(frozen=True, slots=True)
class Permissions:
    """What `permissions:` grants: one word for all of it (`write-all`), or scope -> access."""

    line: int
    everything: str = ""
    scopes: Mapping[str, str] = field(default_factory=dict)

    @property
    def mints_tokens(self) -> bool:
        """Whether an identity token can be asked for."""
        return self.everything == "write-all" or self.scopes.get("id-token") == "write"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a job: an action (`uses`) or a script (`run`)."""

    line: int
    name: str = ""
    condition: str = ""
    may_fail: bool = False
    uses: Value | None = None
    run: Value | None = None
    shell: str = ""
    inputs: Mapping[str, Value] = field(default_factory=dict)
    env: Mapping[str, Value] = field(default_factory=dict)

    @property
    def action(self) -> str:
        """The action without its version, in lower case (`actions/checkout`); empty for a script."""
        return self.uses.text.partition("@")[0].strip().lower() if self.uses else ""

    @property
    def must_pass(self) -> bool:
        """Whether it always runs and stops the job when it fails."""
        return not self.may_fail and self.condition in ("", "success()")


@dataclass(frozen=True, slots=True)
class Job:
    """One job. `uses` is set where the job is another workflow file."""

    id: str
    line: int
    condition: str = ""
    may_fail: bool = False
    needs: tuple[str, ...] = ()
    permissions: Permissions | None = None
    environment: Value | None = None
    uses: Value | None = None
    inherits_secrets: int = 0  # line of `secrets: inherit`; 0: it is not there
    env: Mapping[str, Value] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Workflow:
    """One workflow file.

    Attributes:
        path: the file as the user named it.
        triggers: event name -> (line, what stands below it, or None).
        permissions: those at the top; None where there are none, which grants the repository's default.
    """

    path: str
    triggers: Mapping[str, tuple[int, Node | None]]
    permissions: Permissions | None
    env: Mapping[str, Value]
    jobs: tuple[Job, ...]

    def granted(self, job: Job) -> Permissions | None:
        """The permissions a job runs with: its own, else those at the top."""
        return job.permissions if job.permissions is not None else self.permissions

    def mints_tokens(self, job: Job) -> bool:
        """Whether the job can ask for an identity token."""
        granted = self.granted(job)
        return granted is not None and granted.mints_tokens

    def job(self, job_id: str) -> Job | None:
        """The job of that id."""
        return next((job for job in self.jobs if job.id == job_id), None)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a rule does not like: the rule's id, the file, the line from 1, one lower-case clause."""

    rule: str
    path: str
    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the linter.

    Attributes:
        id: stable, kebab-case.
        why: what went wrong elsewhere because of this, or how it would, in whole sentences.
        hint: one lower-case clause: what to write instead.
        look: workflow -> (line, message), pure.
    """

    id: str
    why: str
    hint: str
    look: Callable[[Workflow], Iterator[tuple[int, str]]]
