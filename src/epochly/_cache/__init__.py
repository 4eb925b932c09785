"""Machine code that outlives the process: compiled once for one meaning of a function, loaded in milliseconds after that.

A hit needs everything to be the same: code, constants, what names mean, argument types, flags, our compiler, the versions
of Python, NumPy, numba and llvmlite, and the processor. numba's own cache is not used. It refuses to decide where the
folder is (the caller does) and to let anything about the cache become the program's error. Importing it loads neither numba
nor NumPy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from epochly._cache.store import Limits, Off, Store, open_store
from epochly._exact import Compiled, Rejected, specialise

if TYPE_CHECKING:
    import types
    from collections.abc import Mapping

__all__ = ["Limits", "Off", "Store", "cached_specialise", "default_folder", "kept", "open_store"]


def cached_specialise(
    function: types.FunctionType, args: tuple[object, ...], store: Store | Off
) -> Compiled | Rejected:
    """`epochly._exact.specialise`, with a store to take machine code from and to put it into.

    Args:
        function: a plain Python function.
        args: positional arguments of one call.
        store: of `open_store`; with `Off` every call compiles.

    Returns:
        `Compiled`, with `cached` true when nothing was compiled and `compile_s` then the time to load; or `Rejected`.
    """
    from epochly._exact.refusals import refused  # noqa: PLC0415 - only a hot function pays for it

    refusal = refused(function)
    if refusal is not None:
        return Rejected(*refusal)
    if isinstance(store, Off):
        return specialise(function, args)
    from epochly._cache.shelf import CodeShelf  # noqa: PLC0415 - numba and NumPy load with the first one
    from epochly._exact.entry import compiled_or_rejected  # noqa: PLC0415 - the same

    return compiled_or_rejected(function, args, CodeShelf(store, function, args))


def kept(function: types.FunctionType, args: tuple[object, ...], store: Store | Off) -> Compiled | None:
    """What the store has for a function and one call's argument types, or None; nothing is compiled."""
    if isinstance(store, Off):
        return None
    from epochly._cache.shelf import FoundOnly  # noqa: PLC0415 - numba and NumPy load with the first one
    from epochly._exact.entry import compiled_or_rejected  # noqa: PLC0415 - the same

    made = compiled_or_rejected(function, args, FoundOnly(store, function, args))
    return made if isinstance(made, Compiled) and made.cached else None


def default_folder(environ: Mapping[str, str]) -> str | None:
    """Where the XDG base directory specification puts a cache, or None where it cannot be told."""
    for name, below in (("XDG_CACHE_HOME", "epochly"), ("HOME", ".cache/epochly")):
        base = environ.get(name, "")
        if base.startswith("/"):
            return f"{base.rstrip('/')}/{below}"
    return None
