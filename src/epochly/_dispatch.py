"""Where untimed calls of a compiled function go: to the version for their exact argument types, or to the original.

It refuses compiled code to a debugger, a profiler and coverage, which have to see Python, and inside a context that asks
for a lower level. A call that compiled code gives up runs again, in the interpreter and outside of the handler, so that
no traceback tells of it.
"""

from __future__ import annotations

from sys import getprofile, gettrace
from typing import TYPE_CHECKING, Any

from epochly._versions import key_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from epochly._call import Site
    from epochly._versions import Version


def dispatcher(site: Site, live: Sequence[Version], deopt: type[Exception]) -> Callable[..., Any]:
    """The function for `site.run`."""
    if len(live) == 1 and isinstance(live[0].key, tuple) and all(type(kind) is type for kind in live[0].key):
        return _for_one(site, live[0], deopt)
    return _for_many(site, live, deopt)


def _for_one(site: Site, version: Version, deopt: type[Exception]) -> Callable[..., Any]:
    """One version, none of whose argument types needs a look inside the value."""
    original, session, call, kinds = site.original, site.session, version.call, version.key
    served = version.served.__next__
    assert call is not None

    def run(*args: Any) -> Any:
        if (
            tuple(map(type, args)) != kinds
            or gettrace() is not None
            or getprofile() is not None
            or (session.overrides and not site.compiles())
        ):
            return original(*args)
        served()
        try:
            return call(*args)
        except deopt as error:
            reason = str(getattr(error, "reason", error))
        site.gave_up(version, reason)
        return original(*args)

    return run


def _for_many(site: Site, live: Sequence[Version], deopt: type[Exception]) -> Callable[..., Any]:
    original, session = site.original, site.session
    table = {version.key: version for version in live}

    def run(*args: Any) -> Any:
        version = table.get(key_of(args))
        if (
            version is None
            or gettrace() is not None
            or getprofile() is not None
            or (session.overrides and not site.compiles())
        ):
            return original(*args)
        call = version.call
        if call is None:
            return original(*args)
        next(version.served)
        try:
            return call(*args)
        except deopt as error:
            reason = str(getattr(error, "reason", error))
        site.gave_up(version, reason)
        return original(*args)

    return run
