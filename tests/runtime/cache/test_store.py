"""The store: whole entries or none, for this user only, never more than its limits, and no trouble for the program."""

from __future__ import annotations

import fcntl
import os
import resource
import stat
import time

import pytest

from epochly._cache import Limits, Store, open_store
from epochly._cache.store import HEADER, STALE_S

KEY, OTHER = "ab" * 32, "cd" * 32
NOBODY = 65534
PAYLOAD = bytes(range(256)) * 8
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def store(tmp_path):
    """A store in a folder that was just made."""
    made = open_store(str(tmp_path / "below" / "cache"))
    assert isinstance(made, Store), made
    return made


def entry(store, key=KEY):
    """Where an entry lies."""
    return os.path.join(store.folder, f"{key}.entry")


def test_an_entry_comes_back_as_it_was(store):
    """What was put under a key is what is got under it, and nothing under another one."""
    assert store.get(KEY) is None
    assert store.put(KEY, PAYLOAD)
    assert store.put(OTHER, b"")
    assert (store.get(KEY), store.get(OTHER)) == (PAYLOAD, b"")
    assert store.put(KEY, b"newer")
    assert store.get(KEY) == b"newer"
    assert store.trouble == ""


def test_folders_and_files_are_private(store):
    """Folders that are made are 0700 and files 0600, whatever the umask."""
    before = os.umask(0)
    try:
        store.put(KEY, PAYLOAD)
        deeper = open_store(store.folder + "/a/b")
    finally:
        os.umask(before)
    modes = {
        os.path.basename(path): stat.S_IMODE(os.stat(path).st_mode) for path in (entry(store), deeper.folder)
    }
    assert modes == {f"{KEY}.entry": 0o600, "b": 0o700}
    assert stat.S_IMODE(os.stat(store.folder).st_mode) == 0o700
    assert stat.S_IMODE(os.stat(os.path.dirname(store.folder)).st_mode) == 0o700
    assert sorted(os.listdir(store.folder)) == ["a", f"{KEY}.entry", "lock"]


@pytest.mark.parametrize("place", [*range(0, HEADER.size, 5), HEADER.size, HEADER.size + 1000, -1])
def test_a_changed_byte_is_a_miss(store, place):
    """One wrong bit anywhere removes the entry, and nothing of it is used."""
    store.put(KEY, PAYLOAD)
    with open(entry(store), "r+b") as file:
        data = bytearray(file.read())
        data[place] ^= 4
        file.seek(0)
        file.write(data)
    assert store.get(KEY) is None
    assert not os.path.exists(entry(store))


@pytest.mark.parametrize(
    "size", [0, 1, HEADER.size - 1, HEADER.size, HEADER.size + 1, HEADER.size + len(PAYLOAD) - 1]
)
def test_a_truncated_entry_is_a_miss(store, size):
    """A file that lost its end is removed."""
    store.put(KEY, PAYLOAD)
    os.truncate(entry(store), size)
    assert store.get(KEY) is None
    assert not os.path.exists(entry(store))


def test_an_entry_with_more_behind_it_is_a_miss(store):
    """A file that is longer than its header says is removed."""
    store.put(KEY, PAYLOAD)
    with open(entry(store), "ab") as file:
        file.write(b"x")
    assert store.get(KEY) is None


def test_an_entry_under_another_key_is_a_miss(store):
    """A file that was renamed is not taken for what its name says."""
    store.put(OTHER, PAYLOAD)
    os.rename(entry(store, OTHER), entry(store))
    assert store.get(KEY) is None


def test_an_entry_that_is_no_file_of_ours_is_a_miss(store, tmp_path):
    """A link, a pipe, a folder and a file that others may write are not read, and nothing waits for them."""
    store.put(KEY, PAYLOAD)
    os.rename(entry(store), tmp_path / "elsewhere")
    os.symlink(tmp_path / "elsewhere", entry(store))
    assert store.get(KEY) is None
    assert not os.path.lexists(entry(store))
    os.mkfifo(entry(store))
    assert store.get(KEY) is None
    os.mkdir(entry(store, OTHER))
    assert store.get(OTHER) is None
    store.put(KEY, PAYLOAD)
    os.chmod(entry(store), 0o620)
    assert store.get(KEY) is None


@as_root
def test_an_entry_of_another_user_is_a_miss(store):
    """What somebody else put there is not machine code of ours."""
    store.put(KEY, PAYLOAD)
    os.chown(entry(store), NOBODY, NOBODY)
    assert store.get(KEY) is None


def test_a_disk_that_is_full_is_a_miss_with_one_reason(store):
    """A write that fails half-way leaves nothing behind; later ones are not tried, and reads go on."""
    store.put(KEY, PAYLOAD)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        kept = store.put(OTHER, PAYLOAD)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not kept
    assert "cannot be written: File too large" in store.trouble
    assert sorted(os.listdir(store.folder)) == [f"{KEY}.entry", "lock"]
    assert not store.put(OTHER, PAYLOAD)
    assert store.get(KEY) == PAYLOAD


def test_a_folder_that_went_away_is_a_miss(store):
    """Someone who empties the cache disturbs nobody."""
    store.put(KEY, PAYLOAD)
    os.rename(store.folder, store.folder + ".old")
    assert store.get(KEY) is None
    store.drop(KEY)
    assert not store.put(KEY, PAYLOAD)
    assert "No such file" in store.trouble


def test_a_payload_beyond_the_limit_is_not_kept(store):
    """An entry that is too large is neither written nor read."""
    store.put(KEY, PAYLOAD)
    small = Store(store.folder, Limits(entry_bytes=100))
    assert not small.put(OTHER, PAYLOAD)
    assert small.get(KEY) is None
    assert store.trouble == ""


def test_the_bounds_hold_and_what_was_used_last_stays(tmp_path):
    """Never more entries or bytes than the limits; the ones longest unused go first."""
    for limits in (Limits(entries=10), Limits(total_bytes=10 * (HEADER.size + len(PAYLOAD)))):
        store = open_store(str(tmp_path / str(limits.entries)), limits)
        for number in range(30):
            store.put(f"{number:064x}", PAYLOAD)
            os.utime(entry(store, f"{number:064x}"), (number, number))
            if number > 0:
                assert store.get(f"{0:064x}") == PAYLOAD  # used just now, so it is never the oldest
            names = [name for name in os.listdir(store.folder) if name.endswith(".entry")]
            assert len(names) <= 10
            assert (
                sum(os.stat(os.path.join(store.folder, name)).st_size for name in names) <= limits.total_bytes
            )


def test_leftovers_of_the_dead_are_removed(store):
    """A half-written file goes once it is old; a young one may be somebody's who writes it now."""
    old, young = (os.path.join(store.folder, name) for name in ("old.part", "young.part"))
    for path in (old, young):
        open(path, "wb").close()
    os.utime(old, (time.time() - STALE_S - 10,) * 2)
    store.put(KEY, PAYLOAD)
    assert (os.path.exists(old), os.path.exists(young)) == (False, True)


def test_a_lock_that_is_held_makes_nobody_wait(tmp_path):
    """While another process makes room, writing goes on and makes none; the next one does."""
    store = open_store(str(tmp_path / "cache"), Limits(entries=2))
    for number in range(2):
        store.put(f"{number:064x}", PAYLOAD)
    with open(os.path.join(store.folder, "lock"), "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert store.put(f"{2:064x}", PAYLOAD)
        assert len(os.listdir(store.folder)) == 4
    assert store.put(f"{3:064x}", PAYLOAD)
    assert len(os.listdir(store.folder)) <= 3
