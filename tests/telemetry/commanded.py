"""The command line in this process, for tests of what it says."""

from __future__ import annotations

import contextlib
import io
import sys

import epochly.cli


def run(environ, *words, typed=""):
    """A command in this process, with a text or a file to read from: exit code, stdout, stderr."""
    out, err, stdin = io.StringIO(), io.StringIO(), sys.stdin
    sys.stdin = io.StringIO(typed) if isinstance(typed, str) else typed
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = epochly.cli.main(list(words), environ=environ)
    finally:
        sys.stdin = stdin
    return code, out.getvalue(), err.getvalue()
