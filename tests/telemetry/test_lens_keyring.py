"""Lens' key and the real `keyring`: real backends, chosen as users choose them, and those that are locked, hang, drop or are not there."""

from __future__ import annotations

import base64
import contextlib
import importlib
import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import keyring
import pytest
from commanded import run
from programs import FASTER, environment
from programs import run as run_program

from epochly.telemetry import lens_key, world
from epochly.telemetry.lens import World
from epochly.telemetry.post import Reply

KEY, OTHER = ("elk_" + base64.urlsafe_b64encode(bytes([n]) * 32).decode().rstrip("=") for n in (1, 2))
ACCOUNT = "acc_" + "A" * 22
ON = {"EPOCHLY_TELEMETRY_OPT_IN": "1"}
AGAIN = "hint: unlock it, and say `epochly lens logout` again"
HERE = str(Path(__file__).parent)


@pytest.fixture
def choose(monkeypatch, tmp_path):
    """Choose a backend as a user does, in this process; those of `rings` count as a desktop's. Gives the backend."""
    (tmp_path / "ring").mkdir()
    monkeypatch.setenv("EPOCHLY_TEST_RING", str(tmp_path / "ring"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(lens_key, "DESKTOPS", (*lens_key.DESKTOPS, "rings"))

    def chosen(name):
        monkeypatch.setenv("PYTHON_KEYRING_BACKEND", name)
        monkeypatch.setattr(keyring.core, "_keyring_backend", None)
        with contextlib.suppress(Exception):
            return keyring.get_keyring()
        return None

    return chosen


@pytest.fixture
def say(environ, monkeypatch):
    """Run `epochly lens ...` beside a service that knows every key; exit code, stdout, stderr."""

    def answer(endpoint, _body, _key):
        told = {"account": ACCOUNT, "salt": "A" * 43} if endpoint == "lens-account" else {"next_s": 60}
        return Reply(200, json.dumps(told).encode())

    monkeypatch.setattr(world, "lens_world", lambda *_: World(answer, lambda: "h", "1", 1, lambda: 0.0))
    return lambda *words, typed="", **more: run({**environ, **ON, **more}, "lens", *words, typed=typed)


def holds(folder, text):
    """The files below a folder that hold a text, by name."""
    return {path.name for path in Path(folder).rglob("*") if path.is_file() and text in path.read_bytes()}


def test_a_key_lives_in_the_keyring_from_login_to_logout(choose, say, files, tmp_path):
    """The folder's file only says where it is; `status` and a beating process read it there; after `logout` nobody has it."""
    ring = choose("rings.Kept")
    assert say("login", typed=KEY + "\n") == (
        0,
        f"signs of life go to account {ACCOUNT}\n",
        "epochly: the key is kept in the keyring\n",
    )
    coded = base64.b64encode(KEY.encode())[:40]
    assert (holds(tmp_path, KEY.encode()), holds(tmp_path, coded)) == (set(), {"ring.cfg"})
    assert say("status")[1] == f"lens     on\nkey      in the keyring\naccount  {ACCOUNT}\n"
    assert world.lens_key(ON, files) == KEY
    assert say("login", typed=OTHER)[0] == 0
    name = files.read("lens.key").split()[1].decode()
    assert ring.get_password("epochly", name) == OTHER
    assert say("logout")[::2] == (0, "epochly: the key was forgotten\n")
    assert ring.get_password("epochly", name) is None
    assert (say("logout")[2], files.read("lens.key")) == ("epochly: no key was kept\n", None)


def test_installations_do_not_share_an_entry(choose, files, tmp_path):
    """Two state folders of one user, perhaps of two accounts, each have their own key in the one keyring."""
    choose("rings.Kept")
    second = type(files)(str(tmp_path / "second"))
    for place, key in ((files, KEY), (second, OTHER)):
        assert lens_key.keep_key(place, key) == "the keyring"
    assert [lens_key.kept_key({}, place) for place in (files, second)] == [KEY, OTHER]
    assert lens_key.forget_key(files)
    assert lens_key.kept_key({}, second) == OTHER


@pytest.mark.parametrize(
    "backend",
    [
        "keyring.backends.null.Keyring",
        "keyring.backends.fail.Keyring",
        "keyring.backends.Windows.WinVaultKeyring",
        "keyrings.alt.file.PlaintextKeyring",
        "keyrings.alt.file.EncryptedKeyring",
        "rings.Locked",
        "rings.Drops",
        "nowhere.Keyring",
        "",
    ],
)
def test_a_keyring_that_is_no_place_for_it_leaves_the_file(choose, say, files, monkeypatch, backend):
    """None, one that asks nothing and keeps nothing, one of a terminal, one that is locked, one that was misspelt: 0600, and nobody is asked."""
    monkeypatch.setattr("getpass.getpass", lambda *_a, **_k: pytest.fail("it asks for a password"))
    monkeypatch.setattr(lens_key, "DESKTOPS", (*lens_key.DESKTOPS, "keyring.backends.null"))
    choose(backend)
    assert say("login", typed=KEY)[2] == "epochly: the key is kept in a file\n"
    path = os.path.join(files.path, "lens.key")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert say("status")[1] == f"lens     on\nkey      in a file\naccount  {ACCOUNT}\n"
    assert world.lens_key(ON, files) == KEY
    assert say("logout")[2] == "epochly: the key was forgotten\n"
    assert not os.path.exists(path)


def test_without_keyring_there_is_the_file(say, files, monkeypatch):
    """`keyring` is optional, and one that is installed and broken is none."""
    for broken in (None, object()):
        monkeypatch.setitem(sys.modules, "keyring", broken)
        assert say("login", typed=KEY)[2] == "epochly: the key is kept in a file\n"
        assert world.lens_key(ON, files) == KEY


@pytest.mark.parametrize(
    ("backend", "why"),
    [
        ("rings.Locked", "it says `KeyringLocked`"),
        ("keyring.backends.null.Keyring", "none is here"),
        ("nowhere.Keyring", "none is here"),
    ],
)
def test_a_keyring_that_is_closed_later_is_told_and_not_taken_for_none(choose, say, files, backend, why):
    """`status` says which; a program asks again later; `logout` ends the use of it, says what is left, and takes it away the next time."""
    ring = choose("rings.Kept")
    say("login", typed=KEY)
    name = files.read("lens.key").split()[1].decode()
    choose(backend)
    assert say("status")[1] == (
        "lens     off\nkey      in the keyring\n"
        f"because  the keyring does not give the key: {why}; hint: unlock it, or `epochly lens login`\n"
    )
    with pytest.raises(lens_key.KeyringError, match=why):
        world.lens_key(ON, files)
    assert world._beating(ON, files)() == world.AGAIN_S
    assert say("logout") == (
        1,
        "",
        f"epochly: the key is used no more, and is still in the keyring: {why}; {AGAIN}\n",
    )
    assert world.lens_key(ON, files) == ""
    assert "there is no key" in say("status")[1]
    choose("rings.Kept")
    assert ring.get_password("epochly", name) == KEY
    assert say("logout")[::2] == (0, "epochly: the key was forgotten\n")
    assert ring.get_password("epochly", name) is None


def test_a_key_that_is_gone_from_the_keyring_is_told(choose, say, files):
    """Who takes it away there by hand is told so, can log out, and can log in again."""
    ring = choose("rings.Kept")
    say("login", typed=KEY)
    ring.delete_password("epochly", files.read("lens.key").split()[1].decode())
    assert "it has no such key any more" in say("status")[1]
    assert say("login", typed=KEY)[0] == 0
    ring.delete_password("epochly", files.read("lens.key").split()[1].decode())
    assert say("logout")[::2] == (0, "epochly: the key was forgotten\n")


def test_of_several_keyrings_the_desktops_is_asked_alone(choose, files, monkeypatch):
    """`keyring` asks all in turn; one that starts a program or asks on the terminal is left out."""
    ring = choose("rings.Kept")
    chainer = importlib.import_module("keyring.backends.chainer").ChainerBackend
    plain = importlib.import_module("keyrings.alt.file").PlaintextKeyring()
    monkeypatch.setattr(chainer, "backends", [plain, ring])
    monkeypatch.setattr(type(plain), "priority", 9)  # as those of others have it
    for name in ("set_password", "get_password"):
        monkeypatch.setattr(plain, name, lambda *_: pytest.fail("it is asked"))
    keyring.set_keyring(chainer())
    assert lens_key.keep_key(files, KEY) == "the keyring"
    assert lens_key.kept_key({}, files) == KEY


def test_a_keyring_that_never_answers_delays_no_program(files, environ, tmp_path):
    """It is asked on the thread: the program begins and ends as without Lens."""
    files.write("lens.key", b"keyring lens-0123456789abcdef\n")
    (tmp_path / "ring").mkdir()
    asked = tmp_path / "ring" / "asked"
    program = f"""
import epochly.telemetry.lens_key as k, os, time
k.DESKTOPS = ("rings",)
@epochly.optimize
def hot(n):
    return sum(range(n))
hot(5)
while not os.path.exists({str(asked)!r}):
    time.sleep(0.01)
print("END", time.time())
"""
    more = {**environ, **ON, "EPOCHLY_TEST_RING": str(asked.parent), "PYTHON_KEYRING_BACKEND": "rings.Hangs"}
    kept = {name: os.environ[name] for name in ("PATH",)} | {"PYTHONPATH": os.pathsep.join([HERE, *sys.path])}
    _, _, late_s = run_program(kept | more, FASTER + "import epochly\n" + program)
    assert late_s < 1  # the interpreter's own end, of some 0.1 s


SESSION = """
set -e
printf pw | gnome-keyring-daemon --unlock --components=secrets >/dev/null
exec "$@"
"""
LOCK = """
import secretstorage
from contextlib import closing
with closing(secretstorage.dbus_init()) as bus:
    secretstorage.get_default_collection(bus).lock()
"""
STEPS = f"""
import sys, json
sys.path.insert(0, {HERE!r})
import keyring
from epochly.telemetry import lens_key
from epochly.telemetry.files import Files
files, told = Files(sys.argv[1]), []
told.append(type(keyring.get_keyring()).__module__)
told.append(lens_key.keep_key(files, {KEY!r}))
told.append(lens_key.kept_key({{}}, files) == {KEY!r})
told.append(lens_key.keep_key(files, {OTHER!r}))
told.append(lens_key.kept_key({{}}, files) == {OTHER!r})
name = files.read("lens.key").split()[1].decode()
{LOCK}
for may_ask in (False, True):
    try:
        told.append(lens_key.kept_key({{}}, files, may_ask=may_ask))
    except lens_key.KeyringError as error:
        told.append(str(error))
try:
    told.append(lens_key.forget_key(files))
except lens_key.KeyringError as error:
    told.append(str(error))
told.append(lens_key.kept_key({{}}, files))
json.dump(told, sys.stdout)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the Secret Service is Linux's")
def test_gnomes_keyring_keeps_it_and_is_not_asked_to_unlock_by_a_program(tmp_path):
    """The real Secret Service on a bus of its own: kept, read, replaced; locked, a program does not make the desktop ask, and a command may."""
    if not shutil.which("gnome-keyring-daemon") or not shutil.which("dbus-run-session"):
        pytest.fail(
            "there is no Secret Service here; hint: `apt-get install gnome-keyring dbus-daemon dbus-bin`"
        )
    for name in ("home", "run"):
        (tmp_path / name).mkdir(mode=0o700)
    environ = environment(tmp_path / "state", type("", (), {"base": ""}), "", "") | {
        "HOME": str(tmp_path / "home"),
        "XDG_RUNTIME_DIR": str(tmp_path / "run"),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.SecretService.Keyring",
    }
    command = ["dbus-run-session", "--", "sh", "-c", SESSION, "sh", sys.executable, "-c", STEPS]
    done = subprocess.run(
        [*command, str(tmp_path / "state")],
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [
        "keyring.backends.SecretService",
        "the keyring",
        True,
        "the keyring",
        True,
        "it is locked",
        "it says `KeyringLocked`",
        "it says `KeyringLocked`",
        "",
    ]
    assert done.stderr.count("org.gnome.keyring.SystemPrompter' requested") == 2  # by the two that may ask
