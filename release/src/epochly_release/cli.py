"""The command line: arguments in, one step run, exit codes. Decides nothing itself.

Exit codes: 0 done, 1 refused, 2 usage, unreadable input or a machine that cannot, 70 our own bug. What a step made or
found goes to stdout, progress and errors to stderr.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NoReturn

from epochly_release.checkout import Repository, gather_facts
from epochly_release.config import parse_config
from epochly_release.errors import Refused, ReleaseError
from epochly_release.plan import plan_from_facts
from epochly_release.steps import STEPS, run_step
from epochly_release.steps.result import Places
from epochly_release.world import Machine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from epochly_release.plan import Plan

EXIT_REFUSED, EXIT_USAGE, EXIT_BUG, EXIT_INTERRUPTED = 1, 2, 70, 130
EXTRAS = {"lint": "lint", "rehearse": "rehearsal"}  # commands whose libraries a release itself does without
BUILD_ROOT = "/tmp"  # noqa: S108 - the same on every machine; a folder of somebody else in it is refused


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(
            stream, io.TextIOWrapper
        ):  # a name that the terminal cannot show is escaped, not a crash
            stream.reconfigure(errors="backslashreplace")
    try:
        if arguments[:1] == ["lint"]:
            from epochly_release.lint.main import main as lint  # noqa: PLC0415 - needs the extra `lint`

            return lint(arguments[1:])
        if arguments[:1] == ["rehearse"]:
            from epochly_release.rehearsal.cli import main as rehearse  # noqa: PLC0415 - needs the extra `rehearsal`

            return rehearse(arguments[1:])
        if arguments[:1] == ["settings"]:
            from epochly_release.settings import main as settings  # noqa: PLC0415 - only for this command

            return settings(arguments[1:])
        return _run(_parser().parse_args(arguments))
    except ReleaseError as error:
        for line in error.details:
            sys.stderr.write(f"  {_printable(line)}\n")
        _tell(str(error))
        return EXIT_REFUSED if isinstance(error, Refused) else EXIT_USAGE
    except BrokenPipeError:  # the reader went away, e.g. `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_USAGE
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except ModuleNotFoundError as error:
        extra = EXTRAS.get(arguments[0] if arguments else "")
        if extra is None or (error.name or "").startswith("epochly_release"):
            return _bug(error)
        _tell(f"`{error.name}`: is not installed; hint: install `epochly-release[{extra}]`")
        return EXIT_USAGE
    except Exception as error:  # noqa: BLE001 - our own bug must never look like a release
        return _bug(error)


def _run(options: argparse.Namespace) -> int:
    world = Machine(os.environ, _now, _tell)
    here = os.getcwd()
    config_path = os.path.join(here, options.config or default_config(here))
    config_bytes = world.read(config_path)
    config = parse_config(config_bytes, options.config or os.path.basename(config_path))
    top = Repository(here, world).git("rev-parse", "--show-toplevel").decode("utf-8", "surrogateescape")
    repository = Repository(top.removesuffix("\n"), world)
    plan = plan_from_facts(config, gather_facts(repository, options.commit or "HEAD", config, config_bytes))
    if options.step == "plan":
        _show_plan(plan, as_json=options.json)
        return 0
    places = Places(
        repository=repository.path,
        out=os.path.join(here, options.out),
        build_root=os.path.join(here, options.build_root, "epochly-release"),
        pythons=tuple(options.python or [sys.executable]),
        index=options.index or "",
        tools=options.tools,
        any_tree=options.commit is not None,
        trust_config=os.path.join(here, options.trust_config) if options.trust_config else "",
        rebuilt=os.path.join(here, options.rebuild_from) if options.rebuild_from else "",
        upload_url=options.upload_url or "",
    )
    for note in run_step(options.step, plan, places, world).notes:
        print(note)
    return 0


def _show_plan(plan: Plan, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(asdict(plan) | {"sha256": plan.sha256()}, indent=1, sort_keys=True))
        return
    print(f"version  {plan.version}, to be tagged `{plan.tag}`")
    print(f"commit   {plan.commit}")
    print(f"time     {datetime.fromtimestamp(plan.epoch, UTC).isoformat()} (epoch {plan.epoch})")
    print(
        f"by       {plan.config.repository}, {plan.config.workflow}, environment `{plan.config.environment}`"
    )
    print(f"plan     {plan.sha256()}")
    for distribution in plan.distributions:
        print(
            f"makes    {distribution.sdist}, {distribution.wheel_prefix}*.whl  (from `{distribution.folder}`)"
        )


def default_config(here: str) -> str:
    """Name of the file that holds the configuration when none is named."""
    return "release.toml" if os.path.exists(os.path.join(here, "release.toml")) else "pyproject.toml"


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _tell(text: str) -> None:
    sys.stderr.write(f"epochly-release: {_printable(text)}\n")
    sys.stderr.flush()


def _printable(text: str) -> str:
    """The text on one line, with control characters as escapes."""
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def _bug(error: Exception) -> int:
    import traceback  # noqa: PLC0415 - start-up time

    trace = "".join(traceback.format_exception(error))
    report_id = hashlib.sha256(trace.encode("utf-8", "replace")).hexdigest()[:8]
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{type(error).__name__} in {os.path.basename(last.filename)}:{last.lineno}"
    _tell(f"internal error {report_id} ({where}), nothing is released; hint: please report it with this id")
    if os.environ.get("EPOCHLY_RELEASE_TRACEBACK"):
        sys.stderr.write(trace)
    return EXIT_BUG


class _Parser(argparse.ArgumentParser):
    """Usage errors in one line with a hint, like every other message."""

    def error(self, message: str) -> NoReturn:
        _tell(f"{message}; hint: see `epochly-release --help`")
        self.exit(EXIT_USAGE)


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from epochly_release import __version__  # noqa: PLC0415 - reads the installed metadata, which takes time

        parser.exit(0, f"epochly-release {__version__}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="epochly-release",
        description="Makes, signs and publishes the wheels and sdists of a commit.",
        epilog="other commands: `rehearse` (all of it, offline), `lint` (the shape of workflows), `settings` (drift of the forge's settings); exit codes: 0 done, 1 refused, 2 usage or a machine that cannot, 70 a bug of ours",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version, and stop")
    steps = parser.add_subparsers(dest="step", required=True, metavar="STEP", parser_class=_Parser)
    shared = _Parser(add_help=False)
    add = shared.add_argument
    add("--config", metavar="FILE", help="configuration (default: release.toml, else pyproject.toml)")
    add(
        "--commit",
        metavar="C",
        help="what to release (default: HEAD, and then the working tree must be clean)",
    )
    plan = steps.add_parser("plan", parents=[shared], help="show what would be released; touches nothing")
    plan.add_argument("--json", action="store_true", help="as JSON")
    for step in STEPS.values():
        _step_options(steps.add_parser(step.name, parents=[shared], help=step.about))
    return parser


def _step_options(step: argparse.ArgumentParser) -> None:
    """The options of every step: each takes them all, so that one line of settings serves a whole release."""
    add = step.add_argument
    add("--out", default="dist", metavar="DIR", help="folder for files and journal (default: dist)")
    add("--build-root", default=BUILD_ROOT, metavar="DIR", help=f"folder to build in (default: {BUILD_ROOT})")
    add("--python", nargs="+", metavar="P", help="interpreters that build (default: this one)")
    about = "install the locked build tools (default), or use those there are"
    add("--tools", choices=("lock", "installed"), default="lock", help=about)
    add("--index", metavar="URL", help="index to ask and to confirm from (default: the one pip uses)")
    add("--upload-url", metavar="URL", help="index to publish to (default: the one twine uses)")
    add("--trust-config", metavar="FILE", help="Sigstore instance (default: the public one)")
    add("--rebuild-from", metavar="DIR", help="what an independent builder made, for `verify`")
