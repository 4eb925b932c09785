"""A session over a folder of the test's own, a clock that tests move, and a service that is one object."""

from __future__ import annotations

import io
import itertools
import os
from dataclasses import replace
from hashlib import sha256

import pytest
from fake_service import SEEN, FakeService

import epochly.cli
from epochly.licensing import cli
from epochly.licensing.session import Session, World
from epochly.licensing.state import State


@pytest.fixture
def service():
    """A service with one licence of one seat."""
    return FakeService()


@pytest.fixture
def machine(service, tmp_path, monkeypatch):
    """Make a session of a machine; each name is another machine, with a folder and an identifier of its own."""
    counts = itertools.count(1)
    monkeypatch.setattr(os, "fsync", lambda _: None)  # no test cuts the power, and it is most of their time

    def made(name="one", *, seen=None, environ=None, clock=None):
        identifier = sha256(name.encode()).hexdigest()[:32]
        world = World(
            environ=environ or {},
            state=State(str(tmp_path / name)),
            base_url=service.base,
            roots=lambda: {service.root.kid: service.root.public},
            version="1.0",
            now=clock or (lambda: service.now),
            rng=lambda size: (sha256(f"{next(counts)}".encode()).digest() * 4)[:size],
            seen=lambda: seen or replace(SEEN, identifier=identifier),
            send=service.send,
        )
        return Session(world)

    return made


@pytest.fixture
def run(machine, monkeypatch, capsys):
    """Run a command on a machine: exit code, stdout, stderr."""

    def command(*arguments, typed="", session=None, **environ):
        session = session or machine(environ=environ)
        monkeypatch.setattr(cli, "session_here", lambda _environ: session)
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        capsys.readouterr()
        code = epochly.cli.main(list(arguments), environ=environ)
        out, err = capsys.readouterr()
        assert "\x1b" not in out + err
        return code, out, err

    return command
