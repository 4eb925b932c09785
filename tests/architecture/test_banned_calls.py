"""What no source file may reach for, and the few files that may: the judge neither runs nor unpacks what it judges.

A rule names dotted things by what they are, not how they were imported: `from os import environ as e` is `os.environ`.
"""

from __future__ import annotations

import ast
import builtins
from dataclasses import dataclass
from fnmatch import fnmatchcase

import pytest

VERIFY = ("epochly_verify", "epochly_verify.*")
COMMANDS = ("*.cli", "*.cli.*", "epochly_verify.conformance", "epochly_verify.progress")
AMBIENT = "epochly._ambient"  # a library has no command line: where the runtime meets the user's process
LICENSING = "epochly.licensing.world"  # the real one of its sessions, which are given everything
NET_AUDIT = (
    "epochly.net_audit.world",
    "epochly.net_audit.hook",
)  # one starts programs, the other runs inside of them
TELEMETRY = "epochly.telemetry.world"  # the same of what is counted
EDGE = (
    *COMMANDS,
    AMBIENT,
    LICENSING,
    TELEMETRY,
    *NET_AUDIT,
    "epochly_verify.gather",
    "epochly_verify.gather.*",
)
PURE = tuple(
    f"epochly_verify.{part}{end}"
    for part in ("parse", "checks", "render", "findings", "run", "model", "policy", "errors", "limits")
    for end in ("", ".*")
)


@dataclass(frozen=True, slots=True)
class Ban:
    """Dotted names that `where` may not use, save the modules in `but`; a name bans what is below it too."""

    why: str
    names: tuple[str, ...]
    where: tuple[str, ...] = ("*",)
    but: tuple[str, ...] = ()


BANS = (
    Ban(
        "text is data, never a program, save the user's own that `epochly run` and `net-audit` are told to run",
        ("eval", "exec", "builtins.eval", "builtins.exec", "runpy", "code"),
        but=("epochly._program", "epochly.net_audit.hook"),
    ),
    Ban("a shell reads more into a string than its writer", ("os.system", "os.popen", "commands")),
    Ban(
        "reading these formats runs or crashes the reader",
        ("pickle", "shelve", "dill", "marshal.load", "marshal.loads"),
    ),
    Ban(
        "the judge starts nothing",
        (
            "subprocess",
            "pty",
            "os.posix_spawn",
            "os.posix_spawnp",
            "os.fork",
            "os.execv",
            "os.execve",
            "os.execvp",
        ),
        where=VERIFY,
    ),
    Ban(
        "the judge imports nothing it was not built with; its top loads its own names late",
        ("importlib.import_module", "__import__"),
        where=VERIFY,
        but=("epochly_verify",),
    ),
    Ban(
        "the judge reaches no network; `--refresh-root` does, through the library's own client",
        (
            "socket",
            "ssl",
            "http",
            "urllib.request",
            "urllib3",
            "requests",
            "httpx",
            "aiohttp",
            "ftplib",
            "smtplib",
        ),
        where=VERIFY,
    ),
    Ban("the one online thing is `--refresh-root`", ("tuf",), where=VERIFY, but=("epochly_verify.refresh",)),
    Ban(
        "output leaves at the edge", ("print", "sys.stdout", "sys.stderr", "input"), but=(*COMMANDS, AMBIENT)
    ),
    Ban(
        "time is an argument",
        (
            "datetime.datetime.now",
            "datetime.datetime.utcnow",
            "datetime.datetime.today",
            "datetime.date.today",
            "time.time",
            "time.time_ns",
        ),
        but=EDGE,
    ),
    Ban("the environment is an argument", ("os.environ", "os.environb", "os.getenv", "os.getenvb"), but=EDGE),
    Ban(
        "randomness is an argument",
        ("random", "secrets", "uuid.uuid1", "uuid.uuid4", "os.urandom"),
        where=PURE,
    ),
    Ban(
        "files are opened at the edge",
        (
            "open",
            "io.open",
            "os.open",
            "os.listdir",
            "os.scandir",
            "os.walk",
            "os.stat",
            "pathlib.Path",
            "tempfile",
        ),
        where=PURE,
    ),
)
UNPACKING = {"extractall", "unpack_archive"}  # methods: the judge reads members, it never writes them


