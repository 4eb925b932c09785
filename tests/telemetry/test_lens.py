"""Lens: only with the opt-in and a key; the host's name is told by a hash; a key is kept safely and never shown."""

from __future__ import annotations

import base64
import io
import json
import stat
from hashlib import sha256
from hmac import digest

import pytest
from commanded import run

from epochly.telemetry import lens, lens_key, world
from epochly.telemetry.lens import (
    Account,
    Beating,
    LensError,
    World,
    account_of,
    heartbeat,
    host_hash,
    is_key,
)
from epochly.telemetry.post import Reply

KEY = "elk_" + base64.urlsafe_b64encode(bytes(range(32))).decode().rstrip("=")
SALT = bytes(reversed(range(32)))
ACCOUNT = Account("acc_" + "A" * 22, SALT)
OPT_IN = {"EPOCHLY_TELEMETRY_OPT_IN": "1"}


class Asked:
    """A service of Lens in one object."""

    def __init__(self):
        self.requests, self.status, self.next_s = [], 200, 120
        self.account = {
            "account": ACCOUNT.account,
            "salt": base64.urlsafe_b64encode(SALT).decode().rstrip("="),
        }

    def __call__(self, endpoint, body, key):
        self.requests.append((endpoint, body, key))
        if self.status != 200:
            return Reply(self.status, b"{}")
        answer = self.account if endpoint == "lens-account" else {"next_s": self.next_s}
        return Reply(200, json.dumps(answer).encode())


class Terminal(io.StringIO):
    """Where somebody types."""

    def isatty(self):
        """It is one."""
        return True


@pytest.fixture
def asked():
    """That service."""
    return Asked()


@pytest.fixture
def there(asked):
    """What Lens is given."""
    return World(asked, lambda: "Zeus-Laptop", "1.2.3", 42, lambda: 12.9)


def test_a_key_has_one_form():
    """32 bytes in base64url after `elk_`, in the one spelling they have."""
    assert is_key(KEY)
    for text in (
        "",
        KEY + "A",
        KEY[:-1],
        KEY.replace("elk", "elx"),
        KEY[:-1] + "9",
        KEY + "\n",
        "elk_" + "+" * 43,
    ):
        assert not is_key(text), text


def test_a_sign_of_life_is_the_specifications(there, asked):
    """Five members, the host by HMAC under the account's salt, and nothing of telemetry."""
    assert heartbeat(there, KEY, ACCOUNT) == 120
    host = digest(SALT, b"epochly-lens-host-v1\0zeus-laptop", sha256)[:16].hex()
    assert host == host_hash(SALT, "ZEUS-laptop") != host_hash(bytes(32), "zeus-laptop")
    assert asked.requests == [
        (
            "lens-heartbeat",
            f'{{"host":"{host}","pid":42,"uptime_s":12,"v":1,"version":"1.2.3"}}'.encode(),
            KEY,
        )
    ]
    assert host_hash(SALT, "b\u00fcro") == host_hash(SALT, "bu\u0308ro")


def test_the_pace_is_the_services_within_bounds(there, asked):
    """It says when, from a minute to an hour."""
    for said, kept in ((0, 60), (60, 60), (3_600, 3_600), (10**9, 3_600), (-5, 60)):
        asked.next_s = said
        assert heartbeat(there, KEY, ACCOUNT) == kept


def test_a_key_that_is_none_ends_it_and_a_service_that_is_down_does_not(there, asked):
    """401 and 403 are for good; anything else is asked again, less and less often."""
    beating = Beating(there, KEY)
    assert beating() == 120
    asked.status = 500
    assert [beating() for _ in range(8)] == [60, 120, 240, 480, 960, 1_920, 3_600, 3_600]
    asked.status = 200
    assert beating() == 120
    for status in (401, 403):
        asked.status = status
        assert beating() is None
    assert [name for name, _, _ in asked.requests].count("lens-account") == 1


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"account": "alice", "salt": "A" * 43},
        {"account": ACCOUNT.account, "salt": "A"},
        {"account": ACCOUNT.account, "salt": "A" * 42},
        {"account": 1, "salt": "A" * 43},
    ],
)
def test_an_answer_of_another_form_is_none(there, asked, answer):
    """What a service makes up is not used."""
    asked.account = answer
    with pytest.raises(LensError) as error:
        account_of(there, KEY)
    assert not error.value.is_over


@pytest.mark.parametrize(
    "off",
    [
        {},
        {**OPT_IN, "DO_NOT_TRACK": "1"},
        {**OPT_IN, "EPOCHLY_TELEMETRY": "0"},
        {**OPT_IN, "EPOCHLY_OFFLINE_MODE": "1"},
        {"EPOCHLY_TELEMETRY_OPT_IN": "maybe"},
    ],
)
def test_without_the_opt_in_there_is_no_key(files, off):
    """A key that is kept is not even read where it may not be used."""
    files.write("lens.key", KEY.encode())
    assert world.lens_key(off, files) == ""
    assert world.lens_key(OPT_IN, files) == KEY
    files.write("switch", b"off\n")
    assert world.lens_key(OPT_IN, files) == ""


