"""`epochly-release rehearse`: arguments in, a rehearsed release and its report out. Decides nothing itself.

Exit codes: 0 the whole release went through (and every attack was refused), 1 something was refused that should not have
been, or the other way round, 2 usage or a machine that cannot.
"""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NoReturn

from epochly_release.checkout import Repository, gather_facts
from epochly_release.config import parse_config
from epochly_release.errors import InputError
from epochly_release.plan import plan_from_facts
from epochly_release.rehearsal import network
from epochly_release.rehearsal.attacks import ATTACKS, all_refused, rehearsed, run_attacks, table
from epochly_release.rehearsal.keys import live_sources
from epochly_release.rehearsal.oidc import ISSUER
from epochly_release.rehearsal.rehearse import (
    Stage,
    judge_command,
    publisher_of,
    rehearse,
    run_of,
    second_opinion_pairs,
    signer_uri,
)
from epochly_release.rehearsal.serve import serve
from epochly_release.second_opinion import NotAsked, Signer, second_opinion
from epochly_release.steps.build import install_tools
from epochly_release.world import Machine

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from epochly_release.plan import Plan
    from epochly_release.rehearsal.attacks import Row
    from epochly_release.rehearsal.jobs import Done
    from epochly_release.world import World

HTTPS_PORT = 443
INSIDE = "inside"
WIDTH = 118  # columns: a terminal's usual width on a laptop, and what a log shows unwrapped


@dataclass(frozen=True, slots=True)
class Show:
    """Where lines go: results to stdout, everything on the way to stderr; colour only on a terminal."""

    colour: bool

    def line(self, text: str = "") -> None:
        """A line of the result."""
        print(text, flush=True)

    def progress(self, text: str) -> None:
        """A line for the person who waits."""
        sys.stderr.write(f"  {text}\n")
        sys.stderr.flush()

    def mark(self, *, good: bool) -> str:
        """A tick or a cross."""
        sign, code = ("✓", 32) if good else ("✗", 31)
        return f"\x1b[{code}m{sign}\x1b[0m" if self.colour else sign

    def block(self, head: str, lines: Sequence[str]) -> None:
        """A head with lines beside it, wrapped below each other."""
        indent = " " * 34
        first = True
        for line in lines or ("",):
            for part in textwrap.wrap(line, WIDTH - len(indent), break_long_words=False) or [""]:
                self.line(f"{head}{part}" if first else f"{indent}{part}")
                first = False


