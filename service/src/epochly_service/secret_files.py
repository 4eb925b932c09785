"""The secrets of a deployment, as files of mode 0600 in a folder of mode 0700; nodes of one deployment share them.

    secrets.json            {"nonce": {"1": ...}, "pepper": {"1": ...}}, b64u of 32 bytes each; the highest version is used
    signing/KID.pem         private signing keys; the database holds the public halves
    root-key/root.pem       private root key. It belongs on another machine: the service never reads it while it serves
    root-key/root.pub.pem   what clients pin

Files are made with O_EXCL and renamed into place; a file that others may read, or a link, is refused.
"""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from epochly_service.encoding import b64u, unb64u
from epochly_service.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SECRET_BYTES = 32
FILE_MAX_BYTES = 65_536  # far above a handful of secrets
SECRETS, SIGNING, ROOT = "secrets.json", "signing", "root-key"


@dataclass(frozen=True, slots=True)
class Secrets:
    """Versioned secrets: version -> 32 bytes. The highest version makes, every version is still recognised."""

    pepper: Mapping[int, bytes]
    nonce: Mapping[int, bytes]

    def __repr__(self) -> str:
        """Versions, never bytes."""
        return f"Secrets(pepper={sorted(self.pepper)}, nonce={sorted(self.nonce)})"


def make_secrets(folder: str, rng: Callable[[int], bytes]) -> Secrets:
    """Make the first version of each secret in `folder`, which is made too; what is there stays as it is.

    Raises:
        ServiceError: the folder or the file cannot be made, or is not private.
    """
    make_folder(folder)
    path = os.path.join(folder, SECRETS)
    if not os.path.lexists(path):
        made = {name: {"1": b64u(rng(SECRET_BYTES))} for name in ("nonce", "pepper")}
        write_private(path, (json.dumps(made, indent=1) + "\n").encode())
    return read_secrets(folder)


def read_secrets(folder: str) -> Secrets:
    """The secrets of `folder`.

    Raises:
        ServiceError: they are missing, not private, or not readable as secrets.
    """
    path = os.path.join(folder, SECRETS)
    try:
        value = json.loads(read_private(path))
        parsed = {
            name: {int(version): _secret(text) for version, text in value[name].items()}
            for name in ("nonce", "pepper")
        }
        if not all(parsed.values()) or not all(
            0 < version < 256 for name in parsed for version in parsed[name]
        ):
            raise ValueError("versions are 1 to 255")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ServiceError(
            "secrets", path, "it does not hold the secrets of a service", "restore it from a backup"
        ) from error
    return Secrets(pepper=parsed["pepper"], nonce=parsed["nonce"])


def make_folder(path: str) -> None:
    """Make a folder of mode 0700, with its parents.

    Raises:
        ServiceError: it cannot be made.
    """
    try:
        os.makedirs(path, mode=0o700, exist_ok=True)
    except OSError as error:
        raise ServiceError(
            "data-folder",
            path,
            f"the folder cannot be made: {error.strerror}",
            "choose another with `--data`",
        ) from error


def write_private(path: str, data: bytes) -> None:
    """Write a new file of mode 0600, whole or not at all.

    Raises:
        ServiceError: it is there already, or cannot be written.
    """
    part = f"{path}.{os.getpid()}.part"
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.link(part, path)  # unlike a rename, it does not replace what is there
        finally:
            os.unlink(part)
    except OSError as error:
        raise ServiceError(
            "secret-file", path, f"it cannot be written: {error.strerror}", "look at its folder"
        ) from error


def read_private(path: str) -> bytes:
    """The bytes of a file that nobody else may read.

    Raises:
        ServiceError: it is missing, a link, too large, or open to others.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode) or about.st_mode & 0o077:
                raise ServiceError(
                    "secret-file", path, "others may read it, or it is no file", f"`chmod 600 {path}`"
                )
            data = file.read(FILE_MAX_BYTES + 1)
    except OSError as error:
        raise ServiceError(
            "secret-file",
            path,
            f"it cannot be read: {error.strerror}",
            "`--data` names the folder that `epochly-service serve` made",
        ) from error
    if len(data) > FILE_MAX_BYTES:
        raise ServiceError("secret-file", path, "it is too large to be a secret", "restore it from a backup")
    return data


def _secret(text: str) -> bytes:
    data = unb64u(text)
    if len(data) != SECRET_BYTES:
        raise ValueError("a secret has 32 bytes")
    return data
