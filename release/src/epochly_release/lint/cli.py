"""`epochly-release lint [PATH...]`: files in, findings out, an exit code. Decides nothing itself.

Exit codes: 0 clean, 1 findings, 2 usage, or a file that could not be read, or nothing to look at. They do not depend on the
output format. There is no switch that silences a rule.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from epochly_release.lint.document import MOST_BYTES
from epochly_release.lint.errors import LintError
from epochly_release.lint.render import FORMATS, explained, shown
from epochly_release.lint.run import lint

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from epochly_release.lint.model import Finding

CLEAN, FOUND, UNREAD = 0, 1, 2
DEFAULT = os.path.join(".github", "workflows")
_MOST_FILES = 1_000  # files of one folder; the largest public repositories have about 200 workflows


def main(argv: Sequence[str]) -> int:
    """Lint the files and folders named in `argv`; returns the exit code."""
    options = _parser().parse_args(list(argv))
    if options.explain is not None:
        text = explained(options.explain)
        if text is None:
            return _complain(
                f"no rule is called `{shown(options.explain)}`; hint: a finding's line names its rule"
            )
        print(text, end="")
        return CLEAN
    findings: list[Finding] = []
    unread: list[LintError] = []
    read: list[str] = []
    for given in options.paths or [DEFAULT]:
        try:
            paths = tuple(workflow_files(given))
        except LintError as error:
            unread.append(error)
            continue
        for path in paths:
            try:
                findings += lint(read_file(path), path)
                read.append(path)
            except LintError as error:
                unread.append(error)
    print(FORMATS[options.format](findings, unread, read), end="")
    for failure in unread:
        _complain(str(failure))
    return UNREAD if unread else FOUND if findings else CLEAN


def workflow_files(given: str) -> Iterator[str]:
    """The workflow files of a folder in the order of their names, or the one file.

    Raises:
        LintError: nothing is there, so nothing can be clean.
    """
    if not os.path.isdir(given):
        yield given
        return
    try:
        names = sorted(name for name in os.listdir(given) if name.endswith((".yml", ".yaml")))
    except OSError as error:
        raise LintError("unreadable", given, _reason(error), "name a folder that can be read") from None
    if not names or len(names) > _MOST_FILES:
        what = "no workflow in it" if not names else f"more than {_MOST_FILES} files"
        raise LintError("nothing-to-lint", given, what, "name the workflow files")
    yield from (os.path.join(given, name) for name in names)


def read_file(path: str) -> bytes:
    """The file's bytes, one more than a workflow may have at most.

    Raises:
        LintError: it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise LintError(
            "unreadable", path, _reason(error), "name a workflow file, or the folder of them"
        ) from None


def _reason(error: OSError | ValueError) -> str:
    return (getattr(error, "strerror", None) or str(error) or "cannot be read").lower()


def _complain(message: str) -> int:
    print(f"epochly-release lint: {shown(message)}", file=sys.stderr)
    return UNREAD


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="epochly-release lint",
        description="Says where a workflow has a shape that let releases be taken over elsewhere.",
        epilog="exit codes: 0 clean, 1 findings, 2 usage or a file that could not be read",
        allow_abbrev=False,
    )
    parser.add_argument(
        "paths", nargs="*", metavar="PATH", help=f"workflow files or folders (default: `{DEFAULT}`)"
    )
    parser.add_argument(
        "--format", choices=tuple(FORMATS), default="text", help="output format (default: text)"
    )
    parser.add_argument("--explain", metavar="RULE", help="say what a rule is about, and stop")
    return parser
