"""A performance overlay for Python: eligible code runs faster and is exactly right, or runs untouched.

Importing does nothing: no thread, no socket, no environment read, and nothing imported until a name is asked for.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from epochly._api import (
        check,
        configure,
        explain,
        get_metrics,
        get_status,
        io,
        monitoring_context,
        optimize,
        optimize_context,
        set_level,
        stats,
        threads,
        verify_mode,
    )

__all__ = [
    "check",
    "configure",
    "explain",
    "get_metrics",
    "get_status",
    "io",
    "monitoring_context",
    "optimize",
    "optimize_context",
    "set_level",
    "stats",
    "threads",
    "verify_mode",
]

__version__: str


def __getattr__(name: str) -> object:
    """A public name, imported when it is asked for; the version, read from installed metadata."""
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415 - a lazy import keeps start-up free

        return version("epochly")
    if name in __all__:
        from epochly import _api  # noqa: PLC0415 - the same

        return globals().setdefault(name, getattr(_api, name))
    if name in {"load_ipython_extension", "unload_ipython_extension"}:  # what `%load_ext epochly` calls
        from epochly import _jupyter  # noqa: PLC0415 - the same

        return getattr(_jupyter, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names, those not yet imported too."""
    return sorted({*globals(), *__all__, "__version__"})
