"""The folder of the store: this user's alone, or there is no cache and a reason."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from epochly._cache import Off, Store, default_folder, open_store

KEY, PAYLOAD = "ab" * 32, bytes(2000)
NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def store(tmp_path):
    """A store in a folder that was just made."""
    return open_store(str(tmp_path / "cache"))


@pytest.mark.parametrize("mode", [0o770, 0o720, 0o707, 0o702, 0o777, 0o1777])
def test_a_folder_that_others_may_write_is_refused(tmp_path, mode):
    """Group or world may not write to the folder, sticky or not."""
    folder = tmp_path / "cache"
    folder.mkdir()
    folder.chmod(mode)
    refused = open_store(str(folder))
    assert isinstance(refused, Off)
    assert "writable by others" in refused.reason


def test_a_folder_that_became_writable_is_no_longer_used(store):
    """The folder is looked at again at every use."""
    store.put(KEY, PAYLOAD)
    os.chmod(store.folder, 0o777)
    assert store.get(KEY) is None
    assert not store.put(KEY, PAYLOAD)
    assert "writable by others" in store.trouble


@as_root
@pytest.mark.parametrize("whose", ["cache", ""])
def test_a_folder_of_another_user_is_refused(tmp_path, whose):
    """Neither the folder nor one above it may belong to somebody else."""
    folder = tmp_path / "their" / "cache"
    folder.mkdir(parents=True)
    os.chown(tmp_path / "their" / whose, NOBODY, NOBODY)
    refused = open_store(str(folder))
    assert isinstance(refused, Off)
    assert "belongs to another user" in refused.reason


def test_a_folder_below_one_that_all_may_write_is_refused(tmp_path):
    """Whoever may rename a folder above could put another in its place; the sticky bit prevents that."""
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    for path in ("open/cache", "open/deeper/cache"):
        refused = open_store(str(tmp_path / path))
        assert isinstance(refused, Off)
        assert "writable by everybody" in refused.reason
    assert not list((tmp_path / "open").iterdir())
    (tmp_path / "open").chmod(0o1777)
    assert isinstance(open_store(str(tmp_path / "open" / "cache")), Store)


def test_a_symbolic_link_is_refused(tmp_path):
    """The folder itself may be no link, and a link above it is followed before anything is judged."""
    (tmp_path / "real").mkdir(mode=0o700)
    os.symlink(tmp_path / "real", tmp_path / "link")
    refused = open_store(str(tmp_path / "link"))
    assert isinstance(refused, Off)
    assert "symbolic link" in refused.reason
    assert open_store(str(tmp_path / "link" / "cache")).folder == str(tmp_path / "real" / "cache")
    os.symlink(tmp_path / "nowhere", tmp_path / "broken")
    assert isinstance(open_store(str(tmp_path / "broken")), Off)


def test_what_is_no_folder_is_refused(tmp_path):
    """A file in its place, or above it, and a relative path give a reason."""
    (tmp_path / "file").write_text("")
    for path in (
        str(tmp_path / "file"),
        str(tmp_path / "file" / "cache"),
        "cache",
        "",
        "/proc/nowhere/cache",
    ):
        refused = open_store(path)
        assert isinstance(refused, Off), path
        assert refused.reason


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"XDG_CACHE_HOME": "/x/", "HOME": "/h"}, "/x/epochly"),
        ({"XDG_CACHE_HOME": "", "HOME": "/h"}, "/h/.cache/epochly"),
        ({"XDG_CACHE_HOME": "relative", "HOME": "/h"}, "/h/.cache/epochly"),
        ({"HOME": "relative"}, None),
        ({}, None),
    ],
)
def test_default_folder_follows_the_specification(environ, folder):
    """XDG's variable if it is absolute, else the home folder's, else none."""
    assert default_folder(environ) == folder


def test_importing_the_cache_loads_nothing_heavy():
    """Neither numba nor NumPy comes with the store."""
    program = (
        "import sys, epochly._cache; print([m for m in ('numba', 'numpy', 'llvmlite') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"
