"""Where untimed calls of a compiled function go: to the version for their exact argument types, or to the original.

A version checks its own guards (types, layouts, names, debuggers) and gives a call up before it enters machine code. The
gates of all versions stand in a row, each leaving to the next what it has no code for; behind the last one is Python code,
which knows why. Inside a context that asks for another level there are no gates, and every call is asked about. A call that
was given up runs again, in the interpreter and outside of the handler, so that no traceback tells of it.
"""

from __future__ import annotations

from epochly._versions import GUARD, key_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from epochly._call import Site
    from epochly._versions import Version

TOO_MANY = (
    8  # calls that one version's guards refused; from then on calls are told apart by their types first
)


def dispatcher(site: Site, live: Sequence[Version], deopt: type[Exception]) -> Callable[..., Any]:
    """The function for `site.run`."""
    one = len(live) == 1 and live[0].guarded < TOO_MANY
    run = _for_one(site, live[0], deopt) if one else _for_many(site, live, deopt)
    if not site.session.overrides:
        for version in reversed(live):
            run = _gated(site, version, run)
    return run


def _gated(site: Site, version: Version, otherwise: Callable[..., Any]) -> Callable[..., Any]:
    original, made, served = site.original, version.dispatcher, version.served

    def after(reason: str, *args: Any) -> Any:
        next(served)
        site.gave_up(version, reason)
        return original(*args)

    return otherwise if made is None else made.joined(otherwise, after)


def _for_one(site: Site, version: Version, deopt: type[Exception]) -> Callable[..., Any]:
    original, session, call, served = site.original, site.session, version.call, version.served
    assert call is not None

    def run(*args: Any) -> Any:
        if session.overrides and not site.compiles():
            return original(*args)
        next(served)
        try:
            return call(*args)
        except deopt as error:
            reason = str(getattr(error, "reason", error))
        if reason.startswith(GUARD):
            version.guarded += 1
            if version.guarded == TOO_MANY:
                site.rearm()
        else:
            site.gave_up(version, reason)
        return original(*args)

    return run


def _for_many(site: Site, live: Sequence[Version], deopt: type[Exception]) -> Callable[..., Any]:
    original, session = site.original, site.session
    table = {version.key: version for version in live}

    def run(*args: Any) -> Any:
        version = table.get(key_of(args))
        if version is None or (session.overrides and not site.compiles()):
            return original(*args)
        call = version.call
        if call is None or session.outside.traced():
            return original(*args)
        next(version.served)
        try:
            return call(*args)
        except deopt as error:
            reason = str(getattr(error, "reason", error))
        site.gave_up(version, reason)
        return original(*args)

    return run
