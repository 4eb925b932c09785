"""The public names: what a program says to the runtime. Each is a few lines over the session of this process.

The session is made when the first of them is used. It refuses to start a thread; only `monitoring_context` does.
"""

from __future__ import annotations

from epochly import _ambient, _stats
from epochly._config import checked_cache, checked_level, checked_mode, checked_port, checked_workers
from epochly._wrap import plain_function, site_of, wrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager
    from typing import Any, TypeVar, overload

    from epochly._check import CheckReport
    from epochly._explain import Explanation
    from epochly._monitor import Hot
    from epochly._session import Session
    from epochly._stats import FunctionStats

    F = TypeVar("F", bound="Callable[..., Any]")
    Item = TypeVar("Item")
    Result = TypeVar("Result")
else:

    def overload(function: object) -> object:
        """What `typing` calls so; for type checkers."""
        return function


_SESSIONS: list[Session] = []


def session(*, telemetry: bool = True) -> Session:
    """The session of this process, made on first use; `telemetry` False where it is a command's that only looks."""
    if not _SESSIONS:
        _SESSIONS.append(_ambient.new_session(telemetry=telemetry))
    return _SESSIONS[0]


@overload
def optimize(function: F, /) -> F: ...
@overload
def optimize(  # noqa: F811 - an overload
    *, level: int | None = None, mode: str | None = None
) -> Callable[[F], F]: ...
def optimize(  # noqa: F811 - what is overloaded
    function: Any = None, /, *, level: int | None = None, mode: str | None = None
) -> Any:
    """Watch a function, and run it compiled where that is exactly right and faster.

    Use it as `@optimize` or as `@optimize(level=2, mode="aggressive")`. Level 0 counts, 1 threads, 2 compiles; the modes
    are monitoring, conservative, balanced and aggressive. Static and class methods, methods and closures may be given;
    coroutines and generators come back untouched. Raises `TypeError` for what is no Python function.
    """
    own_level = None if level is None else checked_level(level)
    own_mode = None if mode is None else checked_mode(mode)
    here = session()

    def decorate(target: Any) -> Any:
        return wrap(target, here, level=own_level, mode=own_mode) if here.config.enabled else target

    return decorate if function is None else decorate(function)


def optimize_context(level: int = 2) -> AbstractContextManager[None]:
    """Run decorated functions at another level within a `with` block, in this thread or task only."""
    from contextlib import contextmanager  # noqa: PLC0415 - only who needs a context pays for it

    return contextmanager(_at_level)(level)


def _at_level(level: int) -> Iterator[None]:
    here, checked = session(), checked_level(level)
    token = here.override.set(checked)
    here.overriding(+1)
    try:
        yield
    finally:
        here.override.reset(token)
        here.overriding(-1)


def monitoring_context(interval_s: float = 0.005) -> AbstractContextManager[Hot]:
    """Sample what runs within a `with` block; the value it gives names the hot lines, also afterwards."""
    from contextlib import contextmanager  # noqa: PLC0415 - only who needs a context pays for it

    return contextmanager(_sampled)(interval_s)


def _sampled(interval_s: float) -> Iterator[Hot]:
    from epochly._monitor import Hot, Sampler  # noqa: PLC0415 - only who samples pays for it

    hot = Hot()
    sampler = Sampler(hot.add, interval_s=interval_s)
    sampler.start()
    try:
        yield hot
    finally:
        sampler.stop()


def configure(
    *,
    level: int | None = None,
    mode: str | None = None,
    max_workers: int | None = None,
    enabled: bool | None = None,
    cache: bool | str | None = None,
    prometheus_port: int | None = None,
) -> None:
    """Change settings of the process; what is left out stays. Raises `ValueError` for a value out of range.

    `cache` is True, False, or the folder for compiled code. `prometheus_port` serves what is measured to Prometheus, on this machine's own address only; 0 ends that.
    """
    changes: dict[str, Any] = {}
    if level is not None:
        changes["level"] = checked_level(level)
    if mode is not None:
        changes["mode"] = checked_mode(mode)
    if max_workers is not None:
        changes["max_workers"] = checked_workers(max_workers)
    if enabled is not None:
        changes["enabled"] = bool(enabled)
    if cache is not None:
        changes["cache"] = checked_cache(cache)
    session().change(**changes)
    if prometheus_port is not None:
        from epochly._prometheus import serve  # noqa: PLC0415 - only who asks for it pays for it

        serve(checked_port(prometheus_port), session())


def set_level(level: int) -> None:
    """Set the level of the process: 0 counts calls, 1 threads, 2 compiles; 3 and 4 act as 2 so far."""
    configure(level=level)


def get_status() -> dict[str, Any]:
    """Whether it is enabled, `enhancement_level`, `mode`, and which Python, numba and NumPy are here."""
    return _stats.status(session())


def get_metrics() -> dict[str, float]:
    """Sums over watched functions: calls counted; times estimated from timed calls; time saved net of compiling."""
    return _stats.metrics(_stats.all_stats(session()))


def stats() -> tuple[FunctionStats, ...]:
    """One frozen value for each watched function that was called, those with the most time first."""
    return _stats.all_stats(session())


def explain(function: Callable[..., Any], *args: Any) -> Explanation:
    """Say line by line what keeps a function in the interpreter; with arguments, what the compiler says of their types."""
    from epochly._explain import explain_function  # noqa: PLC0415 - reading source is for who asks

    return explain_function(function, args, session())


def check(function: Callable[..., Any], examples: Iterable[Any]) -> CheckReport:
    """Call both versions with the examples and with edge values in their place, and report every difference.

    Each example is a tuple of arguments, or the one argument. The function is called often, with copies of the arguments.
    """
    from epochly._check import check_function  # noqa: PLC0415 - only who checks pays for it

    site = site_of(function)
    return check_function(plain_function(function) if site is None else site.original, examples, session())


def verify_mode(rate: float) -> None:
    """Run this share of compiled calls in both versions and compare bit by bit; 0 switches it off."""
    if not 0 <= rate <= 1:
        raise ValueError(f"`rate` is {rate!r}, expected 0 to 1; hint: 0.01 compares one call in 100")
    here = session()
    here.verify_every = round(1 / rate) if rate else 0
    here.change()


def threads(function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """`[function(item) for item in items]` in threads: same order, same first exception; level 0 runs the loop."""
    from epochly._levels.threading import in_order  # noqa: PLC0415 - only who threads pays for it

    here = session()
    config = here.effective(None, None)
    workers = here.workers() if config.enabled and config.level else 1
    if here.telemetry is None:
        return in_order(function, items, workers=workers)
    return here.telemetry.pooled(in_order, function, items, workers)


def io(function: F) -> F:
    """Mark a function as waiting for input and output, so that `optimize(level=1)` may overlap its calls in a loop.

    The mark promises that it may be called from several threads at once, and that no call changes what a loop goes over, or
    the arguments of later calls.
    """
    from epochly._levels.threading import IO_MARK  # noqa: PLC0415 - only who threads pays for it

    target: Any = getattr(function, "__func__", function)
    setattr(target, IO_MARK, True)
    return function
