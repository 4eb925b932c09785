"""How the upload clients are started: with what they need, in a place where nobody left anything."""

from __future__ import annotations

import json
import os
import sys

import pytest

from epochly_release.errors import Refused
from epochly_release.memory import FakeWorld
from epochly_release.uploading import default_upload_url, upload
from epochly_release.world import Ran, Response

ENVIRON = {
    "PATH": "/usr/bin",
    "HOME": "/nonexistent",
    "PYTHONPATH": "release/src",
    "TWINE_REPOSITORY": "elsewhere",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "may ask",
    "ACTIONS_ID_TOKEN_REQUEST_URL": "https://id.example/",
    "SSL_CERT_FILE": "/ca.pem",
}
UPLOADS = {"a-1.0.tar.gz": ("a-1.0.tar.gz.publish.attestation",)}


def uploaded(url, status=0, words=b""):
    """Upload with clients that end as told; the command, its folder, its environment, and the requests."""
    started, asked = [], []

    def program(arguments, folder, environ):
        started.append((list(arguments), folder, dict(environ)))
        return Ran(status, words, b"")

    def answers(address, method, _headers, body):
        asked.append((method, address.rpartition("/")[2], json.loads(body or b"{}")))
        return Response(200, b'{"audience": "pypi", "token": "pypi-secret"}')

    world = FakeWorld(
        environ=ENVIRON, programs=program, answers=answers, identity=lambda _audience: "identity"
    )
    client = upload(world, url, "/out", UPLOADS, "/scratch")
    ((command, folder, environ),) = started
    return client, command, folder, environ, asked


def test_twine_gets_a_token_of_minutes_and_nothing_else():
    """The public index's client is given an exchanged token in its environment, no identity, and no file of ours."""
    client, command, folder, environ, asked = uploaded(default_upload_url())
    assert (client, folder) == ("twine", "/scratch")
    assert command[:5] == [sys.executable, "-P", "-m", "twine", "upload"]
    assert command[-2:] == ["/out/a-1.0.tar.gz", "/out/a-1.0.tar.gz.publish.attestation"]
    assert "--attestations" in command
    assert command[command.index("--config-file") + 1] == os.devnull
    assert not any("secret" in word for word in command)
    assert environ == {
        "PATH": "/usr/bin",
        "HOME": "/scratch",
        "SSL_CERT_FILE": "/ca.pem",
        "TWINE_USERNAME": "__token__",
        "TWINE_PASSWORD": "pypi-secret",
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
    }
    assert [name for _, name, _ in asked] == ["audience", "mint-token", "burn-token"]


def test_uv_gets_the_identity_and_exchanges_it_itself():
    """Another index's client asks for its token by itself; it starts in an empty folder, with no import path."""
    client, command, folder, environ, asked = uploaded("https://index.example/legacy/")
    assert (client, folder, asked) == ("uv publish", "/scratch", [])
    assert command[command.index("--trusted-publishing") + 1] == "always"
    assert "PYTHONPATH" not in environ
    assert environ["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] == "may ask"


def test_client_that_fails_is_quoted_without_the_token():
    """The client's last words are shown, the token in them is not, and it is burned."""
    with pytest.raises(Refused, match="`twine`: ended with status 1") as refused:
        uploaded(default_upload_url(), 1, b"some\nwords about pypi-secret\n")
    assert refused.value.details == ("some", "words about (token)")
