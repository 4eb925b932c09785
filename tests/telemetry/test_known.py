"""What the tripwire knows of this very machine: who runs the test, what the machine is called, where it is; and no one is asked for it."""

from __future__ import annotations

import os
import platform
import sys

import psutil
import pytest

from epochly.telemetry import known, world
from epochly.telemetry.tripwire import Tripwire


@pytest.fixture
def environ(tmp_path, monkeypatch):
    """Somebody's home, with settings of git, and a project in it."""
    home = tmp_path / "zq7home"
    project = home / "zq7project"
    (project / ".git").mkdir(parents=True)
    (home / ".gitconfig").write_text("[user]\n\tname = Zoe Quimby\n\temail = zq7@mail.example\n")
    (project / ".git" / "config").write_text('[user]\n\temail = "zq7work@corp.example"\n')
    monkeypatch.chdir(project)
    return {
        "HOME": str(home),
        "USER": "zq7user",
        "HOSTNAME": "zq7host.corp.example",
        "VIRTUAL_ENV": "/opt/zq7venv",
        "EMAIL": "zq7@env.example",
    }


def test_it_knows_what_variables_and_settings_say(environ):
    """User, home, host, folders, and git's e-mail of the user and of the project that the program runs in."""
    found = known.known_here(environ)
    assert {"zq7user", "Zoe Quimby"} <= set(found.users)
    assert environ["HOME"] in found.homes
    assert "zq7host.corp.example" in found.hosts
    assert {"/opt/zq7venv", sys.prefix, os.getcwd()} <= set(found.folders)
    assert {"zq7@mail.example", "zq7work@corp.example", "zq7@env.example"} <= set(found.emails)
    wire = world.tripwire_in(environ)
    for secret in ("zq7user", "zq7home", "ZQ7HOST", "zq7project", "zq7venv", "zq7work", "Quimby, Zoe Quimby"):
        assert wire.fires_at({"e": "jit", "why": secret}), secret


def test_it_knows_what_the_system_says(environ):
    """The account, the host's name, hardware addresses and addresses of all interfaces, as other libraries tell them."""
    found = known.known_here(environ)
    if platform.node().lower() not in {"", "localhost"}:
        assert platform.node() in found.hosts
    if hasattr(os, "geteuid"):
        import pwd

        assert pwd.getpwuid(os.geteuid()).pw_name in found.users
    entries = [each for several in psutil.net_if_addrs().values() for each in several]
    for each in entries:
        if each.family == psutil.AF_LINK and set(each.address) - set("0:-") and len(each.address) == 17:
            assert bytes.fromhex(each.address.replace(":", "").replace("-", "")) in found.macs
    addresses = {each.address.partition("%")[0] for each in entries if each.family != psutil.AF_LINK}
    assert {each for each in addresses if not each.startswith("127.") and each not in {"::1", "::"}} <= set(
        found.addresses
    )


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="POSIX's list of accounts")
@pytest.mark.parametrize(
    ("gecos", "name"),
    [("Zoe Quimby,Room 7,,", "Zoe Quimby"), ("王欣", "王欣"), ("太", None), ("me,,,", None), ("", None)],
)
def test_it_knows_the_name_in_the_list_of_accounts(environ, monkeypatch, gecos, name):
    """The first part of what an account is told with, unless it is too short to be anybody's; a name of two letters where letters are words."""
    import pwd

    entry = pwd.struct_passwd(("zq7login", "x", 1, 1, gecos, "/zq7", "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwuid", lambda _: entry)
    found = known.known_here({**environ, "HOME": "/nowhere"})
    assert (found.users[0], found.homes[0]) == ("zq7login", "/zq7")
    assert {gecos.partition(",")[0]} & set(found.users) == ({name} if name else set())


def test_nobody_is_asked(environ):
    """No name is looked up, no socket made that leads anywhere, no program started."""
    seen = []
    watching = [True]
    sys.addaudithook(
        lambda event, _: (
            seen.append(event)
            if watching
            and event
            in {"socket.getaddrinfo", "socket.connect", "socket.gethostbyname", "subprocess.Popen", "os.fork"}
            else None
        )
    )
    known.known_here(environ)
    watching.clear()
    assert seen == []


def test_what_cannot_be_read_is_left_out(monkeypatch):
    """A machine that tells nothing, a folder that is gone: less is known, and nothing is raised."""
    monkeypatch.setattr(psutil, "net_if_addrs", lambda: (_ for _ in ()).throw(OSError()))
    monkeypatch.setattr(os, "getcwd", lambda: (_ for _ in ()).throw(FileNotFoundError()))
    found = known.known_here({"HOME": "/does/not/exist"})
    assert found.macs == ()
    assert Tripwire(found).fires("plain") == ""
