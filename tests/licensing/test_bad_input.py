"""Whatever is wrong with what is kept here: one clear line, the community level, and a program that runs on unharmed.

Each damage is met by the runtime in this process as a program would meet it, and by `epochly license status`; one program is
run from its start to its end.
"""

from __future__ import annotations

import os
import re
import resource
import socket
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fake_service import KEY, may
from forked import in_a_child

import epochly.cli
from epochly import _ambient, _api
from epochly.licensing import world as worlds
from epochly.licensing.anchor import seen_here
from epochly.licensing.answers import Granted
from epochly.licensing.state import StateProblem

ONE_LINE = re.compile(r"epochly: [^\n]+; hint: [^\n]+\n")


def kept(folder, name):
    """A file of the folder."""
    return os.path.join(folder, name)


def cut(name, size):
    """Cut a file off."""
    return lambda folder: os.truncate(kept(folder, name), size)


def linked(folder):
    """Put a link in the key's place."""
    os.rename(kept(folder, "device.key"), kept(folder, "elsewhere"))
    os.symlink(kept(folder, "elsewhere"), kept(folder, "device.key"))


def malformed(old, new):
    """Change the text of the lease that is kept."""

    def change(folder):
        with open(kept(folder, "licence.json"), "r+b") as file:
            data = file.read().replace(old, new)
            file.seek(0)
            file.truncate()
            file.write(data)

    return change


def tampered(folder):
    """Change one letter of the lease's claims."""
    with open(kept(folder, "licence.json"), "r+b") as file:
        data = bytearray(file.read())
        at = data.index(b"v4.public.") + 40
        data[at] ^= 1
        file.seek(0)
        file.write(data)


def removed(name):
    """Take a file away."""
    return lambda folder: os.unlink(kept(folder, name))


def linked_folder(folder):
    """Put a link in the folder's place."""
    os.rename(folder, folder + ".moved")
    os.symlink(folder + ".moved", folder)


DAMAGES = {
    "key readable by others": (lambda folder: os.chmod(kept(folder, "device.key"), 0o644), "may be read or written by others"),
    "key truncated": (cut("device.key", 40), "holds no whole private key"),
    "key empty": (cut("device.key", 0), "holds no whole private key"),
    "key a link": (linked, "is a symbolic link"),
    "key missing": (removed("device.key"), "is missing"),
    "licence truncated": (cut("licence.json", 200), "holds not JSON"),
    "licence empty": (cut("licence.json", 0), "holds not JSON"),
    "licence of another version": (malformed(b'"v":1', b'"v":7'), "another version"),
    "licence readable by others": (lambda folder: os.chmod(kept(folder, "licence.json"), 0o664), "may be read or written"),
    "no token": (malformed(b"v4.public.", b"v3.public."), "does not begin with"),
    "token of another kind": (malformed(b'"lease":"v4', b'"lease":".v4'), "does not begin with"),
    "token tampered": (tampered, "does not count"),
    "enrolment truncated": (cut("fp_local.json", 30), "holds not JSON"),
    "enrolment missing": (removed("fp_local.json"), "is missing"),
    "folder writable by others": (lambda folder: os.chmod(folder, 0o777), "is writable by others"),
    "folder a link": (linked_folder, "is a symbolic link, or no folder"),
}  # fmt: skip


@pytest.fixture
def licensed(machine, service, monkeypatch):
    """A folder with a licence that counts, where the runtime and the commands of this process find it."""
    session = machine()
    assert isinstance(session.activate(KEY), Granted)
    folder = session.world.state.path
    monkeypatch.setenv("EPOCHLY_STATE_DIR", folder)
    monkeypatch.setattr(worlds, "session_here", lambda _environ: session)
    monkeypatch.setattr("epochly.licensing.cli.session_here", lambda _environ: session)
    monkeypatch.setattr(worlds, "_started", lambda *_: None)
    monkeypatch.setattr(_api, "_SESSIONS", [_ambient.new_session()])
    service.down = True
    return folder


def runtime_says(capsys):
    """Ask the runtime for everything, use it, and give what it said."""
    capsys.readouterr()
    epochly.set_level(4)
    double = epochly.optimize(level=4)(lambda x: 2 * x)
    assert [double(number) for number in range(100)] == [2 * number for number in range(100)]
    epochly.configure(max_workers=64)
    err = capsys.readouterr().err
    return [line for line in err.splitlines(keepends=True) if "so far" not in line]


def test_nothing_is_said_of_a_licence_that_counts(licensed, capsys):
    """The control: without damage there is no line, and the plan is told."""
    assert runtime_says(capsys) == []
    assert epochly.get_status()["tier"] == "professional"
    assert os.listdir(licensed)


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_one_line_and_the_community_level(licensed, capsys, damage):
    """For a program that asks for more than is everybody's, and for a person who asks what is wrong."""
    harm, said = DAMAGES[damage]
    harm(licensed)
    (line,) = runtime_says(capsys)
    assert ONE_LINE.fullmatch(line)
    assert said in line
    assert epochly.get_status()["tier"] == "community"
    assert epochly.cli.main(["license", "status"], environ={}) == 1
    out, err = capsys.readouterr()
    assert re.search(r"^plan +community$", out, re.MULTILINE)
    assert said in err
    assert all(ONE_LINE.fullmatch(each) for each in err.splitlines(keepends=True))


