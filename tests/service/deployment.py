"""A deployment for tests of what operators do: private files, a root, a signing key, and the command line in this process."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from filled import DAY

from epochly_service import keys, secret_files
from epochly_service.admin.cli import main
from epochly_service.admin.desk import Desk
from epochly_service.settings import Policy

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Deployment:
    """Where it lies, and its database, opened."""

    data: Path
    url: str
    database: object

    def desk(self, now=None, actor="operator:kim", account_id=None, rng=os.urandom):
        """A desk at it."""
        return Desk(self.database, str(self.data), Policy(), now or int(time.time()), rng, actor, account_id)

    def admin(self, *arguments, code=0, stdin=""):
        """Run a command; returns what it said on stdout and stderr, having seen its exit code."""
        out, err = io.StringIO(), io.StringIO()
        before = sys.stdin
        umask = os.umask(0o022)
        sys.stdin = io.StringIO(stdin)
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                found = main([*arguments, "--data", str(self.data), "--database-url", self.url])
        finally:
            sys.stdin = before
            os.umask(umask)
        assert found == code, (found, out.getvalue(), err.getvalue())
        return out.getvalue(), err.getvalue()

    def ask(self, *arguments, code=0, stdin=""):
        """Run a command with `--json`; returns the object."""
        return json.loads(self.admin(*arguments, "--json", code=code, stdin=stdin)[0])


def deploy(database, url, folder):
    """Make the private files and the first signing key of a deployment whose tables are there."""
    data = folder / "data"
    data.mkdir(mode=0o700)
    secret_files.make_secrets(str(data), os.urandom)
    root = keys.make_root(str(data), os.urandom)
    database.write(
        lambda conn: keys.rotate(
            conn, root=root, data=str(data), now=int(time.time()) - DAY, policy=Policy(), rng=os.urandom
        )
    )
    return Deployment(data, url, database)
