"""Level 1: calls in threads, and what the loop would have given: results in order, the first exception of the loop.

Each call sees the caller's context variables (decimal's precision and NumPy's error state among them). Items are drawn in
the calling thread, some ahead of the oldest call that has not returned, so an endless iterable ends as it would. It refuses
to guess that a function may run concurrently: whoever calls `threads`, or marks it `@epochly.io`, says so. Calls after a
failing one may have been started, which a loop would not; they are waited for, and their results and errors are dropped.
"""

from __future__ import annotations

from collections import deque
from contextvars import copy_context
from types import FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future, ThreadPoolExecutor

Item = TypeVar("Item")
Result = TypeVar("Result")
IO_MARK = "__epochly_io__"
AHEAD = 4  # calls started or waiting, for each thread
SIMPLE = frozenset(
    {int, float, complex, str, bytes, bool, type(None)}
)  # operators on these run no code of anybody's


def in_order(function: Callable[[Item], Result], items: Iterable[Item], *, workers: int) -> list[Result]:
    """`[function(item) for item in items]`, with up to `workers` calls at a time."""
    if workers <= 1:
        return [function(item) for item in items]
    results: list[Result] = []
    Overlap(workers, results, function).run(((item,), {}) for item in items)
    return results


def marked(callee: object) -> bool:
    """Whether a function, or the function of a method, is marked as waiting for input and output."""
    function = callee.__func__ if type(callee) is MethodType else callee
    return type(function) is FunctionType and function.__dict__.get(IO_MARK) is True


class Overlap:
    """One loop: its calls in threads, its results into a list, in order."""

    __slots__ = ("_alone", "_callee", "_failed", "_pending", "_pool", "_results", "_workers")

    def __init__(self, workers: int, results: list[Any], callee: Any = None) -> None:
        self._workers, self._results, self._callee = workers, results, callee
        self._pending: deque[Future[Any]] = deque()
        self._pool: ThreadPoolExecutor | None = None
        self._alone = False
        self._failed: BaseException | None = None

    def ready(self, callee: Any, *operands: object) -> bool:
        """Told the callee before a call's arguments are evaluated: may they be, and may it start, before others returned?

        If not, the others are waited for first, as in the loop. `operands` are what operators in the arguments work on.
        False only where one of the others failed.
        """
        self._callee = callee
        return self._goes_on(marked(callee), operands)

    def method(self, owner: Any, name: str, *operands: object) -> bool:
        """The same for a method, which is looked up without running anybody's code, or else after the others."""
        self._callee = _plainly(owner, name)
        if not self._goes_on(marked(self._callee), operands):
            return False
        if self._alone:
            try:
                self._callee = getattr(owner, name)
            except Exception as error:  # noqa: BLE001 - the same
                self._failed = error
                return False
        return True

    def run(self, calls: Iterator[tuple[tuple[Any, ...], dict[str, Any]] | bool]) -> None:
        """Make the calls, each of what `ready` was told last; raises what the loop would have raised."""
        broken: BaseException | None = None
        try:
            try:
                for call in calls:
                    if isinstance(call, bool):
                        break
                    args, keywords = call
                    if self._alone:
                        self._results.append(self._callee(*args, **keywords))
                    else:
                        self._start(self._callee, args, keywords)
            except Exception as error:  # noqa: BLE001 - raised below, after those before it in the loop
                broken = error
            self._finish()
            broken = self._failed or broken
        finally:
            if self._pool is not None:
                self._pool.shutdown(wait=True, cancel_futures=True)
        if broken is not None:
            raise broken

    def _goes_on(self, is_marked: bool, operands: tuple[object, ...]) -> bool:
        self._alone = (
            self._workers <= 1 or not is_marked or not all(type(each) in SIMPLE for each in operands)
        )
        if self._alone:
            try:
                self._finish()
            except BaseException as error:  # noqa: BLE001 - raised by `run`: a StopIteration would not leave a generator
                self._failed = error
                return False
        return True

    def _start(self, function: Callable[..., Any], args: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        if self._pool is None:
            from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - importing it takes milliseconds

            self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix="epochly")
        self._pending.append(self._pool.submit(copy_context().run, function, *args, **keywords))
        if len(self._pending) >= AHEAD * self._workers:
            self._take()

    def _take(self) -> None:
        future = self._pending.popleft()
        try:
            self._results.append(future.result())
        except BaseException:
            for other in self._pending:
                other.cancel()
            self._pending.clear()
            raise

    def _finish(self) -> None:
        while self._pending:
            self._take()


def _plainly(owner: Any, name: str) -> Any:
    """What looking up a function of a module, or a method, would give; None where that may run code."""
    kind = type(owner)
    if kind is ModuleType:
        return vars(owner).get(name)
    looks_up: Any = kind.__getattribute__
    if type(kind) is not type or looks_up is not object.__getattribute__:
        return None
    if name in getattr(owner, "__dict__", {}):
        return None
    found = next((vars(each)[name] for each in kind.__mro__ if name in vars(each)), None)
    return MethodType(found, owner) if type(found) is FunctionType else None
