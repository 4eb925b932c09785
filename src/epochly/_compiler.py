"""The one door to the exact compiler: what it promises, and how it is found when the first hot function needs it.

It refuses to import the compiler, and numba with it, before that.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from dataclasses import dataclass
    from types import FunctionType
    from typing import Any, Protocol

    class Dispatcher(Protocol):
        """A version whose calls need not come back to Python; compilers may do without."""

        @property
        def answered(self) -> int:
            """How many calls what `joined` gave has answered by compiled code."""

        def joined(self, slow: Callable[..., Any], after: Callable[..., Any]) -> Callable[..., Any]:
            """Compiled code that leaves to `slow(*args)` what it is not for, and to `after(reason, *args)` what it gave up."""

    class Compiled(Protocol):
        """A version for exact argument types; `call` checks its guards and raises the compiler's `Deopt`."""

        @property
        def call(self) -> Callable[..., Any]: ...
        @property
        def compile_s(self) -> float: ...
        @property
        def cached(self) -> bool: ...
        @property
        def guards(self) -> tuple[str, ...]: ...

    class Rejected(Protocol):
        """Why a function was not compiled, in words, with a line of its source where there is one."""

        @property
        def reason(self) -> str: ...
        @property
        def line(self) -> int | None: ...
        @property
        def fix(self) -> str: ...
else:
    from epochly._records import dataclass


@dataclass(frozen=True, slots=True)
class NotCompiled:
    """Our own `Rejected`, for what never reached the compiler."""

    reason: str
    line: int | None = None
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Compiler:
    """How to compile for the exact types of some arguments, and what compiled code raises to give up a call.

    `load` takes what the store has, or gives None, and compiles nothing; `prepare` imports what that takes.
    """

    specialise: Callable[[FunctionType, tuple[Any, ...]], Compiled | Rejected]
    deopt: type[Exception]
    store: Any = None
    load: Callable[[FunctionType, tuple[Any, ...]], Compiled | None] | None = None
    prepare: Callable[[], None] | None = None

    def attempt(self, function: FunctionType, args: tuple[Any, ...]) -> Compiled | Rejected:
        """Compile; a fault of ours or of numba becomes a reason, never the program's error."""
        try:
            return self.specialise(function, args)
        except Exception as error:  # noqa: BLE001 - whatever numba raises, the interpreter goes on
            return NotCompiled(f"the compiler failed: {type(error).__name__}: {error}")


def find_compiler(environ: Mapping[str, str], keep: str | bool | None = None) -> Compiler | str:
    """The compiler, or the line that says why there is none; `keep` is the cache's folder, None for the usual, False for none."""
    from importlib import import_module  # noqa: PLC0415 - the first hot function pays for it

    try:
        exact, cache = import_module("epochly._exact"), import_module("epochly._cache")
    except ImportError as error:
        return f"the exact compiler does not load ({error}), levels 0 and 1 work; hint: try `epochly doctor`"
    if keep is False:
        store = cache.Off("the cache is switched off")
    else:
        folder = keep or cache.default_folder(environ)
        store = cache.Off("no folder for it can be told") if folder is None else cache.open_store(folder)

    def specialise(function: FunctionType, args: tuple[Any, ...]) -> Compiled | Rejected:
        made: Compiled | Rejected = cache.cached_specialise(function, args, store)
        return made

    def load(function: FunctionType, args: tuple[Any, ...]) -> Compiled | None:
        try:
            found: Compiled | None = cache.kept(function, args, store)
        except Exception:  # noqa: BLE001 - whatever it is, there is nothing to load
            return None
        return found

    def prepare() -> None:
        import_module("epochly._exact.entry")
        import_module("epochly._cache.build").this_build()

    return Compiler(specialise, exact.Deopt, store, load, prepare)
