"""The state folder: private files, written whole, and one clear line for everything a disk can do."""

from __future__ import annotations

import os
import re
import resource
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
import time

import pytest
from forked import in_a_child

from epochly.licensing import places
from epochly.licensing.state import MOST_BYTES, State, StateProblem

ONE_LINE = re.compile(r"`[^`\n]+` [^\n]+; hint: [^\n]+")


@pytest.fixture
def state(tmp_path):
    """A folder that is not there yet."""
    return State(str(tmp_path / "above" / "epochly"))


def mode(path):
    """The permission bits of a file."""
    return stat.S_IMODE(os.stat(path).st_mode)


def test_state_files_are_for_this_user_alone(state):
    """Folder 0700, files 0600, whatever the umask; what was written is what is read, and nothing else is left behind."""
    before = os.umask(0)
    try:
        state.write("a", b"one")
        state.write("a", b"two")
        with state.locked():
            assert state.read("a") == b"two"
    finally:
        os.umask(before)
    assert mode(state.path) == mode(os.path.dirname(state.path)) == 0o700
    assert sorted(os.listdir(state.path)) == ["a", "lock"]
    assert {mode(os.path.join(state.path, name)) for name in os.listdir(state.path)} == {0o600}
    state.remove("a")
    state.remove("a")
    assert state.read("a") is None


def test_state_that_is_not_there_holds_nothing(state):
    """Reading makes no folder."""
    assert state.read("a") is None
    state.remove("a")
    assert not os.path.exists(os.path.dirname(state.path))


@pytest.mark.parametrize("bits", [0o720, 0o702, 0o777])
def test_state_folder_that_others_may_write_is_refused(state, bits):
    """Whoever can replace a file could put their own key there."""
    state.write("a", b"one")
    os.chmod(state.path, bits)
    for attempt in (lambda: state.read("a"), lambda: state.write("a", b""), lambda: state.remove("a")):
        with pytest.raises(StateProblem, match="is writable by others; hint: `chmod 700") as caught:
            attempt()
        assert ONE_LINE.fullmatch(str(caught.value))


@pytest.mark.parametrize("bits", [0o640, 0o604, 0o622, 0o660])
def test_state_file_that_others_may_read_is_refused(state, bits):
    """A secret that others could read is none."""
    state.write("a", b"one")
    os.chmod(os.path.join(state.path, "a"), bits)
    with pytest.raises(StateProblem, match="may be read or written by others; hint: `chmod 600") as caught:
        state.read("a")
    assert ONE_LINE.fullmatch(str(caught.value))


def test_state_follows_no_symbolic_link(state, tmp_path):
    """Neither the folder nor a file in it may be a link to somewhere else."""
    state.write("a", b"one")
    os.symlink(os.path.join(state.path, "a"), os.path.join(state.path, "b"))
    os.symlink(state.path, tmp_path / "link")
    for problem, attempt in (
        ("is a symbolic link", lambda: state.read("b")),
        ("is a symbolic link, or no folder", lambda: State(str(tmp_path / "link")).read("a")),
        ("is a symbolic link, or no folder", lambda: State(os.path.join(state.path, "a")).read("a")),
    ):
        with pytest.raises(StateProblem, match=problem) as caught:
            attempt()
        assert ONE_LINE.fullmatch(str(caught.value))
    state.write("b", b"two")  # the link's place is taken, what it led to is not touched
    assert (state.read("a"), state.read("b")) == (b"one", b"two")


def test_state_files_that_are_none_are_refused(state):
    """A folder, a pipe and a huge file in a file's place are told, and nothing waits for them."""
    state.write("big", bytes(MOST_BYTES + 1))
    os.mkdir(os.path.join(state.path, "folder"), 0o700)
    os.mkfifo(os.path.join(state.path, "pipe"), 0o600)
    for name in ("big", "folder", "pipe"):
        with pytest.raises(StateProblem) as caught:
            state.read(name)
        assert ONE_LINE.fullmatch(str(caught.value))


def test_state_of_another_user_is_refused(state, monkeypatch):
    """A folder that somebody else owns could be changed by them at any time."""
    state.write("a", b"one")
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)  # a folder can be given away by root alone
    with pytest.raises(StateProblem, match="belongs to another user"):
        state.read("a")


def test_state_that_cannot_be_written_is_one_line(request):
    """A read-only folder is told, and what is in it can still be read."""
    above = tempfile.mkdtemp()
    request.addfinalizer(lambda: shutil.rmtree(above))
    state = State(os.path.join(above, "epochly"))
    state.write("a", b"one")
    os.chmod(above, 0o755)
    os.chmod(state.path, 0o500)
    if os.geteuid() == 0:  # to whom nothing is read-only
        for path in (state.path, os.path.join(state.path, "a")):
            os.chown(path, 65534, 65534)

    def work():
        seen = [state.read("a")]
        for attempt in (lambda: state.write("a", b"two"), lambda: state.locked().__enter__()):
            try:
                attempt()
            except StateProblem as problem:
                seen.append(bool(ONE_LINE.fullmatch(str(problem))))
        return seen

    assert in_a_child(work, 65534) == "[b'one', True, True]"


