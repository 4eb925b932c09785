"""Where a session meets telemetry: a look at a few names where it is off, and where it is on, one thread that sleeps.

It refuses to collect before the notice was shown, in a child of `multiprocessing`, in a sub-interpreter, where no files can be kept, and for a service
whose receipts could not be believed. Importing it imports next to nothing, as each program that watches a function does.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from epochly._session import Session

ROOT_KEY = "EPOCHLY_ROOT_KEY"
PINNED = (
    False  # whether this build pins a root key of the public service; a test holds it to `licensing.roots`
)


def can_be_believed(environ: Mapping[str, str]) -> bool:
    """Whether any receipt could be real here: without a root key, nothing is collected, and nothing else is looked at."""
    return PINNED or ROOT_KEY in environ


def watch(session: Session, environ: Mapping[str, str]) -> None:
    """Collect for a session, where nothing and nobody says no. Never raises."""
    if not can_be_believed(environ):
        return
    try:
        from epochly.telemetry.here import is_a_part  # noqa: PLC0415 - only where it may be on

        if (
            is_a_part()
        ):  # before anything else: OpenSSL, imported in a sub-interpreter of Python 3.12.1, crashes it
            return
        from epochly.telemetry.world import begin  # noqa: PLC0415 - only where it is on

        begin(session, environ)
    except Exception:  # noqa: BLE001 - a fault of ours is no error of the program's: nothing is collected then
        session.telemetry = None
