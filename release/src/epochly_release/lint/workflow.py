"""Bytes -> a frozen `Workflow`, or a `LintError`: a shape GitHub would not run is refused, not guessed at.

Only what a rule looks at is kept. Keys of GitHub's that no rule needs are passed over; a key that is looked at and holds
something else than it should is an error, because a rule that looked past it would call it clean.

Specification: GitHub's workflow syntax for Actions (`on`, `permissions`, `jobs.<id>`, `steps`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from epochly_release.lint.document import Listing, Table, Text, parse_document
from epochly_release.lint.errors import LintError
from epochly_release.lint.model import Job, Permissions, Step, Value, Workflow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from epochly_release.lint.document import Node

MOST_JOBS = 128  # jobs of one file; a release has about ten, and rules look at pairs of them
_HINT = "see GitHub's workflow syntax"
_BRACED = re.compile(r"\A\$\{\{(.*)\}\}\Z", re.DOTALL)


def parse_workflow(data: bytes, path: str) -> Workflow:
    """The workflow in a file's bytes; `path` is for messages.

    Raises:
        LintError: it is no workflow.
    """
    return _Reader(path).workflow(parse_document(data, path))


class _Reader:
    """Reads the tree of one file; holds its name for the messages."""

    def __init__(self, path: str) -> None:
        self._path = path

    def workflow(self, node: Node) -> Workflow:
        top = self._table(node, "a workflow")
        jobs = top.get("jobs")
        triggers = top.get("on")
        if jobs is None or triggers is None:
            missing = "jobs" if jobs is None else "on"
            raise self._odd(top, f"no `{missing}`, so this is no workflow")
        table = self._table(jobs, "`jobs`")
        if not table.keys:
            raise self._odd(table, "`jobs` is empty")
        if len(table.keys) > MOST_JOBS:
            raise self._odd(table, f"more than {MOST_JOBS} jobs")
        return Workflow(
            path=self._path,
            triggers=self._triggers(triggers),
            permissions=self._permissions(top),
            env=self._values(top.get("env"), "`env`"),
            jobs=tuple(self._job(key, value, self._shell(top)) for key, value in table.items()),
        )

    def _triggers(self, node: Node) -> dict[str, tuple[int, Node | None]]:
        if isinstance(node, Text):
            return {node.text: (node.line, None)}
        if isinstance(node, Listing):
            return {item.text: (item.line, None) for item in self._texts(node, "`on`")}
        return {
            key.text: (key.line, None if isinstance(value, Text) and value.empty else value)
            for key, value in node.items()
        }

    def _permissions(self, table: Table) -> Permissions | None:
        node = table.get("permissions")
        if node is None:
            return None
        line = next(key.line for key in table.keys if key.text == "permissions")
        if isinstance(node, Text):
            if node.text not in ("read-all", "write-all"):
                raise self._odd(node, "`permissions` is neither a mapping nor `read-all` or `write-all`")
            return Permissions(line, everything=node.text)
        scopes = self._values(node, "`permissions`")
        odd = next((value for value in scopes.values() if value.text not in ("read", "write", "none")), None)
        if odd is not None:
            raise self._odd(odd, "a permission is `read`, `write` or `none`")
        return Permissions(line, scopes={name: value.text for name, value in scopes.items()})

    def _job(self, key: Text, node: Node, shell: str) -> Job:
        job = self._table(node, "a job")
        steps, uses = job.get("steps"), job.get("uses")
        if (steps is None) == (uses is None):
            raise self._odd(key, "a job has either `steps` or `uses`")
        secrets = job.get("secrets")
        inherits = isinstance(secrets, Text) and secrets.text == "inherit"
        return Job(
            id=key.text,
            line=key.line,
            condition=self._condition(job.get("if")),
            may_fail=self._may_fail(job),
            needs=tuple(item.text for item in self._texts(job.get("needs"), "`needs`")),
            permissions=self._permissions(job),
            environment=self._environment(job.get("environment")),
            uses=self._value(uses, "`uses`"),
            inherits_secrets=secrets.line if inherits and secrets is not None else 0,
            env=self._values(job.get("env"), "`env`") | self._passed(job, inherits=inherits),
            steps=tuple(self._steps(steps, self._shell(job) or shell)),
        )

    def _shell(self, table: Table) -> str:
        """The shell that `defaults` names for the scripts below."""
        defaults = table.get("defaults")
        run = self._table(defaults, "`defaults`").get("run") if defaults is not None else None
        return self._word(self._table(run, "`defaults.run`").get("shell")) if run is not None else ""

    def _passed(self, job: Table, *, inherits: bool) -> dict[str, Value]:
        """Secrets handed to another workflow file, told apart from variables by their name."""
        given = None if inherits else job.get("secrets")
        return {f"secrets.{name}": value for name, value in self._values(given, "`secrets`").items()}

    def _steps(self, node: Node | None, shell: str) -> Iterator[Step]:
        if node is None:
            return
        if not isinstance(node, Listing):
            raise self._odd(node, "`steps` is no list")
        for item in node.items:
            step = self._table(item, "a step")
            uses, run = self._value(step.get("uses"), "`uses`"), self._value(step.get("run"), "`run`")
            if (uses is None) == (run is None):
                raise self._odd(step, "a step has either `uses` or `run`")
            yield Step(
                line=step.line,
                name=self._word(step.get("name")),
                condition=self._condition(step.get("if")),
                may_fail=self._may_fail(step),
                uses=uses,
                run=run,
                shell=self._word(step.get("shell")) or shell,
                inputs=self._values(step.get("with"), "`with`"),
                env=self._values(step.get("env"), "`env`"),
            )

    def _environment(self, node: Node | None) -> Value | None:
        return self._value(node.get("name") if isinstance(node, Table) else node, "`environment`")

    def _condition(self, node: Node | None) -> str:
        text = self._word(node).strip()
        braced = _BRACED.match(text)
        return (braced[1] if braced else text).strip()

    def _may_fail(self, table: Table) -> bool:
        return self._word(table.get("continue-on-error")) not in ("", "false")

    def _word(self, node: Node | None) -> str:
        value = self._value(node, "this key")
        return value.text if value else ""

    def _values(self, node: Node | None, what: str) -> dict[str, Value]:
        """The entries of a mapping of texts; an expression in place of the mapping is its one entry, named by nothing."""
        if node is None or (isinstance(node, Text) and node.empty):
            return {}
        if isinstance(node, Text) and node.text.startswith("${{"):
            return {"": Value(node.text, node.line)}
        entries = self._table(node, what)
        return {key.text: self._value(value, what) or Value("", key.line) for key, value in entries.items()}

    def _value(self, node: Node | None, what: str) -> Value | None:
        if node is None or (isinstance(node, Text) and node.empty):
            return None
        if not isinstance(node, Text):
            raise self._odd(node, f"{what} holds no text")
        return Value(node.text, node.line, node.block)

    def _texts(self, node: Node | None, what: str) -> tuple[Text, ...]:
        if node is None:
            return ()
        items = node.items if isinstance(node, Listing) else (node,)
        texts = tuple(item for item in items if isinstance(item, Text))
        if isinstance(node, Table) or len(texts) != len(items):
            raise self._odd(node, f"{what} is neither a text nor a list of texts")
        return texts

    def _table(self, node: Node, what: str) -> Table:
        if not isinstance(node, Table):
            raise self._odd(node, f"{what} is no mapping")
        return node

    def _odd(self, node: Node | Value, message: str) -> LintError:
        return LintError("odd-workflow", f"{self._path}:{node.line}", message, _HINT)