def test_state_on_a_full_disk_keeps_what_was_there(state):
    """A write that the system cuts off is told, leaves the old file whole, and nothing beside it."""
    state.write("a", b"one")

    def work():
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
        try:
            state.write("a", bytes(4096))
        except StateProblem as problem:
            return bool(ONE_LINE.fullmatch(str(problem))), state.read("a")
        return None

    assert in_a_child(work) == "(True, b'one')"
    assert os.listdir(state.path) == ["a"]


def test_state_lock_is_between_processes(state):
    """While one process holds the folder, another waits, and says so when it takes too long."""
    source = (
        "import sys; from epochly.licensing.state import State\n"
        f"with State({state.path!r}).locked():\n    print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(StateProblem, match="is held by another process") as caught, state.locked(0.05):
            pass
        assert ONE_LINE.fullmatch(str(caught.value))
        other.stdin.close()
        other.wait(10)
    with state.locked(5):
        pass


def test_state_lock_is_between_threads(state):
    """Two threads of one process do not change the folder at once."""
    inside, most = [], []

    def work():
        for _ in range(20):
            with state.locked():
                inside.append(1)
                time.sleep(0)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1


def test_state_writes_are_seen_whole(state):
    """A reader beside a writer sees the old or the new file, never a part."""
    contents = [bytes([number]) * 4000 for number in range(2)]
    state.write("a", contents[0])
    done = threading.Event()
    seen = set()

    def read():
        while not done.is_set():
            seen.add(state.read("a"))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(60):
        state.write("a", contents[number % 2])
    done.set()
    reader.join()
    assert seen <= set(contents)


def test_state_folder_has_to_be_an_absolute_path():
    """A relative one would be another folder in each working directory."""
    with pytest.raises(StateProblem, match="is no absolute path; hint: "):
        State("state").write("a", b"")


@pytest.mark.parametrize(
    ("environ", "system", "folder"),
    [
        ({"HOME": "/h"}, "linux", "/h/.local/state/epochly"),
        ({"HOME": "/h", "XDG_STATE_HOME": "/s/"}, "linux", "/s/epochly"),
        ({"HOME": "/h", "XDG_STATE_HOME": "s"}, "linux", "/h/.local/state/epochly"),
        ({"HOME": "/h"}, "darwin", "/h/Library/Application Support/epochly"),
        ({"HOME": "/h", "EPOCHLY_STATE_DIR": "/d"}, "darwin", "/d"),
        ({"HOME": "/h", "EPOCHLY_STATE_DIR": "d"}, "linux", None),
        ({"EPOCHLY_STATE_DIR": "C:\\d"}, "win32", "C:\\d"),
        ({}, "linux", None),
        ({"HOME": "h"}, "linux", None),
        ({}, "darwin", None),
    ],
)
def test_state_folder_is_where_the_platform_has_state(environ, system, folder):
    """`EPOCHLY_STATE_DIR` first, then the platform's own place; a relative one is none."""
    assert places.state_folder(environ, system) == folder


@pytest.mark.parametrize("environ", [{"HOME": "/h"}, {"HOME": "/h", "XDG_STATE_HOME": "/s"}])
def test_state_folder_is_the_one_of_platformdirs(environ, monkeypatch):
    """The short way to the folder leads where the library leads."""
    from platformdirs.macos import MacOS
    from platformdirs.unix import Unix

    for name in ("HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert places.state_folder(environ, "linux") == Unix("epochly", appauthor=False).user_state_dir
    if "XDG_STATE_HOME" not in environ:
        assert places.state_folder(environ, "darwin") == MacOS("epochly", appauthor=False).user_state_dir


def test_a_named_node_has_a_folder_of_its_own():
    """Machines that are started from one image and have names share no key; a name is one however it is spelled."""
    folders = {
        name: places.state_folder({"EPOCHLY_STATE_DIR": "/d", "EPOCHLY_NODE_ID": name}, "linux")
        for name in ("one", " ONE ", "two", " ")
    }
    assert folders["one"] == folders[" ONE "] != folders["two"]
    assert folders["one"].startswith("/d/nodes/")
    assert folders[" "] == "/d"
    assert places.state_folder({"EPOCHLY_NODE_ID": "one"}, "linux") is None


def test_a_licence_is_looked_for_by_one_name(state):
    """Nothing there is no licence; what is there, or cannot be looked at, is looked into."""
    environ = {"EPOCHLY_STATE_DIR": state.path}
    assert not places.may_hold_a_licence(environ, "linux")
    state.write("licence.json", b"")
    assert places.may_hold_a_licence(environ, "linux")
    assert places.may_hold_a_licence({"EPOCHLY_STATE_DIR": "relative"}, "linux")
    assert not places.may_hold_a_licence({}, "linux")
