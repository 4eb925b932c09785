"""The jobs of a release, each run as the pipeline runs it: one command, in an environment that holds what that job gets.

A job is a program of its own. Only those that sign or publish can ask for an identity; only the one that makes the tag
has a token that may. What a job prints is kept; what it says on stderr goes on to the person who waits.
"""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass, field
from subprocess import PIPE, Popen
from typing import TYPE_CHECKING

from epochly_release.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

JOB_TIMEOUT_S = 1_200  # seconds: the longest step builds all distributions several times


@dataclass(frozen=True, slots=True)
class Job:
    """A step in its job.

    Attributes:
        step: name of the step.
        out: folder of files and journal.
        options: of the command, besides `--out`.
        environ: what the job gets besides what all jobs get.
        label: name in the report; the step's by default.
    """

    step: str
    out: str
    options: tuple[str, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict)
    label: str = ""

    @property
    def name(self) -> str:
        """What the report calls it."""
        return self.label or self.step

    def command(self) -> list[str]:
        """The command line; `-P` keeps the repository that is being released off the import path."""
        return [sys.executable, "-P", "-m", "epochly_release", self.step, "--out", self.out, *self.options]


@dataclass(frozen=True, slots=True)
class Done:
    """How a job ended: exit code, lines of its result, lines it said on the way, and seconds it took."""

    job: Job
    status: int
    lines: tuple[str, ...]
    said: tuple[str, ...]
    seconds: float


def run_jobs(
    jobs: Sequence[Job],
    environ: Mapping[str, str],
    cwd: str,
    tell: Callable[[str], None],
    seconds: Callable[[], float],
) -> list[Done]:
    """Run jobs that do not need each other side by side; returns when all have ended.

    Args:
        jobs: what to run.
        environ: what every job gets.
        cwd: the repository.
        tell: called with each line a job says on the way.
        seconds: a clock.

    Raises:
        InputError: a job cannot be started, or does not end.
    """
    done: dict[int, Done] = {}

    def run(number: int, job: Job) -> None:
        began = seconds()
        status, printed, said = _run(job, {**environ, **job.environ}, cwd, tell)
        done[number] = Done(job, status, tuple(printed), tuple(said), seconds() - began)

    threads = [threading.Thread(target=run, args=each, daemon=True) for each in enumerate(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(JOB_TIMEOUT_S)
    if len(done) != len(jobs):
        late = next(job for number, job in enumerate(jobs) if number not in done)
        raise InputError("job", late.name, "did not end", "run the step by hand to see why")
    return [done[number] for number in range(len(jobs))]


def _run(
    job: Job, environ: Mapping[str, str], cwd: str, tell: Callable[[str], None]
) -> tuple[int, list[str], list[str]]:
    """Exit code, lines of the result, lines said on the way."""
    said: list[str] = []
    printed: list[str] = []
    with Popen(job.command(), cwd=cwd, env=environ, stdout=PIPE, stderr=PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        stream = process.stdout
        reader = threading.Thread(target=lambda: printed.extend(_lines(stream.read())), daemon=True)
        reader.start()
        for raw in process.stderr:
            for line in _lines(raw):
                said.append(line)
                tell(f"{job.name}: {line.removeprefix('epochly-release: ').removeprefix(f'{job.step}: ')}")
        reader.join()
        return process.wait(), printed, said


def _lines(data: bytes) -> list[str]:
    return [line.rstrip() for line in data.decode("utf-8", "replace").splitlines() if line.strip()]
