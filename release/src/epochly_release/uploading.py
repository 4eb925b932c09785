"""Hands files to an unmodified upload client: `twine` for the public index, `uv publish` for any other.

`twine` attaches attestations for the public index alone, and does not burn its token; so it is given one that was
exchanged, and is burned, here. `uv` exchanges and burns by itself. Each client gets an environment of its own with what
it needs and nothing else: no configuration file, no keyring, no credential that lies about, no import path of ours. It
starts in an empty folder: in that of the files, a builder could have left a module of the client's name.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from epochly_release.errors import Refused
from epochly_release.trusted_publishing import upload_token

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from epochly_release.world import Ran, World

_PLAIN = ("PATH", "LANG", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NO_PROXY", "HTTPS_PROXY")
_IDENTITY = ("GITHUB_ACTIONS", "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN")
SHOWN_LINES = 12  # lines of a client's last words: the reason stands at the end


def default_upload_url() -> str:
    """Where `twine` uploads by default: the public index."""
    from twine.utils import DEFAULT_REPOSITORY  # noqa: PLC0415 - only to publish

    return DEFAULT_REPOSITORY


def _for_twine(url: str) -> bool:
    from twine.utils import DEFAULT_REPOSITORY, TEST_REPOSITORY  # noqa: PLC0415 - as above

    return url.startswith((DEFAULT_REPOSITORY, TEST_REPOSITORY))


def upload(world: World, url: str, folder: str, uploads: Mapping[str, Sequence[str]], scratch: str) -> str:
    """Upload each file with its attestations; the client that did it.

    Args:
        world: the machine.
        url: the legacy upload interface.
        folder: where the files lie.
        uploads: name of a file -> names of its attestations.
        scratch: an empty folder, the client's home.

    Raises:
        Refused: the index took no token or no file.
        InputError: a client or the index is not there.
    """
    names = [name for file in uploads for name in (file, *uploads[file])]
    paths = [os.path.join(folder, name) for name in names]
    environ = {name: world.environ[name] for name in _PLAIN if name in world.environ} | {"HOME": scratch}
    if _for_twine(url):
        options = [
            "--non-interactive",
            "--disable-progress-bar",
            "--attestations",
            "--config-file",
            os.devnull,
        ]
        command = [sys.executable, "-P", "-m", "twine", "upload", *options, "--repository-url", url, *paths]
        with upload_token(world, url) as token:
            environ |= {"TWINE_USERNAME": "__token__", "TWINE_PASSWORD": token}
            environ |= {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
            _refuse_failure("twine", world.run(command, cwd=scratch, environ=environ), token)
        return "twine"
    environ |= {name: world.environ[name] for name in _IDENTITY if name in world.environ}
    options = [
        "--no-config",
        "--no-cache",
        "--trusted-publishing",
        "always",
        "--keyring-provider",
        "disabled",
    ]
    command = [sys.executable, "-P", "-m", "uv", "publish", *options, "--publish-url", url, *paths]
    _refuse_failure("uv publish", world.run(command, cwd=scratch, environ=environ))
    return "uv publish"


def _refuse_failure(client: str, ran: Ran, secret: str = "") -> None:
    if ran.status == 0:
        return
    text = (ran.stdout + b"\n" + ran.stderr).decode("utf-8", "replace")
    if secret:
        text = text.replace(secret, "(token)")
    lines = tuple(line.strip() for line in text.splitlines() if line.strip())[-SHOWN_LINES:]
    hint = "see the client's own words; what was uploaded already stays, and is not sent again"
    raise Refused("upload-refused", client, f"ended with status {ran.status}", hint, lines)
