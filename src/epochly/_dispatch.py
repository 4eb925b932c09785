"""Where untimed calls of a compiled function go: to the version for their exact argument types, or to the original.

A version checks its own guards (types, layouts, names, debuggers) and gives a call up before it enters machine code. While
one version is all there is, and its guards hold, nothing is checked twice. It refuses compiled code inside a context that
asks for a lower level. A call that was given up runs again, in the interpreter and outside of the handler, so that no
traceback tells of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from epochly._versions import GUARD, key_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from epochly._call import Site
    from epochly._versions import Version

TOO_MANY = (
    8  # calls that one version's guards refused; from then on calls are told apart by their types first
)


def dispatcher(site: Site, live: Sequence[Version], deopt: type[Exception]) -> Callable[..., Any]:
    """The function for `site.run`."""
    if len(live) == 1 and live[0].guarded < TOO_MANY:
        return _for_one(site, live[0], deopt)
    return _for_many(site, live, deopt)


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
