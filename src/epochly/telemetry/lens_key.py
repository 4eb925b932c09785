"""The key for Lens: in the system's keyring where the optional `keyring` is installed and can be used, else in a file of this user's alone.

It refuses to keep what is no key, and to show one. A variable comes first, for machines that are set up by others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from epochly.telemetry.files import LENS_KEY
from epochly.telemetry.lens import KEY_VARIABLE, is_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from epochly.telemetry.files import Files

SERVICE, NAME = "epochly", "lens"  # what it is called in a keyring
ELSEWHERE = b"keyring\n"  # what the file holds then


def kept_key(environ: Mapping[str, str], files: Files) -> str:
    """The key, empty where there is none. Raises `OSError`."""
    given = environ.get(KEY_VARIABLE, "").strip()
    if given:
        return given if is_key(given) else ""
    data = files.read(LENS_KEY)
    if data == ELSEWHERE:
        ring = _keyring()
        try:
            text = "" if ring is None else str(ring.get_password(SERVICE, NAME) or "")
        except Exception as error:  # noqa: BLE001 - a backend may raise anything; there is no key then
            raise OSError(f"the keyring cannot be used: {type(error).__name__}") from None
    else:
        text = (data or b"").decode("ascii", "replace").strip()
    return text if is_key(text) else ""


def keep_key(files: Files, key: str) -> str:
    """Keep a key; where. Raises `OSError`, `ValueError`."""
    if not is_key(key):
        raise ValueError("that is no key for Lens")
    ring = _keyring()
    if ring is not None:
        try:
            ring.set_password(SERVICE, NAME, key)
        except Exception:  # noqa: BLE001 - the same: the file is as good
            ring = None
    files.write(LENS_KEY, ELSEWHERE if ring is not None else key.encode() + b"\n")
    return "the keyring" if ring is not None else "a file"


def forget_key(files: Files) -> bool:
    """Forget it; whether there was one. Raises `OSError`."""
    data = files.read(LENS_KEY)
    if data == ELSEWHERE:
        ring = _keyring()
        try:
            if ring is not None:
                ring.delete_password(SERVICE, NAME)
        except Exception:  # noqa: BLE001 - it is gone, or cannot be reached: what points to it goes in any case
            data = ELSEWHERE
    files.remove(LENS_KEY)
    return data is not None


def _keyring() -> Any:
    """The library, where it is installed and knows a place that is safe to keep a secret in."""
    try:
        import keyring  # noqa: PLC0415 - optional
    except ImportError:
        return None
    try:
        return keyring if keyring.get_keyring().priority >= 1 else None
    except Exception:  # noqa: BLE001 - the same
        return None
