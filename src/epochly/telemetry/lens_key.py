"""The key for Lens: in the desktop's keyring where the optional `keyring` is installed and reaches one, else in a file of this user's alone.

A variable comes first, for machines that are set up by others. It refuses to keep what is no key, to show one, to believe a keyring that it kept one,
and to ask a keyring while a program runs that would then ask its user: those of a terminal and of other programs never, a locked one not before it is
unlocked. The Secret Service: specifications.freedesktop.org/secret-service.
"""

from __future__ import annotations

import contextlib
import os
import re
from typing import TYPE_CHECKING, Any

from epochly.telemetry.files import LENS_KEY
from epochly.telemetry.lens import KEY_VARIABLE, is_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from epochly.telemetry.files import Files

SERVICE = "epochly"  # what a key is called in a keyring, with a name of each installation's own
SAFE = 1  # the priority from which on `keyring` itself recommends a backend
SECRET_SERVICE = ("keyring.backends.SecretService", "keyring.backends.libsecret")  # its lock can be looked at
DESKTOPS = (*SECRET_SERVICE, "keyring.backends.macOS", "keyring.backends.Windows")
# What the file holds where the key is in a keyring, or was forgotten while the keyring was not to be had.
_POINTER = re.compile(rb"(keyring|left) (lens-[0-9a-f]{16})\n")


class KeyringError(OSError):
    """Why the keyring does not give the key, or does not let go of it, in one line."""


def where_kept(environ: Mapping[str, str], files: Files) -> str:
    """Where there is a key, in words; empty where there is none. No keyring is asked. Raises `OSError`."""
    given = environ.get(KEY_VARIABLE, "").strip()
    if given:
        return f"`{KEY_VARIABLE}`" if is_key(given) else ""
    data = files.read(LENS_KEY) or b""
    if _named(data, "keyring"):
        return "the keyring"
    return "a file" if is_key(_text(data)) else ""


def kept_key(environ: Mapping[str, str], files: Files, *, may_ask: bool = False) -> str:
    """The key, empty where there is none; `may_ask` where the keyring may ask its user for a password. Raises `OSError`, `KeyringError`."""
    given = environ.get(KEY_VARIABLE, "").strip()
    if given:
        return given if is_key(given) else ""
    data = files.read(LENS_KEY) or b""
    name = _named(data, "keyring")
    if not name:
        return _text(data) if is_key(_text(data)) else ""
    try:
        ring = _keyring()
        if ring is None:
            raise KeyringError("none is here")
        if not may_ask and _would_ask(ring, name):
            raise KeyringError("it is locked")
        found = str(ring.get_password(SERVICE, name) or "")
    except KeyringError:
        raise
    except Exception as error:  # noqa: BLE001 - a backend may raise anything
        raise KeyringError(f"it says `{type(error).__name__}`") from None
    if not is_key(found):
        raise KeyringError("it has no such key any more")
    return found


def keep_key(files: Files, key: str) -> str:
    """Keep a key; where, in words. Raises `OSError`, `ValueError`."""
    if not is_key(key):
        raise ValueError("that is no key for Lens")
    name = _named(files.read(LENS_KEY) or b"", "keyring", "left") or f"lens-{os.urandom(8).hex()}"
    ring = _keyring()
    if ring is not None:
        try:
            ring.set_password(SERVICE, name, key)
            if ring.get_password(SERVICE, name) != key:  # there are backends that drop what they are given
                ring = None
        except Exception:  # noqa: BLE001 - the same: the file is as good
            ring = None
    files.write(LENS_KEY, f"keyring {name}\n".encode() if ring is not None else key.encode() + b"\n")
    return "the keyring" if ring is not None else "a file"


def forget_key(files: Files) -> bool:
    """Forget it; whether there was one. Raises `OSError`, and `KeyringError` where the keyring keeps it: it is used no more, and asked for again."""
    data = files.read(LENS_KEY)
    name = _named(data or b"", "keyring", "left")
    if name:
        files.write(LENS_KEY, f"left {name}\n".encode())
        _taken_from_keyring(name)
    files.remove(LENS_KEY)
    return data is not None


def _taken_from_keyring(name: str) -> None:
    try:
        ring = _keyring()
        if ring is None:
            raise KeyringError("none is here")
        if ring.get_password(SERVICE, name) is not None:
            ring.delete_password(SERVICE, name)
    except KeyringError:
        raise
    except Exception as error:  # noqa: BLE001 - the same
        raise KeyringError(f"it says `{type(error).__name__}`") from None


def _keyring() -> Any:
    """The backend that is chosen, or the first of several, where it is a desktop's; None where there is none."""
    try:
        import keyring  # noqa: PLC0415 - optional

        chosen = keyring.get_keyring()
        several = getattr(chosen, "backends", None) or [chosen]
        return next(
            (each for each in several if type(each).__module__ in DESKTOPS and each.priority >= SAFE), None
        )
    except Exception:  # noqa: BLE001 - not installed, or a backend that was chosen and is not there: it may raise anything
        return None


def _would_ask(ring: Any, name: str) -> bool:
    """Whether the key is behind a lock, so that the desktop would ask for a password. Only the Secret Service tells beforehand."""
    if type(ring).__module__ not in SECRET_SERVICE:
        return False
    import secretstorage  # noqa: PLC0415 - comes with `keyring` on Linux

    with contextlib.closing(secretstorage.dbus_init()) as bus:
        found = secretstorage.search_items(bus, {"service": SERVICE, "username": name})
        default = secretstorage.get_collection_by_alias(bus, "default")
        return bool(default.is_locked()) or any(item.is_locked() for item in found)


def _named(data: bytes, *states: str) -> str:
    """What the key is called in the keyring, where the file says that it is there in one of these states."""
    found = _POINTER.fullmatch(data)
    return found[2].decode() if found and found[1].decode() in states else ""


def _text(data: bytes) -> str:
    return data.decode("ascii", "replace").strip()
