"""`epochly net-audit`: options in, a program run, its report on stderr or in a file. Decides nothing itself.

Exit codes: the program's own; 2 usage, 126 it cannot be run, 127 it is not there, 128 and a signal's number as a shell has it.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from epochly.net_audit.report import FORMS, WAYS, Report, as_json, as_text
from epochly.net_audit.world import MISUSED, AuditError, audit, way

if TYPE_CHECKING:
    from collections.abc import Mapping

    from epochly.net_audit.report import By, Form

USAGE = """usage: epochly net-audit [--report term|json] [--to FILE] [--by strace|audit|both] [--] command [args ...]

Runs a program, such as `python app.py`, and lists every destination that it and its children touch. The report comes on
stderr when all of them have ended, or goes to FILE; the exit code is the program's.

--by strace  asks the kernel, which sees every process (the default where `strace` is installed; Linux)
--by audit   asks the interpreter: Python programs only, and much goes past it, as the report says
--by both    asks both, to tell which code it was
"""


def main(words: list[str], environ: Mapping[str, str]) -> int:
    """Run `net-audit`; returns the exit code."""
    form: Form = "term"
    by: By | None = None
    to, rest = "", list(words)
    if rest[:1] in (["-h"], ["--help"], ["help"]):
        sys.stdout.write(USAGE)
        return 0
    while rest and rest[0].startswith("--"):
        option, equals, value = rest.pop(0).partition("=")
        if option == "--" and not equals:
            break
        value = value if equals else rest.pop(0) if rest else ""
        if option == "--report" and value in FORMS:
            form = next(each for each in FORMS if each == value)
        elif option == "--by" and value in WAYS:
            by = next(each for each in WAYS if each == value)
        elif option == "--to" and value:
            to = value
        elif option in {"--report", "--by", "--to"}:
            return _said(f"`{option}` cannot be `{value}`; hint: see `epochly net-audit --help`", MISUSED)
        else:
            return _said(
                f"`net-audit` has no option `{option}`; hint: see `epochly net-audit --help`", MISUSED
            )
    if not rest:
        return _said("`net-audit` needs a command; hint: give one like `python app.py`", MISUSED)
    try:
        report = audit(tuple(rest), way(by, environ), environ)
    except AuditError as error:
        return _said(str(error), error.code)
    return _delivered(report, form, to, environ)


def _delivered(report: Report, form: Form, to: str, environ: Mapping[str, str]) -> int:
    if not to:
        colour = sys.stderr.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
        sys.stderr.write(as_json(report) if form == "json" else as_text(report, colour=colour))
        return report.exit_code
    try:
        with open(to, "w", encoding="utf-8") as file:
            file.write(as_json(report) if form == "json" else as_text(report))
    except OSError as error:
        sys.stderr.write(as_text(report))
        return _said(
            f"`{to}` cannot be written: {os.strerror(error.errno or 0).lower()}; hint: the report is above",
            report.exit_code or 1,
        )
    return report.exit_code


def _said(line: str, code: int) -> int:
    print(f"epochly: {line}", file=sys.stderr)
    return code
