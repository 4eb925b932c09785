"""How a wheel is made, signed and published: a reproducible, keyless release.

Importing does nothing.
"""

__version__: str


def __getattr__(name: str) -> str:
    """The version, read from the installed metadata only when it is asked for."""
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415 - a lazy import keeps start-up free

        return version("epochly-release")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