def names_used(tree):
    """Every dotted name a tree uses or imports, told by its full name: (name, line)."""
    known = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                known[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                known[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                yield f"{node.module}.{alias.name}", node.lineno
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            rest, at = [], node
            while isinstance(at, ast.Attribute):
                rest.append(at.attr)
                at = at.value
            if isinstance(at, ast.Name) and (at.id in known or hasattr(builtins, at.id)):
                yield ".".join([known.get(at.id, at.id), *reversed(rest)]), node.lineno


def _matches(name, patterns):
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def banned_names(module, bans=BANS):
    """Uses of a banned name where the ban holds, one line each."""
    used = set(names_used(module.tree))
    for ban in bans:
        if _matches(module.name, ban.where) and not _matches(module.name, ban.but):
            for name, line in sorted(used):
                if any(name == banned or name.startswith(f"{banned}.") for banned in ban.names):
                    yield f"{module.path}:{line}: `{name}`: {ban.why}"


def unpackings(module):
    """Calls in the judge that would write an archive's members to disk."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and node.attr in UNPACKING and module.package == "epochly_verify":
            yield f"{module.path}:{node.lineno}: `{node.attr}`: the judge unpacks nothing"


def swallowed_errors(module):
    """Handlers that catch everything without a name for it, or catch much and say nothing."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ExceptHandler):
            if node.type is None:
                yield f"{module.path}:{node.lineno}: bare `except`"
            elif _broad(node.type) and all(_silent(statement) for statement in node.body):
                yield f"{module.path}:{node.lineno}: `except` that swallows every error"
        elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "suppress":
            yield from (
                f"{module.path}:{node.lineno}: `suppress` of all" for name in node.args if _broad(name)
            )


def _broad(node):
    caught = node.elts if isinstance(node, ast.Tuple) else [node]
    return any(isinstance(name, ast.Name) and name.id in {"Exception", "BaseException"} for name in caught)


def _silent(statement):
    return isinstance(statement, ast.Pass | ast.Continue) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


def test_no_source_uses_a_banned_name(modules):
    """Nothing that runs, shells out, listens, or reads a clock or the environment stands where it may not."""
    faults = [fault for module in modules for fault in banned_names(module)]
    assert not faults, "\n".join(faults)


def test_the_judge_unpacks_nothing(modules):
    """No path of the judge writes an archive's members anywhere."""
    faults = [fault for module in modules for fault in unpackings(module)]
    assert not faults, "\n".join(faults)


def test_no_source_swallows_every_error(modules):
    """An error is handled by name, or it surfaces: a swallowed one could turn into a pass."""
    faults = [fault for module in modules for fault in swallowed_errors(module)]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("epochly.jit", "eval('1')"),
        ("epochly_sbom", "exec(text)"),
        ("epochly_release.world", "import os\nos.system('true')"),
        ("epochly_release.world", "from os import system as run\nrun('true')"),
        ("epochly_service.store", "import pickle"),
        ("epochly_verify.checks.install", "from marshal import loads"),
        ("epochly_verify.checks.install", "import marshal\nmarshal.loads(data)"),
        ("epochly_verify.gather", "import subprocess as s"),
        ("epochly_verify.gather", "import importlib\nimportlib.import_module(name)"),
        ("epochly_verify.gather", "import socket"),
        ("epochly_verify.gather", "import urllib.request"),
        ("epochly_verify.signatures", "from requests import get"),
        ("epochly_verify.signatures", "from tuf.ngclient import Updater"),
        ("epochly_verify.run", "print('verified')"),
        ("epochly_verify.render.text", "import sys\nsys.stdout.write(text)"),
        ("epochly_verify.run", "from datetime import datetime\nnow = datetime.now()"),
        ("epochly_verify.checks.identity", "import datetime as d\nnow = d.datetime.now(d.UTC)"),
        ("epochly_verify.run", "import time\ntime.time()"),
        ("epochly.settings", "import os\nhome = os.environ['HOME']"),
        ("epochly.settings", "from os import getenv"),
        ("epochly_verify.run", "import random"),
        ("epochly_verify.parse.zip", "open(path)"),
        ("epochly_verify.parse.zip", "from pathlib import Path"),
        ("epochly_verify.render.sarif", "import os\nos.listdir('.')"),
    ],
)
def test_banned_names_sees_a_planted_use(plant, name, text):
    """The rule catches each ban, however the name was imported."""
    assert list(banned_names(plant(name, text)))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("epochly_verify.cli", "import os\nprint(os.environ)"),
        ("epochly_verify.gather", "import datetime\ndatetime.datetime.now(datetime.UTC)\nopen(path)"),
        ("epochly_verify.refresh", "from tuf.ngclient import Updater"),
        ("epochly_verify.parse.source", "import os\nos.pread(descriptor, 1, 0)"),
        (
            "epochly_verify.parse.bundle",
            "from urllib.parse import urlsplit\nfrom pathlib import PurePosixPath",
        ),
        ("epochly_verify.checks.install", "import marshal\nmarshal.dumps(compile(text, name, 'exec'))"),
        ("epochly_verify.checks.archive", "member.open()\nself.print()\ncode = error.code"),
    ],
)
def test_banned_names_lets_the_edge_work(plant, name, text):
    """What the edge is for stays allowed, and so do harmless names that look alike."""
    assert list(banned_names(plant(name, text))) == []


def test_unpackings_sees_a_planted_call(plant):
    """The rule catches `extractall` and `unpack_archive` on anything."""
    text = "archive.extractall(folder)\nshutil.unpack_archive(path)"
    assert len(list(unpackings(plant("epochly_verify.gather", text)))) == 2


@pytest.mark.parametrize(
    "text",
    [
        "try:\n    f()\nexcept:\n    raise",
        "try:\n    f()\nexcept Exception:\n    pass",
        "try:\n    f()\nexcept (ValueError, BaseException):\n    'nothing'",
        "for x in y:\n    try:\n        f()\n    except Exception as e:\n        continue",
        "with contextlib.suppress(Exception):\n    f()",
    ],
)
def test_swallowed_errors_sees_a_planted_handler(plant, text):
    """The rule catches a bare `except` and every way of catching all and saying nothing."""
    assert len(list(swallowed_errors(plant("epochly_verify.run", text)))) == 1


def test_swallowed_errors_allows_named_and_translated_errors(plant):
    """Catching by name, or catching all to say what happened, is allowed."""
    text = "try:\n    f()\nexcept OSError:\n    pass\nexcept Exception as e:\n    raise InputError(str(e)) from e"
    assert list(swallowed_errors(plant("epochly_verify.gather", text))) == []
