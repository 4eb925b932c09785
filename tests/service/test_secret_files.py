"""Secret files: private from the moment they are there, never half-written, and refused where they are not as they should be."""

from __future__ import annotations

import json
import os
import stat

import pytest

from epochly_service import keys
from epochly_service.errors import ServiceError
from epochly_service.secret_files import make_secrets, read_private, read_secrets, write_private


def rng(size):
    """Bytes that are easily told."""
    return bytes(range(size))


def test_make_secrets_makes_them_once_and_private(tmp_path):
    """Folder 0700, file 0600; what is there is read, not made anew; the secrets are not in what is printed of them."""
    folder = str(tmp_path / "data")
    made = make_secrets(folder, rng)
    assert make_secrets(folder, os.urandom) == made == read_secrets(folder)
    assert (made.pepper, made.nonce) == ({1: rng(32)}, {1: rng(32)})
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
    assert stat.S_IMODE(os.stat(tmp_path / "data" / "secrets.json").st_mode) == 0o600
    assert repr(made) == "Secrets(pepper=[1], nonce=[1])"


A32 = "A" * 43


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "\xff",
        '{"nonce": {}, "pepper": {}}',
        '{"nonce": {"1": "AAAA"}, "pepper": {"1": "AAAA"}}',
        f'{{"nonce": {{"0": "{A32}"}}, "pepper": {{"1": "{A32}"}}}}',
        '{"nonce": {"1": 7}, "pepper": {"1": 7}}',
    ],
)
def test_read_secrets_refuses_what_does_not_hold_them(tmp_path, text):
    """A damaged file is one clear line, never other secrets."""
    write_private(str(tmp_path / "secrets.json"), text.encode("latin-1"))
    with pytest.raises(ServiceError, match="hint: "):
        read_secrets(str(tmp_path))


def test_read_private_refuses_links_folders_open_and_large_files(tmp_path):
    """A secret is a small regular file that nobody else may read."""
    path = tmp_path / "secret"
    write_private(str(path), b"x")
    assert read_private(str(path)) == b"x"
    (tmp_path / "link").symlink_to(path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "large").write_bytes(b"x" * 70_000)
    (tmp_path / "large").chmod(0o600)
    (tmp_path / "open").write_bytes(b"x")
    (tmp_path / "open").chmod(0o640)
    for name in ("link", "folder", "large", "open", "missing"):
        with pytest.raises(ServiceError, match=name):
            read_private(str(tmp_path / name))


def test_write_private_replaces_nothing_and_leaves_no_part(tmp_path):
    """What is there stays, and a write that fails leaves no half-written file."""
    path = str(tmp_path / "secret")
    write_private(path, b"first")
    with pytest.raises(ServiceError, match="cannot be written"):
        write_private(path, b"second")
    assert read_private(path) == b"first"
    assert os.listdir(tmp_path) == ["secret"]
    with pytest.raises(ServiceError, match="cannot be written"):
        write_private(str(tmp_path / "nowhere" / "secret"), b"x")


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    """A file in the way of the data folder is named."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ServiceError, match="the folder cannot be made"):
        make_secrets(str(tmp_path / "file" / "data"), rng)


@pytest.mark.parametrize(
    "data", [b"", b"no pem", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_a_damaged_key_file_is_told(tmp_path, data):
    """A private key that is none is one clear line."""
    write_private(str(tmp_path / "key.pem"), data)
    with pytest.raises(ServiceError, match="not a private key in PEM"):
        keys.read_private_pem(str(tmp_path / "key.pem"))


def test_secrets_of_several_versions_are_read(tmp_path):
    """A deployment that changed its pepper knows the older one too."""
    text = {"nonce": {"1": "A" * 43}, "pepper": {"1": "A" * 43, "2": "A" * 42 + "E"}}
    write_private(str(tmp_path / "secrets.json"), json.dumps(text).encode())
    assert sorted(read_secrets(str(tmp_path)).pepper) == [1, 2]