def test_a_key_is_kept_in_a_file_of_this_user_alone(environ, files, monkeypatch, asked):
    """`login` asks whose it is, keeps it 0600, shows it nowhere; `status` asks again; `logout` forgets it."""
    monkeypatch.setattr(lens_key, "_keyring", lambda: None)
    monkeypatch.setattr(world, "lens_world", lambda *_: World(asked, lambda: "h", "1", 1, lambda: 0.0))
    code, out, err = run({**environ, **OPT_IN}, "lens", "login", typed=KEY + "\n")
    assert (code, out, err) == (
        0,
        f"signs of life go to account {ACCOUNT.account}\n",
        "epochly: the key is kept in a file\n",
    )
    import os

    assert stat.S_IMODE(os.stat(os.path.join(files.path, "lens.key")).st_mode) == 0o600
    code, out, _ = run({**environ, **OPT_IN}, "lens", "status")
    assert (code, KEY in out, "account" in out) == (0, False, True)
    assert "because" in run(environ, "lens", "status")[1]
    assert run(environ, "lens", "logout")[2] == "epochly: the key was forgotten\n"
    assert run(environ, "lens", "logout")[2] == "epochly: no key was kept\n"
    assert files.read("lens.key") is None


def test_login_keeps_nothing_that_the_service_does_not_know(environ, files, monkeypatch, asked):
    """Nor what has not the form of a key, nor without the opt-in, of which nobody is asked."""
    monkeypatch.setattr(world, "lens_world", lambda *_: World(asked, lambda: "h", "1", 1, lambda: 0.0))
    assert run(environ, "lens", "login", KEY)[0] == 1
    assert run({**environ, **OPT_IN}, "lens", "login", "hunter2")[0] == 1
    assert asked.requests == []
    asked.status = 401
    code, out, err = run({**environ, **OPT_IN}, "lens", "login", KEY)
    assert (code, out, "does not know the key" in err) == (1, "", True)
    assert files.read("lens.key") is None


def test_a_variable_comes_before_what_is_kept(files, monkeypatch):
    """One that is no key is none, and what has not the form of a key is not kept."""
    monkeypatch.setattr(lens_key, "_keyring", lambda: None)
    with pytest.raises(ValueError, match="no key"):
        lens_key.keep_key(files, "hunter2")
    lens_key.keep_key(files, KEY)
    other = "elk_" + "A" * 43
    assert lens_key.kept_key({lens.KEY_VARIABLE: other}, files) == other
    assert lens_key.kept_key({lens.KEY_VARIABLE: "x"}, files) == ""
    assert lens_key.where_kept({lens.KEY_VARIABLE: "x"}, files) == ""


def test_status_says_why_lens_is_off(environ, files, monkeypatch, asked):
    """Also after `epochly telemetry off`, and under a variable that holds no key; nobody is asked then, nor by `login`."""
    monkeypatch.setattr(lens_key, "_keyring", lambda: None)
    monkeypatch.setattr(world, "lens_world", lambda *_: World(asked, lambda: "h", "1", 1, lambda: 0.0))
    assert (
        "`EPOCHLY_LENS_KEY` holds no key"
        in run({**environ, **OPT_IN, lens.KEY_VARIABLE: "x"}, "lens", "status")[1]
    )
    files.write("lens.key", KEY.encode())
    files.write("switch", b"off\n")
    code, out, _ = run({**environ, **OPT_IN}, "lens", "status")
    assert out == (
        "lens     off\nkey      in a file\n"
        "because  `epochly telemetry off` was said; hint: `epochly telemetry on`\n"
    )
    code, _, err = run({**environ, **OPT_IN}, "lens", "login", typed=KEY)
    assert (code, "telemetry off" in err, asked.requests) == (1, True, [])


def test_login_shows_no_key_on_a_terminal(environ, monkeypatch, asked):
    """It is typed unseen; one that is an argument was seen by others, which is said."""
    monkeypatch.setattr(lens_key, "_keyring", lambda: None)
    monkeypatch.setattr(world, "lens_world", lambda *_: World(asked, lambda: "h", "1", 1, lambda: 0.0))
    monkeypatch.setattr("getpass.getpass", lambda *_, **__: KEY)
    assert run({**environ, **OPT_IN}, "lens", "login", typed=Terminal())[0] == 0
    code, out, err = run({**environ, **OPT_IN}, "lens", "login", KEY)
    assert (code, KEY in out + err) == (0, False)
    assert "other users of this machine can see arguments" in err


def test_lens_goes_without_telemetry_where_only_that_is_off(session, environ, files, monkeypatch, asked):
    """On a CI machine nothing is counted, and who asked for Lens there has it: no notice, no batch. After `off`, no further sign."""
    started = []
    monkeypatch.setattr(world, "lens_world", lambda *_: World(asked, lambda: "h", "1", 1, lambda: 0.0))
    monkeypatch.setattr(world.Sender, "start", lambda made: started.append(made) or True)
    files.write("lens.key", KEY.encode())
    ci = {**environ, **OPT_IN, "CI": "true"}
    world.begin(session, ci)
    assert (session.telemetry, files.read("notice"), len(started)) == (None, None, 1)
    (beat,) = started[0]._tasks
    assert beat() == 120
    files.write("switch", b"off\n")
    assert beat() is None
    world.begin(session, ci)
    assert len(started) == 1
