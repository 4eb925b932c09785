"""Where the state folder is: cheap enough to be asked by a program that has none.

It refuses a relative `EPOCHLY_STATE_DIR`, and to guess where neither that nor a home is told. What it gives for Linux and
macOS is what `platformdirs` does, without the 10 to 30 ms of importing it; Windows has the library itself. Source: the XDG base
directory specification, 0.8.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

OVERRIDE, NODE_ID = "EPOCHLY_STATE_DIR", "EPOCHLY_NODE_ID"


def state_folder(environ: Mapping[str, str], system: str) -> str | None:
    """The folder's absolute path, or None where it cannot be told; `system` is `sys.platform`.

    A node that has a name has a folder of its own, so that machines started from one image do not share a key.
    """
    folder, name = _folder(environ, system), environ.get(NODE_ID, "")
    if folder is None or not name.strip():
        return folder
    from hashlib import sha256  # noqa: PLC0415 - only who names a node pays for it

    from epochly.licensing.fingerprint import as_bytes, canonical_text  # noqa: PLC0415 - the same

    return f"{folder}/nodes/{sha256(as_bytes(canonical_text(name))).hexdigest()[:32]}"


def _folder(environ: Mapping[str, str], system: str) -> str | None:
    given = environ.get(OVERRIDE, "")
    if given:
        return given if given.startswith("/") or (system == "win32" and given[1:2] == ":") else None
    if system == "win32":  # pragma: no cover - Windows
        from platformdirs import user_state_dir  # noqa: PLC0415 - only Windows needs it

        return user_state_dir("epochly", appauthor=False)
    home = environ.get("HOME", "").rstrip("/")
    if system == "darwin":
        return f"{home}/Library/Application Support/epochly" if home.startswith("/") else None
    base = environ.get("XDG_STATE_HOME", "").strip().rstrip("/")
    if base.startswith("/"):
        return f"{base}/epochly"
    return f"{home}/.local/state/epochly" if home.startswith("/") else None


def may_hold_a_licence(environ: Mapping[str, str], system: str) -> bool:
    """Whether a licence may be kept here: one look at one name, which a program without a licence pays and no more."""
    from os import lstat  # noqa: PLC0415 - so that importing this module costs nothing

    folder = state_folder(environ, system)
    if folder is None:
        return bool(environ.get(OVERRIDE))  # it cannot be used, and that is said
    try:
        lstat(f"{folder}/licence.json")
    except OSError as error:
        return not isinstance(error, FileNotFoundError | NotADirectoryError)
    return True
