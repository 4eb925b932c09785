"""A PostgreSQL server for tests: made in a folder of its own, spoken to over a socket file, gone when its starter is.

Another process keeps it. That one ends when the pipe to its starter closes, however that came about, then stops the server
and deletes the folder: tests that are killed leave nothing running and nothing behind.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg

INSTALL = "`postgres`: no PostgreSQL server is installed here; hint: `apt-get install postgresql`, or set `EPOCHLY_TEST_NO_POSTGRES=1` to skip what needs it"
PLACES = ("/usr/lib/postgresql", "/usr/local/opt", "/opt/homebrew/opt")
START_S = 60  # seconds until it answers; measured: 1
FAST = {  # nothing here has to survive a crash of the machine
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",
    "shared_buffers": "16MB",
    "max_wal_size": "256MB",
}
KEEPER = """
import json, os, shutil, signal, subprocess, sys
folder, initdb, command = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
signal.signal(signal.SIGINT, signal.SIG_IGN)
owner = os.stat(folder)
them = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if os.geteuid() == 0 else {}
log = open(os.path.join(folder, "log"), "wb")
shared = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log, "cwd": folder} | them
try:
    subprocess.run(initdb, check=True, **shared)
    server = subprocess.Popen(command, **shared)
    sys.stdin.buffer.read()
    server.send_signal(signal.SIGQUIT)
    server.wait()
finally:
    sys.stdin.buffer.read()
    shutil.rmtree(folder)
"""


class NoPostgresError(Exception):
    """There is no server to start here; the text says how to get one."""


@dataclass(slots=True)
class Cluster:
    """A running server; databases in it are made from templates."""

    folder: str
    keeper: int
    made: int = 0

    def url(self, database: str) -> str:
        """Where `epochly-service` finds a database."""
        return f"postgresql://postgres@/{database}?host={quote(self.folder, safe='')}"

    def create(self, template: str = "template0") -> str:
        """A new database like another one, to which nobody may be connected; returns its name."""
        self.made += 1
        name = f"t{self.made}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, database: str) -> None:
        """Remove a database, and end whoever is still connected to it."""
        self.run(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")

    def run(self, statement: str) -> None:
        """One statement outside any transaction."""
        with psycopg.connect(
            host=self.folder, user="postgres", dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(statement)


def find_binaries() -> Path:
    """The folder of the newest server there is.

    Raises:
        NoPostgresError: there is none.
    """
    found = [
        binary.parent
        for place in PLACES
        for binary in Path(place).glob("*/bin/initdb")
        if (binary.parent / "postgres").exists()
    ]
    on_path = shutil.which("initdb")
    found += [Path(on_path).resolve().parent] if on_path else []
    if not found:
        raise NoPostgresError(INSTALL)
    return max(
        found,
        key=lambda folder: [
            int(digits) for digits in "".join(folder.parts[-2:]).split(".") if digits.isdigit()
        ],
    )


def _other_user() -> pwd.struct_passwd | None:
    """Who runs the server, which refuses to be run by root; `None` where we are somebody else anyway."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        raise NoPostgresError(
            "`postgres`: root cannot run the server, and there is no user of this name; hint: `useradd postgres`"
        ) from None


@contextmanager
def running(settings: dict[str, str] | None = None):
    """A new server with nothing in it, until the block ends or this process does.

    Raises:
        NoPostgresError: this machine has none.
    """
    binaries, owner = find_binaries(), _other_user()
    # Not pytest's own folder: other users cannot reach into that, and the path of a socket has at most 107 bytes.
    folder = tempfile.mkdtemp(prefix="epochly-pg-")
    if owner is not None:
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    data = os.path.join(folder, "data")
    initdb = [
        str(binaries / "initdb"),
        "-D",
        data,
        "-U",
        "postgres",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--locale=C",
        "-N",
    ]
    command = [str(binaries / "postgres"), "-D", data, "-k", folder, "-c", "listen_addresses="]
    for name, value in (FAST if settings is None else settings).items():
        command += ["-c", f"{name}={value}"]
    keeper = subprocess.Popen(
        [sys.executable, "-ISc", KEEPER, folder, json.dumps(initdb), json.dumps(command)],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # a Ctrl-C in the terminal ends the tests, and they end this
    )
    try:
        cluster = Cluster(folder, keeper.pid)
        _wait(cluster, keeper)
        yield cluster
    finally:
        keeper.communicate()


def _wait(cluster: Cluster, keeper: subprocess.Popen) -> None:
    late = time.monotonic() + START_S
    while True:
        try:
            cluster.run("SELECT 1")
        except psycopg.OperationalError as error:
            if keeper.poll() is not None or time.monotonic() > late:
                text = Path(cluster.folder, "log").read_text("utf-8", "replace")
                raise RuntimeError(f"PostgreSQL does not answer: {error}\n{text}") from error
            time.sleep(0.02)
        else:
            return
