"""Importing does nothing: no thread, no socket, no program, no file written, no environment read, nothing heavy.

Each probe is a fresh interpreter with an audit hook, because only a fresh one has imported nothing yet.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = [
    "cryptography",
    "sigstore",
    "rfc3161_client",
    "pydantic",
    "requests",
    "httpx",
    "httpcore",
    "psutil",
    "tuf",
    "numba",
    "numpy",
    "asyncio",
]
PROBE = """
import json, os, sys, threading
name, heavy = sys.argv[1], json.loads(sys.argv[2])
if len(sys.argv) > 3:
    sys.path.insert(0, sys.argv[3])
seen = []
class Environment(dict):
    def note(self, *key):
        frame = sys._getframe(2)
        while frame.f_globals["__name__"] == "os":
            frame = frame.f_back
        if frame.f_globals["__name__"].partition(".")[0] == name.partition(".")[0]:
            seen.append("environment " + repr(key))
    def __getitem__(self, key): self.note(key); return dict.__getitem__(self, key)
    def __contains__(self, key): self.note(key); return dict.__contains__(self, key)
    def __iter__(self): self.note(); return dict.__iter__(self)
    def get(self, key, default=None): self.note(key); return dict.get(self, key, default)
    def items(self): self.note(); return dict.items(self)
os.environ = Environment(os.environ)
def hook(event, arguments):
    writes = event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
    if writes or event.startswith(("socket.", "subprocess.", "os.system", "os.fork", "os.exec", "os.posix_spawn")):
        seen.append(event)
before = threading.active_count()
sys.dont_write_bytecode = True
sys.addaudithook(hook)
__import__(name)
seen += [f"{threading.active_count() - before} threads"] * (threading.active_count() != before)
print(json.dumps(seen + ["heavy " + module for module in heavy if module in sys.modules]))
"""


def side_effects(name, folder=""):
    """What importing `name` in a fresh interpreter did besides importing."""
    arguments = [name, json.dumps(HEAVY), *([folder] if folder else [])]
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "name",
    [
        "epochly",
        "epochly.licensing",
        "epochly.licensing.entitlement",
        "epochly.licensing.places",
        "epochly.net",
        "epochly.net.endpoints",
        "epochly.net.privacy",
        "epochly.telemetry",
        "epochly.telemetry.start",
        "epochly.telemetry.events",
        "epochly.net_audit",
        "epochly.net_audit.kernel",
        "epochly_verify",
        "epochly_verify.run",
        "epochly_verify.cli",
        "epochly_sbom",
        "epochly_release",
        "epochly_service",
    ],
)
def test_importing_does_nothing(name):
    """A program that imports one of our packages pays nothing and starts nothing until it asks for something."""
    assert side_effects(name) == []


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        (
            "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()",
            "1 threads",
        ),
        ("import socket\nsocket.socket()", "socket.__new__"),
        ("import subprocess, sys\nsubprocess.run([sys.executable, '-c', ''])", "subprocess.Popen"),
        ("import os\nhome = os.environ.get('HOME')", "environment ('HOME',)"),
        ("import os\nhome = os.getenv('HOME')", "environment ('HOME',)"),
        ("open(__file__ + '.log', 'w').close()", "open"),
        ("import asyncio", "heavy asyncio"),
    ],
)
def test_side_effects_sees_a_planted_one(tmp_path, text, seen):
    """The probe catches a thread, a socket, a program, an environment read, a written file and a heavy import."""
    (tmp_path / "planted.py").write_text(text)
    assert seen in side_effects("planted", str(tmp_path))


def test_side_effects_of_a_quiet_module_are_none(tmp_path):
    """The probe does not cry at a module that only defines things."""
    (tmp_path / "planted.py").write_text("import dataclasses, enum, json\ndef f(): ...")
    assert side_effects("planted", str(tmp_path)) == []
