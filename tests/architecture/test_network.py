"""One door out: no module of the runtime but the gateway imports what can open a connection, or starts a program that could.

What is left is named here with its reason, and a reason that nobody needs any more is a fault as well.
"""

from __future__ import annotations

import ast
from fnmatch import fnmatchcase

import pytest

GATEWAY = "epochly.net.gateway"
NETWORK = {
    "socket",
    "ssl",
    "http",
    "urllib.request",
    "ftplib",
    "smtplib",
    "poplib",
    "imaplib",
    "xmlrpc",
    "socketserver",
    "wsgiref",
    "webbrowser",
    "asyncio",
    "multiprocessing",
    "_socket",
    "_ssl",
    "httpx",
    "httpcore",
    "requests",
    "urllib3",
    "aiohttp",
    "websockets",
    "prometheus_client",
    "logging.handlers",
    "logging.config",
}
PROGRAMS = {
    "subprocess",
    "pty",
    "os.system",
    "os.popen",
    "os.execv",
    "os.execve",
    "os.execvp",
    "os.posix_spawn",
    "os.spawnv",
}
EXCEPTED = {  # (module, what it may use) -> why
    (
        "epochly._builder.process",
        "socket",
    ): "a pair of sockets to its own compiling process, which have no address",
    (
        "epochly._builder.process",
        "subprocess",
    ): "starts that process: this interpreter, with `epochly._builder`",
    (
        "epochly.net_audit.world",
        "subprocess",
    ): "starts the program that the user names, beside `strace`",
    (
        "epochly._prometheus",
        "prometheus_client",
    ): "listens on the loopback address where the program asks for a port",
}
FOUND_BY_NAME = {"importlib.import_module", "import_module", "__import__", "importlib.__import__"}


def reached(module):
    """What a module imports or names of the above, also by the name it gives to `import_module`."""
    names, known = set(), {}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
            known |= {
                alias.asname or alias.name.partition(".")[0]: alias.name
                if alias.asname
                else alias.name.partition(".")[0]
                for alias in node.names
            }
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
            known |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in FOUND_BY_NAME:
            names |= {each.value for each in node.args if isinstance(each, ast.Constant)}
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            names.add(f"{known.get(node.value.id, node.value.id)}.{node.attr}")
    for name in NETWORK | PROGRAMS:
        if any(isinstance(each, str) and (each == name or each.startswith(name + ".")) for each in names):
            yield name


def doors(module):
    """Uses of the network, or of other programs, that no exception speaks of."""
    if module.package == "epochly" and module.name != GATEWAY:
        for name in sorted(reached(module)):
            if (module.name, name) not in EXCEPTED:
                yield f"{module.path}: uses `{name}`, which leads out past the gateway"


def test_the_gateway_is_the_one_door(modules):
    """Nothing in the runtime opens a connection or starts a program but what is named above, each for its reason."""
    faults = [fault for module in modules for fault in doors(module)]
    assert not faults, "\n".join(faults)


def test_every_exception_is_still_needed(modules):
    """An exception that nobody needs is taken out, so that the list says what there is."""
    used = {(module.name, name) for module in modules for name in reached(module)}
    assert set(EXCEPTED) <= used


def test_the_gateway_is_known_to_licences_and_telemetry_alone(modules):
    """No other part of the runtime has the door's handle."""
    users = {
        module.name
        for module in modules
        for name in module_names(module)
        if fnmatchcase(name, GATEWAY + "*") and module.name != GATEWAY
    }
    assert all(user.startswith(("epochly.licensing.", "epochly.telemetry.")) for user in users), users


def module_names(module):
    """Every module a module imports."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize(
    "text",
    [
        "import socket",
        "def late():\n    from socket import create_connection",
        "import urllib.request as u",
        "from urllib import request",
        "from http.client import HTTPSConnection",
        "import asyncio.streams",
        "import _socket",
        "import httpx",
        "from importlib import import_module\nimport_module('requests')",
        "__import__('socket')",
        "from multiprocessing.connection import Client",
        "import subprocess\nsubprocess.run(['curl'])",
        "import os\nos.system('curl')",
        "import os as o\no.posix_spawn('curl', [], {})",
        "from os import execv",
    ],
)
def test_doors_sees_a_planted_one(plant, text):
    """The rule catches a network module and a started program, however they are imported."""
    assert len(list(doors(plant("epochly.licensing.client", text)))) == 1


def test_doors_lets_the_gateway_and_harmless_names_pass(plant):
    """The gateway is what it is for, and parsing an address opens nothing."""
    assert list(doors(plant(GATEWAY, "import socket, ssl"))) == []
    assert (
        list(
            doors(plant("epochly.cli", "from urllib.parse import urlsplit\nimport ipaddress\nself.socket()"))
        )
        == []
    )
    assert list(doors(plant("epochly_release.world", "import socket"))) == []