def main(argv: Sequence[str]) -> int:
    """Run the command; returns the exit code. Errors of the release are the caller's to show."""
    options = _parser().parse_args(argv)
    show = Show(sys.stdout.isatty() and "NO_COLOR" not in os.environ)
    world = Machine(os.environ, _now, show.progress)
    scratch = os.path.realpath(tempfile.mkdtemp(prefix="epochly-rehearsal-"))
    os.chmod(scratch, 0o755)  # noqa: S103 - a builder may be another user, and has to reach its folder in here
    try:
        if (
            options.tools == "lock" and options.network != INSIDE
        ):  # in the rehearsal's network there is no index
            options.python = _with_tools(options, options.python or [sys.executable], "a", world, scratch)
            if options.second_python:
                options.second_python = _with_tools(options, options.second_python, "b", world, scratch)
        if options.network in {"auto", "namespace"}:
            if network.can_enter(world, os.geteuid()):
                return _enter(options)
            if options.network == "namespace":
                hint = "use `--network loopback`, or allow user namespaces"
                raise InputError("network", "unshare", "gives us no network of our own", hint)
        return _rehearse(options, world, show, scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _with_tools(
    options: argparse.Namespace, pythons: list[str], builder: str, world: Machine, scratch: str
) -> list[str]:
    """Interpreters with the build tools of the lock, one for each of these."""
    plan, repository, _ = _plan(options, world, os.getcwd())
    lock = Repository(repository, world).show(plan.commit, plan.config.build_lock)
    made = []
    for number, python in enumerate(pythons):
        world.tell(f"installing the tools of `{plan.config.build_lock}` for `{python}`")
        made.append(install_tools(python, lock, f"{scratch}/tools-{builder}-{number}", world))
    return made


def _enter(options: argparse.Namespace) -> int:
    """This command once more, inside a network of its own."""
    words: list[str] = []
    command = [
        *network.enter_command(os.geteuid()),
        sys.executable,
        "-P",
        "-m",
        "epochly_release",
        "rehearse",
    ]
    for name, value in {**vars(options), "network": INSIDE}.items():
        flag = f"--{name.replace('_', '-')}"
        if value is True:
            words.append(flag)
        elif isinstance(value, list):
            words += [flag, *value]
        elif value:
            words.append(f"{flag}={value}")
    sys.stdout.flush()
    return subprocess.call([*command, *words])


def _rehearse(options: argparse.Namespace, world: Machine, show: Show, scratch: str) -> int:
    public = options.network == INSIDE
    here = os.getcwd()
    plan, repository, config_options = _plan(options, world, here)
    hosts = network.public_hosts(world) if public else ()
    if public:
        network.set_up(world, hosts, scratch)
    out = os.path.join(here, options.out)
    _refuse_foreign_folder(out)
    world.fresh_folder(out)
    pythons = tuple(options.python or [sys.executable])
    second = tuple(options.second_python or pythons)
    stage = Stage(repository, out, scratch, config_options, plan.commit, (pythons, second), public)
    sources = live_sources(lambda: datetime.now(UTC), secrets.token_bytes)
    tls = f"{scratch}/tls"
    world.fresh_folder(tls)
    began = time.monotonic()
    attacks_hold = True
    where = "in a network of its own, where the public index's names lead here" if public else "on loopback"
    show.line(f"Rehearsal of {plan.version} at {plan.commit[:12]}, {where}")
    show.line()
    with serve(
        _path(tls),
        run_of(plan),
        [publisher_of(plan)],
        sources,
        port=HTTPS_PORT if public else 0,
        hosts=hosts,
        url="https://localhost" if public else "",
    ) as served:
        good = rehearse(served, stage, world, lambda done: _show_job(done, show), time.monotonic)
        if good:
            show.line()
            good = _judged(plan, stage, world, show)
            good = _second_opinion(plan, stage, world, show, options.second_opinion) and good
        if good and options.attacks:
            honest = rehearsed(served, stage, plan, world.environ)
            attacks_hold = _show_attacks(run_attacks(ATTACKS, served, honest, sources, world), show)
    show.line()
    ending = "nothing left this machine" if public else "it used the loopback interface only"
    verdict = "went through" if good else "did NOT go through"
    show.line(f"the release {verdict} in {time.monotonic() - began:.0f} s; {ending}")
    show.line(
        f"files in `{options.out}/a`; signed by a throwaway Sigstore, worth nothing outside this rehearsal"
    )
    return 0 if good and attacks_hold else 1


def _refuse_foreign_folder(out: str) -> None:
    """The folder is emptied, so it must not be one that holds anything but an earlier rehearsal."""
    if os.path.isdir(out) and not set(os.listdir(out)) <= {"a", "b", "journal.jsonl"}:
        raise InputError(
            "out", out, "holds something else than a rehearsal", "name another folder with `--out`"
        )


def _path(text: str) -> Path:
    from pathlib import Path  # noqa: PLC0415 - the server's files are the only ones handled as paths

    return Path(text)


def _plan(options: argparse.Namespace, world: World, here: str) -> tuple[Plan, str, tuple[str, ...]]:
    """The plan, the repository, and the options that make every job see the same."""
    from epochly_release.cli import default_config  # noqa: PLC0415 - it imports this module late, too

    name = options.config or default_config(here)
    path = os.path.join(here, name)
    data = world.read(path)
    config = parse_config(data, name)
    top = Repository(here, world).git("rev-parse", "--show-toplevel").decode("utf-8", "surrogateescape")
    repository = top.removesuffix("\n")
    facts = gather_facts(Repository(repository, world), options.commit or "HEAD", config, data)
    given = ("--config", path, *(("--commit", facts.commit) if options.commit else ()))
    return plan_from_facts(config, facts), repository, given


def _show_job(done: Done, show: Show) -> None:
    mark = show.mark(good=done.status == 0)
    head = f"{mark} {done.job.name:<24}{done.seconds:5.1f} s  "
    if done.status == 0:
        show.block(head, _in_short(done.lines))
        return
    show.block(head, [f"ended with exit code {done.status}", *done.said[-6:]])


def _in_short(lines: Sequence[str]) -> list[str]:
    """Lists of files as one line that counts them; every other line as it is."""
    listed = [line for line in lines if line.startswith(("verified  ", "confirmed  "))]
    hashes = [line for line in lines if len(line.split()[0]) == 64]
    rest = [line for line in lines if line not in listed and line not in hashes]
    if hashes:
        builds = hashes[0].partition("(")[2].rstrip(")")
        rest.insert(
            0, f"{len(hashes)} files" + (f", each out of {builds}" if builds else " with their final hashes")
        )
    if listed:
        first = listed[0]
        rest.insert(
            0,
            f"{len(listed)} files {first.split()[0]}: {first.partition('(')[2].partition(';')[0].rstrip(')')}",
        )
    return rest


def _judged(plan: Plan, stage: Stage, world: World, show: Show) -> bool:
    """What `epochly-verify` says of what users get, a line a file."""
    command = judge_command(plan, stage)
    config = plan.config
    show.line("What came back from the index, with the provenance it gave, judged as a user would:")
    show.line(
        f"$ epochly-verify confirmed/* --repository {config.repository} --workflow {config.workflow} \\"
    )
    show.line(f"    --ref {config.ref} --environment {config.environment} --trust-config REHEARSAL")
    ran = world.run(command)
    for line in ran.stdout.decode("utf-8", "replace").splitlines():
        if line.startswith(("VERIFIED", "REJECTED", "INCONCLUSIVE")):
            verdict, _, path = line.partition(" ")
            show.line(
                f"{show.mark(good=verdict == 'VERIFIED')} {verdict.lower():<13} {os.path.basename(path.strip())}"
            )
    if ran.status:
        show.line(ran.stdout.decode("utf-8", "replace"))
        show.line(ran.stderr.decode("utf-8", "replace"))
    return ran.status == 0


def _second_opinion(plan: Plan, stage: Stage, world: World, show: Show, folder: str | None) -> bool:
    """What an implementation in another language says of the bundles; a visible line where it is not there."""
    show.line()
    folder = folder or os.path.join(stage.repository, "release", "second-opinion")
    if not os.path.isdir(folder):
        show.line(
            "- second opinion  not asked: its script is in the repository of epochly (`--second-opinion DIR`)"
        )
        return True
    root = f"{stage.scratch}/trusted-root.json"
    from epochly_release.signing import trusted_root_of  # noqa: PLC0415 - only for this

    text = world.read(f"{stage.scratch}/trust.json").decode()
    world.write(root, trusted_root_of(text, "trust.json").encode())
    signer = Signer(signer_uri(plan), ISSUER)
    opinion = second_opinion(world, folder, second_opinion_pairs(stage), root, signer)
    if isinstance(opinion, NotAsked):
        show.line(f"- second opinion  not asked: {opinion.why}")
        return True
    good = [each for each in opinion if each.ok]
    mark = show.mark(good=len(good) == len(opinion))
    show.line(
        f"{mark} second opinion  {len(good)} of {len(opinion)} bundles verify with `@sigstore/verify` too"
    )
    for each in opinion:
        if not each.ok:
            show.line(f"  {os.path.basename(each.bundle)}: {each.reason}")
    return len(good) == len(opinion)


def _show_attacks(rows: Sequence[Row], show: Show) -> bool:
    """The table of attacks on the release; whether each was refused by whom it must be."""
    show.line()
    show.line(
        "The release attacked: each row names who must refuse it; the second mark is its control, let through:"
    )
    for line in table(rows, lambda good: show.mark(good=good)):
        show.line(line)
    refused = sum(not row.fault for row in rows)
    show.line(
        f"{show.mark(good=all_refused(rows))} {refused} of {len(rows)} attacks refused by whom they must be"
    )
    return all_refused(rows)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class _Parser(argparse.ArgumentParser):
    """Usage errors in one line with a hint, like every other message."""

    def error(self, message: str) -> NoReturn:
        sys.stderr.write(f"epochly-release: {message}; hint: see `epochly-release rehearse --help`\n")
        self.exit(2)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="epochly-release rehearse",
        description="Runs a whole release on this machine, against a local Sigstore, index and forge.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--config", metavar="FILE", help="configuration (default: release.toml, else pyproject.toml)")
    add(
        "--commit",
        metavar="C",
        help="what to release (default: HEAD, and then the working tree must be clean)",
    )
    add("--out", default="rehearsed", metavar="DIR", help="folder for the results (default: rehearsed)")
    add(
        "--python",
        nargs="+",
        metavar="P",
        help="interpreters that build, with the locked tools (default: this one)",
    )
    add("--second-python", nargs="+", metavar="P", help="those of the second builder (default: the same)")
    about = "a network of its own (`namespace`), the ordinary one (`loopback`), or what the machine allows (`auto`)"
    about = "build with the locked tools that are there (default), or install them first"
    add("--tools", choices=("installed", "lock"), default="installed", help=about)
    add("--network", choices=("auto", "namespace", "loopback", INSIDE), default="auto", help=about)
    add("--attacks", action="store_true", help="then attack the release, and see each attack refused")
    add("--second-opinion", metavar="DIR", help="folder of the script that asks `@sigstore/verify`")
    return parser