def test_a_full_disk_keeps_what_is_held(machine, service):
    """A lease that cannot be kept is a line; the one that is held goes on, and its renewal is asked for again."""
    session = machine()
    session.activate(KEY)

    def work():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
        try:
            session.refresh()
        except StateProblem as problem:
            return bool(ONE_LINE.fullmatch(f"epochly: {problem}\n")), may(session)
        return None

    assert in_a_child(work) == "(True, True)"
    assert isinstance(session.refresh(), Granted)
    assert {device.status for device in service.devices.values()} == {"active"}


def test_an_answer_that_cannot_be_kept_is_asked_for_again(machine, service, monkeypatch):
    """The disk fills up after the request left: the service has moved on, and the same request catches up with it."""
    session = machine()
    session.activate(KEY)
    keep = session._keep

    def full(held):
        if held.pending is None:
            raise StateProblem("x", "cannot be used: no space left on device", "make room")
        keep(held)

    monkeypatch.setattr(type(session), "_keep", lambda _self, held: full(held))
    with pytest.raises(StateProblem):
        session.refresh()
    monkeypatch.undo()
    again = machine()
    assert isinstance(again.refresh(), Granted)
    assert again.refresh().lease.seq == 3
    assert {device.status for device in service.devices.values()} == {"active"}


def test_a_read_only_folder_keeps_what_is_held(machine, service):
    """Nothing can be renewed, and what is held goes on until it ends; the thread is patient."""
    session = machine()
    session.activate(KEY)
    state = session.world.state

    def refused(*_):
        raise StateProblem(state.path, "cannot be used: read-only file system", "name another")

    from epochly.licensing.background import keep_fresh

    class ReadOnly(type(state)):
        write = locked = refused

    session.world = replace(session.world, state=ReadOnly(state.path))
    assert may(session)
    service.now += 40 * 3600
    slept = []
    keep_fresh(session, lambda _: None, lambda seconds: slept.append(seconds) or len(slept) > 3, lambda: 0.0)
    assert slept == [0.0, 60, 120, 240]
    assert may(session)


def environment(session, service, tmp_path):
    """The variables of a program that finds a session's licence, and believes its service."""
    root = tmp_path / "root.pem"
    public = service.root.private.public_key()
    root.write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return {name: value for name, value in os.environ.items() if not name.startswith("EPOCHLY")} | {
        "EPOCHLY_STATE_DIR": session.world.state.path,
        "EPOCHLY_API_URL": service.base,
        "EPOCHLY_ROOT_KEY": str(root),
        "no_proxy": "*",
    }


def test_a_program_runs_to_its_end_unharmed(machine, service, tmp_path):
    """From start to exit: its output and exit code are its own, and there is one line of ours on stderr."""
    service.now = int(time.time())  # the program's clock is the real one
    session = machine()
    assert isinstance(session.activate(KEY), Granted)
    os.truncate(kept(session.world.state.path, "device.key"), 30)
    program = "import epochly; epochly.set_level(4); f = epochly.optimize(lambda x: x + 1); print(f(41)); raise SystemExit(7)"
    environ = environment(session, service, tmp_path) | {"EPOCHLY_OFFLINE_MODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True, env=environ, timeout=60
    )
    assert (done.returncode, done.stdout) == (7, "42\n")
    ours, other = done.stderr.splitlines(keepends=True)
    assert ONE_LINE.fullmatch(ours)
    assert "holds no whole private key" in ours
    assert "acts as 2 so far" in other


def test_a_program_ends_while_a_renewal_hangs(machine, service, tmp_path):
    """Its lease is due, and the service takes the connection and never answers: the exit waits for nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        service.base = f"https://127.0.0.1:{silent.getsockname()[1]}"
        service.now = int(time.time()) - 40 * 3600
        session = machine(seen=seen_here())
        assert isinstance(session.activate(KEY), Granted)
        program = "import epochly, sys; epochly.set_level(4); print(epochly.get_status()['tier'], flush=True); sys.stdin.readline()"
        with subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(session, service, tmp_path),
        ) as running:
            silent.settimeout(30)
            connection, _ = silent.accept()  # the renewal has begun
            with connection:
                begun = time.monotonic()
                out, err = running.communicate("\n", timeout=30)
                took_s = time.monotonic() - begun
    assert (running.returncode, out) == (0, "professional\n")
    assert "licence" not in err
    assert took_s < 3  # of the 5 that the renewal would take; mostly Python's own, on a busy machine
