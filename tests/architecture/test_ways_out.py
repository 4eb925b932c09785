"""No way out past the gateway that an import does not show: C's own calls, sub-interpreters, shells, names put together late.

`test_network.py` holds what modules import. What can be seen in no source, because a dependency does it, is seen by the kernel:
`tests/network_proof`.
"""

from __future__ import annotations

import ast
import re

import pytest

GATEWAY = "epochly.net.gateway"
CALLS = {  # of a socket, or of a C library; whatever they stand on
    "connect",
    "connect_ex",
    "create_connection",
    "open_connection",
    "sendto",
    "sendmsg",
    "sendmmsg",
    "getaddrinfo",
    "gethostbyname",
    "gethostbyname_ex",
    "gethostbyaddr",
    "getnameinfo",
    "syscall",
    "send_fds",
    "recv_fds",
    "run_string",
}
LIBRARIES = {
    "ctypes",
    "_ctypes",
    "cffi",
    "_interpreters",
    "_xxsubinterpreters",
    "interpreters",
    "concurrent.interpreters",
}
MEANT = {  # (module, what it uses) -> why
    ("epochly._cache.native", "ctypes"): "puts an object's address into machine code's memory",
    ("epochly.licensing.anchor", "ctypes"): "asks Windows for the identifier of the machine",
    **{
        (f"epochly._exact.{name}", "ctypes"): "layouts and addresses of Python's own machine code"
        for name in ("arena", "gate", "layout", "lowering", "mathematics", "numpy_loops", "powers", "rows")
    },
    ("epochly.cli", "import_module"): "the function that a user names to `epochly explain`",
    ("epochly.telemetry.here", "_xxsubinterpreters"): "asks which interpreter this is, and makes none",
    ("epochly.net_audit.hook", "run_path"): "the program that a user names to `net-audit`",
    ("epochly.net.base_url", "https://api.epochly.com"): "the service, where the user names no other",
}
LOADERS = {"import_module", "__import__", "exec_module", "load_module", "run_path", "run_module"}
PROGRAMS = re.compile(r"\b(?:curl|wget|aria2c|netcat|ncat|socat|telnet|ssh|scp|sftp|ftp|dig|nslookup)\b")
ADDRESS = re.compile(r"(?:https?|wss?|ftp)://[a-z0-9.-]+\.[a-z]{2,}", re.IGNORECASE)


def ways(module):
    """What a module has that could lead out unseen: (what, line)."""
    if module.package != "epochly":
        return
    prose = {
        id(node.body[0].value)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    libraries = set()
    for node in ast.walk(module.tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in LIBRARIES & {*names, *(name.partition(".")[0] for name in names)}:
            libraries.add(name)
            yield name, node.lineno
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and node.attr in CALLS and module.name != GATEWAY:
            yield node.attr, node.lineno
        elif isinstance(node, ast.Call):
            if any(each.arg == "shell" for each in node.keywords):
                yield "shell", node.lineno
            called = ast.unparse(node.func).rpartition(".")[2]
            if called in LOADERS and not (node.args and isinstance(node.args[0], ast.Constant)):
                yield called, node.lineno
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            text = node.value
            found = PROGRAMS.search(text) or ADDRESS.match(text) or (libraries and text in CALLS)
            yield from [(text, node.lineno)] if found else []


def unmeant(module):
    """Ways that no line above speaks of."""
    for what, line in ways(module):
        if (module.name, what) not in MEANT:
            yield f"{module.path}:{line}: `{what}` may lead out past the gateway"


def test_nothing_leads_out_unseen(modules):
    """No C call, sub-interpreter, shell, downloader, address or late import but what is named above, each for its reason."""
    faults = [fault for module in modules for fault in unmeant(module)]
    assert not faults, "\n".join(faults)


def test_every_reason_is_still_needed(modules):
    """A way that is gone is taken off the list, so that the list says what there is."""
    used = {(module.name, what) for module in modules for what, _ in ways(module)}
    assert set(MEANT) <= used, set(MEANT) - used


@pytest.mark.parametrize(
    "text",
    [
        "import ctypes",
        "from ctypes import CDLL as C",
        "import _xxsubinterpreters",
        "from concurrent import interpreters",
        "libc.connect(3, address, 16)",
        "made.sendto(b'x', place)",
        "self._resolver.getaddrinfo(name, 443)",
        "libc.syscall(42)",
        "run(['x'], shell=True)",
        "run(words, shell=shell)",
        "start(['curl', address])",
        "start('/usr/bin/wget')",
        "import importlib\nimportlib.import_module('so' + 'cket')",
        "__import__(name)",
        "spec.loader.exec_module(made)",
        "WHERE = 'https://collector.example/v1'",
    ],
)
def test_unmeant_sees_a_planted_way(plant, text):
    """The rule catches each, in any module, the client of licences as well."""
    assert len(list(unmeant(plant("epochly.licensing.client", text)))) == 1


@pytest.mark.parametrize("text", ["import ctypes\ngetattr(libc, 'connect')", "import ctypes\nlibc.connect"])
def test_unmeant_sees_a_planted_call_where_ctypes_is_meant(plant, text):
    """Who may use `ctypes` may not use it for this."""
    assert len(list(unmeant(plant("epochly._exact.gate", text)))) == 1


def test_unmeant_lets_harmless_things_pass(plant):
    """Prose, other packages, literals that name no host, imports by their whole name, and the gateway's own calls."""
    for name, text in [
        (
            "epochly.cli",
            '"""See https://example.org, or use curl."""\nimport_module("numpy")\nHOW = "connect"',
        ),
        ("epochly.cli", "TEXT = 'give one like `http://host:port`'\nPATTERN = r'https://[a-z]+'"),
        ("epochly_release.world", "import ctypes\nrun('curl', shell=True)"),
        (GATEWAY, "socket.getaddrinfo(host, port)"),
    ]:
        assert list(unmeant(plant(name, text))) == []
